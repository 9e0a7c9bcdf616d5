"""What governance keeps: decisions as they can be replayed, impact reports, and what OPA servers say of themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from broker.database import Base, Instant

_KEPT = text("sealed IS NOT NULL")  # so that finding what is due does not slow as more is forgotten


class DecisionRecord(Base):
    """One decision, as it can be made again: its question without names, and its answer, encrypted.

    ``sealed`` holds the pseudonymised question and the answer (``governance/recorded.py``). Past ``kept_until`` it is
    emptied: the hash of the answer stays, the question goes.
    """

    __tablename__ = "decision_record"
    __table_args__ = (
        Index("ix_decision_record_made", "made_at", "decision"),
        Index("ix_decision_record_due", "kept_until", sqlite_where=_KEPT, postgresql_where=_KEPT),
    )

    decision: Mapped[str] = mapped_column(String(32), primary_key=True)  # Decision.id
    made_at: Mapped[datetime] = mapped_column(Instant)
    kept_until: Mapped[datetime] = mapped_column(Instant)
    organisation_code: Mapped[str] = mapped_column(String(40), index=True)
    revision: Mapped[str] = mapped_column(String(100), index=True)
    engine: Mapped[str] = mapped_column(String(80))
    result_hash: Mapped[str] = mapped_column(String(64))  # SHA-256 of the answer as canonical JSON, in hex
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)


class ImpactReport(Base):
    """What a draft would do to real requests, signed, and attached to exactly one text."""

    __tablename__ = "impact_report"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)  # SHA-256 of the report as canonical JSON
    agreement_id: Mapped[str] = mapped_column(String(60), index=True)
    agreement_number: Mapped[int] = mapped_column()
    agreement_digest: Mapped[str] = mapped_column(String(64), index=True)
    base_revision: Mapped[str] = mapped_column(String(100))  # what the draft was compared with
    report: Mapped[dict[str, Any]] = mapped_column(JSON)
    signature: Mapped[str] = mapped_column(Text)  # detached JWS (RFC 7515 App. F) by the key that signs bundles
    made_by: Mapped[str] = mapped_column(String(80))
    made_at: Mapped[datetime] = mapped_column(Instant)


class EngineReport(Base):
    """The last that one OPA server said of itself (OPA status API)."""

    __tablename__ = "engine_report"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)  # labels.id
    version: Mapped[str] = mapped_column(String(40))
    revision: Mapped[str | None] = mapped_column(String(100))  # the revision it enforces
    activated_at: Mapped[datetime | None] = mapped_column(Instant)
    fault: Mapped[str | None] = mapped_column(String(300))
    reported_at: Mapped[datetime] = mapped_column(Instant)


class EngineDecision(Base):
    """One line of an OPA server's decision log, kept once: corroboration of the trail, without question or answer."""

    __tablename__ = "engine_decision"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)  # OPA's decision_id
    engine: Mapped[str] = mapped_column(String(80))
    request: Mapped[str] = mapped_column(String(80), index=True)  # the broker's request id
    revision: Mapped[str | None] = mapped_column(String(100))
    result_hash: Mapped[str | None] = mapped_column(String(64))
    made_at: Mapped[datetime] = mapped_column(Instant)
    received_at: Mapped[datetime] = mapped_column(Instant)
