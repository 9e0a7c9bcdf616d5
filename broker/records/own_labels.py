"""What one entry betrays by itself: by what its source states, by codes and by words, and by where it comes from.

Knows nothing of any other entry: how a label spreads from one to another is ``spreading``. Errs on the side of
labelling, and never removes a label a source stated.

**What a resident says.** A label that they add is as one said by a source. One that they dispute is taken from that
entry where it was only worked out, and so does not spread from there; never where a source stated it, or where
something linked to it is surely so. What the law restricts, safeguarding, and what is about somebody else are not
theirs to dispute. A dispute is of what the entry says (``content_of``): of what it comes to say later, nothing is said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broker.records import sensitive_codes, sensitive_medicines, sensitive_words
from broker.records.source import Coding, LabelBasis, RecordEntry
from broker.records.words import Lookout
from broker.vocabulary import LabelSource, Section, Sensitivity

Labels = frozenset[Sensitivity]
Bases = frozenset[LabelBasis]
# What a resident says of an entry as it stands: of each sensitivity, whether it applies.
Choices = Callable[[RecordEntry], Mapping[Sensitivity, bool]]

GROWN_UP = 18
NOT_THEIRS_TO_DISPUTE = frozenset(
    {*(each for each in Sensitivity if each.in_law), Sensitivity.SAFEGUARDING, Sensitivity.THIRD_PARTY}
)
# What was not worked out by the broker, but told to it.
TOLD = frozenset({LabelSource.STATED, LabelSource.REFERENCE_SET, LabelSource.SECTION, LabelSource.RESIDENT})

NONE: Labels = frozenset()
_NO_BASES: Bases = frozenset()


@dataclass(frozen=True, slots=True)
class Own:
    """What one entry by itself betrays: by what it says, and by who recorded it and where (``whereabouts``).

    ``bases`` are how each is known; ``told`` what is surely so; ``disputed`` what the resident says it is not.
    """

    said: Labels = NONE
    whereabouts: Labels = NONE
    bases: Bases = _NO_BASES
    told: Labels = NONE
    disputed: Labels = NONE


ORDINARY = Own()


class Reader:
    """Reads entries of one record, one by one. What it remembers of their words is forgotten with it.

    ``age`` is the resident's, in years: some things are sensitive in a child's record alone. None where it is not
    known, or where the record is of nobody.
    """

    def __init__(self, *, age: int | None = None, choices: Choices | None = None) -> None:
        self._child = age is not None and age < GROWN_UP
        self._words = _CHILD_WORDS if self._child else _WORDS if age is None else _ADULT_WORDS
        self._choices = choices
        self._known: dict[str, Bases] = {}

    def own(self, entry: RecordEntry) -> Own:
        """What an entry betrays by its stated labels, section, codes and words, and by where it comes from."""
        said: set[LabelBasis] = set()
        said.update(LabelBasis(each, LabelSource.STATED) for each in entry.stated_labels)
        said.update(_SECTIONS.get(entry.section, ()))
        if self._child:
            said.update(_CHILD_SECTIONS.get(entry.section, ()))
        texts = [entry.title, entry.status, *(f"{name} {text}" for name, text in entry.details)]
        for coding in entry.codes:
            said |= self._by_code(coding)
            texts.append(coding.display)
        for text in texts:
            said |= self._in(text)
        whereabouts = self._whereabouts(entry, texts)
        choices = self._choices(entry) if self._choices else None
        if not said and not whereabouts and not choices:
            return ORDINARY
        return _own(said, whereabouts, choices or {})

    def _whereabouts(self, entry: RecordEntry, texts: Sequence[str]) -> set[LabelBasis]:
        """What is betrayed by who recorded it, and by the item as received, which may be passed on whole."""
        found: set[LabelBasis] = set()
        unread, codings = _received(entry.original)
        unread.add(entry.provenance.organisation)
        unread.add(entry.provenance.recorded_by)
        for coding in codings:
            found |= self._by_code(coding)
        for text in unread:
            betrayed = self._in(text)
            if betrayed and not any(text in each for each in texts):
                found.update(LabelBasis(each.sensitivity, LabelSource.WHEREABOUTS) for each in betrayed)
        return found

    def _in(self, text: str) -> Bases:
        known = self._known.get(text)
        if known is None:
            known = self._known[text] = self._words.found_in(text)
        return known

    def _by_code(self, coding: Coding) -> Bases:
        # By the code alone: SNOMED CT identifiers are unique, and a source may misspell the system.
        found = _SNOMED.get(coding.code, _NO_BASES)
        if self._child and coding.code in _CHILD_SNOMED:
            found = found | _CHILD_SNOMED[coding.code]
        system = coding.system
        if system in _PLAIN_SYSTEMS:
            return found
        system = system.lower()
        if "icd" in system or "2.16.840.1.113883.6.3" in system:
            found |= _matching(coding.code, _ICD10)
            if self._child:
                found |= _matching(coding.code, _CHILD_ICD10)
        elif "opcs" in system:
            found |= _matching(coding.code, _OPCS4)
        return found


def in_words(text: str) -> Labels:
    """What words betray, wherever in a text they stand."""
    return frozenset(each.sensitivity for each in _WORDS.found_in(text))


def content_of(entry: RecordEntry) -> bytes:
    """All that an entry's labels are worked out from, at any age: what changes this may be about something else.

    Of the item as received, its codes and those of its words that betray: a row's other columns change every month.
    """
    unread, codings = _received(entry.original)
    said = (
        entry.section.value,
        entry.title,
        entry.status,
        entry.at.isoformat() if entry.at else "",
        [(each.system, each.code, each.display) for each in entry.codes],
        entry.details,
        sorted(entry.stated_labels),
        entry.provenance.organisation,
        entry.provenance.recorded_by,
        sorted({text for text in unread if any(words.found_in(text) for words in _ALL_WORDS)}),
        sorted({(each.system, each.code) for each in codings}),
    )
    return json.dumps(said, ensure_ascii=True).encode()


def _own(said: set[LabelBasis], whereabouts: set[LabelBasis], choices: Mapping[Sensitivity, bool]) -> Own:
    disputed = frozenset(each for each, applies in choices.items() if not applies and each not in NOT_THEIRS_TO_DISPUTE)
    added = {each for each, applies in choices.items() if applies and not each.in_law}
    said = {each for each in said if each.sensitivity not in disputed or each.source in TOLD}
    said |= {LabelBasis(each, LabelSource.RESIDENT) for each in added}
    whereabouts = {each for each in whereabouts if each.sensitivity not in disputed}
    return Own(
        said=frozenset(each.sensitivity for each in said),
        whereabouts=frozenset(each.sensitivity for each in whereabouts),
        bases=frozenset(said | whereabouts),
        told=frozenset(each.sensitivity for each in said if each.source in TOLD),
        disputed=disputed,
    )


def _received(original: Mapping[str, Any]) -> tuple[set[str], list[Coding]]:
    """Everything an item as received says: in words (addresses are passed over), and its codes that may betray."""
    parts: list[Any] = [original]
    texts: set[str] = set()
    codings: list[Coding] = []
    for part in parts:  # which grows: no item is nested too deep for this
        if type(part) is dict or isinstance(part, Mapping):
            code = part.get("code")
            if type(code) is str:
                codings.append(Coding(str(part.get("system", "")), code))
            for name, each in part.items():
                if type(each) is str:
                    if len(each) >= _SHORTEST and name not in _NOT_WORDS and "://" not in each:
                        texts.add(each)
                elif type(each) in _DEEPER and name not in _NOT_WORDS:
                    parts.append(each)
        elif type(part) is str:
            if "://" not in part:
                texts.add(part)
        elif isinstance(part, _LISTS):
            parts += part
        elif type(part) not in _FLAT and isinstance(part, Mapping):
            parts.append(dict(part))
    return texts, codings


def _matching(code: str, patterns: Iterable[tuple[LabelBasis, re.Pattern[str]]]) -> Bases:
    return frozenset(basis for basis, pattern in patterns if pattern.match(code))


def _codes(*tables: Mapping[Sensitivity, Mapping[str, str]]) -> dict[str, Bases]:
    found: dict[str, Bases] = {}
    for table in tables:
        for each, codes in table.items():
            for code in codes:
                found[code] = found.get(code, _NO_BASES) | {LabelBasis(each, LabelSource.CODE)}
    return found


def _snomed() -> dict[str, Bases]:
    found = _codes(sensitive_codes.SNOMED)
    for code, each in sensitive_codes.REFERENCE_SETS.items():
        found[code] = found.get(code, _NO_BASES) | {LabelBasis(each, LabelSource.REFERENCE_SET)}
    return found


def _patterns(table: Mapping[Sensitivity, str]) -> tuple[tuple[LabelBasis, re.Pattern[str]], ...]:
    return tuple(
        (LabelBasis(each, LabelSource.CODE), re.compile(f"(?:{pattern})", re.IGNORECASE))
        for each, pattern in table.items()
    )


def _sections(table: Mapping[Section, Sensitivity]) -> dict[Section, tuple[LabelBasis, ...]]:
    return {section: (LabelBasis(each, LabelSource.SECTION),) for section, each in table.items()}


def _lookout(*more: tuple[LabelSource, Mapping[Sensitivity, tuple[str, ...]]]) -> Lookout[LabelBasis]:
    looked_for: dict[LabelBasis, list[str]] = {}
    medicines = {each: tuple(map(re.escape, names)) for each, names in sensitive_medicines.MEDICINES.items()}
    always = ((LabelSource.WORDS, sensitive_words.WORDS), (LabelSource.MEDICINE, medicines))
    for source, table in (*always, *more):
        for each, patterns in table.items():
            looked_for.setdefault(LabelBasis(each, source), []).extend(patterns)
    written = {LabelBasis(each, LabelSource.WORDS): pats for each, pats in sensitive_words.ABBREVIATIONS.items()}
    return Lookout(looked_for, written)


def _escaped(table: Mapping[Sensitivity, tuple[str, ...]]) -> Iterator[tuple[Sensitivity, tuple[str, ...]]]:
    return ((each, tuple(map(re.escape, names))) for each, names in table.items())


_LISTS = (list, tuple)
_DEEPER = frozenset({dict, list, tuple})
_FLAT = frozenset({int, float, bool, type(None)})
_SHORTEST = 3  # letters of anything looked for
# Parts of a FHIR resource that hold no words, or words that are never passed on.
_NOT_WORDS = frozenset({"resourceType", "id", "meta", "system", "reference", "url", "identifier", "div"})
_PLAIN_SYSTEMS = frozenset({"http://snomed.info/sct", "http://loinc.org", "https://dmd.nhs.uk"})
_SNOMED = _snomed()
_CHILD_SNOMED = _codes(sensitive_codes.CHILD_SNOMED)
_ICD10 = _patterns(sensitive_codes.ICD10)
_CHILD_ICD10 = _patterns(sensitive_codes.CHILD_ICD10)
_OPCS4 = _patterns(sensitive_codes.OPCS4)
_SECTIONS = _sections(sensitive_codes.SECTIONS)
_CHILD_SECTIONS = _sections(sensitive_codes.CHILD_SECTIONS)
_WORDS = _lookout()
_ADULT_WORDS = _lookout((LabelSource.WORDS, sensitive_words.ADULT_WORDS))
_CHILD_WORDS = _lookout(
    (LabelSource.WORDS, sensitive_words.CHILD_WORDS),
    (LabelSource.MEDICINE, dict(_escaped(sensitive_medicines.CHILD_MEDICINES))),
)
_ALL_WORDS = (_WORDS, _ADULT_WORDS, _CHILD_WORDS)
