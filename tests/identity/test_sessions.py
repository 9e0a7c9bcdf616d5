"""A browser session: kept as a digest, noted when used, over when it should be."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from broker.audit.trail import Trail
from broker.errors import NotAuthenticated
from broker.identity import sessions as signing_in
from broker.identity.models import Membership, Resident, SignedInSession
from broker.identity.sessions import Proof
from broker.settings import Settings
from broker.vocabulary import AuditAction, Role
from tests import people
from tests.people import NOON


@pytest.fixture
def trail(sessions: sessionmaker[Session]) -> Trail:
    return Trail(sessions, key=bytes(32))


@pytest.fixture
def settled(session: Session) -> Session:
    people.settle(session)
    return session


def _ada_signs_in(session: Session, trail: Trail) -> tuple[str, SignedInSession]:
    resident = session.get(Resident, "ada")
    assert resident is not None
    return signing_in.begin_for_resident(session, resident, proof=Proof("demonstration", 3), trail=trail, now=NOON)


def _adviser_signs_in(session: Session, trail: Trail) -> tuple[str, SignedInSession]:
    membership = session.scalars(select(Membership).where(Membership.person_id == "adviser")).one()
    return signing_in.begin_for_worker(session, membership, proof=Proof("demonstration", 2), trail=trail, now=NOON)


def test_a_session_is_found_by_its_secret_alone(settled: Session, trail: Trail, settings: Settings) -> None:
    secret, begun = _ada_signs_in(settled, trail)
    assert signing_in.find(settled, secret, settings=settings, now=NOON) is begun
    for wrong in ("", begun.digest, secret[:-1], secret + "A"):
        assert signing_in.find(settled, wrong, settings=settings, now=NOON) is None


def test_two_sessions_never_share_a_secret(settled: Session, trail: Trail) -> None:
    assert _ada_signs_in(settled, trail)[0] != _ada_signs_in(settled, trail)[0]


def test_signing_in_and_out_each_leave_one_entry(settled: Session, trail: Trail) -> None:
    _, begun = _adviser_signs_in(settled, trail)
    signing_in.end(settled, begun, trail=trail, now=NOON)
    entries = trail.entries(settled, newest_first=False)
    assert [entry.action for entry in entries] == [AuditAction.SIGNED_IN, AuditAction.SIGNED_OUT]
    assert {entry.actor for entry in entries} == {"person:adviser"}


def test_a_session_that_was_ended_opens_nothing(settled: Session, trail: Trail, settings: Settings) -> None:
    secret, begun = _ada_signs_in(settled, trail)
    signing_in.end(settled, begun, trail=trail, now=NOON)
    assert signing_in.find(settled, secret, settings=settings, now=NOON) is None


def test_an_idle_session_runs_out_and_a_used_one_does_not(settled: Session, trail: Trail, settings: Settings) -> None:
    idle = timedelta(seconds=settings.session_idle_seconds)
    secret, _ = _ada_signs_in(settled, trail)
    assert signing_in.find(settled, secret, settings=settings, now=NOON + idle - timedelta(seconds=1))
    assert signing_in.find(settled, secret, settings=settings, now=NOON + idle + timedelta(seconds=5))
    assert signing_in.find(settled, secret, settings=settings, now=NOON + 3 * idle) is None


def test_use_is_noted_at_most_once_a_minute(settled: Session, trail: Trail, settings: Settings) -> None:
    secret, begun = _ada_signs_in(settled, trail)
    signing_in.find(settled, secret, settings=settings, now=NOON + timedelta(seconds=59))
    assert begun.used_at == NOON
    signing_in.find(settled, secret, settings=settings, now=NOON + timedelta(seconds=61))
    assert begun.used_at == NOON + timedelta(seconds=61)


def test_a_workers_session_ends_with_their_work_there(settled: Session, trail: Trail, settings: Settings) -> None:
    secret, begun = _adviser_signs_in(settled, trail)
    assert begun.role is Role.CASE_WORKER
    membership = settled.scalars(select(Membership).where(Membership.person_id == "adviser")).one()
    membership.ended_at = NOON + timedelta(minutes=1)
    settled.commit()
    assert signing_in.find(settled, secret, settings=settings, now=NOON)
    assert signing_in.find(settled, secret, settings=settings, now=NOON + timedelta(minutes=1)) is None


def _begin(session: Session, trail: Trail, at: datetime | None) -> SignedInSession:
    resident, proof = session.get_one(Resident, "ada"), Proof("nhs-login", 3, at=at)
    return signing_in.begin_for_resident(session, resident, proof=proof, trail=trail, now=NOON)[1]


@pytest.mark.parametrize(
    ("ago", "fresh"),
    [(timedelta(), True), (timedelta(seconds=300), True), (timedelta(seconds=301), False), (timedelta(hours=8), False)],
)
def test_a_sign_in_is_as_fresh_as_what_was_proved(settled: Session, trail: Trail, ago: timedelta, fresh: bool) -> None:
    begun = _begin(settled, trail, NOON - ago)
    assert signing_in.is_fresh(begun, within=timedelta(seconds=300), now=NOON) is fresh


def test_a_proof_of_which_nobody_says_when_it_was_is_never_fresh(settled: Session, trail: Trail) -> None:
    begun = _begin(settled, trail, None)
    assert not signing_in.is_fresh(begun, within=timedelta(days=3650), now=NOON)


def test_nothing_is_proved_in_the_future(settled: Session, trail: Trail) -> None:
    assert _begin(settled, trail, NOON + timedelta(minutes=1)).authenticated_at == NOON


def test_a_session_that_is_ended_meanwhile_neither_rises_nor_acts_for_another(
    settled: Session, sessions: sessionmaker[Session], trail: Trail, settings: Settings
) -> None:
    secret, _ = _ada_signs_in(settled, trail)
    found = signing_in.find(settled, secret, settings=settings, now=NOON)
    assert found is not None
    with sessions() as elsewhere:
        assert signing_in.end_every(elsewhere, resident="ada", now=NOON) == 1
        elsewhere.commit()
    with pytest.raises(NotAuthenticated):
        signing_in.rise(settled, found, proof=Proof("nhs-login", 3, at=NOON), trail=trail, now=NOON)
    with pytest.raises(NotAuthenticated):
        signing_in.act_for(settled, found, None, trail=trail, now=NOON)
    with sessions() as after:
        assert after.scalars(select(SignedInSession.digest).where(SignedInSession.ended_at.is_(None))).all() == []
    assert [entry.action for entry in trail.entries(settled)] == [AuditAction.SIGNED_IN]


def test_a_session_rises_once(settled: Session, trail: Trail) -> None:
    _, begun = _ada_signs_in(settled, trail)
    _, risen = signing_in.rise(settled, begun, proof=Proof("nhs-login", 3, at=NOON), trail=trail, now=NOON)
    assert (risen.ended_at, risen.means) == (None, "nhs-login")
    with pytest.raises(NotAuthenticated):
        signing_in.rise(settled, begun, proof=Proof("nhs-login", 3, at=NOON), trail=trail, now=NOON)
