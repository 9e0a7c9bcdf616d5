"""A person's account: made, found by its name, and emptied of every way in. Knows what ways in there are."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import column, delete, select, table, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from broker.accounts import passkeys, recovery
from broker.accounts.models import Account, Passkey, Password, RecoveryCode, TotpSecret
from broker.accounts.names import chosen, normalised
from broker.audit.trail import Event, Trail
from broker.errors import Conflict, NotFound
from broker.vocabulary import AuditAction

# The ties between people and providers are of a room that knows nothing of this one: they are asked for by name alone.
_TIES = table("federated_identity", column("person_id"))


@dataclass(frozen=True, slots=True)
class WaysIn:
    """How somebody can sign in with the broker itself."""

    passkeys: tuple[Passkey, ...]
    password: Password | None
    app: TotpSecret | None
    codes_left: int

    @property
    def by_password(self) -> bool:
        return self.password is not None and self.app is not None

    @property
    def count(self) -> int:
        return len(self.passkeys) + self.by_password


def of_person(session: Session, person: str) -> WaysIn:
    return WaysIn(
        tuple(passkeys.of_person(session, person)),
        session.get(Password, person),
        session.get(TotpSecret, person),
        recovery.left(session, person),
    )


def can_sign_in(session: Session, person: str) -> bool:
    """Whether they can sign in, here or with a provider. A tie counts even where its provider was taken away:
    whoever was tied was known to be somebody, and is nobody's to become."""
    return of_person(session, person).count > 0 or _is_tied(session, person)


def _is_tied(session: Session, person: str) -> bool:
    return session.execute(select(_TIES.c.person_id).where(_TIES.c.person_id == person).limit(1)).first() is not None


def named(session: Session, typed: str) -> Account | None:
    return session.scalar(select(Account).where(Account.sign_in_name == normalised(typed)))


def handle_for(session: Session, person: str) -> bytes:
    """The handle that this person's passkeys know them by; a new one where they have no account yet."""
    found = session.get(Account, person)
    return found.handle if found else secrets.token_bytes(32)


def make(session: Session, person: str, sign_in_name: str, *, handle: bytes | None = None, now: datetime) -> Account:
    """This person's account under the name they chose, made where there is none. The caller commits.

    Raises InvalidInput for a name that is none, and Conflict for one that is somebody else's.
    """
    name = chosen(sign_in_name)
    found = session.get(Account, person) or Account(
        person_id=person, handle=handle or secrets.token_bytes(32), made_at=now
    )
    found.sign_in_name = name
    session.add(found)
    try:
        session.flush()
    except IntegrityError as error:
        session.rollback()
        raise Conflict("sign-in-name-taken", "Choose another name: this one cannot be used.") from error
    return found


def remove_passkey(session: Session, person: str, passkey_id: str, *, now: datetime) -> None:
    """Take one way in away. Raises NotFound for somebody else's, Conflict for the last one. The caller commits.

    Two at once take turns at the account's row, so that the second sees what the first left.
    """
    in_turn = update(Account).where(Account.person_id == person).values(made_at=Account.made_at)
    session.execute(in_turn, execution_options={"synchronize_session": False})
    removed = session.execute(
        update(Passkey)
        .where(Passkey.id == passkey_id, Passkey.person_id == person, Passkey.removed_at.is_(None))
        .values(removed_at=now)
        .returning(Passkey.id)
    )
    if removed.first() is None:
        session.rollback()
        raise NotFound("passkey-unknown", "You have no such passkey.")
    if not of_person(session, person).count:
        session.rollback()
        raise Conflict("last-way-in", "This is your only way of signing in. Add another before you remove it.")


def empty(session: Session, person: str, *, by: str, organisation: str | None, trail: Trail, now: datetime) -> None:
    """Take away every way in; the name is kept. The caller ends what stands on them, and commits."""
    session.execute(
        update(Passkey).where(Passkey.person_id == person, Passkey.removed_at.is_(None)).values(removed_at=now)
    )
    for model in (Password, TotpSecret, RecoveryCode):
        session.execute(delete(model).where(model.person_id == person))
    changed(session, person, "reset", by=by, organisation=organisation, trail=trail, now=now)


def changed(
    session: Session, person: str, act: str, *, by: str, organisation: str | None, trail: Trail, now: datetime
) -> None:
    """Write down that a way in changed. ``act`` is a code: ``passkey-added``. The caller commits."""
    session.flush()
    body = {"act": act, "person": person}
    event = Event(AuditAction.CREDENTIAL_CHANGED, by, organisation, body=body)
    trail.append(session, event, now=now)
