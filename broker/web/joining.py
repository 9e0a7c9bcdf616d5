"""Applying to take part, and asking where an application stands. Public: an applicant has no account here yet.

Keeps what was typed in the application alone. Its reference is typed into a form, and is never in an address.
"""

from __future__ import annotations

from datetime import date

from flask import Blueprint, render_template, request
from sqlalchemy import select

from broker.doors import now, parts, session
from broker.errors import Conflict, InvalidInput, NotFound
from broker.identity.models import Organisation
from broker.joining import actions, limits
from broker.joining.actions import Named, Said
from broker.joining.models import OPEN, Application
from broker.vocabulary import Contact, OrganisationKind, Toolkit
from broker.web.access import PUBLIC, who
from broker.web.forms import Form

join = Blueprint("join", __name__, url_prefix="/join")

BY = "broker"  # nobody is signed in
FIELDS: dict[str | None, str] = {"name": "called"}  # what the domain calls a field, where the form has another word


@join.get("")
@who(PUBLIC)
def apply() -> str:
    """What it takes, and the form."""
    return _form(errors={}, sent={})


@join.post("")
@who(PUBLIC)
def applied() -> str | tuple[str, int]:
    """Keep the application, and show its reference once."""
    form = Form()
    said = _said(form)
    if form.errors or said is None:
        return _form(errors=form.errors, sent=form.sent.to_dict()), 422
    key = parts().settings.secret("joining-limits")
    limits.from_one_place(session(), key, request.remote_addr or "", now=now())
    try:
        application, reference = actions.apply(session(), said, by=BY, trail=parts().trail, now=now())
    except (InvalidInput, Conflict) as refusal:
        session().rollback()
        errors = {FIELDS.get(refusal.field, refusal.field or "code"): refusal.detail}
        return _form(errors=errors, sent=form.sent.to_dict()), 422
    session().commit()
    return render_template("join/applied.jinja", application=application, reference=reference)


@join.get("/status")
@who(PUBLIC)
def status() -> str:
    return _asked(None, errors={})


@join.post("/status")
@who(PUBLIC)
def stands() -> str | tuple[str, int]:
    """Where the application with the typed reference stands, and what was said to it."""
    found, errors = _typed()
    return _asked(found, errors=errors) if found else (_asked(None, errors=errors), 422)


@join.post("/withdraw")
@who(PUBLIC)
def withdraw() -> str | tuple[str, int]:
    """Take the application back. What it held of people is emptied."""
    found, errors = _typed()
    if found is None:
        return _asked(None, errors=errors), 422
    try:
        actions.withdraw(session(), found, by=BY, why="", trail=parts().trail, now=now())
    except Conflict as refusal:
        session().rollback()
        return _asked(found, errors={"reference": refusal.detail}), 409
    session().commit()
    return _asked(found, errors={})


def _typed() -> tuple[Application | None, dict[str, str]]:
    try:
        return actions.behind(session(), Form().sent.get("reference", "")[:100]), {}
    except NotFound as refusal:
        return None, {"reference": refusal.detail}


def _asked(found: Application | None, *, errors: dict[str, str]) -> str:
    steps = [step for step in found.steps if step.state is found.state] if found else []
    return render_template(
        "join/status.jinja",
        application=found,
        said=steps[-1].why if steps else "",
        waits=found is not None and found.state in OPEN,
        reference=Form().sent.get("reference", "") if found else "",
        errors=errors,
    )


def _said(form: Form) -> Said | None:
    """What was typed, as an application; None where a field is wrong. The domain checks it all once more."""
    called = form.text("called", missing="Enter the name of your organisation.")
    code = form.text("code", missing="Enter your charity, company or ODS number.")
    kind = form.choice("kind", KINDS, missing="Choose what kind of organisation you are.")
    service = form.text("service", missing="Say what you do, in a few words a resident would use.")
    sponsor = form.sent.get("sponsor", "")
    if sponsor not in _sponsors():
        form.errors["sponsor"] = "Choose the integrator of the place you work in."
    toolkit = form.choice("toolkit", list(Toolkit), missing="Choose how you stand with the toolkit.")
    until = _until(form, toolkit)
    reason = form.sent.get("toolkit_reason", "").strip()
    contacts = _contacts(form)
    if form.errors or kind is None or toolkit is None:
        return None
    return Said(
        code=code,
        name=called,
        kind=kind,
        service=service,
        sponsor=sponsor,
        toolkit=toolkit,
        toolkit_until=until,
        toolkit_reason=reason,
        contacts=contacts,
    )


# A region, a board and an integrator are brought in by the operator: nobody could sponsor them.
KINDS = tuple(
    kind
    for kind in OrganisationKind
    if kind not in (OrganisationKind.REGION, OrganisationKind.ICB, OrganisationKind.INTEGRATOR)
)


def _until(form: Form, toolkit: Toolkit | None) -> date | None:
    if toolkit not in (Toolkit.STANDARDS_MET, Toolkit.APPROACHING):
        return None
    missing = "Enter the day your standing runs out, for example 30 6 2027."
    return form.day("toolkit_until", missing=missing, unreal="There is no such date. Check the day.")


# As the page has them: whoever fills it in first, who is most often several of the others as well.
CONTACTS = (Contact.PRIMARY, *(each for each in Contact if each is not Contact.PRIMARY))


def _contacts(form: Form) -> dict[Contact, Named]:
    """Everybody to be reached. One that is left empty is the first contact too."""
    first = _named(form, CONTACTS[0])
    named = {each: first if _is_empty(form, each) else _named(form, each) for each in CONTACTS[1:]}
    return {CONTACTS[0]: first, **named}


def _is_empty(form: Form, kind: Contact) -> bool:
    return not any(form.sent.get(f"{kind.value}-{part}", "").strip() for part in ("name", "email"))


def _named(form: Form, kind: Contact) -> Named:
    said = kind.label.partition(",")[0].lower()
    return Named(
        name=form.text(f"{kind.value}-name", missing=f"Enter the name of your {said}."),
        email=form.text(f"{kind.value}-email", missing=f"Enter the email address of your {said}."),
    )


def _sponsors() -> dict[str, str]:
    """The integrators that take part now, by code: there is one for each place."""
    found = session().scalars(
        select(Organisation).where(Organisation.kind == OrganisationKind.INTEGRATOR).order_by(Organisation.name)
    )
    return {each.code: each.name for each in found if each.active(at=now())}


def _form(*, errors: dict[str, str], sent: dict[str, str]) -> str:
    return render_template(
        "join/apply.jinja",
        kinds=[{"value": kind.value, "text": kind.label} for kind in KINDS],
        toolkits=[{"value": each.value, "text": each.label} for each in Toolkit],
        sponsors=_sponsors(),
        contacts=CONTACTS,
        errors=errors,
        sent=sent,
    )
