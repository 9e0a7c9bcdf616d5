"""Looking for a resident without being able to enumerate them, and naming them to one organisation alone."""

from __future__ import annotations

import hashlib
import hmac
from datetime import date, datetime, timedelta

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from broker.access.request import Requester
from broker.audit.trail import Event, Trail
from broker.database import table_of, valid_nhs_number, valid_organisation_code
from broker.errors import InvalidInput, NotFound, TooMany
from broker.identity.models import Lookup, Organisation, Resident, ResidentHandle
from broker.identity.tracing import numbered
from broker.settings import Settings
from broker.vocabulary import AuditAction

_HANDLE = table_of(ResidentHandle).c
_NAMED = select(_HANDLE.organisation_code, _HANDLE.resident_id).where(_HANDLE.handle == bindparam("handle"))


def find_resident(
    session: Session,
    *,
    asker: Requester,
    nhs_number: str,
    born_on: date,
    trail: Trail,
    settings: Settings,
    now: datetime,
) -> str:
    """A handle for the resident with both identifiers, good for the asker's organisation alone.

    Gives a handle of the same shape, by the same steps, whether or not there is such a person; the same identifiers
    always give the same handle, so asking again tells nothing either. Raises InvalidInput for a malformed number and
    TooMany beyond the limits in ``settings``. Commits.
    """
    digits = valid_nhs_number(nhs_number)
    limit_lookups(session, f"{asker.organisation}/{actor_of(asker)}", settings=settings, now=now)
    found = session.execute(
        select(Resident.id, Resident.nhs_number).where(numbered(digits), Resident.born_on == born_on)
    ).first()
    resident_id, current = found or (None, None)
    # By a number that was superseded, the same handle as by the one in use: an organisation has one name for somebody.
    handle = _handle(settings.secret("handles"), asker.organisation, current or digits, born_on)
    known = session.get(ResidentHandle, handle)
    if known is None:
        session.add(
            ResidentHandle(handle=handle, organisation_code=asker.organisation, resident_id=resident_id, made_at=now)
        )
    else:
        known.resident_id = resident_id
    session.flush()
    trail.append(
        session,
        Event(
            action=AuditAction.RESIDENT_SOUGHT,
            actor=actor_of(asker),
            organisation=asker.organisation,
            resident=resident_id,
            body={"role": asker.role.value},
        ),
        now=now,
    )
    session.commit()
    return handle


def handle_for(session: Session, resident: Resident, *, asker: Requester, settings: Settings, now: datetime) -> str:
    """The handle of a resident who is here themselves, for the asker's organisation. The caller commits.

    The same that looking for them would give, so that what an organisation knows them by stays one name.
    """
    handle = handle_named(resident, organisation=asker.organisation, settings=settings)
    known = session.get(ResidentHandle, handle)
    if known is None:
        known = ResidentHandle(handle=handle, organisation_code=asker.organisation, made_at=now)
        session.add(known)
    known.resident_id = resident.id  # it may have been looked for before they were known here
    session.flush()
    return handle


def handle_named(resident: Resident, *, organisation: str, settings: Settings) -> str:
    """What ``organisation`` would know a resident by. Keeps nothing, so it opens nothing by itself."""
    digits = resident.nhs_number or f"id:{resident.id}"
    return _handle(settings.secret("handles"), organisation, digits, resident.born_on)


def resident_behind(session: Session, handle: str, *, organisation: str) -> str | None:
    """The resident an organisation's handle stands for; None where it stands for nobody known here.

    Raises NotFound for a handle this organisation was never given: another organisation's looks exactly like that.
    """
    known = session.execute(_NAMED, {"handle": handle}).one_or_none()
    if known is None or known.organisation_code != organisation:
        raise NotFound("resident-unknown", "There is no such resident.", field="resident")
    resident_id: str | None = known.resident_id
    return resident_id


def organisation_names(session: Session) -> dict[str, str]:
    """The name of every organisation, by code."""
    return dict(session.execute(select(Organisation.code, Organisation.name)).all())


def organisation_called(session: Session, code: str) -> Organisation:
    """The organisation with this code. Raises InvalidInput where the code is malformed or nobody's."""
    found = session.get(Organisation, valid_organisation_code(code))
    if found is None:
        raise InvalidInput("organisation-unknown", f"There is no organisation {code}.", field="organisation")
    return found


def actor_of(requester: Requester) -> str:
    """The typed subject written on the trail: a person's and a system's identifiers never share a namespace."""
    if requester.resident is not None:
        return f"resident:{requester.resident}"
    return actor_named(requester.person) if requester.person else f"client:{requester.client}"


def actor_named(person: str) -> str:
    """The same, for a person acting as themselves."""
    return f"person:{person}"


def _handle(secret: bytes, organisation: str, digits: str, born_on: date) -> str:
    message = f"resident-handle/v1\0{organisation}\0{digits}\0{born_on.isoformat()}".encode()
    return hmac.new(secret, message, hashlib.sha256).hexdigest()[:40]


def limit_lookups(session: Session, who: str, *, settings: Settings, now: datetime) -> None:
    """Count one look by ``who``. Raises TooMany beyond the limits in ``settings``, and has then committed that."""
    if session.get_bind().dialect.name == "postgresql":
        # One asker's lookups take turns, as SQLite's writers do anyway: each must see the one before it.
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(who))))
    session.add(Lookup(asker=who, at=now))
    session.flush()
    for window, most, wait in (
        (timedelta(minutes=1), settings.lookups_per_minute, 60),
        (timedelta(days=1), settings.lookups_per_day, 3600),
    ):
        made = session.scalar(select(func.count()).where(Lookup.asker == who, Lookup.at > now - window)) or 0
        if made > most:
            session.commit()  # an attempt over the limit counts too
            raise TooMany("too-many-lookups", "You have looked for too many people. Wait a while.", retry_after=wait)


# Who a handle for nobody stands for in a decision: a resident nobody can have a relationship with.
NOBODY = "0" * 32
