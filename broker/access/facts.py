"""The policy information point (PIP): what a decision needs to know, read once, for one request. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from broker.access.request import AccessRequest, Requester
from broker.consent.models import Consent, Provision
from broker.errors import NotFound
from broker.identity.actions import NOBODY
from broker.identity.models import (
    Client,
    Membership,
    Neighbourhood,
    Organisation,
    Relationship,
    Resident,
    SourceLink,
    Team,
    TeamMember,
)
from broker.records.source import ResidentIdentity, SourceSystem
from broker.vocabulary import OrganisationKind, RelationshipKind, Section


@dataclass(frozen=True, slots=True)
class Facts:
    """What the policy is told, in the shape of its input; and, beside it, how sources know the resident.

    ``pairs`` is every (section, source) asked about. Every registered source that can hold a requested section is in
    it, whether or not it knows the resident: a refusal must not betray who is known to whom.
    """

    subject: Mapping[str, Any]
    resident: Mapping[str, Any]
    relationships: Sequence[Mapping[str, Any]]
    provisions: Sequence[Mapping[str, Any]]
    sources: Mapping[str, Mapping[str, str]]
    pairs: Sequence[tuple[Section, str]]


def gather(
    session: Session, request: AccessRequest, systems: Mapping[str, SourceSystem], kinds: Mapping[str, OrganisationKind]
) -> Facts:
    """Read everything the policy needs for ``request``. Raises NotFound where the resident is not known.

    ``systems`` are the registered sources by id, ``kinds`` the kind of each one's organisation.
    """
    resident = _resident(session, request)
    return Facts(
        subject=_subject(session, request.requester, at=request.made_at),
        resident=resident,
        relationships=_relationships(session, request, resident["neighbourhood"]),
        provisions=_provisions(session, request.resident),
        sources={
            source_id: {"organisation": system.organisation, "kind": kinds[source_id].value}
            for source_id, system in systems.items()
        },
        pairs=[
            (section, source_id)
            for section in sorted(request.sections)
            for source_id, system in sorted(systems.items())
            if section in system.sections
        ],
    )


def identity_of(session: Session, resident_id: str) -> ResidentIdentity:
    """The two identifiers sources are asked by, and the local ones of those that know this resident."""
    row = session.execute(select(Resident.nhs_number, Resident.born_on).where(Resident.id == resident_id)).one()
    links = session.execute(
        select(SourceLink.source_id, SourceLink.local_id).where(SourceLink.resident_id == resident_id)
    )
    return ResidentIdentity(
        nhs_number=row.nhs_number,
        born_on=row.born_on,
        local_ids={source_id: local_id or "" for source_id, local_id in links},
    )


def _resident(session: Session, request: AccessRequest) -> dict[str, Any]:
    if request.resident == NOBODY:
        return {"id": NOBODY, "place": _home_of(session, request.requester.organisation), "neighbourhood": "", "age": 0}
    row = session.execute(
        select(Resident.id, Resident.born_on, Resident.neighbourhood_code, Neighbourhood.place_code)
        .join(Neighbourhood, Neighbourhood.code == Resident.neighbourhood_code)
        .where(Resident.id == request.resident)
    ).one_or_none()
    if row is None:
        raise NotFound("resident-unknown", "There is no such resident.", field="resident")
    return {
        "id": row.id,
        "place": row.place_code,
        "neighbourhood": row.neighbourhood_code,
        "age": age(row.born_on, on=request.made_at.date()),
    }


def _home_of(session: Session, organisation: str) -> str:
    """A place this organisation has residents in. Nobody is decided as a stranger there, so as to look like one."""
    places = select(Neighbourhood.place_code).order_by(Neighbourhood.place_code).limit(1)
    served = (
        places.join(Resident, Resident.neighbourhood_code == Neighbourhood.code)
        .join(Relationship, Relationship.resident_id == Resident.id)
        .where(Relationship.organisation_code == organisation)
    )
    return session.scalar(served) or session.scalar(places) or ""


def age(born_on: date, *, on: date) -> int:
    """Whole years lived."""
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))


def _subject(session: Session, requester: Requester, *, at: datetime) -> dict[str, Any]:
    organisation = session.get(Organisation, requester.organisation)
    return {
        "organisation": requester.organisation,
        "kind": organisation.kind.value if organisation else "",
        "active": organisation is not None and organisation.active(at=at),
        "role": requester.role.value,
        "person": requester.person,
        "member": _is_member(session, requester, at=at),
        "assurance": requester.assurance,
    }


def _is_member(session: Session, requester: Requester, *, at: datetime) -> bool:
    if requester.person is None:
        client = session.get(Client, requester.client) if requester.client else None
        return client is not None and client.revoked_at is None and client.role is requester.role
    found = session.execute(
        select(Membership.id).where(
            Membership.person_id == requester.person,
            Membership.organisation_code == requester.organisation,
            Membership.role == requester.role,
            Membership.started_at <= at,
            or_(Membership.ended_at.is_(None), Membership.ended_at > at),
        )
    ).first()
    return found is not None


def _relationships(session: Session, request: AccessRequest, neighbourhood: str) -> list[dict[str, Any]]:
    requester = request.requester
    recorded = session.execute(
        select(
            Relationship.kind, Relationship.person_id, Relationship.from_at, Relationship.until_at, Relationship.source
        ).where(
            Relationship.resident_id == request.resident,
            Relationship.organisation_code == requester.organisation,
        )
    )
    facts = [
        _relationship(requester.organisation, row.kind, row.from_at, row.until_at, row.source, person=row.person_id)
        for row in recorded
    ]
    # A worker is in a neighbourhood team by name; a system is, where its organisation is.
    teams = session.execute(
        select(TeamMember.team_id, TeamMember.tier, TeamMember.started_at, TeamMember.ended_at, Team.name)
        .join(Team, Team.id == TeamMember.team_id)
        .where(
            Team.neighbourhood_code == neighbourhood,
            TeamMember.organisation_code == requester.organisation,
            TeamMember.person_id == requester.person
            if requester.person is not None
            else TeamMember.person_id.is_(None),
        )
    )
    facts += [
        _relationship(
            requester.organisation,
            RelationshipKind.NEIGHBOURHOOD_TEAM,
            row.started_at,
            row.ended_at,
            row.name,
            person=requester.person,
            team=row.team_id,
            tier=row.tier.value,
        )
        for row in teams
    ]
    return facts


def _relationship(
    organisation: str,
    kind: RelationshipKind,
    from_at: datetime,
    until_at: datetime | None,
    source: str,
    *,
    person: str | None = None,
    team: str | None = None,
    tier: str | None = None,
) -> dict[str, Any]:
    return {
        "kind": kind.value,
        "organisation": organisation,
        "person": person,
        "team": team,
        "tier": tier,
        "from": _epoch(from_at),
        "until": _epoch(until_at),
        "source": source,
    }


def _provisions(session: Session, resident_id: str) -> list[dict[str, Any]]:
    rows = session.execute(
        select(Provision, Consent.ended_at)
        .join(Consent, Consent.id == Provision.consent_id)
        .where(Consent.resident_id == resident_id)
        .order_by(Provision.id)
    )
    return [
        {
            "id": provision.id,
            "consent": provision.consent_id,
            "type": provision.type.value,
            "organisation": provision.organisation_code,
            "purposes": _codes(provision.purposes),
            "sections": _codes(provision.sections),
            "labels": _codes(provision.labels),
            "from": _epoch(provision.from_at),
            "until": _epoch(provision.until_at),
            "ended": _epoch(_earliest(provision.ended_at, consent_ended_at)),
        }
        for provision, consent_ended_at in rows
    ]


def _codes(codes: frozenset[Any] | None) -> list[str] | None:
    return None if codes is None else sorted(str(code) for code in codes)


def _earliest(*instants: datetime | None) -> datetime | None:
    return min((instant for instant in instants if instant is not None), default=None)


def _epoch(instant: datetime | None) -> int | None:
    return None if instant is None else int(instant.timestamp())
