"""Pairing: a resident, face to face, names themselves to an organisation with a code that works once and not for long.

A code permits nothing: it gives the handle that looking for them would, to somebody who need not know their NHS number.
Wrong, used, expired and never made look alike, and count alike against whoever guesses.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from broker.access.request import Requester
from broker.audit.trail import Event, Trail
from broker.consent import codes
from broker.consent.codes import LETTERS
from broker.consent.models import PairingCode
from broker.errors import NotFound
from broker.identity.actions import actor_of, handle_for, limit_lookups
from broker.identity.models import Resident
from broker.settings import Settings
from broker.vocabulary import AuditAction

LENGTH = 8
LIVES = timedelta(minutes=10)
MOST_LIVE = 5  # a sixth ends the oldest
SHOWN_FOR = timedelta(days=30)
_CODE = re.compile(f"[{LETTERS}]{{{LENGTH}}}")


def new_code(session: Session, resident: str, *, by: str, trail: Trail, settings: Settings, now: datetime) -> str:
    """A new code for ``resident``, which is nowhere kept as it is. Commits."""
    code = codes.new_code(LENGTH)
    kept = PairingCode(
        digest=_digest(code, settings=settings), resident_id=resident, made_at=now, expires_at=now + LIVES
    )
    session.add(kept)
    session.flush()
    _end_older(session, kept, now=now)
    _entry(session, trail, AuditAction.ASKING_CHANGED, by, resident, {"pairing_code": "made"}, now=now)
    session.commit()
    return code


def use(session: Session, code: str, *, asker: Requester, trail: Trail, settings: Settings, now: datetime) -> str:
    """The handle, for the asker's organisation alone, of the resident whose code this is. Commits.

    Raises NotFound for any code that does not work now, whatever the reason, and TooMany for too many tries.
    """
    limit_lookups(session, f"pairing/{asker.organisation}", settings=settings, now=now)
    resident = _claim(session, code, organisation=asker.organisation, settings=settings, now=now)
    actor, body = actor_of(asker), {"role": asker.role.value, "by": "pairing-code"}
    if resident is None:
        _entry(session, trail, AuditAction.RESIDENT_SOUGHT, actor, None, body, asker.organisation, now=now)
        session.commit()
        raise NotFound(
            "pairing-code-unknown",
            "This code does not work. It may be mistyped, used already or too old. Ask for a new one.",
            field="code",
        )
    handle = handle_for(session, resident, asker=asker, settings=settings, now=now)
    _entry(session, trail, AuditAction.RESIDENT_PAIRED, actor, resident.id, body, asker.organisation, now=now)
    session.commit()
    return handle


def used(session: Session, resident: str, *, now: datetime) -> list[PairingCode]:
    """The codes of a resident that were used lately, newest first: when, and by which organisation."""
    found = session.scalars(
        select(PairingCode)
        .where(PairingCode.resident_id == resident, PairingCode.used_at > now - SHOWN_FOR)
        .order_by(PairingCode.used_at.desc())
    )
    return list(found)


def forget(session: Session, *, now: datetime) -> None:
    """Delete the codes that no page shows any longer. The caller commits."""
    session.execute(delete(PairingCode).where(PairingCode.expires_at < now - SHOWN_FOR))


def as_typed(code: str) -> str:
    """``bcdf ghjk`` and ``BCDF-GHJK`` are one code."""
    return re.sub(r"[\s-]", "", code[:100]).upper()


def in_halves(code: str) -> str:
    """As it is shown and read aloud: ``BCDF-GHJK``."""
    return f"{code[:4]}-{code[4:]}"


def _claim(session: Session, code: str, *, organisation: str, settings: Settings, now: datetime) -> Resident | None:
    """Use a code up; of any number of uses at once, one succeeds. What cannot be a code is looked for all the same."""
    typed = as_typed(code)
    digest = _digest(typed if _CODE.fullmatch(typed) else "", settings=settings)
    claimed = session.execute(
        update(PairingCode)
        .where(PairingCode.digest == digest, PairingCode.used_at.is_(None), PairingCode.expires_at > now)
        .values(used_at=now, used_by=organisation)
        .returning(PairingCode.resident_id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    return session.get(Resident, claimed or "")


def _end_older(session: Session, made: PairingCode, *, now: datetime) -> None:
    """Of the live codes of whoever has ``made`` one, end all but the newest few."""
    others = (
        PairingCode.resident_id == made.resident_id,
        PairingCode.digest != made.digest,
        PairingCode.used_at.is_(None),
        PairingCode.expires_at > now,
    )
    newest = select(PairingCode.digest).where(*others).order_by(PairingCode.made_at.desc(), PairingCode.digest)
    kept = session.scalars(newest.limit(MOST_LIVE - 1)).all()
    session.execute(
        update(PairingCode)
        .where(*others, PairingCode.digest.not_in(kept))
        .values(expires_at=now)
        .execution_options(synchronize_session=False)
    )


def _digest(code: str, *, settings: Settings) -> str:
    # Keyed: so short a code could be found again from a plain digest.
    return hmac.new(settings.secret("pairing"), f"pairing/v1\0{code}".encode(), hashlib.sha256).hexdigest()


def _entry(
    session: Session,
    trail: Trail,
    action: AuditAction,
    actor: str,
    resident: str | None,
    body: dict[str, str],
    organisation: str | None = None,
    *,
    now: datetime,
) -> None:
    session.flush()
    trail.append(
        session, Event(action=action, actor=actor, organisation=organisation, resident=resident, body=body), now=now
    )
