"""A resident's choices and the standing agreements, as words to show them. Changes nothing and decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.agreements.document import AgreementDocument
from broker.consent.models import Consent, Provision
from broker.identity.models import Organisation, Resident
from broker.vocabulary import Confidentiality, OrganisationKind, ProvisionType, Purpose, Section, Sensitivity
from broker.web.standing import in_force

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


def summary_of(session: Session, choice: Consent, *, now: datetime) -> Summary:
    """``choice`` as it stands ``now``; where it has ended, as it last stood."""
    bearing = [p for p in choice.provisions if p.ended_at is None and (p.until_at is None or now < p.until_at)]
    shown = bearing or choice.provisions
    first = shown[0]
    return Summary(
        id=choice.id,
        permits=first.type is ProvisionType.PERMIT,
        organisation=session.get(Organisation, first.organisation_code) if first.organisation_code else None,
        purposes=tuple(p for p in Purpose if any(p in (each.purposes or ()) for each in shown)),
        sections=in_order(shown),
        labels=tuple(s for s in Sensitivity if any(s in (each.labels or ()) for each in shown)),
        until=first.until_at,
        given_at=choice.given_at,
    )


def stopped_sections(choice: Consent) -> frozenset[Section]:
    """What this permission once covered and covers no longer."""
    ever: frozenset[Section] = frozenset().union(*(p.sections or frozenset() for p in choice.provisions))
    still: frozenset[Section] = frozenset().union(
        *(p.sections or frozenset() for p in choice.provisions if p.ended_at is None)
    )
    return ever - still


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
    return [_caring(organisation, standing) for organisation in named]


def shareable_sections(session: Session, *, now: datetime) -> tuple[Section, ...]:
    """Every section that some agreement in force could let somebody see."""
    return _sections(in_force(session, now=now))


def _caring(organisation: Organisation, standing: list[AgreementDocument]) -> Caring:
    own = [document for document in standing if organisation.code in document.receivers]
    return Caring(organisation=organisation, sections=_sections(own))


def _sections(documents: list[AgreementDocument]) -> tuple[Section, ...]:
    agreed = {line.section for document in documents for line in document.sections}
    return tuple(section for section in Section if section in agreed)
