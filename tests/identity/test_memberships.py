"""Memberships start, end and lapse; a lapsed one opens nothing until it is begun afresh."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from broker.audit.trail import Trail
from broker.errors import Conflict, InvalidInput, NotFound
from broker.identity import memberships
from broker.identity import sessions as signing_in
from broker.identity.models import Membership, Person
from broker.identity.sessions import Proof
from broker.settings import Settings
from broker.vocabulary import Role
from tests import people
from tests.people import COUNCIL, FOOD_BANK, NOON

BY = "person:food-bank-lead"
QUARTER = timedelta(days=90)


@pytest.fixture
def trail(sessions: sessionmaker[Session]) -> Trail:
    return Trail(sessions, key=bytes(32))


@pytest.fixture
def settled(session: Session) -> Session:
    people.settle(session)
    return session


@pytest.fixture
def adviser(settled: Session) -> Membership:
    """Last used at noon."""
    return settled.scalars(select(Membership).where(Membership.person_id == "adviser")).one()


def _start(session: Session, trail: Trail, role: Role = Role.CASE_WORKER, person: str = "new") -> Membership:
    known = session.get(Person, person) or Person(id=person, name="Fen Ash")
    return memberships.start(session, known, organisation=FOOD_BANK, role=role, by=BY, trail=trail, now=NOON)


def test_somebody_starts_and_is_listed_there_alone(settled: Session, trail: Trail) -> None:
    begun = _start(settled, trail)
    assert begun in memberships.of_organisation(settled, FOOD_BANK, now=NOON)
    assert begun not in memberships.of_organisation(settled, COUNCIL, now=NOON)


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.RESIDENT, Role.PROXY])
def test_some_roles_are_nobodys_work(settled: Session, trail: Trail, role: Role) -> None:
    with pytest.raises(InvalidInput):
        _start(settled, trail, role)


def test_nobody_has_one_role_twice_and_may_have_two(settled: Session, trail: Trail) -> None:
    _start(settled, trail)
    with pytest.raises(Conflict):
        _start(settled, trail)
    assert _start(settled, trail, Role.IG_LEAD).role is Role.IG_LEAD


def test_a_membership_of_elsewhere_looks_like_none(settled: Session, adviser: Membership) -> None:
    assert memberships.called(settled, adviser.id, organisation=FOOD_BANK, now=NOON) is adviser
    refused = []
    for id_, organisation in ((adviser.id, COUNCIL), ("nobody", COUNCIL), ("", COUNCIL)):
        with pytest.raises(NotFound) as error:
            memberships.called(settled, id_, organisation=organisation, now=NOON)
        refused.append(str(error.value))
    assert len(set(refused)) == 1


def test_ending_ends_the_sessions_in_that_role(
    settled: Session, trail: Trail, adviser: Membership, settings: Settings
) -> None:
    proof = Proof(means="passkey", assurance=2)
    secret, _ = signing_in.begin_for_worker(settled, adviser, proof=proof, trail=trail, now=NOON)
    memberships.end(settled, adviser, by=BY, trail=trail, now=NOON)
    settled.commit()
    assert signing_in.find(settled, secret, settings=settings, now=NOON) is None
    with pytest.raises(Conflict):
        memberships.end(settled, adviser, by=BY, trail=trail, now=NOON)


# ---- lapsing -------------------------------------------------------------------------------------------------------


def test_one_that_nobody_uses_lapses_to_the_second(adviser: Membership, settings: Settings) -> None:
    before, at = NOON + QUARTER - timedelta(seconds=1), NOON + QUARTER
    assert memberships.stands(adviser, settings=settings, now=before)
    assert not memberships.stands(adviser, settings=settings, now=at)


def test_one_that_was_never_used_counts_from_its_start(settled: Session, trail: Trail, settings: Settings) -> None:
    begun = _start(settled, trail)
    assert memberships.stands(begun, settings=settings, now=NOON + QUARTER - timedelta(days=1))
    assert memberships.lapsed(begun, settings=settings, now=NOON + QUARTER)


def test_where_the_setting_is_nought_none_lapses(settled: Session, adviser: Membership, settings: Settings) -> None:
    never = replace(settings, membership_idle_days=0)
    assert memberships.stands(adviser, settings=never, now=NOON + 40 * QUARTER)
    assert memberships.due(settled, settings=never, now=NOON + 40 * QUARTER) == []


@pytest.mark.parametrize(("after", "found"), [(QUARTER - timedelta(days=1), True), (QUARTER, False)])
def test_a_lapsed_membership_ends_its_sessions_at_the_next_page(
    settled: Session, trail: Trail, adviser: Membership, settings: Settings, after: timedelta, found: bool
) -> None:
    """However long a session may last, it lasts no longer than the membership it rests on."""
    long = replace(settings, staff_idle_seconds=10**9, session_seconds=10**9)
    secret, _ = signing_in.begin_for_worker(
        settled, adviser, proof=Proof(means="passkey", assurance=2), trail=trail, now=NOON
    )
    assert (signing_in.find(settled, secret, settings=long, now=NOON + after) is not None) is found


def test_those_who_lapse_soon_are_listed_with_the_day(
    settled: Session, adviser: Membership, settings: Settings
) -> None:
    soon = NOON + QUARTER - timedelta(days=13)
    assert memberships.due(settled, FOOD_BANK, settings=settings, now=NOON + timedelta(days=70)) == []
    listed = dict(memberships.due(settled, FOOD_BANK, settings=settings, now=soon))
    assert listed[adviser] == NOON + QUARTER
    assert {each.organisation_code for each in listed} == {FOOD_BANK}


def test_a_lapsed_one_is_begun_afresh(settled: Session, trail: Trail, adviser: Membership, settings: Settings) -> None:
    later = NOON + QUARTER
    begun = memberships.reinstate(settled, adviser, by=BY, trail=trail, now=later)
    settled.commit()
    assert memberships.stands(begun, settings=settings, now=later)
    assert (begun.person_id, begun.role, begun.used_at) == ("adviser", Role.CASE_WORKER, None)
    assert memberships.of_person(settled, "adviser", settings=settings, now=later) == [begun]


def test_use_is_noted_once_a_day(settled: Session, adviser: Membership) -> None:
    who = {"person": "adviser", "organisation": FOOD_BANK, "role": Role.CASE_WORKER}
    for hours, noted in ((23, NOON), (25, NOON + timedelta(hours=25)), (26, NOON + timedelta(hours=25))):
        memberships.note_use(settled, **who, now=NOON + timedelta(hours=hours))  # type: ignore[arg-type]
        settled.refresh(adviser)
        assert adviser.used_at == noted
