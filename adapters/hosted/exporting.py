"""Everything one source keeps, as a file its organisation takes with it: JSON Lines, or CSV safe in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from .sealed_entry import entry_into
from .store import Held, Kept


class Form(StrEnum):
    JSON_LINES = "jsonl"
    CSV = "csv"


_COLUMNS: Final = (
    "NHS number", "Date of birth", "Local number", "Section", "Title", "Date", "Status", "Details", "Codes",
    "Recorded by", "Added", "Reference",
)  # fmt: skip
# What a spreadsheet takes for the beginning of a formula (CWE-1236).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def export(held: Held, form: Form) -> bytes:
    """Where some items could not be opened, the last line says how many: a part never looks like the whole."""
    return (_json_lines if form is Form.JSON_LINES else _csv)(held).encode()


def _json_lines(held: Held) -> str:
    said = [*map(_as_json, held.items), *([{"not_opened": held.spoiled}] if held.spoiled else [])]
    return "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in said)


def _as_json(kept: Kept) -> Mapping[str, Any]:
    item = kept.item
    return {
        "key": item.key,
        "nhs_number": item.nhs_number,
        "local_id": item.local_id,
        "born_on": item.born_on.isoformat(),
        "added_at": kept.added_at.isoformat(),
        "entry": entry_into(item.entry) if item.entry else None,
    }


def _csv(held: Held) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    writer.writerows([inert(cell) for cell in _as_row(kept)] for kept in held.items)
    if held.spoiled:
        writer.writerow([f"{held.spoiled} items could not be opened, and are not in here."])
    return "\ufeff" + out.getvalue()  # the mark by which spreadsheets know UTF-8


def _as_row(kept: Kept) -> list[str]:
    item, entry = kept.item, kept.item.entry
    who = [item.nhs_number or "", item.born_on.isoformat(), item.local_id or ""]
    if entry is None:
        return [*who, "", "(withdrawn)", "", "", "", "", "", kept.added_at.isoformat(), item.key]
    return [
        *who,
        entry.section.label,
        entry.title,
        entry.at.isoformat() if entry.at else "",
        entry.status,
        "; ".join(f"{label}: {text}" for label, text in entry.details),
        "; ".join(f"{coding.system}|{coding.code}" for coding in entry.codes),
        entry.provenance.recorded_by,
        kept.added_at.isoformat(),
        item.key,
    ]


def inert(cell: str) -> str:
    """``cell`` so that a spreadsheet shows it and never runs it."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) or cell.startswith(_FORMULA) else cell
