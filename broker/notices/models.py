"""Notices waiting to be read by a resident or a privacy officer, and emergency access that waits for its review."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from broker.database import Base, Instant, new_id


class Notice(Base):
    """One thing one recipient is told. ``about`` names the decision, or the agreement and version."""

    __tablename__ = "notice"
    __table_args__ = (CheckConstraint("(resident_id IS NULL) <> (organisation_code IS NULL)", name="one_recipient"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    resident_id: Mapped[str | None] = mapped_column(ForeignKey("resident.id"), index=True)
    organisation_code: Mapped[str | None] = mapped_column(ForeignKey("organisation.code"), index=True)
    kind: Mapped[str] = mapped_column(String(60))  # the code of an Obligation or a NoticeKind
    about: Mapped[str] = mapped_column(String(64))
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    made_at: Mapped[datetime] = mapped_column(Instant)
    read_at: Mapped[datetime | None] = mapped_column(Instant)


class EmergencyReview(Base):
    """One use of emergency access, and what its organisation's reviewer found. ``decision`` names it on the trail."""

    __tablename__ = "emergency_review"
    __table_args__ = (
        CheckConstraint("(reviewed_at IS NULL) = (appropriate IS NULL)", name="reviewed_says_what"),
        Index("ix_emergency_review_organisation", "organisation_code", "reviewed_at"),
        Index("ix_emergency_review_person", "person_id", "reviewed_at"),
    )

    decision: Mapped[str] = mapped_column(String(64), primary_key=True)
    organisation_code: Mapped[str] = mapped_column(ForeignKey("organisation.code"))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    used_at: Mapped[datetime] = mapped_column(Instant)
    due_at: Mapped[datetime] = mapped_column(Instant)
    reviewed_at: Mapped[datetime | None] = mapped_column(Instant)
    reviewed_by: Mapped[str | None] = mapped_column(String(80))
    appropriate: Mapped[bool | None]
