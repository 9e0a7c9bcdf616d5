"""The neighbourhood as rows of the broker's tables. Makes rows and writes none; no clinical fact is ever in one."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from broker.consent.models import Consent, Provision
from broker.database import Base
from broker.identity.models import (
    Membership,
    Neighbourhood,
    Organisation,
    Person,
    Place,
    Relationship,
    Resident,
    SourceLink,
    Team,
    TeamMember,
)
from broker.proxies.models import Proxy
from broker.vocabulary import AccessLevel, ConsentStatus, LegalBasis, ProxyReason, ProxyRelation, ProxyState
from sandbox.neighbourhood import cast, people, staff, teams
from sandbox.neighbourhood.place import Place as Sandbox
from sandbox.neighbourhood.ties import Choice, Tie, choices, ties

Rows = dict[type[Base], list[dict[str, Any]]]

_YEAR = timedelta(days=365)


def resident_id(seed: int, index: int) -> str:
    """The broker's id for a resident: the same for the same seed, in rising order so that loading many is quick."""
    return f"{index:08x}{blake2b(f'{seed}/{index}'.encode(), digest_size=12).hexdigest()}"


def of_organisations(now: datetime) -> Rows:
    """Everything that is there before the first resident."""
    joined = now - _YEAR
    return {
        Place: [{"code": cast.PLACE_CODE, "name": cast.PLACE_NAME, "system": cast.ICB.code}],
        Neighbourhood: [
            {"code": each.code, "name": each.name, "place_code": cast.PLACE_CODE} for each in cast.NEIGHBOURHOODS
        ],
        Organisation: [
            {"code": o.code, "name": o.name, "kind": o.kind, "service": o.service, "joined_at": joined}
            for o in cast.ORGANISATIONS
        ],
        Person: [{"id": each.id, "name": each.name} for each in staff.STAFF],
        Membership: [
            {
                "id": f"{each.id}-member",
                "person_id": each.id,
                "organisation_code": each.organisation,
                "role": each.role,
                "started_at": joined,
                "used_at": now,
            }
            for each in staff.STAFF
        ],
        Team: [{"id": t.id, "name": t.name, "neighbourhood_code": t.neighbourhood} for t in teams.TEAMS],
        TeamMember: [row for team in teams.TEAMS for row in _members(team, joined)],
    }


def _members(team: teams.Team, joined: datetime) -> list[dict[str, Any]]:
    """An organisation's part in the team for each tier it is in, and each named person's."""
    parts = dict.fromkeys((organisation, None, tier) for organisation, _, tier in team.members)
    named = dict.fromkeys(member for member in team.members if member[1] is not None)
    return [
        {
            "id": f"{team.id}-{number}",
            "team_id": team.id,
            "organisation_code": organisation,
            "person_id": person,
            "tier": tier,
            "started_at": joined,
        }
        for number, (organisation, person, tier) in enumerate((*parts, *named), 1)
    ]


def of_resident(place: Sandbox, index: int, now: datetime, rows: Rows) -> None:
    """Add one resident's rows to ``rows``."""
    person, id = place.person(index), resident_id(place.seed, index)
    known = ties(person, seed=place.seed)
    _add(rows, Resident, _resident(person, id))
    for number, tie in enumerate(known):
        _add(rows, Relationship, _relationship(tie, id, number, now))
    for number, source in enumerate(person.sources):
        _add(rows, SourceLink, {
            "id": _part(id, "a", number), "resident_id": id, "source_id": source,
            "local_id": place.local_id(source, index), "linked_at": now,
        })  # fmt: skip
    for number, (other, basis) in enumerate(person.proxy_for):
        _add(rows, Proxy, _proxy(place, _part(id, "b", number), other, id, LegalBasis(basis), now))
    for number, choice in enumerate(choices(person, known, seed=place.seed)):
        if choice.by is None or choice.by < place.residents:
            _consent(rows, choice, id, number, now, place)


def _add(rows: Rows, model: type[Base], row: dict[str, Any]) -> None:
    rows.setdefault(model, []).append(row)


def _part(resident: str, letter: str, number: int) -> str:
    """The id of one of a resident's rows: unique within its table, and near the resident's others."""
    return f"{resident[:8]}{letter}{number:03x}{resident[12:]}"


def _resident(person: people.Person, id: str) -> dict[str, Any]:
    return {
        "id": id,
        "nhs_number": person.nhs_number,
        "born_on": person.born_on,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "neighbourhood_code": person.neighbourhood.code,
        "household": person.household,
        "died_on": person.died_on,
    }


def _relationship(tie: Tie, resident: str, number: int, now: datetime) -> dict[str, Any]:
    return {
        "id": _part(resident, "c", number),
        "resident_id": resident,
        "organisation_code": tie.organisation,
        "person_id": tie.person,
        "kind": tie.kind,
        "source": tie.source,
        "from_at": now - timedelta(hours=tie.from_hours),
        "until_at": None if tie.until_hours is None else now + timedelta(hours=tie.until_hours),
    }


def _proxy(place: Sandbox, id: str, other: int, acting: str, basis: LegalBasis, now: datetime) -> dict[str, Any]:
    """One that the practice of whoever is acted for verified half a year ago, and that runs for a year more."""
    represented, verified = place.person(other), now - _YEAR / 2
    return {
        "id": id,
        "resident_id": resident_id(place.seed, other),
        "proxy_resident_id": acting,
        "relation": ProxyRelation.PARENT if basis.of_childhood else ProxyRelation.CARER,
        "legal_basis": basis,
        "levels": frozenset(AccessLevel),
        "state": ProxyState.ACTIVE,
        "reason": ProxyReason.ROLE_ACTIVATED,
        "granted_by": represented.practice,
        "decided_by": "operator:sandbox",
        "evidence": "Seen by the practice.",
        "from_at": verified,
        "until_at": now + _YEAR,
        "reviewed_at": verified,
        "review_due_at": now + _YEAR,
    }


def _consent(rows: Rows, choice: Choice, resident: str, number: int, now: datetime, place: Sandbox) -> None:
    made = now - timedelta(days=choice.made_days)
    ended = None if choice.ended_days is None else now - timedelta(days=choice.ended_days)
    by = f"resident:{resident}" if choice.by is None else f"resident:{resident_id(place.seed, choice.by)}"
    id = _part(resident, "d", number)
    _add(rows, Consent, {
        "id": id, "resident_id": resident, "given_at": made, "ended_at": ended, "given_by": by,
        "status": ConsentStatus.ACTIVE if ended is None else ConsentStatus.INACTIVE,
    })  # fmt: skip
    _add(rows, Provision, {
        "id": _part(resident, "e", number), "consent_id": id, "type": choice.type,
        "organisation_code": choice.organisation, "purposes": choice.purposes, "sections": choice.sections,
        "labels": choice.labels, "from_at": made, "ended_at": ended,
        "until_at": None if choice.until_days is None else now + timedelta(days=choice.until_days),
    })  # fmt: skip
