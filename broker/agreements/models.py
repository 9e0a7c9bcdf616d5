"""A sharing agreement between organisations, its signatures, and the states it moves through."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broker.database import Base, Code, Instant, new_id
from broker.vocabulary import AgreementState, Level

# From each state, the states that may follow. The diagram in docs is drawn from this table.
TRANSITIONS: dict[AgreementState, frozenset[AgreementState]] = {
    AgreementState.DRAFT: frozenset({AgreementState.IN_REVIEW, AgreementState.ENDED}),
    AgreementState.IN_REVIEW: frozenset({AgreementState.DRAFT, AgreementState.APPROVED, AgreementState.ENDED}),
    AgreementState.APPROVED: frozenset({AgreementState.IN_FORCE, AgreementState.ENDED}),
    AgreementState.IN_FORCE: frozenset({AgreementState.SUSPENDED, AgreementState.ENDED}),
    AgreementState.SUSPENDED: frozenset({AgreementState.IN_FORCE, AgreementState.ENDED}),
    AgreementState.ENDED: frozenset(),
}


class SharingAgreement(Base):
    """One agreement. ``document`` is the whole text as data (``agreements/document.py``); the columns index it."""

    __tablename__ = "sharing_agreement"

    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    title: Mapped[str] = mapped_column(String(300))
    level: Mapped[Level] = mapped_column(Code(Level))
    place_code: Mapped[str | None] = mapped_column(ForeignKey("place.code"))
    under: Mapped[str | None] = mapped_column(ForeignKey("sharing_agreement.id"))
    state: Mapped[AgreementState] = mapped_column(Code(AgreementState))
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    digest: Mapped[str] = mapped_column(String(64))  # SHA-256 of the canonical document; signatures bind to it
    from_at: Mapped[datetime] = mapped_column(Instant)
    until_at: Mapped[datetime] = mapped_column(Instant)
    changed_at: Mapped[datetime] = mapped_column(Instant)

    signatures: Mapped[list[Signature]] = relationship(back_populates="agreement")

    def in_force(self, *, at: datetime) -> bool:
        return self.state is AgreementState.IN_FORCE and self.from_at <= at < self.until_at


class Signature(Base):
    """One party's signature on exactly one text."""

    __tablename__ = "agreement_signature"
    __table_args__ = (UniqueConstraint("agreement_id", "organisation_code", "digest"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    agreement_id: Mapped[str] = mapped_column(ForeignKey("sharing_agreement.id"))
    organisation_code: Mapped[str] = mapped_column(ForeignKey("organisation.code"))
    digest: Mapped[str] = mapped_column(String(64))
    signed_by: Mapped[str] = mapped_column(String(200))
    signed_at: Mapped[datetime] = mapped_column(Instant)

    agreement: Mapped[SharingAgreement] = relationship(back_populates="signatures")


class PolicyRevision(Base):
    """A published set of rules and agreements. The newest row is the one in force; engines load exactly it."""

    __tablename__ = "policy_revision"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    revision: Mapped[str] = mapped_column(String(100), unique=True)
    digest: Mapped[str] = mapped_column(String(64))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    published_at: Mapped[datetime] = mapped_column(Instant)
