"""When somebody last read a record, and keyed digests of what was there, so that what is new can be pointed out.

Keeps no entry, title or code: a digest says that a thing was seen before, and nothing of what it is.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from broker.database import Base, Instant


class LastLook(Base):
    """One reader's last look at one resident's record."""

    __tablename__ = "last_look"

    reader: Mapped[str] = mapped_column(String(80), primary_key=True)  # ``person:<id>`` or ``resident:<id>``
    resident_id: Mapped[str] = mapped_column(ForeignKey("resident.id"), primary_key=True)
    looked_at: Mapped[datetime] = mapped_column(Instant)
    seen: Mapped[bytes] = mapped_column(LargeBinary)  # 16 bytes for each entry: which it is, then what it said
