"""What the clock does to proxies: ends, reviews at birthdays, warnings. Run daily; running it late or twice is safe.

Nothing waits for it: what the clock has overtaken does not stand (``limits.stands``). This writes it down and tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.audit.trail import Trail
from broker.proxies import changes, limits
from broker.proxies.models import Proxy
from broker.proxies.states import MOVES, OPEN
from broker.vocabulary import NoticeKind, ProxyReason, ProxyState

BROKER = "broker"
# At 11 it pauses until somebody has looked. At 13 the young person, who can now sign in, is told and asked.
ASKED_AT = limits.OWN_PAGES_FROM


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that was due. ``what`` is a code: a reason, or ``warned-56``, ``asked-13``."""

    proxy: str
    what: str


def due(session: Session, *, trail: Trail, now: datetime) -> list[Done]:
    """Do all that is due, each in a transaction of its own, and say what was done. Commits."""
    found = session.scalars(select(Proxy).where(Proxy.state.in_(OPEN)).order_by(Proxy.id)).all()
    done = [Done(proxy.id, what) for proxy in found for what in _due(session, proxy, trail=trail, now=now)]
    session.commit()
    return done


def _due(session: Session, proxy: Proxy, *, trail: Trail, now: datetime) -> list[str]:
    why = limits.overtaken(proxy, now=now)
    if why is not None and why in MOVES[proxy.state].get(ProxyState.INACTIVE, ()):
        _end(session, proxy, why, trail=trail, now=now)
        return [why.value]
    if proxy.state is not ProxyState.ACTIVE:
        return []
    if limits.waits_for_review(proxy, now=now):
        why = ProxyReason.ROLE_SUSPENDED
        changes.move(session, proxy, ProxyState.SUSPENDED, why, by=BROKER, trail=trail, now=now, review_due_at=now)
        changes.tell(session, proxy, resident=NoticeKind.PROXY_REVIEW, now=now)
        session.commit()
        return [why.value]
    return [*_asked(session, proxy, now=now), *_warned(session, proxy, now=now)]


def _end(session: Session, proxy: Proxy, why: ProxyReason, *, trail: Trail, now: datetime) -> None:
    changes.move(session, proxy, ProxyState.INACTIVE, why, by=BROKER, trail=trail, now=now)
    # Nobody tells the dead, or writes to their pages.
    died = why is ProxyReason.ROLE_DEACTIVATED_PATIENT_DIED
    changes.tell(session, proxy, resident=None if died else NoticeKind.PROXY_STOPPED, now=now)
    session.commit()


def _asked(session: Session, proxy: Proxy, *, now: datetime) -> list[str]:
    """At 13: tell the young person and the practice, once."""
    if not proxy.legal_basis.of_childhood or (proxy.birthday or 0) >= ASKED_AT:
        return []
    if not limits.is_aged(proxy.resident, ASKED_AT, now=now):
        return []
    proxy.birthday, proxy.review_due_at = ASKED_AT, now
    changes.tell(session, proxy, resident=NoticeKind.PROXY_REVIEW, now=now)
    session.commit()
    return [f"asked-{ASKED_AT}"]


def _warned(session: Session, proxy: Proxy, *, now: datetime) -> list[str]:
    """The nearest warning that is due and was not given: 56, 28 or 7 days before it ends."""
    end = limits.ends_at(proxy)
    nearest = min((days for days in limits.WARNED_AT if end and end - now <= timedelta(days=days)), default=None)
    if nearest is None or (proxy.warned is not None and proxy.warned <= nearest):
        return []
    proxy.warned = nearest
    kinds = {"resident": NoticeKind.PROXY_ENDING, "acting": NoticeKind.PROXY_ENDING_FOR_YOU}
    changes.tell(session, proxy, **kinds, now=now)
    session.commit()
    return [f"warned-{nearest}"]
