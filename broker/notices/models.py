"""Notices waiting to be read: to a resident, or to an organisation's privacy officer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String
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
