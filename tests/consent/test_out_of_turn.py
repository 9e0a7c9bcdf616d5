"""A request whose turn has not come is not passed on by whoever knows its code; and old codes are forgotten."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from sqlalchemy.orm import Session, sessionmaker

from broker.audit.trail import Trail
from broker.consent import asking, pairing
from broker.consent.asking import Preferences, Quiet
from broker.consent.models import PairingCode
from broker.errors import NotFound
from broker.settings import Settings
from tests import people
from tests.consent.test_asking import ask, pass_on
from tests.people import GP, NOON

NOW_QUIET = Preferences(quiet=Quiet(time(11), time(13)))


@pytest.fixture
def trail(sessions: sessionmaker[Session]) -> Trail:
    return Trail(sessions, key=bytes(32))


@pytest.fixture(autouse=True)
def everybody(session: Session) -> None:
    people.settle(session)
    session.commit()


def test_what_is_held_back_in_quiet_hours_is_not_passed_on(session: Session, trail: Trail, settings: Settings) -> None:
    shown = ask(session, trail, settings)
    asking.change(session, "ada", NOW_QUIET, by="resident:ada", trail=trail, now=NOON)
    held_back = ask(session, trail, settings)
    assert pass_on(session, trail, settings, shown.binding_code, GP).id == shown.id
    with pytest.raises(NotFound, match="request-unknown"):
        pass_on(session, trail, settings, held_back.binding_code, GP)


def test_a_pairing_code_is_forgotten_once_no_page_shows_it(session: Session, trail: Trail, settings: Settings) -> None:
    pairing.new_code(session, "ada", by="resident:ada", trail=trail, settings=settings, now=NOON)
    over = NOON + pairing.LIVES + pairing.SHOWN_FOR
    pairing.forget(session, now=over)
    assert session.query(PairingCode).count() == 1
    pairing.forget(session, now=over + timedelta(seconds=1))
    assert session.query(PairingCode).count() == 0
