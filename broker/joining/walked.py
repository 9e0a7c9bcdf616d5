"""Whether a system has walked the whole flow, as the trail tells it. Changes nothing, and asks no system."""

from __future__ import annotations

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from broker.audit.models import AuditEntry
from broker.identity.models import Client
from broker.vocabulary import AuditAction


def has_walked(session: Session, client: Client) -> bool:
    """Whether it was given a token for what somebody let it do, asked for a record after that, and then gave one back.

    In this order, as ``broker clients try`` leaves them: a token that was only given back shows nothing.
    """
    about = AuditEntry.body.contains(f'"client":"{client.id}"', autoescape=True)  # bodies are canonical JSON
    for_a_grant = AuditEntry.body.contains('"grant":"', autoescape=True)
    itself = AuditEntry.actor == f"client:{client.id}"
    after = -1
    for action, which in (
        (AuditAction.TOKEN_ISSUED, about & for_a_grant),
        (AuditAction.DECISION, about),
        (AuditAction.TOKEN_REVOKED, itself),
    ):
        found = _next(session, client, action, which, after=after)
        if found is None:
            return False
        after = found
    return True


def _next(
    session: Session, client: Client, action: AuditAction, which: ColumnElement[bool], *, after: int
) -> int | None:
    """The place on the trail of the first such entry of the organisation's that follows; None where there is none."""
    return session.scalar(
        select(func.min(AuditEntry.index)).where(
            AuditEntry.organisation == client.organisation_code,
            AuditEntry.index > after,
            AuditEntry.action == action,
            which,
        )
    )
