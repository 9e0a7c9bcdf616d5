"""How often anybody may apply: from one part of the network, for one number, and all together. Decides no application.

The form is public. What one visitor sends must not shut it to everybody else, nor bar a charity for good.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from broker.accounts import limits
from broker.errors import TooMany
from broker.joining.models import OPEN, Application
from broker.vocabulary import ApplicationState

LASTS = timedelta(days=30)  # how long an application waits for somebody to vouch for it
MOST_OPEN = 3  # applications with one number that wait at once
MOST_A_DAY = 1000  # applications of everybody, so that the form cannot be used to fill the database
MOST_FROM_ONE_PLACE = 10  # applications of one part of the network before each further one waits


def from_one_place(session: Session, key: bytes, address: str, *, now: datetime) -> None:
    """Count one application from an address and its neighbours. Raises TooMany where it must wait. Commits."""
    network = limits.of_network(key, address)
    waits = replace(network, free=MOST_FROM_ONE_PLACE, first=timedelta(minutes=10), longest=timedelta(hours=12))
    limits.attempt(session, (waits,), now=now)


def must_not_be_many(session: Session, code: str, *, now: datetime) -> None:
    """Raise TooMany where enough wait with this number, or came today. One too old to be vouched for bars none."""
    could_be_vouched_for = or_(Application.state != ApplicationState.APPLIED, Application.applied_at > now - LASTS)
    waiting = select(func.count()).where(Application.code == code, Application.state.in_(OPEN), could_be_vouched_for)
    of_late = select(func.count()).where(Application.applied_at > now - timedelta(days=1))
    for most, counted in ((MOST_OPEN, waiting), (MOST_A_DAY, of_late)):
        if (session.scalar(counted) or 0) >= most:
            raise TooMany("too-many-applications", "Too many applications wait. Try again tomorrow.", retry_after=86400)
