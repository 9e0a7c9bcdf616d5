"""A resident's own word on what is sensitive, brought to where a record is assembled.

Keeps no entry's id and nothing that an entry says: an entry is known here by keyed digests, which say nothing to
whoever reads the database. That something is sensitive is said of the entry, whatever it comes to say; that it is not
is said of what the entry says now, for an id may stay while what stands under it becomes something else.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.consent.labelling import Keys
from broker.consent.models import LabelChoice
from broker.records.own_labels import Choices, content_of
from broker.records.source import RecordEntry
from broker.settings import Settings
from broker.vocabulary import Sensitivity

SECRET = "label-choices"  # noqa: S105  the name of one, not one


def entry_key(secret: bytes | Settings, source: str, entry_id: str) -> str:
    """The name a choice knows an entry by: 64 hexadecimal digits, the same each time, and useless without the key."""
    return _digest(_secret(secret), f"{len(source)}:{source}{entry_id}".encode())


def keys_of(secret: bytes | Settings, entry: RecordEntry) -> Keys:
    """The names of an entry, and of it as it stands now: of the same shape, and never the same."""
    key, source = _secret(secret), entry.provenance.source
    return Keys(entry_key(key, source, entry.id), _content_key(key, entry))


def choices_for(session: Session, settings: Settings, resident: str) -> Choices | None:
    """What ``resident`` says of their entries; None where they have said nothing, as nearly everybody."""
    found = session.scalars(
        select(LabelChoice)
        .where(LabelChoice.resident_id == resident, LabelChoice.ended_at.is_(None))
        .order_by(LabelChoice.made_at, LabelChoice.id)
    ).all()
    return _said(_secret(settings), found) if found else None


def _said(key: bytes, choices: Iterable[LabelChoice]) -> Choices:
    added: dict[str, dict[Sensitivity, bool]] = {}
    disputed: dict[str, dict[Sensitivity, bool]] = {}
    for choice in choices:
        (added if choice.applies else disputed).setdefault(choice.entry, {})[choice.sensitivity] = choice.applies

    def said(entry: RecordEntry) -> dict[Sensitivity, bool]:
        opens = disputed.get(_content_key(key, entry), {}) if disputed else {}
        # What narrows stands over what opens, where two records that became one said both.
        return {**opens, **added.get(entry_key(key, entry.provenance.source, entry.id), {})}

    return said


def _content_key(key: bytes, entry: RecordEntry) -> str:
    source, id = entry.provenance.source, entry.id
    named = f"as it says:{len(source)}:{source}{len(id)}:{id}".encode()
    return _digest(key, named + b"\n" + content_of(entry))


def _digest(key: bytes, named: bytes) -> str:
    return hmac.digest(key, named, "sha256").hex()


def _secret(secret: bytes | Settings) -> bytes:
    return secret if isinstance(secret, bytes) else secret.secret(SECRET)
