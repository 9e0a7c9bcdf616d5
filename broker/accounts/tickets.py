"""Short-lived tickets that a browser carries: sealed, bound to its cookie and to one use, and used once.

A page that hands one out writes nothing, so that opening pages costs no database. Only a use leaves a row.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from broker.accounts.models import SpentTicket
from broker.accounts.sealing import seal, unseal

LASTS = timedelta(minutes=5)
_LONGEST = 4096


def issue(key: bytes, what: dict[str, Any], *, use: str, visit: str, now: datetime) -> str:
    """A ticket that says ``what``, for ``use`` (``passkey-sign-in``) in the browser with the cookie ``visit``."""
    until = int((now + LASTS).timestamp())
    plain = json.dumps({"what": what, "until": until, "one": secrets.token_hex(16)})
    return base64.urlsafe_b64encode(seal(key, plain.encode(), bound_to=_bound(use, visit))).decode()


def spend(session: Session, key: bytes, ticket: str, *, use: str, visit: str, now: datetime) -> dict[str, Any] | None:
    """What the ticket says; None where it is for another use or browser, is too old, or was used. Commits."""
    found = _read(key, ticket, use=use, visit=visit)
    if found is None or now.timestamp() >= found["until"]:
        return None
    session.execute(delete(SpentTicket).where(SpentTicket.expires_at < now))
    expires_at = datetime.fromtimestamp(found["until"], UTC)
    session.add(SpentTicket(digest=hashlib.sha256(found["one"].encode()).hexdigest(), expires_at=expires_at))
    try:
        session.commit()
    except IntegrityError:
        session.rollback()
        return None
    what: dict[str, Any] = found["what"]
    return what


def _read(key: bytes, ticket: str, *, use: str, visit: str) -> dict[str, Any] | None:
    try:
        sealed = base64.b64decode(ticket[:_LONGEST].encode(), altchars=b"-_", validate=True)
    except ValueError:
        return None
    plain = unseal(key, sealed, bound_to=_bound(use, visit))
    if plain is None:
        return None
    found: dict[str, Any] = json.loads(plain)
    return found


def _bound(use: str, visit: str) -> str:
    return f"ticket/v1 {use} {hashlib.sha256(visit.encode()).hexdigest()}"
