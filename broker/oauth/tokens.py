"""Opaque access tokens: 256 random bits, kept as their SHA-256, for one audience and a few minutes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from authlib.oauth2.rfc6749 import TokenMixin
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from broker.access.request import Requester
from broker.database import table_of
from broker.identity.models import AccessToken
from broker.settings import Settings
from broker.vocabulary import Role


def audience(settings: Settings) -> str:
    """The one resource these tokens are for (RFC 8707)."""
    return f"{settings.issuer}/api"


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def issue(
    session: Session,
    *,
    role: Role,
    scopes: str,
    settings: Settings,
    now: datetime,
    client: str | None = None,
    person: str | None = None,
    resident: str | None = None,
    organisation: str | None = None,
    jkt: str | None = None,
    grant: str | None = None,
    acting: str | None = None,
    assurance: int = 2,
    authenticated_at: datetime | None = None,
    no_later_than: datetime | None = None,
) -> str:
    """Keep a new token and give its text, which is nowhere kept. The caller commits.

    Without ``jkt`` it needs no proof, and is of use in a demonstration alone.
    """
    token = secrets.token_urlsafe(32)
    expires_at = now + timedelta(seconds=settings.token_seconds)
    session.add(
        AccessToken(
            digest=digest(token),
            client_id=client,
            person_id=person,
            resident_id=resident,
            organisation_code=organisation,
            role=role,
            scopes=scopes,
            audience=audience(settings),
            jkt=jkt,
            grant_id=grant,
            acting=acting,
            assurance=assurance,
            authenticated_at=authenticated_at,
            issued_at=now,
            expires_at=expires_at if no_later_than is None else min(expires_at, no_later_than),
        )
    )
    return token


@dataclass(frozen=True, slots=True)
class KeptToken:
    """A token as it is kept: whose it is, what for, and until when."""

    client_id: str | None
    person_id: str | None
    resident_id: str | None
    organisation_code: str | None
    role: Role
    scopes: str
    audience: str
    jkt: str | None
    grant_id: str | None
    acting: str | None
    assurance: int
    authenticated_at: datetime | None
    issued_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


_TOKEN = table_of(AccessToken).c
_KEPT = select(*(_TOKEN[each.name] for each in fields(KeptToken))).where(_TOKEN.digest == bindparam("digest"))


def kept(session: Session, text: str) -> KeptToken | None:
    """The token with this text; None where there never was one."""
    found = session.execute(_KEPT, {"digest": digest(text)}).one_or_none()
    return None if found is None else KeptToken(*found)


class PresentedToken(TokenMixin):  # type: ignore[misc]  # Authlib is untyped
    """A kept token as Authlib asks about it."""

    def __init__(self, token: KeptToken, *, now: datetime) -> None:
        self.token = token
        self.now = now

    def get_scope(self) -> str:
        return self.token.scopes

    def get_expires_in(self) -> int:
        return int((self.token.expires_at - self.token.issued_at).total_seconds())

    def is_expired(self) -> bool:
        return self.now >= self.token.expires_at

    def is_revoked(self) -> bool:
        return self.token.revoked_at is not None

    def requester(self) -> Requester:
        """Who presents it. Only a token of an organisation's worker or system is a requester's."""
        assert self.token.organisation_code is not None, "a resident's token asks for nobody's record"
        return Requester(
            organisation=self.token.organisation_code,
            role=self.token.role,
            person=self.token.person_id,
            client=self.token.client_id,
            assurance=self.token.assurance,
        )


def subject(token: AccessToken | KeptToken, *, settings: Settings, organisation: str) -> str:
    """Whose a token is, as ``sub`` says it: typed, so that no client can be taken for a person (RFC 9700 §4.15).

    A resident is named for the ``organisation`` that is told, and differently for any other.
    """
    if token.person_id is not None:
        return f"person:{token.person_id}"
    if token.resident_id is None:
        return f"client:{token.client_id}"
    return _pairwise(token.resident_id, settings=settings, organisation=organisation)


def actor(token: AccessToken | KeptToken, *, settings: Settings, organisation: str) -> str | None:
    """Who uses a token on its subject's behalf, as ``act`` says it (RFC 8693 §4.1); None where that is nobody else."""
    kind, _, who = (token.acting or "").partition(":")
    return _pairwise(who, settings=settings, organisation=organisation) if kind == "resident" else token.acting


def _pairwise(resident: str, *, settings: Settings, organisation: str) -> str:
    key = settings.secret("handles")
    said = hmac.new(key, f"subject/v1\0{organisation}\0{resident}".encode(), hashlib.sha256)
    return f"resident:{said.hexdigest()[:32]}"
