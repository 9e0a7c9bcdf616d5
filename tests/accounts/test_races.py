"""Thirty-two at the same moment: one code, one recovery code, one invitation, and one of them is taken.

Once on SQLite and once on PostgreSQL, which take turns in different ways.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from broker.accounts import account, invitations, recovery
from broker.accounts.models import Passkey
from broker.accounts.proving import Door
from broker.database import session_factory
from broker.errors import Refusal, TooMany
from tests.accounts.conftest import Kept
from tests.accounts.test_codes import accept, invite
from tests.accounts.test_proving import prove
from tests.people import NOON

pytestmark = pytest.mark.slow

AT_ONCE = 32


@pytest.fixture
def sessions(each_engine: Engine) -> sessionmaker[Session]:
    return session_factory(each_engine)


def _race(sessions: sessionmaker[Session], use: Callable[[Session], object]) -> int:
    """How many of ``AT_ONCE`` simultaneous uses were taken."""
    gate = Barrier(AT_ONCE)

    def one(_: int) -> bool:
        with sessions() as session:
            gate.wait()
            try:
                return bool(use(session))
            except Refusal:
                return False

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sum(pool.map(one, range(AT_ONCE)))


def test_a_code_in_a_race_is_taken_once(sessions: sessionmaker[Session], adviser: Kept, door: Door) -> None:
    assert _race(sessions, lambda session: accept(session, door, adviser.code())) == 1


def test_a_recovery_code_in_a_race_is_taken_once(sessions: sessionmaker[Session], adviser: Kept) -> None:
    assert _race(sessions, lambda session: recovery.accept(session, "adviser", adviser.codes[0], now=NOON)) == 1


def test_an_invitation_in_a_race_is_redeemed_once(
    sessions: sessionmaker[Session], settled: Session, door: Door
) -> None:
    code = invite(settled, door)
    assert _race(sessions, lambda session: invitations.redeem(session, code, visit="here", now=NOON)) == 1


def test_an_invitation_redeemed_in_a_race_is_finished_once(
    sessions: sessionmaker[Session], settled: Session, door: Door
) -> None:
    redeemed = invitations.redeem(settled, invite(settled, door), visit="here", now=NOON)

    def finish(session: Session) -> bool:
        invitations.finish(session, redeemed, now=NOON)
        session.commit()
        return True

    assert _race(sessions, finish) == 1


def test_a_hundred_guesses_at_once_are_counted_as_a_hundred(
    sessions: sessionmaker[Session], settled: Session, adviser: Kept, door: Door
) -> None:
    def guess(number: int) -> bool:
        with sessions() as session:
            try:
                prove(session, replace(door, network=f"10.0.{number}.1"), code=f"{number:06}")
            except TooMany:
                return False
            except Refusal:
                pass
            return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(guess, range(40))) == 5


def test_of_all_passkeys_removed_at_once_one_stays(sessions: sessionmaker[Session], settled: Session) -> None:
    account.make(settled, "gp", "noor", now=NOON)
    for number in range(AT_ONCE):
        settled.add(
            Passkey(
                id=f"key-{number}", person_id="gp", credential_id=f"credential-{number}", public_key=b"", sign_count=0,
                aaguid="", transports=[], label="", made_at=NOON,
            )
        )  # fmt: skip
    settled.commit()
    keys = iter(range(AT_ONCE))

    def remove(session: Session) -> bool:
        account.remove_passkey(session, "gp", f"key-{next(keys)}", now=NOON)
        session.commit()
        return True

    assert _race(sessions, remove) == AT_ONCE - 1
    settled.expire_all()
    assert account.of_person(settled, "gp").count == 1
