"""Forgetting what a sign-in leaves behind once it is of no use: forms, spent tickets and counted failures. Ends nothing
that still lets anybody in.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from broker.accounts.limits import FORGOTTEN_AFTER
from broker.accounts.models import Attempts, KeptForm, SpentTicket


def forget(session: Session, *, now: datetime) -> None:
    """Delete forms and tickets that ran out, and failures of more than a day ago. The caller commits."""
    for kept in (KeptForm, SpentTicket):
        session.execute(delete(kept).where(kept.expires_at <= now))
    old = Attempts.last_at < now - FORGOTTEN_AFTER
    session.execute(delete(Attempts).where(old, Attempts.wait_until <= now))
