"""Recovery codes: ten, each good once in the place of an app's code. Never in the place of the password."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from broker.accounts.models import RecoveryCode

HOW_MANY = 10
_LENGTH = 16  # characters of base32: 80 random bits, which no hash need slow down


def make(session: Session, person: str, *, now: datetime) -> list[str]:
    """Ten new codes in place of those before, as they are shown: once, here. The caller commits."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person))
    codes = [base64.b32encode(secrets.token_bytes(10)).decode() for _ in range(HOW_MANY)]
    session.add_all(RecoveryCode(digest=_digest(person, code), person_id=person, made_at=now) for code in codes)
    return ["-".join(code[at : at + 4] for at in range(0, _LENGTH, 4)) for code in codes]


def accept(session: Session, person: str | None, typed: str, *, now: datetime) -> bool:
    """Take a code, once; for nobody the same work, and False. Commits."""
    taken = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.digest == _digest(person or "", plain(typed)),
            RecoveryCode.person_id == (person or ""),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCode.digest)
        .execution_options(synchronize_session=False)
    ).first()
    session.commit()
    return taken is not None


def left(session: Session, person: str) -> int:
    unused = select(func.count()).where(RecoveryCode.person_id == person, RecoveryCode.used_at.is_(None))
    return session.scalar(unused) or 0


def plain(typed: str) -> str:
    """What was typed, as base32 has it: signs and spaces gone, and digits that look like letters made those letters."""
    return re.sub(r"[^A-Z2-7]", "", typed[:80].upper().translate(str.maketrans("018", "OIB")))


def _digest(person: str, code: str) -> str:
    return hashlib.sha256(f"recovery/v1 {person} {code}".encode()).hexdigest()
