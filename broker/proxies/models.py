"""Who may act for a resident, and every change to that. Keeps no record, and gives nobody anything by itself.

The model is that of the national proxy service (FHIR R4 Consent between grantor and performer), and more: a pause, a
quiet one for safeguarding, and levels for what this broker does.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broker.database import Base, Code, Codes, Instant, new_id
from broker.identity.models import Resident
from broker.vocabulary import AccessLevel, LegalBasis, ProxyReason, ProxyRelation, ProxyState

_OPEN = text("state IN ('proposed', 'active', 'suspended')")


class Proxy(Base):
    """Somebody who may act for a resident, on a legal basis, as far as ``levels``, until a date.

    ``levels`` are those asked for until it is decided, and then those given. ``agreed_at`` is the resident's own yes.
    ``evidence`` is what the verifier saw, in words: personal, never on the trail. ``warned`` and ``birthday`` are the
    days before the end, and the birthday, that have been dealt with.
    """

    __tablename__ = "proxy"
    __table_args__ = (
        CheckConstraint("resident_id <> proxy_resident_id", name="not_oneself"),
        CheckConstraint("until_at IS NULL OR until_at > from_at", name="ends_after_start"),
        # The national service asks for the granting practice as soon as a role is active (Consent.grantor).
        CheckConstraint("state <> 'active' OR granted_by IS NOT NULL", name="active_is_granted"),
        CheckConstraint(
            "state <> 'active' OR legal_basis <> 'consent' OR agreed_at IS NOT NULL", name="consent_is_given"
        ),
        CheckConstraint("quiet_at IS NULL OR state IN ('suspended', 'inactive')", name="only_an_end_is_quiet"),
        Index(
            "uq_proxy_open", "resident_id", "proxy_resident_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    resident_id: Mapped[str] = mapped_column(ForeignKey("resident.id"), index=True)
    proxy_resident_id: Mapped[str] = mapped_column(ForeignKey("resident.id"), index=True)
    relation: Mapped[ProxyRelation] = mapped_column(Code(ProxyRelation), server_default=ProxyRelation.NOT_STATED.value)
    legal_basis: Mapped[LegalBasis] = mapped_column(Code(LegalBasis))
    levels: Mapped[frozenset[AccessLevel]] = mapped_column(Codes(AccessLevel), server_default="")
    # One that was kept before there were states waits to be looked at.
    state: Mapped[ProxyState] = mapped_column(Code(ProxyState), server_default=ProxyState.PROPOSED.value)
    reason: Mapped[ProxyReason] = mapped_column(
        Code(ProxyReason), server_default=ProxyReason.APPLICATION_SUBMITTED.value
    )
    quiet_at: Mapped[datetime | None] = mapped_column(Instant)  # since when nobody is to learn that it stopped
    granted_by: Mapped[str | None] = mapped_column(ForeignKey("organisation.code"), index=True)
    decided_by: Mapped[str | None] = mapped_column(String(80))
    evidence: Mapped[str] = mapped_column(Text, default="", server_default="")
    agreed_at: Mapped[datetime | None] = mapped_column(Instant)
    from_at: Mapped[datetime] = mapped_column(Instant)
    until_at: Mapped[datetime | None] = mapped_column(Instant)
    reviewed_at: Mapped[datetime | None] = mapped_column(Instant)
    review_due_at: Mapped[datetime | None] = mapped_column(Instant)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
    warned: Mapped[int | None]
    birthday: Mapped[int | None]

    resident: Mapped[Resident] = relationship(foreign_keys=[resident_id], lazy="joined", innerjoin=True)
    proxy_resident: Mapped[Resident] = relationship(foreign_keys=[proxy_resident_id], lazy="joined", innerjoin=True)
    changes: Mapped[list[ProxyChange]] = relationship(
        back_populates="proxy", order_by="ProxyChange.at, ProxyChange.id", cascade="all"
    )

    @property
    def quiet(self) -> bool:
        return self.quiet_at is not None


class ProxyAsking(Base):
    """That a resident asked: to let somebody act for them (``appoints``), or to act for somebody. Who, is not in it.

    Kept whether or not there is such a person and whatever stands already, so that the page of whoever asked tells
    nothing. ``proxy_id`` is the application that it made, where it made one; never shown. Gone with its yes.
    """

    __tablename__ = "proxy_asking"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    resident_id: Mapped[str] = mapped_column(ForeignKey("resident.id"), index=True)
    appoints: Mapped[bool]
    proxy_id: Mapped[str | None] = mapped_column(ForeignKey("proxy.id"), index=True)
    asked_at: Mapped[datetime] = mapped_column(Instant)


class ProxyChange(Base):
    """One change to a proxy: its state and the reason for it, in one act. Never altered afterwards."""

    __tablename__ = "proxy_change"
    __table_args__ = (CheckConstraint("reason <> 'other' OR words <> ''", name="other_says_more"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    proxy_id: Mapped[str] = mapped_column(ForeignKey("proxy.id"), index=True)
    at: Mapped[datetime] = mapped_column(Instant)
    before: Mapped[ProxyState | None] = mapped_column(Code(ProxyState))
    state: Mapped[ProxyState] = mapped_column(Code(ProxyState))
    reason: Mapped[ProxyReason] = mapped_column(Code(ProxyReason))
    words: Mapped[str] = mapped_column(Text, default="")
    by: Mapped[str] = mapped_column(String(80))
    quiet: Mapped[bool]

    proxy: Mapped[Proxy] = relationship(back_populates="changes")
