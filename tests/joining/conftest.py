"""A settled place with a trail, and a charity that would like to take part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from broker.audit.trail import Trail
from broker.identity.models import Membership, Person
from broker.joining.actions import Named, Officer, Said, apply
from broker.joining.models import Application
from broker.vocabulary import Contact, OrganisationKind, Role, Toolkit
from tests import people
from tests.people import COUNCIL, INTEGRATOR, NOON

SHED = "GB-CHC-9900077"
VOUCHER = Officer("partnership-lead", INTEGRATOR, Role.IG_LEAD)
SECOND = Officer("second", INTEGRATOR, Role.ADMINISTRATOR)
STRANGER = Officer("ig-lead", COUNCIL, Role.IG_LEAD)
SAID = Said(
    code=SHED,
    name="The Mending Shed",
    kind=OrganisationKind.VCFSE,
    service="Repairs and company for older people",
    sponsor=INTEGRATOR,
    toolkit=Toolkit.STANDARDS_MET,
    toolkit_until=date(2027, 6, 30),
    contacts={
        Contact.IG_LEAD: Named("Olive Tranter", "olive@mending.example"),
        Contact.PRIMARY: Named("Mabel Firth", "mabel@mending.example"),
        Contact.TECHNICAL: Named("Dov Salter", "dov@mending.example"),
        Contact.SAFEGUARDING: Named("Ines Vale", "ines@mending.example"),
    },
)


@pytest.fixture
def trail(sessions: sessionmaker[Session]) -> Trail:
    return Trail(sessions, key=bytes(32))


@pytest.fixture
def settled(session: Session) -> Session:
    people.settle(session)
    session.add(Person(id="second", name="Lou Amery"))
    session.flush()
    session.add(
        Membership(
            person_id="second", organisation_code=INTEGRATOR, role=Role.ADMINISTRATOR, started_at=people.LONG_AGO
        )
    )
    session.commit()
    return session


Apply = Callable[..., tuple[Application, str]]


@pytest.fixture
def applies(settled: Session, trail: Trail) -> Apply:
    """The Mending Shed applies, saying what a test changes of it."""

    def apply_now(*, at: datetime = NOON, **changes: Any) -> tuple[Application, str]:
        made = apply(settled, replace(SAID, **changes), by="broker", trail=trail, now=at)
        settled.commit()
        return made

    return apply_now
