"""Providers that people sign in with, each as it was pinned, and what a sign-in leaves behind. Holds no password."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from broker.database import Base, Code, Instant, new_id
from broker.vocabulary import ProviderKind


class IdentityProvider(Base):
    """An OpenID provider as an operator connected it: its addresses, keys and algorithms are pinned, not looked up.

    ``issuer`` is its name for itself; ``algorithms`` those it may sign with; ``client_algorithm`` the one we sign with.
    """

    __tablename__ = "identity_provider"
    __table_args__ = (
        CheckConstraint("(kind = 'organisation') = (organisation_code IS NOT NULL)", name="organisation_has_its_own"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)  # also a session's ``means``
    kind: Mapped[ProviderKind] = mapped_column(Code(ProviderKind))
    organisation_code: Mapped[str | None] = mapped_column(ForeignKey("organisation.code"))
    label: Mapped[str] = mapped_column(String(100))  # on the button that people press
    issuer: Mapped[str] = mapped_column(String(300))
    client_id: Mapped[str] = mapped_column(String(200))
    authorization_endpoint: Mapped[str] = mapped_column(String(500))
    token_endpoint: Mapped[str] = mapped_column(String(500))
    userinfo_endpoint: Mapped[str | None] = mapped_column(String(500))
    jwks_uri: Mapped[str | None] = mapped_column(String(500))  # asked only when an operator says so
    jwks: Mapped[dict[str, Any]] = mapped_column(JSON)
    algorithms: Mapped[list[str]] = mapped_column(JSON)
    client_algorithm: Mapped[str] = mapped_column(String(10))
    scopes: Mapped[str] = mapped_column(String(300))  # space separated, as in OAuth 2.0
    says_issuer: Mapped[bool] = mapped_column(default=False)  # its answers always name it (RFC 9207)
    added_at: Mapped[datetime] = mapped_column(Instant)
    removed_at: Mapped[datetime | None] = mapped_column(Instant)


class Errand(StrEnum):
    """Why somebody was sent to a provider."""

    SIGN_IN = "sign-in"
    AGAIN = "again"  # somebody signed in proves once more who they are


class SignInAttempt(Base):
    """Somebody sent to a provider and awaited back: once, soon, and in the same browser."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (Index("ix_sign_in_attempt_expires_at", "expires_at"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)  # of ``state``
    provider_id: Mapped[str] = mapped_column(ForeignKey("identity_provider.id"))
    errand: Mapped[Errand] = mapped_column(Code(Errand))
    nonce: Mapped[str] = mapped_column(String(64))
    verifier: Mapped[str] = mapped_column(String(64))  # RFC 7636 §4.1
    browser: Mapped[str] = mapped_column(String(64))  # digest of the cookie that the browser had when it left
    rising: Mapped[str | None] = mapped_column(String(64))  # digest of the session that is to rise
    wanted: Mapped[list[str]] = mapped_column(JSON)  # the assurances asked for: NHS login's ``vtr``, or ``acr`` values
    way_back: Mapped[str] = mapped_column(String(500))
    sent_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class FederatedIdentity(Base):
    """That a provider's subject is one of our people, or one of our residents. A subject is somebody once, for good."""

    __tablename__ = "federated_identity"
    __table_args__ = (
        UniqueConstraint("provider_id", "subject"),
        CheckConstraint("(person_id IS NULL) <> (resident_id IS NULL)", name="one_somebody"),
        Index("ix_federated_identity_person", "person_id"),
        Index("ix_federated_identity_resident", "resident_id"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    provider_id: Mapped[str] = mapped_column(ForeignKey("identity_provider.id"))
    subject: Mapped[str] = mapped_column(String(255))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    resident_id: Mapped[str | None] = mapped_column(ForeignKey("resident.id"))
    linked_at: Mapped[datetime] = mapped_column(Instant)


class Arrival(Base):
    """Somebody a provider has vouched for who must still say something here: a code of invitation, or which role.

    Bound to the browser they arrived in, by its cookie's digest, and gone in minutes.
    """

    __tablename__ = "arrival"

    browser: Mapped[str] = mapped_column(String(64), primary_key=True)
    provider_id: Mapped[str] = mapped_column(ForeignKey("identity_provider.id"))
    subject: Mapped[str] = mapped_column(String(255))
    upstream_session: Mapped[str | None] = mapped_column(String(255))
    assurance: Mapped[int]
    proved_at: Mapped[datetime | None] = mapped_column(Instant)  # as the provider says; None where it does not
    tries: Mapped[int] = mapped_column(default=0)
    way_back: Mapped[str] = mapped_column(String(500))
    expires_at: Mapped[datetime] = mapped_column(Instant)


class LogoutTokenUse(Base):
    """A logout token's ``jti``, kept until the token would be too old, so that it is used once."""

    __tablename__ = "logout_token_use"

    provider_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    jti: Mapped[str] = mapped_column(String(200), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Instant)
