"""What sets two entries of one name apart. Silence never does: only what both say, and say differently.

One says left and the other right; one says that it is not so, or of somebody else; their titles number differently;
their references, places, doses in a course or descriptions differ; they are different medicines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from broker.records.medicine_names import Medicine
from broker.records.occasions import VISITS
from broker.records.particulars import booked_as, descriptions, places, plain
from broker.records.source import RecordEntry
from broker.vocabulary import Section

_SIDES = frozenset({"left", "right", "bilateral"})
_SITES = frozenset({"Body site", "Site", "Side", "Laterality", "Where on the body"})
_NUMBERED = frozenset({Section.PROBLEMS, Section.PROCEDURES, Section.FAMILY_HISTORY, Section.ALERTS, Section.RISKS})
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}
_ORDINALS = {"first": "1", "1st": "1", "second": "2", "2nd": "2", "third": "3", "3rd": "3", "fourth": "4", "4th": "4"}
_DOSES = re.compile(r"\b(?:dose (\d)|(first|second|third|fourth|1st|2nd|3rd|4th|booster)\b)")
_DENIED = re.compile(
    r"\b(?:no|not|denies|excluded|ruled out|negative for|absence of|family history|fh|at risk of|risk of"
    r"|history of|h o|suspected|query|declined|refused|contraindicated|possible|screening for|previous)\b"
)
_NOT_DONE = re.compile(r"\b(?:not-done|refused|declined|entered-in-error|no-show|noshow)\b")


class Apart(NamedTuple):
    """What may set an entry apart from another of the same name. Two that both say something different are apart."""

    sides: frozenset[str]
    denied: bool
    numbers: frozenset[str]
    said: tuple[tuple[str, frozenset[str]], ...]  # by what it is: a reference, a place, a dose in a course
    medicine: Medicine | None


def what_sets_apart(entry: RecordEntry, title: str, taken: Medicine | None) -> Apart:
    words = set(title.split())
    said = dict[str, frozenset[str]]()
    sides = words & _SIDES
    for name, text in entry.details:
        if name in _SITES:
            sides |= set(plain(text).split()) & _SIDES
    if "bilateral" in words:
        sides = {"bilateral"}
    if entry.section is Section.REFERRALS:
        said["reference"] = booked_as(entry)
    elif entry.section in VISITS:
        said["place"] = places(entry)
    elif entry.section is Section.VACCINATIONS:
        said["dose"] = frozenset(_ORDINALS.get(each, each) for pair in _DOSES.findall(title) for each in pair if each)
    elif entry.section is Section.DOCUMENTS:
        said["description"] = descriptions(entry)
    return Apart(
        sides=frozenset(sides),
        denied=bool(_DENIED.search(title)) or bool(_NOT_DONE.search(entry.status.casefold())),
        numbers=frozenset(_numbers(title)) if entry.section in _NUMBERED else frozenset(),
        said=tuple((what, words) for what, words in said.items() if words),
        medicine=taken,
    )


def apart(one: Apart, other: Apart) -> bool:
    """Whether something said of both shows that they are two things."""
    if one == other:
        return False
    if one.denied != other.denied or (one.sides and other.sides and one.sides != other.sides):
        return True
    if one.numbers and other.numbers and one.numbers != other.numbers:
        return True
    others = dict(other.said)
    if any(what in others and words.isdisjoint(others[what]) for what, words in one.said):
        return True
    return _other_medicine(one.medicine, other.medicine)


def _other_medicine(one: Medicine | None, other: Medicine | None) -> bool:
    if one is None or other is None:
        return False
    # By one code though by other names: a brand and its generic name.
    return not one.may_be(other._replace(names=one.names))


def _numbers(title: str) -> Iterator[str]:
    for word in title.split():
        if word[0].isdigit() or (len(word) > 1 and word[-1].isdigit()):
            yield word
        elif word in _ROMAN:
            yield _ROMAN[word]
