"""The policy information point (PIP): what a decision needs to know, read once, for one request. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from broker.access.request import AccessRequest, Requester
from broker.consent.models import Consent, Provision
from broker.database import Instant, table_of
from broker.errors import NotFound
from broker.identity import memberships
from broker.identity.actions import NOBODY
from broker.identity.models import (
    Client,
    FormerNumber,
    Membership,
    Neighbourhood,
    Organisation,
    Relationship,
    Resident,
    SourceLink,
    Team,
    TeamMember,
)
from broker.notices import reviews
from broker.proxies import limits
from broker.proxies.acting import standing_for
from broker.records.source import Asker, ResidentIdentity, SourceSystem
from broker.vocabulary import OrganisationKind, RelationshipKind, Role, Section, Tier

_ORGANISATION, _MEMBERSHIP, _CLIENT = table_of(Organisation).c, table_of(Membership).c, table_of(Client).c
_RESIDENT, _NEIGHBOURHOOD = table_of(Resident).c, table_of(Neighbourhood).c
_RELATIONSHIP, _TEAM, _MEMBER = table_of(Relationship).c, table_of(Team).c, table_of(TeamMember).c
_LINK, _CONSENT, _PROVISION = table_of(SourceLink).c, table_of(Consent).c, table_of(Provision).c
_FORMER = table_of(FormerNumber).c

# Asked at every decision, so made once.
_LIVING_AT = (
    select(_RESIDENT.id, _RESIDENT.born_on, _RESIDENT.neighbourhood_code, _NEIGHBOURHOOD.place_code)
    .join(table_of(Neighbourhood), _NEIGHBOURHOOD.code == _RESIDENT.neighbourhood_code)
    .where(_RESIDENT.id == bindparam("resident"))
)
_KNOWN_AS = (
    select(_RESIDENT.nhs_number, _RESIDENT.born_on, _RESIDENT.sensitive_since, _LINK.source_id, _LINK.local_id)
    .join_from(table_of(Resident), table_of(SourceLink), _LINK.resident_id == _RESIDENT.id, isouter=True)
    .where(_RESIDENT.id == bindparam("resident"))
)
_FORMERLY = select(_FORMER.nhs_number).where(_FORMER.resident_id == bindparam("resident"))
_RELATED_BY = select(
    _RELATIONSHIP.kind, _RELATIONSHIP.person_id, _RELATIONSHIP.from_at, _RELATIONSHIP.until_at, _RELATIONSHIP.source
).where(
    _RELATIONSHIP.resident_id == bindparam("resident"), _RELATIONSHIP.organisation_code == bindparam("organisation")
)
# A worker is in a neighbourhood team by name; a system is, where its organisation is.
_IN_TEAMS = (
    select(_MEMBER.team_id, _MEMBER.tier, _MEMBER.started_at, _MEMBER.ended_at, _TEAM.name)
    .join(table_of(Team), _TEAM.id == _MEMBER.team_id)
    .where(
        _TEAM.neighbourhood_code == bindparam("neighbourhood"),
        _MEMBER.organisation_code == bindparam("organisation"),
        _MEMBER.person_id.is_not_distinct_from(bindparam("person")),
    )
)
_CHOSEN = (
    select(*_PROVISION, _CONSENT.ended_at.label("consent_ended_at"))
    .join(table_of(Consent), _CONSENT.id == _PROVISION.consent_id)
    .where(_CONSENT.resident_id == bindparam("resident"))
    .order_by(_PROVISION.id)
)
_ACTING_FOR = select(_ORGANISATION.kind, _ORGANISATION.joined_at, _ORGANISATION.left_at).where(
    _ORGANISATION.code == bindparam("organisation")
)
_WORKS_FOR = select(_MEMBERSHIP.id).where(
    _MEMBERSHIP.person_id == bindparam("person"),
    _MEMBERSHIP.organisation_code == bindparam("organisation"),
    _MEMBERSHIP.role == bindparam("role"),
    memberships.current(bindparam("at", type_=Instant), _MEMBERSHIP),
    memberships.in_use(bindparam("since", type_=Instant), _MEMBERSHIP),
)
_IS_SYSTEM = select(_CLIENT.id).where(
    _CLIENT.id == bindparam("client"), _CLIENT.role == bindparam("role"), _CLIENT.revoked_at.is_(None)
)


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
    session: Session,
    request: AccessRequest,
    systems: Mapping[str, SourceSystem],
    kinds: Mapping[str, OrganisationKind],
    *,
    used_since: datetime | None = None,
) -> Facts:
    """Read everything the policy needs for ``request``. Raises NotFound where the resident is not known.

    ``systems`` are the registered sources by id, ``kinds`` the kind of each one's organisation. A membership that was
    not used after ``used_since`` has lapsed; None: none has.
    """
    resident = _resident(session, request)
    return Facts(
        subject={
            **_subject(session, request.requester, used_since=used_since, at=request.made_at),
            **_own(session, request),
        },
        resident=resident,
        relationships=_relationships(session, request, resident["neighbourhood"]),
        provisions=_provisions(session, request.resident),
        sources={
            source_id: {"organisation": system.organisation, "kind": kinds[source_id].value}
            for source_id, system in systems.items()
        },
        pairs=pairs_of(request.sections, systems),
    )


def pairs_of(sections: frozenset[Section], systems: Mapping[str, SourceSystem]) -> list[tuple[Section, str]]:
    """Each of ``sections`` with each source that can hold it."""
    return [
        (section, source_id)
        for section in sorted(sections)
        for source_id, system in sorted(systems.items())
        if section in system.sections
    ]


def identity_of(session: Session, resident_id: str, *, asked_by: Asker | None = None) -> ResidentIdentity:
    """The identifiers sources are asked by, and the local ones of those that know this resident."""
    rows = session.execute(_KNOWN_AS, {"resident": resident_id}).all()
    return ResidentIdentity(
        nhs_number=rows[0].nhs_number,
        born_on=rows[0].born_on,
        local_ids={row.source_id: row.local_id or "" for row in rows if row.source_id is not None},
        former_numbers=frozenset(session.scalars(_FORMERLY, {"resident": resident_id})),
        sensitive=rows[0].sensitive_since is not None,
        asked_by=asked_by,
    )


def tier_of(facts: Facts, *, at: datetime) -> Tier | None:
    """The closest tier in which whoever asks is in the resident's neighbourhood team; None where they are in none."""
    now = at.timestamp()
    tiers = {
        each["tier"]
        for each in facts.relationships
        if each["from"] <= now and (each["until"] is None or now < each["until"])
    }
    return next((tier for tier in Tier if tier.value in tiers), None)


def asker_of(request: AccessRequest) -> Asker:
    """On whose behalf sources are asked."""
    asker = request.requester
    return Asker(asker.organisation, asker.role, request.purpose, request.id, asker.person)


def _resident(session: Session, request: AccessRequest) -> dict[str, Any]:
    if request.resident == NOBODY:
        return {"id": NOBODY, "place": _home_of(session, request.requester.organisation), "neighbourhood": "", "age": 0}
    row = session.execute(_LIVING_AT, {"resident": request.resident}).one_or_none()
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


def _subject(session: Session, requester: Requester, *, used_since: datetime | None, at: datetime) -> dict[str, Any]:
    organisation = session.execute(_ACTING_FOR, {"organisation": requester.organisation or None}).one_or_none()
    return {
        "organisation": requester.organisation,
        "kind": organisation.kind.value if organisation else "",
        "active": organisation is not None
        and organisation.joined_at <= at
        and (organisation.left_at is None or at < organisation.left_at),
        "role": requester.role.value,
        "person": requester.person,
        "member": _is_member(session, requester, used_since=used_since or memberships.BEFORE_EVERYTHING, at=at),
        "assurance": requester.assurance,
        "review_overdue": reviews.overdue(session, requester.person, now=at),
    }


def _own(session: Session, request: AccessRequest) -> dict[str, Any]:
    """Which resident asks, if one does, and by what they act for the one whose record it is, as it stands now.

    Somebody who has died asks for nothing, whatever a sign-in of theirs still says.
    """
    asker, now = request.requester, request.made_at
    living = session.get(Resident, asker.resident) if asker.resident is not None else None
    if living is None or living.has_died(at=now):
        return {"resident": None, "acting": None}
    if asker.role is not Role.PROXY:
        return {"resident": living.id, "acting": None}
    proxy = standing_for(session, proxy_resident=living.id, resident=request.resident, now=now)
    if proxy is None:
        return {"resident": living.id, "acting": None}
    acting = {
        "proxy": proxy.id,
        "basis": proxy.legal_basis.value,
        "sections": sorted(section.value for section in limits.sections_of(proxy.levels)),
        "until": _epoch(limits.ends_at(proxy)),
    }
    return {"resident": living.id, "acting": acting}


def _is_member(session: Session, requester: Requester, *, used_since: datetime, at: datetime) -> bool:
    if not requester.organisation:
        return False
    if requester.person is None:
        found = session.execute(_IS_SYSTEM, {"client": requester.client, "role": requester.role})
    else:
        worker = {"person": requester.person, "organisation": requester.organisation}
        found = session.execute(_WORKS_FOR, {**worker, "role": requester.role, "at": at, "since": used_since})
    return found.first() is not None


def _relationships(session: Session, request: AccessRequest, neighbourhood: str) -> list[dict[str, Any]]:
    requester = request.requester
    if not requester.organisation:
        return []  # a resident asks for no organisation
    asked = {"resident": request.resident, "organisation": requester.organisation}
    recorded = session.execute(_RELATED_BY, asked)
    facts = [
        _relationship(requester.organisation, row.kind, row.from_at, row.until_at, row.source, person=row.person_id)
        for row in recorded
    ]
    placed = {"neighbourhood": neighbourhood, "organisation": requester.organisation, "person": requester.person}
    teams = session.execute(_IN_TEAMS, placed)
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
    rows = session.execute(_CHOSEN, {"resident": resident_id})
    return [
        {
            "id": row.id,
            "consent": row.consent_id,
            "type": row.type.value,
            "organisation": row.organisation_code,
            "purposes": _codes(row.purposes),
            "sections": _codes(row.sections),
            "labels": _codes(row.labels),
            "from": _epoch(row.from_at),
            "until": _epoch(row.until_at),
            "ended": _epoch(_earliest(row.ended_at, row.consent_ended_at)),
        }
        for row in rows
    ]


def _codes(codes: frozenset[Any] | None) -> list[str] | None:
    return None if codes is None else sorted(str(code) for code in codes)


def _earliest(*instants: datetime | None) -> datetime | None:
    return min((instant for instant in instants if instant is not None), default=None)


def _epoch(instant: datetime | None) -> int | None:
    return None if instant is None else int(instant.timestamp())
