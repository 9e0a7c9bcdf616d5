"""What the national register says of a resident, kept: a number that superseded another, its flag, a death."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from broker.access.facts import identity_of
from broker.audit.models import AuditEntry
from broker.audit.trail import Trail
from broker.errors import Conflict, InvalidInput
from broker.identity.actions import find_resident, resident_behind
from broker.identity.models import FormerNumber, Resident
from broker.identity.tracing import Finding, take_in
from broker.settings import Settings
from broker.vocabulary import AuditAction
from tests.people import ADA_BORN, ADA_NUMBER, ADVISER, BEN_NUMBER, FOOD_BANK, NOON, STRANGER_NUMBER, settle


@pytest.fixture
def trail(sessions: sessionmaker[Session]) -> Trail:
    return Trail(sessions, key=b"k" * 32)


@pytest.fixture(autouse=True)
def _everybody(session: Session) -> None:
    settle(session)


def traced(session: Session, trail: Trail, number: str = ADA_NUMBER, **said: Any) -> frozenset[str]:
    finding = Finding(number, said.get("sensitive", False), said.get("died_on"), by="pds")
    ada = session.get_one(Resident, "ada")
    return take_in(session, ada, finding, actor="operator:command-line", trail=trail, now=said.get("now", NOON))


def written(session: Session) -> list[str]:
    """Every entry about tracing, as it is kept."""
    kept = session.scalars(select(AuditEntry).where(AuditEntry.action == AuditAction.RESIDENT_TRACED))
    return [repr({name: value for name, value in vars(entry).items() if name[0] != "_"}) for entry in kept]


def test_each_tracing_leaves_one_entry_that_has_no_number_in_it_and_tells_of_no_flag(
    session: Session, trail: Trail
) -> None:
    traced(session, trail, STRANGER_NUMBER, sensitive=True)
    (entry,) = written(session)
    assert "number" in entry
    for silent in (ADA_NUMBER, STRANGER_NUMBER, "flag", "sensitive"):
        assert silent not in entry


def test_a_number_that_superseded_theirs_is_theirs_and_the_old_one_a_former_one(session: Session, trail: Trail) -> None:
    assert traced(session, trail, STRANGER_NUMBER) == {"number"}
    session.expire_all()
    ada = session.get_one(Resident, "ada")
    assert (ada.nhs_number, ada.traced_at) == (STRANGER_NUMBER, NOON)
    former = session.get_one(FormerNumber, ADA_NUMBER)
    assert (former.resident_id, former.superseded_at, former.told_by) == ("ada", NOON, "pds")
    identity = identity_of(session, "ada")
    assert identity.is_known_by(ADA_NUMBER)
    assert identity.is_known_by(STRANGER_NUMBER)
    assert not identity.is_known_by(BEN_NUMBER)


def test_a_change_the_register_took_back_leaves_one_number_in_use(session: Session, trail: Trail) -> None:
    traced(session, trail, STRANGER_NUMBER)
    traced(session, trail, ADA_NUMBER)
    assert session.get_one(Resident, "ada").nhs_number == ADA_NUMBER
    assert list(session.scalars(select(FormerNumber.nhs_number))) == [STRANGER_NUMBER]


def test_the_flag_is_set_and_taken_away(session: Session, trail: Trail) -> None:
    assert traced(session, trail, sensitive=True) == {"flag"}
    assert identity_of(session, "ada").sensitive
    later = NOON + timedelta(days=1)
    assert traced(session, trail, sensitive=True, now=later) == frozenset()
    assert session.get_one(Resident, "ada").sensitive_since == NOON
    assert traced(session, trail, now=later) == {"flag"}
    assert not identity_of(session, "ada").sensitive


def test_a_death_is_kept_and_not_undone_by_silence(session: Session, trail: Trail) -> None:
    assert traced(session, trail, died_on=date(2026, 11, 1)) == {"death"}
    assert traced(session, trail) == frozenset()
    assert session.get_one(Resident, "ada").died_on == date(2026, 11, 1)


def test_anothers_number_is_refused_and_nothing_at_all_is_changed(session: Session, trail: Trail) -> None:
    with pytest.raises(Conflict) as caught:
        traced(session, trail, BEN_NUMBER, sensitive=True)
    assert caught.value.code == "identity-merge-needed"
    session.rollback()
    ada = session.get_one(Resident, "ada")
    assert (ada.nhs_number, ada.sensitive_since, ada.traced_at) == (ADA_NUMBER, None, None)
    assert list(session.scalars(select(FormerNumber))) == []


def test_what_was_anothers_number_is_anothers_still(session: Session, trail: Trail) -> None:
    session.add(FormerNumber(nhs_number=STRANGER_NUMBER, resident_id="ben", superseded_at=NOON, told_by="pds"))
    session.commit()
    with pytest.raises(Conflict):
        traced(session, trail, STRANGER_NUMBER)


def test_a_number_that_is_none_is_refused(session: Session, trail: Trail) -> None:
    with pytest.raises(InvalidInput):
        traced(session, trail, "9990000019")


def test_a_resident_is_found_by_a_former_number_under_the_same_name_as_by_the_new_one(
    session: Session, trail: Trail, settings: Settings
) -> None:
    def find(number: str, born_on: date = ADA_BORN) -> str:
        asked = {"asker": ADVISER, "nhs_number": number, "born_on": born_on}
        return find_resident(session, **asked, trail=trail, settings=settings, now=NOON)

    traced(session, trail, STRANGER_NUMBER)
    by_new = find(STRANGER_NUMBER)
    assert find(ADA_NUMBER) == by_new
    assert resident_behind(session, by_new, organisation=FOOD_BANK) == "ada"
    other_day = find(ADA_NUMBER, date(1964, 3, 15))
    assert resident_behind(session, other_day, organisation=FOOD_BANK) is None
