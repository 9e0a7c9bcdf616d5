"""Testbourne, governed: agreements in force and published, and people who may sign for every party."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from broker.access.parts import Broker
from broker.agreements import actions
from broker.agreements.actions import Signatory
from broker.agreements.document import write
from broker.app import assemble
from broker.governance.publishing import publish
from broker.settings import Settings
from broker.vocabulary import Role
from tests import texts
from tests.doors.conftest import House, house  # noqa: F401
from tests.governance.asking import Ask, asking
from tests.people import COUNCIL, FOOD_BANK, NOON, SURGERY, connect, settle

BY = "operator:tests"
AUTHOR = "person:partnership-lead"
ASH = Signatory("food-bank-lead", "Ash Dunmore", FOOD_BANK, Role.IG_LEAD)
KIT = Signatory("ig-lead", "Kit Arden", COUNCIL, Role.IG_LEAD)
UMA = Signatory("surgery-guardian", "Dr Uma Laing", SURGERY, Role.CALDICOTT_GUARDIAN)


@pytest.fixture
def time() -> list[datetime]:
    """The present, which a test can turn."""
    return [NOON]


@pytest.fixture
def governed(
    settings: Settings, engine: Engine, sessions: sessionmaker[Session], time: list[datetime]
) -> Iterator[Broker]:
    """A broker with London's two frameworks, the surgery's care and the food bank's advice in force."""
    settings.data_folder.mkdir(mode=0o700, exist_ok=True)
    broker = assemble(settings, sessions, clock=lambda: time[0])
    with broker.sessions() as session:
        settle(session)
        connect(session, "millrace-gp", SURGERY)
        connect(session, "council-housing", COUNCIL)
        for document in (*texts.frameworks(), texts.care(), texts.advice()):
            actions.adopt(session, write(document), by=BY, trail=broker.trail, now=NOON)
        publish(broker, session, by=BY, now=NOON)
    yield broker
    broker.policy.engine.close()


@pytest.fixture
def ask(house: House) -> Ask:  # noqa: F811
    """Put a question to the house's broker, and have its decision."""
    return asking(house)
