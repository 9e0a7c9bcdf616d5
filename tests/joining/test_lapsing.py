"""A membership that nobody uses stands nowhere: not for a token, not for a decision; and use keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from broker.access.release import decide_only
from broker.access.request import AccessRequest, Decision
from broker.identity.models import Membership
from broker.settings import Settings
from broker.vocabulary import DenialReason, Purpose, Section
from tests.doors.conftest import House, build_house
from tests.doors.test_records import find
from tests.people import GP, NOON

QUARTER = timedelta(days=90)


@pytest.fixture
def house(settings: Settings, sqlite_template: Path) -> Iterator[House]:
    yield from build_house(replace(settings, demonstration=True, lookups_per_minute=50), template=sqlite_template)


def _last_used(house: House, at: datetime) -> None:
    with house.session() as session:
        session.execute(update(Membership).where(Membership.person_id == "gp").values(used_at=at))
        session.commit()


def _used_at(house: House) -> datetime | None:
    with house.session() as session:
        return session.scalars(select(Membership.used_at).where(Membership.person_id == "gp")).one()


def _decided(house: House, *, acting: bool = True) -> Decision:
    """What is decided of the GP, whom the surgery's own system names."""
    request = AccessRequest(
        "r1", GP, "ada", Purpose.DIRECT_CARE, frozenset({Section.ALLERGIES}), made_at=house.time[0], reason="Care"
    )
    with house.session() as session:
        return decide_only(house.broker, session, request, acting=acting)


@pytest.mark.parametrize(("ago", "stands"), [(QUARTER - timedelta(seconds=1), True), (QUARTER, False)])
def test_a_token_stands_no_longer_than_the_membership_it_rests_on(house: House, ago: timedelta, stands: bool) -> None:
    token = house.token(person="gp")
    assert find(house, token)
    _last_used(house, NOON - ago)
    body = {"nhs_number": "9990000018", "born_on": "1964-03-14"}
    answer = house.call("POST", "/api/residents/find", token=token, json=body)
    assert (answer.status_code == 200) is stands


@pytest.mark.parametrize(("ago", "stands"), [(QUARTER - timedelta(seconds=1), True), (QUARTER, False)])
def test_a_decision_about_somebody_who_lapsed_is_no(house: House, ago: timedelta, stands: bool) -> None:
    _last_used(house, NOON - ago)
    decision = _decided(house)
    assert decision.permitted is stands
    assert (DenialReason.NOT_A_MEMBER in decision.reasons) is not stands


def test_being_named_by_ones_own_system_is_use_and_a_lapsed_one_is_not_revived(house: House) -> None:
    _last_used(house, NOON - timedelta(days=80))
    _decided(house)
    assert _used_at(house) == NOON
    _last_used(house, NOON - QUARTER)
    _decided(house)
    assert _used_at(house) == NOON - QUARTER


def test_being_found_by_a_search_is_no_use(house: House) -> None:
    _last_used(house, NOON - timedelta(days=80))
    assert _decided(house, acting=False).permitted
    assert _used_at(house) == NOON - timedelta(days=80)
