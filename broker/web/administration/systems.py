"""Our systems: what each is registered for, its keys by their thumbprints, when it was last used, and stopping one."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from broker.doors import parts, session
from broker.joining import systems as registered
from broker.joining.systems import System
from broker.oauth import registration
from broker.web.access import ADMINISTRATORS, who
from broker.web.administration import administration
from broker.web.administration.acting import given, own_organisation


@administration.get("/systems")
@who(*ADMINISTRATORS)
def our_systems() -> str:
    own = own_organisation()
    listed = registered.of_organisation(session(), own.code, trail=parts().trail)
    return render_template("administration/systems.jinja", own=own, systems=listed)


@administration.get("/systems/<client_id>/stop")
@who(*ADMINISTRATORS)
def stop(client_id: str) -> str:
    """What stopping it means, and one button."""
    return render_template("administration/stop.jinja", system=_own(client_id))


@administration.post("/systems/<client_id>/stop")
@who(*ADMINISTRATORS)
def stopped(client_id: str) -> Response:
    """Stop it: every token it holds is dead at its next use."""
    found = _own(client_id)
    registration.revoke(session(), found.client.id, **given())
    session().commit()
    return redirect(url_for("administration.our_systems"), code=303)


def _own(client_id: str) -> System:
    return registered.called(session(), client_id, organisation=own_organisation().code, trail=parts().trail)
