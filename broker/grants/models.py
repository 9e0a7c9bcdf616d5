"""What an authorization server keeps between two requests, each secret as its SHA-256. Nothing here opens a record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from broker.database import Base, Code, Instant, new_id
from broker.vocabulary import Role


class Grant(Base):
    """What somebody let one client do: who they are, what was asked for, what they gave, and until when.

    A worker's grant names ``person_id`` and ``organisation_code``; a resident's own names ``resident_id``; one that a
    resident gave an organisation names ``organisation_code`` and the ``consent_id`` it stands on. ``requested`` and
    ``granted`` are authorization details (RFC 9396), or None where there were none.
    """

    __tablename__ = "access_grant"
    __table_args__ = (
        CheckConstraint("ends_at > made_at", name="ends_after_start"),
        Index("ix_access_grant_client", "client_id"),
        Index("ix_access_grant_consent", "consent_id"),
        Index("ix_access_grant_person", "person_id"),
        Index("ix_access_grant_resident", "resident_id"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    client_id: Mapped[str] = mapped_column(ForeignKey("client.id"))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    resident_id: Mapped[str | None] = mapped_column(ForeignKey("resident.id"))
    organisation_code: Mapped[str | None] = mapped_column(ForeignKey("organisation.code"))
    role: Mapped[Role] = mapped_column(Code(Role))
    acting: Mapped[str | None] = mapped_column(String(80))
    consent_id: Mapped[str | None] = mapped_column(ForeignKey("consent.id"))
    scopes: Mapped[str] = mapped_column(String(500))
    requested: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    granted: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    assurance: Mapped[int]
    authenticated_at: Mapped[datetime | None] = mapped_column(Instant)
    made_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class PushedRequest(Base):
    """A pushed authorization request (RFC 9126). It is used up by the answer to it, never by being looked at."""

    __tablename__ = "pushed_request"
    __table_args__ = (Index("ix_pushed_request_client_made_at", "client_id", "made_at"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("client.id"))
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)  # as checked when it was pushed
    jkt: Mapped[str | None] = mapped_column(String(64))
    made_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    answered_at: Mapped[datetime | None] = mapped_column(Instant)


class AuthorizationCode(Base):
    """A code (RFC 6749 §4.1), spent once. Spent twice, it ends the grant it was for."""

    __tablename__ = "authorization_code"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    grant_id: Mapped[str] = mapped_column(ForeignKey("access_grant.id"))
    redirect_uri: Mapped[str] = mapped_column(String(500))
    challenge: Mapped[str] = mapped_column(String(64))  # S256 (RFC 7636)
    jkt: Mapped[str | None] = mapped_column(String(64))  # the key that the request was bound to (RFC 9449 §10)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    spent_at: Mapped[datetime | None] = mapped_column(Instant)


class RefreshToken(Base):
    """A refresh token, bound to one key and never rotated (FAPI 2.0 SP §5.3.2.1). Ends with its grant."""

    __tablename__ = "refresh_token"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    grant_id: Mapped[str] = mapped_column(ForeignKey("access_grant.id"), index=True)
    jkt: Mapped[str] = mapped_column(String(64))
    issued_at: Mapped[datetime] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


class ProofUse(Base):
    """A DPoP proof, kept as a digest of its key and ``jti`` until it would be too old, so that it is used once."""

    __tablename__ = "proof_use"
    __table_args__ = (Index("ix_proof_use_expires_at", "expires_at"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Instant)


class BackchannelRequest(Base):
    """A request to somebody who is not here (OpenID Connect CIBA, poll mode), which is also an access request."""

    __tablename__ = "backchannel_request"
    __table_args__ = (Index("ix_backchannel_request_request", "request_id"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("client.id"))
    request_id: Mapped[str] = mapped_column(ForeignKey("access_request.id"))
    scopes: Mapped[str] = mapped_column(String(500))
    requested: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    jkt: Mapped[str | None] = mapped_column(String(64))  # the key it was asked with, where that was proven
    interval: Mapped[int]  # seconds that must pass between two polls
    polled_at: Mapped[datetime | None] = mapped_column(Instant)
    made_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    spent_at: Mapped[datetime | None] = mapped_column(Instant)
