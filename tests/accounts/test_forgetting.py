"""What a sign-in leaves behind is forgotten once it is of no use, and no sooner."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broker.accounts import forgetting, limits
from broker.accounts.models import Attempts, KeptForm, SpentTicket
from tests.people import NOON


def _kept(session: Session, *, at: datetime) -> list[int]:
    forgetting.forget(session, now=at)
    return [session.scalar(select(func.count()).select_from(model)) or 0 for model in (KeptForm, SpentTicket, Attempts)]


def test_forms_tickets_and_failures_are_forgotten_each_in_its_time(session: Session) -> None:
    soon = NOON + timedelta(minutes=10)
    session.add(KeptForm(actor="person:adviser", path="/somewhere", sealed=b"x", expires_at=soon))
    session.add(SpentTicket(digest="0" * 64, expires_at=soon))
    session.flush()
    limits.attempt(session, (limits.of_name(bytes(32), "sol"),), now=NOON)
    assert _kept(session, at=soon - timedelta(seconds=1)) == [1, 1, 1]
    assert _kept(session, at=soon) == [0, 0, 1]
    assert _kept(session, at=NOON + limits.FORGOTTEN_AFTER) == [0, 0, 1]
    assert _kept(session, at=NOON + limits.FORGOTTEN_AFTER + timedelta(seconds=1)) == [0, 0, 0]
