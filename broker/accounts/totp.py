"""Six-digit codes from an app (RFC 6238, SHA-1, 30 seconds). A code is taken once, and a step early or late."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import unicodedata
from datetime import datetime

import pyotp
from sqlalchemy import update
from sqlalchemy.orm import Session

from broker.accounts.models import TotpSecret
from broker.accounts.sealing import seal, unseal

STEP = 30
_SIX = re.compile(r"[0-9]{6}")
_NOBODYS = base64.b32encode(hashlib.sha1(b"nobody", usedforsecurity=False).digest()).decode()


def proposed(key: bytes, person: str, *, visit: str, after: datetime | None) -> str:
    """The secret offered to ``person`` in one browser, in base32: the same each time it is shown, and kept nowhere.

    ``after`` is when the one in use was made, so that another is never the same.
    """
    bound = f"totp-proposed/v1 {person} {after.isoformat() if after else 'first'} {visit}"
    return base64.b32encode(hmac.new(key, bound.encode(), hashlib.sha256).digest()[:20]).decode()


def address(secret: str, *, name: str, service: str) -> str:
    """What the app reads from the square code (``otpauth://``)."""
    return pyotp.TOTP(secret, interval=STEP).provisioning_uri(name=name, issuer_name=service)


def step_of(secret: str, typed: str, *, now: datetime) -> int | None:
    """The step, this one or one beside it, that ``typed`` is the code of; None for any other. As long either way."""
    code = unicodedata.normalize("NFKC", typed[:40]).replace(" ", "")
    app = pyotp.TOTP(secret, interval=STEP)
    this = int(now.timestamp()) // STEP
    found = None
    for step in (this - 1, this, this + 1):
        if hmac.compare_digest(app.generate_otp(step).encode(), code.encode("utf-8", "replace")):
            found = step
    return found if _SIX.fullmatch(code) else None


def keep(session: Session, key: bytes, person: str, secret: str, *, used: int, now: datetime) -> None:
    """Keep ``secret`` in place of any before it; ``used`` is the step it was shown to work with. The caller commits."""
    sealed = seal(key, secret.encode(), bound_to=person)
    session.merge(TotpSecret(person_id=person, sealed=sealed, last_step=used, made_at=now))


def accept(session: Session, key: bytes, person: str | None, typed: str, *, now: datetime) -> bool:
    """Take a code, once. For nobody, or somebody without an app, the same work, and False. Commits.

    One conditional UPDATE: of any number of simultaneous uses, exactly one is taken (RFC 6238 §5.2).
    """
    kept = session.get(TotpSecret, person or "", populate_existing=True)
    opened = unseal(key, kept.sealed, bound_to=kept.person_id) if kept else None
    step = step_of(opened.decode() if opened else _NOBODYS, typed, now=now)
    taken = session.execute(
        update(TotpSecret)
        .where(TotpSecret.person_id == (kept.person_id if kept and opened else ""), TotpSecret.last_step < (step or 0))
        .values(last_step=step or 0)
        .returning(TotpSecret.person_id)
        .execution_options(synchronize_session=False)
    ).first()
    session.commit()
    return taken is not None and step is not None
