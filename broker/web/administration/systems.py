"""Our systems: what each is registered for, its keys by their thumbprints, when it was last used, and stopping one."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from broker.doors import parts, session
from broker.joining import systems as registered
from broker.joining.systems import System
from broker.oauth import registration
from broker.oauth.scopes import said_of
from broker.vocabulary import ClientProfile
from broker.web.access import ADMINISTRATORS, who
from broker.web.administration import administration
from broker.web.administration.acting import given, own_organisation

# What each profile is, in words for somebody who runs no system.
PROFILES = {
    ClientProfile.FAPI2: "A system that is held to the financial-grade rules for asking (FAPI 2.0)",
    ClientProfile.SMART_APP: "An app that somebody uses, launched beside a record (SMART)",
    ClientProfile.SMART_BACKEND: "A service that asks by itself, with nobody at a screen (SMART)",
    ClientProfile.NHS: "A system whose people sign in with an NHS identity",
}


@administration.get("/systems")
@who(*ADMINISTRATORS)
def our_systems() -> str:
    own = own_organisation()
    listed = registered.of_organisation(session(), own.code, trail=parts().trail)
    return render_template("administration/systems.jinja", own=own, systems=listed, profiles=PROFILES, said_of=said_of)


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
