"""What an entry says beside its title: where, with whom, by which reference. And how any words are compared.

Case, punctuation and spacing never tell two things apart; what any place may be called names none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from broker.records.source import RecordEntry

_WORDS = re.compile(r"\w+(?:\.\d+)*")
_PLACES = frozenset({"Where", "Place", "Location", "Hospital", "Organisation"})
_PEOPLE = frozenset({"With", "By", "Seen by", "Author"})
_ANY_PLACE = frozenset(
    {
        *("the", "of", "at", "and", "hospital", "hospitals", "trust", "nhs", "foundation", "ward", "clinic"),
        *("department", "emergency", "unit", "centre", "site", "a", "e"),
    }
)
_REFERENCED = re.compile(r"\bubrn\b|booking reference|referral (?:reference|number|id)", re.IGNORECASE)


def plain(text: str) -> str:
    """Case, punctuation and spacing aside. Numbers keep their points."""
    return " ".join(_WORDS.findall(text.casefold()))


def places(entry: RecordEntry) -> frozenset[str]:
    """The words of the places that are named, without those that any place may have."""
    named = [text for name, text in entry.details if name in _PLACES]
    named.append(entry.provenance.organisation)
    words = {word for text in named for word in plain(text).split()}
    return frozenset(words - _ANY_PLACE)


def descriptions(entry: RecordEntry) -> frozenset[str]:
    """What a document says that it is, beside its title."""
    return frozenset(plain(text) for name, text in entry.details if name == "Description" and text)


def beside(entry: RecordEntry) -> frozenset[str]:
    """Who, where or what, beside a title that anybody gives."""
    named = {plain(entry.provenance.recorded_by), plain(entry.provenance.organisation)}
    named |= {plain(text) for name, text in entry.details if name in _PLACES or name in _PEOPLE}
    return frozenset(named - {""}) | descriptions(entry)


def booked_as(entry: RecordEntry) -> frozenset[str]:
    """References that a booking service gave, so that both ends have the same."""
    found = {_reference(text) for name, text in entry.details if _REFERENCED.search(name)}
    found |= {_reference(coding.code) for coding in entry.codes if "ubrn" in coding.system.casefold()}
    found |= {_reference(value) for value in _identified(entry.original)}
    return frozenset(found - {""})


def _identified(original: Mapping[str, Any]) -> Iterator[str]:
    identifiers = original.get("identifier") if original else None
    for each in identifiers if isinstance(identifiers, list) else ():
        if isinstance(each, Mapping) and "ubrn" in str(each.get("system", "")).casefold():
            yield str(each.get("value", ""))


def _reference(text: str) -> str:
    return re.sub(r"[^0-9a-z]", "", text.casefold())
