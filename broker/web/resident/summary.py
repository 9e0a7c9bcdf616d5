"""A resident's choices and the standing agreements, as words to show them. Changes nothing and decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from broker.agreements.document import AgreementDocument
from broker.agreements.standing import in_force
from broker.consent.models import Consent, Provision
from broker.identity.models import Organisation, Relationship, Resident, Team, TeamMember
from broker.vocabulary import Confidentiality, OrganisationKind, ProvisionType, Purpose, Section, Sensitivity

OVERSIGHT = frozenset({OrganisationKind.REGION, OrganisationKind.ICB, OrganisationKind.INTEGRATOR})


@dataclass(frozen=True)
class Summary:
    """One choice as it now stands. ``organisation`` is None for every organisation; empty ``sections`` means all."""

    id: str
    permits: bool
    organisation: Organisation | None
    purposes: tuple[Purpose, ...]
    sections: tuple[Section, ...]
    labels: tuple[Sensitivity, ...]
    until: datetime | None
    given_at: datetime

    @property
    def who(self) -> str:
        return self.organisation.name if self.organisation else "Every organisation"


@dataclass(frozen=True)
class Caring:
    """An organisation that may see parts of the record while it cares for somebody, without asking each time."""

    organisation: Organisation
    sections: tuple[Section, ...]
    now: bool  # whether it cares for them today, or only might


def summary_of(session: Session, *choices: Consent, now: datetime) -> Summary:
    """``choices``, all alike, as they stand ``now``; where they have ended, as they last stood. Named for the first."""
    provisions = [provision for choice in choices for provision in choice.provisions]
    bearing = [p for p in provisions if p.ended_at is None and (p.until_at is None or now < p.until_at)]
    shown = bearing or provisions
    first, choice = shown[0], choices[0]
    ends = [p.until_at for p in shown if p.until_at is not None]
    return Summary(
        id=choice.id,
        permits=first.type is ProvisionType.PERMIT,
        organisation=session.get(Organisation, first.organisation_code) if first.organisation_code else None,
        purposes=tuple(p for p in Purpose if any(p in (each.purposes or ()) for each in shown)),
        sections=in_order(shown),
        labels=tuple(s for s in Sensitivity if any(s in (each.labels or ()) for each in shown)),
        until=max(ends) if len(ends) == len(shown) else None,
        given_at=min(choice.given_at for choice in choices),
    )


def in_order(provisions: list[Provision]) -> tuple[Section, ...]:
    covered = frozenset().union(*(p.sections or frozenset() for p in provisions))
    return tuple(section for section in Section if section in covered)


def partners(session: Session, *, now: datetime) -> list[Organisation]:
    """Organisations that could ever read a record, by name."""
    found = session.scalars(select(Organisation).order_by(Organisation.name))
    return [each for each in found if each.active(at=now) and each.kind not in OVERSIGHT]


def caring(session: Session, resident_id: str, *, now: datetime) -> list[Caring]:
    """Who may see what without asking each time, under agreements in force where this resident lives."""
    resident = session.get(Resident, resident_id)
    place = resident.neighbourhood.place_code if resident else None
    standing = [
        document
        for document in in_force(session, now=now)
        if document.place in (None, place) and document.confidentiality is not Confidentiality.EXPLICIT
    ]
    receivers = {code for document in standing for code in document.receivers}
    named = [each for each in partners(session, now=now) if each.code in receivers and each.kind.gives_care]
    known = _known_to(session, resident, now=now) if resident else frozenset()
    return [_caring(organisation, standing, now=organisation.code in known) for organisation in named]


def why_needed(session: Session, organisation: str, purpose: Purpose, *, now: datetime) -> dict[Section, str]:
    """Why each section is needed, in the words of the agreement that this organisation would receive it under."""
    return {
        line.section: line.because
        for document in in_force(session, now=now)
        if organisation in document.receivers and purpose.within_any(document.purposes)
        for line in document.sections
    }


def shareable_sections(session: Session, *, now: datetime) -> tuple[Section, ...]:
    """Every section that some agreement in force could let somebody see."""
    return _sections(in_force(session, now=now))


def _caring(organisation: Organisation, standing: list[AgreementDocument], *, now: bool) -> Caring:
    own = [document for document in standing if organisation.code in document.receivers]
    return Caring(organisation=organisation, sections=_sections(own), now=now)


def _known_to(session: Session, resident: Resident, *, now: datetime) -> frozenset[str]:
    """The organisations with a relationship to ``resident``, their own or as part of the neighbourhood's team."""
    related = select(Relationship.organisation_code).where(
        Relationship.resident_id == resident.id,
        Relationship.from_at <= now,
        or_(Relationship.until_at.is_(None), Relationship.until_at > now),
    )
    teamed = (
        select(TeamMember.organisation_code)
        .join(Team, Team.id == TeamMember.team_id)
        .where(
            Team.neighbourhood_code == resident.neighbourhood_code,
            TeamMember.started_at <= now,
            or_(TeamMember.ended_at.is_(None), TeamMember.ended_at > now),
        )
    )
    return frozenset(session.scalars(related)) | frozenset(session.scalars(teamed))


def _sections(documents: list[AgreementDocument]) -> tuple[Section, ...]:
    agreed = {line.section for document in documents for line in document.sections}
    return tuple(section for section in Section if section in agreed)
