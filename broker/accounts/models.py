"""How somebody signs in with the broker itself. Every secret is hashed or sealed: what is kept here opens nothing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from broker.database import Base, Instant, new_id


class Account(Base):
    """One person's own account: the name they type, and the handle that their passkeys know them by."""

    __tablename__ = "account"

    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), primary_key=True)
    sign_in_name: Mapped[str] = mapped_column(String(100), unique=True)  # as ``names.normalised`` has it
    handle: Mapped[bytes] = mapped_column(
        LargeBinary(64), unique=True
    )  # random: a key's owner learns nothing (§14.6.1)
    made_at: Mapped[datetime] = mapped_column(Instant)


class Passkey(Base):
    """A public key credential (W3C Web Authentication Level 3). ``credential_id`` is base64url."""

    __tablename__ = "passkey"
    __table_args__ = (Index("ix_passkey_person", "person_id"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    person_id: Mapped[str] = mapped_column(ForeignKey("account.person_id"))
    credential_id: Mapped[str] = mapped_column(String(1400), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)  # COSE
    sign_count: Mapped[int]
    aaguid: Mapped[str] = mapped_column(String(36))
    transports: Mapped[list[str]] = mapped_column(JSON)
    label: Mapped[str] = mapped_column(String(60))  # the person's own word for it
    made_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)
    removed_at: Mapped[datetime | None] = mapped_column(Instant)


class Password(Base):
    """A password, as Argon2id has it with its own salt and parameters (RFC 9106, PHC string)."""

    __tablename__ = "account_password"

    person_id: Mapped[str] = mapped_column(ForeignKey("account.person_id"), primary_key=True)
    hashed: Mapped[str] = mapped_column(String(200))
    set_at: Mapped[datetime] = mapped_column(Instant)


class TotpSecret(Base):
    """What an app makes six-digit codes from (RFC 6238), sealed. ``last_step`` is the last step a code was taken of."""

    __tablename__ = "totp_secret"

    person_id: Mapped[str] = mapped_column(ForeignKey("account.person_id"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)  # nonce, then AES-256-GCM
    last_step: Mapped[int]
    made_at: Mapped[datetime] = mapped_column(Instant)


class RecoveryCode(Base):
    """A code that stands in for the app's, once, where the telephone is lost."""

    __tablename__ = "recovery_code"
    __table_args__ = (Index("ix_recovery_code_person", "person_id"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("account.person_id"))
    made_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class Invitation(Base):
    """A one-time code with which somebody who works here makes their account.

    Redeemed in one browser, by its visit's digest; finished when they have a way of signing in.
    """

    __tablename__ = "invitation"
    __table_args__ = (
        CheckConstraint("expires_at > made_at", name="ends_after_start"),
        Index("ix_invitation_person", "person_id"),
    )

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    organisation_code: Mapped[str] = mapped_column(ForeignKey("organisation.code"))
    only_here: Mapped[bool]  # good for nobody who works elsewhere too, whose account is more than this organisation's
    made_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    visit: Mapped[str | None] = mapped_column(String(64), index=True)
    redeemed_at: Mapped[datetime | None] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)  # used, or given up for another


class SpentTicket(Base):
    """A ticket that was used (``tickets``), kept until it would have run out, so that it is used once."""

    __tablename__ = "spent_ticket"
    __table_args__ = (Index("ix_spent_ticket_expires_at", "expires_at"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Instant)


class Attempts(Base):
    """How often proving something failed of late, for one name or one part of the network. The key is a keyed hash."""

    __tablename__ = "failed_attempts"
    __table_args__ = (Index("ix_failed_attempts_last_at", "last_at"),)

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(Instant)
    wait_until: Mapped[datetime] = mapped_column(Instant)


class KeptForm(Base):
    """What somebody sent before they had to prove again who they are: sealed, theirs alone, and gone in minutes."""

    __tablename__ = "kept_form"
    __table_args__ = (Index("ix_kept_form_actor", "actor"), Index("ix_kept_form_expires_at", "expires_at"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    actor: Mapped[str] = mapped_column(String(80))
    path: Mapped[str] = mapped_column(String(300))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime] = mapped_column(Instant)
