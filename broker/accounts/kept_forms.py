"""What somebody had filled in when they were asked to prove again who they are, so that it need not be typed twice.

Sealed, theirs alone, at the address it was for, and forgotten in ten minutes. Sends nothing itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, or_
from sqlalchemy.orm import Session

from broker.accounts.models import KeptForm
from broker.accounts.sealing import seal, unseal

LASTS = timedelta(minutes=10)
LONGEST_PATH = 300  # characters
LARGEST = 64 * 1024  # bytes; more than any of our forms has

Fields = Sequence[tuple[str, str]]


def keep(session: Session, key: bytes, fields: Fields, *, actor: str, path: str, now: datetime) -> str | None:
    """Keep a form, in place of one for the same address, and give its id. Commits.

    None where it is too large, or its address too long.
    """
    plain = json.dumps(list(fields)).encode()
    if len(plain) > LARGEST or len(path) > LONGEST_PATH:
        return None
    theirs = (KeptForm.actor == actor) & (KeptForm.path == path)
    session.execute(delete(KeptForm).where(or_(KeptForm.expires_at < now, theirs)))
    form = KeptForm(actor=actor, path=path, sealed=seal(key, plain, bound_to=actor + path), expires_at=now + LASTS)
    session.add(form)
    session.commit()
    return form.id


def kept(session: Session, key: bytes, id: str, *, actor: str, now: datetime) -> tuple[str, Fields] | None:
    """The address a form is for, and its fields; None where it is not there, is somebody else's or is forgotten."""
    found = session.get(KeptForm, id)
    if found is None or found.actor != actor or now >= found.expires_at:
        return None
    plain = unseal(key, found.sealed, bound_to=actor + found.path)
    return None if plain is None else (found.path, [(name, value) for name, value in json.loads(plain)])
