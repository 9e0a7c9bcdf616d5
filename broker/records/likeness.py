"""What an entry is compared with others by, worked out of that entry alone: its names, and its occasion.

Two entries that share a key may be one thing, and each key says how surely it names one. Decides nothing: what is then
joined is for ``sameness`` to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from broker.records.medicine_names import Medicine, medicine
from broker.records.naming import MEANT, USUAL, USUAL_TITLES, Key, code_of, kind_of_stay, names_of
from broker.records.occasions import Occasion, instant, occasion_of
from broker.records.particulars import beside, booked_as, plain
from broker.records.source import RecordEntry
from broker.vocabulary import Section

# How surely a key names one thing: the surest are joined first.
_REFERENCE, _CODE_AND_NAME, _CODE, _NAME = range(4)


class Likeness(NamedTuple):
    """What an entry is compared by, worked out once. ``keys`` is empty where no other entry could tell of the same.

    ``order`` is a key to sort by: newest first, undated last, then by title so that the order is always the same.
    """

    source: str
    keys: tuple[tuple[int, Key], ...]
    entry: RecordEntry
    title: str
    medicine: Medicine | None
    occasion: Occasion | None
    order: tuple[float, str, str, str]


class Comparer:
    """Reads what entries are compared by. What it remembers of their titles is forgotten with it."""

    def __init__(self) -> None:
        self._titles: dict[str, str] = {}
        self._medicines: dict[str, Medicine] = {}
        self._names: dict[tuple[Section, str], tuple[Key, ...]] = {}

    def likeness(self, entry: RecordEntry) -> Likeness:
        title = self._titles.get(entry.title)
        if title is None:
            title = self._titles[entry.title] = plain(entry.title)
        occasion = occasion_of(entry)
        source = entry.provenance.source
        taken = self._medicine(entry.title) if entry.section is Section.MEDICATIONS else None
        return Likeness(
            source=source,
            keys=tuple(self._keys(entry, title, taken, occasion)) if occasion else (),
            entry=entry,
            title=title,
            medicine=taken,
            occasion=occasion,
            order=(-instant(entry.at).timestamp(), title, source, entry.id),
        )

    def _medicine(self, title: str) -> Medicine:
        known = self._medicines.get(title)
        if known is None:
            known = self._medicines[title] = medicine(title)
        return known

    def _keys(
        self, entry: RecordEntry, title: str, taken: Medicine | None, occasion: Occasion
    ) -> Iterator[tuple[int, Key]]:
        section = entry.section
        if section is Section.REFERRALS:
            yield from ((_REFERENCE, ("reference", each)) for each in booked_as(entry))
        elif section is Section.ADMISSIONS and (kind := kind_of_stay(entry)):
            yield (_NAME, (section, occasion, "kind", kind))
        elif section in USUAL_TITLES and USUAL.fullmatch(title):
            yield from ((_NAME, (section, occasion, title, each)) for each in sorted(beside(entry)))
            return
        named = self._names.get((section, entry.title))
        if named is None:
            named = self._names[section, entry.title] = tuple(names_of(section, entry.title, title, taken))
        for each in named:
            yield (_NAME, (section, occasion, each))
        # One code may stand for a substance in every strength.
        taking = (taken.strength, taken.form, taken.release) if taken else ()
        for coding in entry.codes:
            if coding.code:
                code = code_of(coding)
                yield (_CODE_AND_NAME, (section, occasion, code, title))
                yield (_CODE, (section, occasion, code, taking))
                if (meant := MEANT.get((section, code[1]))) and code[0] in ("snomed", "icd10"):
                    yield (_NAME, (section, occasion, meant))
