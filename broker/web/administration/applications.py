"""An integrator's pages: who applied to take part, vouching for them, and admitting them. Nobody else's exist here."""

from __future__ import annotations

from collections.abc import Callable

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from broker.doors import session
from broker.errors import Conflict, InvalidInput, NotPermitted, Refusal
from broker.identity.models import Person
from broker.joining import actions, people
from broker.joining.actions import Officer
from broker.joining.models import OPEN, Application
from broker.joining.registers import register_of
from broker.vocabulary import ApplicationState, Contact
from broker.web.access import ADMINISTRATORS, proven_lately, who
from broker.web.administration import administration
from broker.web.administration.acting import given, officer, shown_once
from broker.web.forms import Form

STATUS: dict[type[Refusal], int] = {InvalidInput: 422, Conflict: 409, NotPermitted: 403}


@administration.get("/applications")
@who(*ADMINISTRATORS)
def applications() -> str:
    """Those that wait, and those that are settled."""
    listed = actions.sponsored(session(), officer().organisation)
    return render_template(
        "administration/applications.jinja",
        waiting=[each for each in listed if each.state in OPEN],
        settled=[each for each in listed if each.state not in OPEN],
    )


@administration.get("/applications/<application_id>")
@who(*ADMINISTRATORS)
def application(application_id: str) -> str:
    return _page(_own(application_id), error="", why="")


@administration.post("/applications/<application_id>/vouch")
@who(*ADMINISTRATORS)
@proven_lately
def vouch(application_id: str) -> Response | tuple[str, int]:
    return _act(application_id, actions.vouch)


@administration.post("/applications/<application_id>/refuse")
@who(*ADMINISTRATORS)
def refuse(application_id: str) -> Response | tuple[str, int]:
    return _act(application_id, actions.refuse)


@administration.post("/applications/<application_id>/admit")
@who(*ADMINISTRATORS)
@proven_lately
def admit(application_id: str) -> str | tuple[str, int]:
    """Let them in, and show the code with which their administrator makes an account."""
    found, acting, why = _own(application_id), officer(), Form().sent.get("why", "")
    try:
        made = actions.admit(session(), found, officer=acting, why=why, **given())
        first = made.administrator
        code = people.invite(session(), first, **given())
    except tuple(STATUS) as refusal:
        return _refused(application_id, refusal, why)
    return shown_once(first.person.name, first.role, code)


def _act(application_id: str, act: Callable[..., None]) -> Response | tuple[str, int]:
    found, acting, why = _own(application_id), officer(), Form().sent.get("why", "")
    try:
        act(session(), found, officer=acting, why=why, **given())
    except tuple(STATUS) as refusal:
        return _refused(application_id, refusal, why)
    session().commit()
    return redirect(url_for("administration.application", application_id=found.id), code=303)


def _refused(application_id: str, refusal: Refusal, why: str) -> tuple[str, int]:
    session().rollback()
    session().expire_all()
    page = _page(_own(application_id), error=refusal.detail, why=why)
    return page, next(status for kind, status in STATUS.items() if isinstance(refusal, kind))


def _own(application_id: str) -> Application:
    return actions.called(session(), application_id, sponsor=officer().organisation)


def _page(found: Application, *, error: str, why: str) -> str:
    acting = officer()
    return render_template(
        "administration/application.jinja",
        application=found,
        register=register_of(found.code),
        contacts=[(kind, found.contacts[kind.value]) for kind in Contact if kind.value in found.contacts],
        steps=[(step, _name_of(step.by)) for step in found.steps],
        may_vouch=found.state is ApplicationState.APPLIED and acting.role in actions.VOUCHERS,
        may_admit=_may_admit(found, acting),
        waits=found.state in OPEN,
        errors={"why": error} if error else {},
        why=why,
    )


def _may_admit(found: Application, acting: Officer) -> bool:
    return found.state is ApplicationState.VOUCHED and found.vouched_by != acting.person


def _name_of(by: str) -> str:
    kind, _, key = by.partition(":")
    person = session().get(Person, key) if kind == "person" else None
    return person.name if person else {"operator": "The broker’s operator"}.get(kind, "The applicant")
