"""Proving who one is with the broker's own account: by a passkey, or by a password with a code. Begins no session.

What is wrong is never said: every failure has the same words, and costs the same work.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from broker.accounts import account, limits, passkeys, passwords, recovery, tickets, totp
from broker.accounts.models import Account, Passkey
from broker.accounts.names import normalised
from broker.accounts.passkeys import Site
from broker.audit.trail import Event, Trail
from broker.errors import NotAuthenticated
from broker.settings import Settings
from broker.vocabulary import AuditAction

PASSKEY, TOTP = "passkey", "totp"  # a session's ``means``


@dataclass(frozen=True, slots=True)
class Door:
    """Where somebody proves who they are: from which address, in which browser, and what it is written down with."""

    settings: Settings
    trail: Trail
    network: str
    visit: str


def prove_by_password(session: Session, door: Door, *, name: str, password: str, code: str, now: datetime) -> Account:
    """Whose name, password and code from an app (or recovery code) these are. Commits.

    Raises NotAuthenticated for every wrong one alike, after the same work whether or not there is such a name, and
    TooMany where it went wrong too often.
    """
    key = door.settings.secret("sign-in-limits")
    of_name, of_network = limits.of_name(key, normalised(name)), limits.of_network(key, door.network)
    limits.attempt(session, (of_network, of_name), now=now)
    found = _proved(session, door, account.named(session, name), password=password, code=code, now=now)
    limits.succeeded(session, name=of_name, network=of_network)
    session.commit()
    return found


def prove_again_by_password(
    session: Session, door: Door, own: Account, *, password: str, code: str, now: datetime
) -> None:
    """That whoever is signed in with ``own`` is still there. Raises as ``prove_by_password`` does. Commits.

    Counted apart from signing in: what strangers guess at somebody's name never keeps them, signed in, from this.
    """
    of_person = limits.of_person(door.settings.secret("sign-in-limits"), own.person_id)
    limits.attempt(session, (of_person,), now=now)
    _proved(session, door, own, password=password, code=code, now=now)
    limits.succeeded(session, name=of_person)
    session.commit()


def _proved(session: Session, door: Door, found: Account | None, *, password: str, code: str, now: datetime) -> Account:
    """``found``, where the password and the code are theirs; for nobody the same work. Raises NotAuthenticated."""
    person = found.person_id if found else None
    # A code is used up with the right password alone: nobody else can spend somebody's.
    whose = person if passwords.is_right(session, person, password) else None
    by_app = totp.accept(session, door.settings.secret("totp"), whose, code, now=now)
    by_recovery = recovery.accept(session, None if by_app else whose, code, now=now)
    if found is None or not (by_app or by_recovery):
        _refused(session, door, TOTP, person, now=now)
        raise NotAuthenticated("not-proved", "The name, the password or the code is not right.")
    return found


def passkey_ticket(door: Door, *, use: str, now: datetime, **more: str) -> tuple[bytes, str]:
    """A new challenge, and the ticket that brings it back with the browser's answer."""
    challenge = secrets.token_bytes(32)
    return challenge, ticket(door, {"challenge": challenge.hex(), **more}, use=use, now=now)


def ticket(door: Door, what: dict[str, str], *, use: str, now: datetime) -> str:
    """A ticket for this browser, for one use: see ``tickets``."""
    return tickets.issue(door.settings.secret("tickets"), what, use=use, visit=door.visit, now=now)


def spend_ticket(session: Session, door: Door, brought: str, *, use: str, now: datetime) -> dict[str, Any] | None:
    """What the ticket says, where this browser may use it. Commits."""
    key = door.settings.secret("tickets")
    return tickets.spend(session, key, brought, use=use, visit=door.visit, now=now)


def prove_by_passkey(
    session: Session, door: Door, site: Site, *, answer: str, ticket: str, use: str, now: datetime
) -> Passkey:
    """Whose passkey the browser has proved. Raises NotAuthenticated, or TooMany for a part of the network. Commits."""
    network = limits.of_network(door.settings.secret("sign-in-limits"), door.network)
    limits.attempt(session, (network,), now=now)
    said = spend_ticket(session, door, ticket, use=use, now=now)
    try:
        challenge = bytes.fromhex(said["challenge"]) if said else b""
        proved = passkeys.accept(session, site, answer, challenge=challenge, now=now)
    except NotAuthenticated:
        session.rollback()
        _refused(session, door, PASSKEY, None, now=now)
        raise
    limits.succeeded(session, name=None, network=network)
    session.commit()
    return proved


def _refused(session: Session, door: Door, means: str, person: str | None, *, now: datetime) -> None:
    """Write down that somebody was not let in, and, where a name was known, whose it was. Commits."""
    body = {"means": means, "why": "not-proved"} | ({"person": person} if person else {})
    door.trail.append(session, Event(AuditAction.SIGN_IN_REFUSED, "broker", body=body), now=now)
    session.commit()
