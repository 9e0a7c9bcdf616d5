"""Who works here, and inviting somebody new. An invitation's code is shown once, and kept nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import render_template

from broker.database import new_id
from broker.doors import now, parts, session
from broker.errors import InvalidInput, NotPermitted
from broker.identity import memberships
from broker.identity.models import Membership, Person
from broker.joining import people
from broker.vocabulary import OrganisationKind, Role
from broker.web.access import ADMINISTRATORS, proven_lately, signed_in, who
from broker.web.administration import administration
from broker.web.administration.acting import given, own_organisation, shown_once
from broker.web.forms import Form


@dataclass(frozen=True)
class Member:
    """Somebody in the list: their work here, and when it lapses if nobody uses it; None where that is far off."""

    membership: Membership
    lapsed: bool
    lapses_at: datetime | None


@administration.get("")
@who(*ADMINISTRATORS)
def home() -> str:
    """Everybody who works here, in which role, since when, and when they last signed in."""
    own = own_organisation()
    return render_template(
        "administration/people.jinja",
        own=own,
        members=members(own.code),
        sponsors=own.kind is OrganisationKind.INTEGRATOR,
    )


def members(organisation: str) -> list[Member]:
    """Those who work there, each with what is to be said of lapsing."""
    settings, at = parts().settings, now()
    due = {each.id: when for each, when in memberships.due(session(), organisation, settings=settings, now=at)}
    return [
        Member(each, memberships.lapsed(each, settings=settings, now=at), due.get(each.id))
        for each in memberships.of_organisation(session(), organisation, now=at)
    ]


@administration.get("/invite")
@who(*ADMINISTRATORS)
def invite() -> str:
    return _form(errors={}, sent={})


@administration.post("/invite")
@who(*ADMINISTRATORS)
@proven_lately
def invited() -> str | tuple[str, int]:
    """Add somebody, and show the code with which they make their account."""
    form, own = Form(), own_organisation()
    name = _name(form)
    role = form.choice("role", memberships.ROLES, missing="Choose what they do here.")
    if role and not form.errors and _works_here(own.code, name, role):
        form.errors["full_name"] = (
            "Somebody of this name works here in this role. Open their page to invite them again."
        )
    if form.errors or role is None:
        return _form(errors=form.errors, sent=form.sent.to_dict()), 422
    try:
        people.must_be_theirs_to_give(session(), role, organisation=own.code, giver=signed_in().role)
    except NotPermitted as refusal:
        return _form(errors={"role": refusal.detail}, sent=form.sent.to_dict()), 403
    person = Person(id=new_id(), name=name)
    begun = people.employ(session(), person, organisation=own.code, role=role, **given())
    code = people.invite(session(), begun, **given())
    return shown_once(name, role, code)


def _name(form: Form) -> str:
    try:
        return people.checked_name(form.sent.get("full_name", ""))
    except InvalidInput as wrong:
        form.errors["full_name"] = wrong.detail
        return ""


def _form(*, errors: dict[str, str], sent: dict[str, str]) -> str:
    return render_template(
        "administration/invite.jinja",
        own=own_organisation(),
        roles=[{"value": role.value, "text": role.label} for role in memberships.ROLES],
        errors=errors,
        sent={"full_name": "", "role": ""} | sent,
    )


def _works_here(organisation: str, name: str, role: Role) -> bool:
    """Also so that sending the form twice adds nobody twice."""
    here = memberships.of_organisation(session(), organisation, now=now())
    return any(each.person.name.casefold() == name.casefold() and each.role is role for each in here)
