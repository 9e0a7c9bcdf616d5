"""What an entry is said to hold, to somebody who reads it: its details without what its title and its date say already.

For pages alone. An interface gives every detail as its source gave it, and nothing here changes an entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from broker.records.occasions import LONDON, instant
from broker.records.particulars import plain
from broker.records.source import RecordEntry

# Plain text is what anybody expects, and is not mentioned.
_FORMATS: Final[Mapping[str, str]] = {
    "text/html": "web page",
    "application/pdf": "PDF",
    "application/msword": "Word document",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word document",
    "image/jpeg": "picture",
    "image/png": "picture",
    "image/tiff": "picture",
}


def told(entry: RecordEntry) -> tuple[tuple[str, str], ...]:
    """The details as (label, text), once each. A label that only repeats the title is empty."""
    return tuple(dict.fromkeys(_told(entry)))


def _told(entry: RecordEntry) -> Iterator[tuple[str, str]]:
    title, on = plain(entry.title), _day(entry)
    for label, text in entry.details:
        said = _formats(text) if label == "Format" else text
        if plain(label) == title:
            label = ""
        if said.casefold().startswith(f"{entry.title.casefold()}:"):
            said = said[len(entry.title) + 1 :].strip()
        if said and plain(said) != title and said != on:
            yield label, said


def _day(entry: RecordEntry) -> str:
    """The day as a source's own date is written in details; empty where there is none."""
    if entry.at is None:
        return ""
    at = instant(entry.at).astimezone(LONDON) if isinstance(entry.at, datetime) else entry.at
    return f"{at.day} {at:%B %Y}"


def _formats(text: str) -> str:
    """Media types in words, without those that have none."""
    types = (each.partition(";")[0].strip() for each in text.split(","))
    named = (_FORMATS.get(each.casefold(), "" if "/" in each else each) for each in types)
    return ", ".join(dict.fromkeys(filter(None, named)))
