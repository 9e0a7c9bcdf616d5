"""Who is acting, for which organisation, and what these pages let them do. The domain checks every act again itself."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select

from broker.agreements import actions
from broker.agreements.actions import SIGNING_ROLES, Signatory
from broker.agreements.models import SharingAgreement
from broker.doors import session
from broker.errors import NotPermitted
from broker.identity.models import Organisation, Person
from broker.identity.sessions import actor_of
from broker.vocabulary import AgreementState, OrganisationKind, Role
from broker.web.access import GOVERNORS, signed_in

# Those who oversee a place, a system or the region answer for all of it; others for their own organisation's people.
OVERSEERS = frozenset({OrganisationKind.REGION, OrganisationKind.ICB, OrganisationKind.INTEGRATOR})

WRITERS: Final = (Role.IG_LEAD,)
SIGNATORIES: Final = tuple(role for role in GOVERNORS if role in SIGNING_ROLES)


def own_organisation() -> Organisation:
    """The organisation that whoever is signed in answers for."""
    own = session().get(Organisation, signed_in().organisation_code)
    assert own is not None, "a worker's session names an organisation"
    return own


def oversees() -> bool:
    """Whether this organisation answers for everybody's agreements and decisions, not only its own."""
    return own_organisation().kind in OVERSEERS


def actor() -> str:
    return actor_of(signed_in())


def signatory() -> Signatory:
    """Whoever is signed in, as somebody who signs for their organisation."""
    person = session().get(Person, signed_in().person_id)
    assert person is not None, "only a worker signs"
    return Signatory(person=person.id, name=person.name, organisation=own_organisation().code, role=signed_in().role)


def may_write_for(*parties: str) -> bool:
    """Whether they may write an agreement between ``parties``: an IG lead of one of them, or of an overseer."""
    return signed_in().role in WRITERS and (oversees() or own_organisation().code in parties)


def may_write(agreement: SharingAgreement) -> bool:
    """Whether they may change, submit, put in force, suspend or end it."""
    return may_write_for(*actions.parties_of(agreement))


def must_write(agreement: SharingAgreement) -> None:
    """Raises NotPermitted for whoever may not change it."""
    if not may_write(agreement):
        raise NotPermitted("agreement-not-yours", "Only an IG lead of a party, or of who oversees it, can do this.")


def why_not_sign(agreement: SharingAgreement) -> str:
    """Why whoever is signed in cannot sign this text now, in words; empty where they can."""
    own = own_organisation()
    standing = actions.standing_signatures(agreement)
    if agreement.state is not AgreementState.IN_REVIEW:
        return "It can be signed only while it is in review."
    if signed_in().role not in SIGNATORIES:
        return "An IG lead or a Caldicott Guardian signs for a party. Your role does not."
    if own.code not in actions.parties_of(agreement):
        return f"{own.name} is not a party to it."
    if actor() in agreement.authors:
        return "You wrote this text, so you cannot sign it. A colleague in your organisation can."
    if any(each.organisation_code == own.code for each in standing):
        return f"{own.name} has signed this text."
    if any(each.person_id == signed_in().person_id for each in standing):
        return "You have signed this text for another party."
    return ""


def names_of(*codes: str) -> dict[str, str]:
    """The names of organisations by code, every one where none is asked for; an unknown code stands for itself."""
    rows = session().execute(select(Organisation.code, Organisation.name).order_by(Organisation.name)).all()
    names = dict(rows)
    # Asked for here and not in the query: a text may name what could never be an organisation's code.
    return {code: names.get(code, code) for code in codes} if codes else names


def name_of_actor(actor: str) -> str:
    """A person's name for ``person:<id>``; what the operator or the broker did is theirs."""
    kind, _, key = actor.partition(":")
    if kind == "person" and (person := session().get(Person, key)) is not None:
        return person.name
    return {"operator": "The broker’s operator"}.get(kind, "The broker")
