"""An entry as what is sealed, and back. Keeps what the entry says and nothing of the message it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from broker.records.source import Coding, Provenance, RecordEntry
from broker.vocabulary import Section, Sensitivity


def entry_into(entry: RecordEntry) -> dict[str, Any]:
    """Labels of ours are not kept: they are made anew for every view. The source's own name is added later."""
    return {
        "section": entry.section.value,
        "title": entry.title,
        "at": entry.at.isoformat() if entry.at else None,
        "status": entry.status,
        "codes": [[coding.system, coding.code, coding.display] for coding in entry.codes],
        "details": [list(pair) for pair in entry.details],
        "linked": list(entry.linked),
        "stated_labels": sorted(label.value for label in entry.stated_labels),
        "received_at": entry.provenance.received_at.isoformat(),
        "organisation": entry.provenance.organisation,
        "recorded_by": entry.provenance.recorded_by,
        "sent": str(entry.original.get("sent", "")),  # when the sender's system said so: what is older replaces nothing
    }


def entry_from(kept: Mapping[str, Any], *, id: str) -> RecordEntry:
    """Raises ValueError, KeyError or TypeError for what is not an entry. Its source is empty until it is read out."""
    return RecordEntry(
        id=id,
        section=Section(kept["section"]),
        title=kept["title"],
        provenance=Provenance(
            "", datetime.fromisoformat(kept["received_at"]), kept["organisation"], kept["recorded_by"]
        ),
        at=_when(kept["at"]),
        status=kept["status"],
        codes=tuple(Coding(*each) for each in kept["codes"]),
        details=tuple((label, text) for label, text in kept["details"]),
        linked=tuple(kept["linked"]),
        stated_labels=frozenset(Sensitivity(code) for code in kept["stated_labels"]),
        original={"sent": kept["sent"]} if kept.get("sent") else {},
    )


def _when(text: str | None) -> date | datetime | None:
    if text is None:
        return None
    return date.fromisoformat(text) if len(text) == len("2026-01-31") else datetime.fromisoformat(text)
