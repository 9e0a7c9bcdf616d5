"""Whose pages these are: the organisation of whoever is signed in, and what they may do there."""

from __future__ import annotations

from typing import Any

from flask import render_template, url_for

from broker.accounts import invitations
from broker.doors import now, parts, session
from broker.errors import NotFound
from broker.identity import memberships
from broker.identity.models import Membership, Organisation
from broker.identity.sessions import actor_of
from broker.joining.actions import Officer
from broker.vocabulary import OrganisationKind, Role
from broker.web.access import signed_in


def own_organisation() -> Organisation:
    """The organisation that whoever is signed in looks after."""
    own = session().get(Organisation, signed_in().organisation_code)
    assert own is not None, "a worker's session names an organisation"
    return own


def shown_once(name: str, role: Role, code: str) -> str:
    """The page with somebody's invitation code, and the whole address to type it in at, as it is read out."""
    address = parts().settings.issuer + url_for("accounts.invitation")
    page = "administration/invited.jinja"
    return render_template(page, called=name, role=role, code=code, lasts=invitations.LASTS, address=address)


def actor() -> str:
    return actor_of(signed_in())


def given() -> dict[str, Any]:
    """What every act here is given: by whom, the trail, and the time."""
    return {"by": actor(), "trail": parts().trail, "now": now()}


def member(member_id: str) -> Membership:
    """Somebody who works here. Raises NotFound for anybody else alike."""
    return memberships.called(session(), member_id, organisation=own_organisation().code, now=now())


def officer() -> Officer:
    """Whoever is signed in, as somebody who acts on applications. Raises NotFound where this is no integrator."""
    own = own_organisation()
    if own.kind is not OrganisationKind.INTEGRATOR:
        raise NotFound("page-unknown", "There is no such page.")
    found = signed_in()
    assert found.person_id is not None, "only a worker looks after an organisation"
    return Officer(person=found.person_id, organisation=own.code, role=found.role)
