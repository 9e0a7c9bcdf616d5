"""Looking for a resident: two identifiers, a handle for one organisation, and nothing learned about who exists."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session, sessionmaker

from broker.access.request import Requester
from broker.audit.trail import Trail
from broker.errors import InvalidInput, NotFound, TooMany
from broker.identity.actions import find_resident, resident_behind
from broker.identity.models import Resident
from broker.settings import Settings
from tests.people import (
    ADA_BORN,
    ADA_NUMBER,
    ADVISER,
    BEFRIENDERS,
    FOOD_BANK,
    GP,
    NOON,
    STRANGER_NUMBER,
    SURGERY,
    settle,
)


@pytest.fixture
def trail(sessions: sessionmaker[Session]) -> Trail:
    return Trail(sessions, key=b"k" * 32)


@pytest.fixture(autouse=True)
def _everybody(session: Session) -> None:
    settle(session)


def find(
    session: Session,
    trail: Trail,
    settings: Settings,
    *,
    number: str = ADA_NUMBER,
    born_on: date = ADA_BORN,
    asker: Requester = ADVISER,
    after: timedelta = timedelta(0),
) -> str:
    return find_resident(
        session, asker=asker, nhs_number=number, born_on=born_on, trail=trail, settings=settings, now=NOON + after
    )


def test_both_identifiers_find_the_resident(session: Session, trail: Trail, settings: Settings) -> None:
    handle = find(session, trail, settings, number="999 000 0018")
    assert resident_behind(session, handle, organisation=FOOD_BANK) == "ada"


@pytest.mark.parametrize(("number", "born_on"), [(ADA_NUMBER, date(1964, 3, 15)), (STRANGER_NUMBER, ADA_BORN)])
def test_one_identifier_alone_finds_nobody_and_looks_the_same(
    session: Session, trail: Trail, settings: Settings, number: str, born_on: date
) -> None:
    found, nobody = find(session, trail, settings), find(session, trail, settings, number=number, born_on=born_on)
    assert resident_behind(session, nobody, organisation=FOOD_BANK) is None
    assert len(found) == len(nobody)
    assert nobody == find(session, trail, settings, number=number, born_on=born_on), "asking again tells nothing either"


def test_a_handle_is_good_for_one_organisation(session: Session, trail: Trail, settings: Settings) -> None:
    ours, theirs = find(session, trail, settings), find(session, trail, settings, asker=GP)
    assert ours != theirs
    for handle, organisation in ((ours, SURGERY), (theirs, FOOD_BANK), ("0" * 40, BEFRIENDERS)):
        with pytest.raises(NotFound) as refusal:
            resident_behind(session, handle, organisation=organisation)
        assert refusal.value.code == "resident-unknown"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("9990000019", "nhs-number-invalid"),
        ("999000001", "nhs-number-malformed"),
        ("99900000180", "nhs-number-malformed"),
        ("٩٩٩٠٠٠٠٠١٨", "nhs-number-malformed"),
        ("", "nhs-number-malformed"),
    ],
)
def test_a_mistyped_number_is_refused_and_not_counted(
    session: Session, trail: Trail, settings: Settings, number: str, code: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        find(session, trail, settings, number=number)
    assert (refusal.value.code, refusal.value.field) == (code, "nhs_number")


def test_nobody_can_look_for_many_people(session: Session, trail: Trail, settings: Settings) -> None:
    for _ in range(settings.lookups_per_minute):
        find(session, trail, settings)
    with pytest.raises(TooMany) as refusal:
        find(session, trail, settings)
    assert refusal.value.retry_after > 0
    find(session, trail, settings, asker=GP)  # a colleague elsewhere is not held up
    find(session, trail, settings, after=timedelta(minutes=2))


def test_a_day_has_its_own_limit(session: Session, trail: Trail, settings: Settings) -> None:
    for minute in range(settings.lookups_per_day):
        find(session, trail, settings, after=timedelta(minutes=minute))
    with pytest.raises(TooMany):
        find(session, trail, settings, after=timedelta(minutes=settings.lookups_per_day))


def test_looking_leaves_an_entry_without_the_number(session: Session, trail: Trail, settings: Settings) -> None:
    find(session, trail, settings)
    (entry,) = trail.entries(session, organisation=FOOD_BANK)
    assert entry.resident == "ada"
    assert ADA_NUMBER not in str(entry)


def test_a_date_of_birth_that_is_put_right_gives_another_handle_and_keeps_the_first(
    session: Session, trail: Trail, settings: Settings
) -> None:
    first = find(session, trail, settings)
    session.get_one(Resident, "ada").born_on = date(1964, 3, 15)
    session.commit()
    second = find(session, trail, settings, born_on=date(1964, 3, 15))
    assert first != second
    assert {resident_behind(session, each, organisation=FOOD_BANK) for each in (first, second)} == {"ada"}
