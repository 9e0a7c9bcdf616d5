"""How often somebody may get it wrong: a growing wait for one name, and for one part of the network.

An attempt is counted before it is looked at, so that a hundred at once are a hundred. Names nobody has are counted
like any other. A name's wait concerns what can be guessed alone: a passkey is never kept waiting by it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from sqlalchemy import case, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from broker.accounts.models import Attempts
from broker.errors import TooMany

FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """After ``free`` failures in a row each further one waits, twice as long as the one before, up to ``longest``."""

    key: str
    free: int
    first: timedelta
    longest: timedelta

    def wait(self, failures: int) -> timedelta:
        over = failures - self.free
        return timedelta() if over < 0 else min(self.first * 2 ** min(over, 30), self.longest)


def of_name(key: bytes, name: str) -> Limit:
    return Limit(_hashed(key, f"name {name}"), 5, timedelta(seconds=30), timedelta(hours=1))


def of_person(key: bytes, person: str) -> Limit:
    """For somebody signed in, who alone can be wrong there."""
    return Limit(_hashed(key, f"again {person}"), 5, timedelta(seconds=30), timedelta(hours=1))


def of_network(key: bytes, address: str) -> Limit:
    """For an address's neighbours too: its /24, or the /56 that one household or office has (IPv6)."""
    return Limit(_hashed(key, f"network {_prefix(address)}"), 50, timedelta(seconds=5), timedelta(minutes=15))


def attempt(session: Session, limits: Sequence[Limit], *, now: datetime) -> None:
    """Count one attempt. Raises TooMany where any of ``limits`` says to wait; that attempt then counts no further.

    Commits.
    """
    for limit in limits:
        while not _counted(session, limit, now=now):
            waiting = session.scalar(select(Attempts.wait_until).where(Attempts.key == limit.key))
            session.rollback()
            if waiting is not None and waiting > now:
                seconds = int((waiting - now).total_seconds()) + 1
                raise TooMany("too-many-attempts", "Too many tries. Wait a while.", retry_after=seconds)


def succeeded(session: Session, *, name: Limit | None = None, network: Limit | None = None) -> None:
    """This attempt was no failure: the name starts afresh; the network loses this one alone. The caller commits.

    Somebody with an account of their own could otherwise guess at others' for ever, signing in now and then.
    """
    if name is not None:
        session.execute(delete(Attempts).where(Attempts.key == name.key))
    if network is not None:
        session.execute(
            update(Attempts).where(Attempts.key == network.key).values(failures=Attempts.failures - 1),
            execution_options={"synchronize_session": False},
        )


def _counted(session: Session, limit: Limit, *, now: datetime) -> bool:
    """Whether the attempt was counted: False where it must wait, or another took the first place meanwhile."""
    failures = session.scalar(
        update(Attempts)
        .where(Attempts.key == limit.key, Attempts.wait_until <= now)
        .values(failures=case((Attempts.last_at < now - FORGOTTEN_AFTER, 1), else_=Attempts.failures + 1), last_at=now)
        .returning(Attempts.failures)
        .execution_options(synchronize_session=False)
    )
    try:
        if failures is not None:
            until = now + limit.wait(failures)
            session.execute(update(Attempts).where(Attempts.key == limit.key).values(wait_until=until))
        elif session.scalar(select(Attempts.key).where(Attempts.key == limit.key)) is not None:
            return False
        else:
            session.execute(delete(Attempts).where(Attempts.last_at < now - FORGOTTEN_AFTER))
            session.add(Attempts(key=limit.key, failures=1, last_at=now, wait_until=now + limit.wait(1)))
        session.commit()
    except IntegrityError:
        session.rollback()
        return False
    return True


def _prefix(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return "unknown"
    return str(ip_network(f"{found}/{24 if found.version == 4 else 56}", strict=False))


def _hashed(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
