"""The names behind codes, for a resident to read. Names only: no record, no decision."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import select

from broker.consent.models import AccessRequestRecord, Consent
from broker.doors import session
from broker.identity.models import Organisation, Person, Resident


@dataclass(frozen=True)
class Asker:
    """Who asks, in words. ``person`` is empty where a partner's system asks on nobody's behalf."""

    person: str
    organisation: str
    does: str


def organisations(codes: Collection[str]) -> dict[str, Organisation]:
    found = session().scalars(select(Organisation).where(Organisation.code.in_(codes)))
    return {organisation.code: organisation for organisation in found}


def people(ids: Collection[str]) -> dict[str, str]:
    found = session().execute(select(Person.id, Person.name).where(Person.id.in_(ids)))
    return dict(found.all())


def residents(ids: Collection[str]) -> dict[str, str]:
    found = session().scalars(select(Resident).where(Resident.id.in_(ids)))
    return {resident.id: resident.name for resident in found}


def proxy_who_gave(choice: Consent) -> str:
    """The name of whoever made this choice for its resident; empty where the resident did."""
    by = choice.given_by.removeprefix("resident:")
    return "" if by == choice.resident_id else residents({by}).get(by, "")


def askers(requests: Iterable[AccessRequestRecord]) -> dict[str, Asker]:
    """Who made each request, by the request's id."""
    made = list(requests)
    named = organisations({request.organisation_code for request in made})
    workers = people({request.person_id for request in made if request.person_id})
    return {
        request.id: Asker(
            person=workers.get(request.person_id or "", ""),
            organisation=named[request.organisation_code].name,
            does=named[request.organisation_code].service,
        )
        for request in made
    }
