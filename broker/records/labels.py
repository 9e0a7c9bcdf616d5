"""Find what is sensitive in a record: by what a source states, by codes, by words, and by what an entry is linked to.

Decides nothing about who may see it. Errs on the side of labelling, and never removes a label a source stated.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from broker.records import sensitive_codes
from broker.records.grouping import Groups
from broker.records.source import Coding, RecordEntry
from broker.vocabulary import Sensitivity

Labels = frozenset[Sensitivity]
_NONE: Labels = frozenset()


@dataclass(frozen=True, slots=True)
class Own:
    """What one entry by itself betrays: by what it says, and by who recorded it and where (``whereabouts``)."""

    said: Labels
    whereabouts: Labels


def label(entries: Iterable[RecordEntry], *, together: Iterable[Collection[int]] = ()) -> tuple[RecordEntry, ...]:
    """The same entries, in the same order, each with its labels; labels already on them are worked out again.

    A label spreads along links, in both directions and however far: an appointment must not betray the diagnosis it
    is about, nor a medicine the clinic that gave it. It spreads likewise among ``together``: positions of entries
    that are one thing told by several sources. What a record's whereabouts betray (a clinic's name) stays with that
    entry: the same thing told by somebody else betrays no clinic.
    """
    known = tuple(entries)
    spread_to = spread(known, [own(entry) for entry in known], together=together)
    return tuple(replace(entry, labels=found) for entry, found in zip(known, spread_to, strict=True))


def spread(
    entries: Sequence[RecordEntry], owns: Sequence[Own], *, together: Iterable[Collection[int]] = ()
) -> list[Labels]:
    """Each entry's labels, where what each betrays by itself is already known. See ``label``."""
    groups = Groups(len(entries))
    for positions in (*_linked(entries), *together):
        groups.join(positions)
    shared: dict[int, Labels] = {}
    for position, each in enumerate(owns):
        if each.said:
            shared[groups.of(position)] = shared.get(groups.of(position), _NONE) | each.said
    return [shared.get(groups.of(position), _NONE) | each.whereabouts for position, each in enumerate(owns)]


def own(entry: RecordEntry) -> Own:
    """What an entry betrays by its stated labels, section, codes and words, and by where it comes from."""
    found = set(entry.stated_labels)
    if entry.section in sensitive_codes.SECTIONS:
        found.add(sensitive_codes.SECTIONS[entry.section])
    for coding in entry.codes:
        found |= _by_code(coding)
    said = [entry.title, entry.status, *(coding.display for coding in entry.codes)]
    words = "\n".join((*said, *(f"{name} {text}" for name, text in entry.details)))
    # The item as received may be passed on whole, and say more than was read from it.
    texts, coded = _received(entry.original)
    elsewhere = {entry.provenance.organisation, entry.provenance.recorded_by, *texts}
    unread = "\n".join(sorted(text for text in elsewhere if text not in words))
    return Own(frozenset(found) | in_words(words), in_words(unread) | coded)


def _received(value: Any) -> tuple[set[str], Labels]:
    """Everything an item as received says: in words (addresses are passed over), and what its codes betray."""
    parts, texts, coded = [value], set[str](), _NONE
    for part in parts:  # which grows: no item is nested too deep for this
        if isinstance(part, str):
            if "://" not in part:
                texts.add(part)
        elif isinstance(part, _LISTS):
            parts += part
        elif isinstance(part, Mapping):
            code = part.get("code")
            if isinstance(code, str):
                coded |= _by_code(Coding(str(part.get("system", "")), code))
            parts += [each for name, each in part.items() if name not in _NOT_WORDS]
    return texts, coded


def in_words(text: str) -> Labels:
    """What words betray, wherever in a text they stand."""
    small = text.lower()
    # One pass that almost always fails, then one for each sensitivity only where it did not.
    found = _each_in(text, _ABBREVIATIONS) if _ANY_ABBREVIATION.search(text) else _NONE
    return found | _each_in(small, _PATTERNS) if _ANY.search(small) else found


def _each_in(text: str, patterns: Mapping[Sensitivity, re.Pattern[str]]) -> Labels:
    return frozenset(each for each, pattern in patterns.items() if pattern.search(text))


def _by_code(coding: Coding) -> set[Sensitivity]:
    # By the code alone: SNOMED CT identifiers are unique, and a source may misspell the system.
    found = set(_SNOMED.get(coding.code, ()))
    if "icd" in coding.system.lower():
        found |= {each for each, pattern in _ICD10.items() if pattern.match(coding.code)}
    return found


def _linked(entries: Sequence[RecordEntry]) -> Iterable[tuple[int, ...]]:
    positions: dict[tuple[str, str], list[int]] = {}
    for position, entry in enumerate(entries):
        positions.setdefault((entry.provenance.source, _whole(entry.id)), []).append(position)
    # One item may be shown as several entries, or in two sections: it is still one thing.
    yield from (tuple(each) for each in positions.values() if len(each) > 1)
    # Two entries about the same third are linked through it, though it may not be here to be seen.
    for position, entry in enumerate(entries):
        for other in entry.linked:
            yield (position, *positions.setdefault((entry.provenance.source, _whole(other)), [position]))


def _whole(id: str) -> str:
    """The id of the whole item, of which ``#`` begins the name of a part."""
    return id.partition("#")[0]


def _compiled(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile(r"(?<!\w)(?:" + "|".join(patterns) + r")(?!\w)")


def _words_by_label() -> dict[Sensitivity, tuple[str, ...]]:
    found: dict[Sensitivity, tuple[str, ...]] = dict(sensitive_codes.WORDS)
    for each, names in sensitive_codes.MEDICINES.items():
        found[each] = (*found.get(each, ()), *(re.escape(name) for name in names))
    return found


def _snomed_by_code() -> dict[str, Labels]:
    found = {code: frozenset({each}) for code, each in sensitive_codes.REFERENCE_SETS.items()}
    for each, codes in sensitive_codes.SNOMED.items():
        for code in codes:
            found[code] = found.get(code, frozenset()) | {each}
    return found


_LISTS = (list, tuple)
# Parts of a FHIR resource that hold no words, or words that are never passed on.
_NOT_WORDS = frozenset({"resourceType", "id", "meta", "system", "reference", "url", "identifier", "div"})
_SNOMED = _snomed_by_code()
_ICD10 = {each: re.compile(pattern, re.IGNORECASE) for each, pattern in sensitive_codes.ICD10.items()}
_PATTERNS = {each: _compiled(patterns) for each, patterns in _words_by_label().items()}
_ABBREVIATIONS = {each: _compiled(patterns) for each, patterns in sensitive_codes.ABBREVIATIONS.items()}
_ANY = _compiled(pattern for patterns in _words_by_label().values() for pattern in patterns)
_ANY_ABBREVIATION = _compiled(pattern for patterns in sensitive_codes.ABBREVIATIONS.values() for pattern in patterns)
