"""The cast of the tests: a small place with everybody a sentence might need. Nobody in it is real."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlalchemy.orm import Session

from broker.access.request import Requester
from broker.identity.models import (
    Membership,
    Neighbourhood,
    Organisation,
    Person,
    Place,
    Relationship,
    Resident,
    Source,
    SourceLink,
    Team,
    TeamMember,
)
from broker.records.source import Provenance, RecordEntry, ResidentIdentity, SourceAnswer, SourceCheck
from broker.vocabulary import OrganisationKind, RelationshipKind, Role, Section, Tier

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LONG_AGO = NOON - timedelta(days=400)
ADA_NUMBER, BEN_NUMBER, STRANGER_NUMBER = "9990000018", "9990000026", "9990000034"
ADA_BORN, BEN_BORN = date(1964, 3, 14), date(2015, 6, 1)

SURGERY, COUNCIL, FOOD_BANK, BEFRIENDERS, INTEGRATOR = "XX9T01", "XX9T02", "GB-CHC-9900001", "GB-CHC-9900002", "XX9T09"

ORGANISATIONS = {
    SURGERY: ("Millrace Surgery", OrganisationKind.GP_PRACTICE),
    COUNCIL: ("Testbourne Council", OrganisationKind.LOCAL_AUTHORITY),
    FOOD_BANK: ("Harvest Shelf", OrganisationKind.VCFSE),
    BEFRIENDERS: ("Two Chairs", OrganisationKind.VCFSE),
    INTEGRATOR: ("Testbourne Partnership", OrganisationKind.INTEGRATOR),
}

GP = Requester(organisation=SURGERY, role=Role.CLINICIAN, person="gp", assurance=2)
ADVISER = Requester(organisation=FOOD_BANK, role=Role.CASE_WORKER, person="adviser", assurance=2)
BEFRIENDER = Requester(organisation=BEFRIENDERS, role=Role.LINK_WORKER, person="befriender", assurance=2)
STAFF = {
    "gp": ("Dr Noor Vale", SURGERY, Role.CLINICIAN),
    "adviser": ("Sol Marsh", FOOD_BANK, Role.CASE_WORKER),
    "befriender": ("Wren Holt", BEFRIENDERS, Role.LINK_WORKER),
    "ig-lead": ("Kit Arden", COUNCIL, Role.IG_LEAD),
    "food-bank-lead": ("Ash Dunmore", FOOD_BANK, Role.IG_LEAD),
    "surgery-guardian": ("Dr Uma Laing", SURGERY, Role.CALDICOTT_GUARDIAN),
    "partnership-lead": ("Beth Corran", INTEGRATOR, Role.IG_LEAD),
}


def settle(session: Session) -> None:
    """Put everybody in the database. Ada is registered at the surgery; nobody else knows her."""
    session.add(Place(code="TB", name="Testbourne", system="XX9ICB"))
    session.flush()
    session.add(Neighbourhood(code="TB-1", name="Riverside", place_code="TB"))
    for code, (name, kind) in ORGANISATIONS.items():
        session.add(Organisation(code=code, name=name, kind=kind, service="", joined_at=LONG_AGO))
    session.flush()
    for person_id, (name, organisation, role) in STAFF.items():
        session.add(Person(id=person_id, name=name))
        session.flush()
        works = {"person_id": person_id, "organisation_code": organisation, "role": role}
        session.add(Membership(**works, started_at=LONG_AGO, used_at=NOON))
    session.add(Team(id="team", name="Riverside team", neighbourhood_code="TB-1"))
    session.add(_resident("ada", ADA_NUMBER, ADA_BORN, "Ada", "Okoro"))
    session.add(_resident("ben", BEN_NUMBER, BEN_BORN, "Ben", "Okoro"))
    session.flush()
    session.add(
        Relationship(
            resident_id="ada",
            organisation_code=SURGERY,
            kind=RelationshipKind.REGISTERED_PRACTICE,
            source="registration",
            from_at=LONG_AGO,
        )
    )
    session.commit()


def join_team(session: Session, person_id: str, organisation: str, tier: Tier) -> None:
    session.add(
        TeamMember(team_id="team", organisation_code=organisation, person_id=person_id, tier=tier, started_at=LONG_AGO)
    )
    session.commit()


def connect(session: Session, source_id: str, organisation: str, *, know: tuple[str, ...] = ("ada",)) -> None:
    """Register a source, and link those it knows."""
    session.add(
        Source(
            id=source_id,
            label=source_id.replace("-", " ").title(),
            kind="told",
            organisation_code=organisation,
            configuration={},
            added_at=LONG_AGO,
        )
    )
    session.flush()
    for resident in know:
        session.add(SourceLink(resident_id=resident, source_id=source_id, local_id=None, linked_at=LONG_AGO))
    session.commit()


def _resident(id_: str, number: str, born_on: date, given: str, family: str) -> Resident:
    return Resident(
        id=id_, nhs_number=number, born_on=born_on, given_name=given, family_name=family, neighbourhood_code="TB-1"
    )


@dataclass
class ToldSource:
    """A source that says what it is told to. Keeps who it was asked about, so that not asking can be shown."""

    id: str
    organisation: str
    holds: Mapping[Section, tuple[str, ...]] = field(default_factory=dict)
    personal: bool = True
    asked: list[frozenset[Section]] = field(default_factory=list)
    fault: Exception | None = None

    @property
    def label(self) -> str:
        return self.id.replace("-", " ").title()

    @property
    def sections(self) -> frozenset[Section]:
        return frozenset(self.holds)

    async def fetch(self, resident: ResidentIdentity, sections: frozenset[Section]) -> SourceAnswer:
        self.asked.append(sections)
        if self.fault is not None:
            raise self.fault
        return SourceAnswer(
            entries=tuple(
                RecordEntry(
                    id=f"{section.value}-{number}",
                    section=section,
                    title=title,
                    provenance=Provenance(source=self.id, received_at=NOON, organisation=self.organisation),
                    at=date(2026, 5, 1 + number),
                )
                for section in sorted(sections)
                for number, title in enumerate(self.holds.get(section, ()))
            )
        )

    async def check(self) -> SourceCheck:
        return SourceCheck(ok=True)
