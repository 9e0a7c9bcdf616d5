"""What a thing is called, so that two sources that call it otherwise are seen to mean the same.

A medicine by its name, strength and form; an allergy by its substance; a vaccination by what it is against; a problem
by its words in any order, or by the condition that they or a classification's code are another name of; a stay by its
kind. Knows only the names it is given (``synonyms``): what is called otherwise still stands apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from broker.records.medicine_names import Medicine, medicine
from broker.records.particulars import plain
from broker.records.source import Coding, RecordEntry
from broker.records.synonyms import ALLERGENS, CONDITIONS, VACCINES, Names
from broker.vocabulary import Section

Key = tuple[object, ...]

# Titles that anybody gives, in sections where they are usual: by themselves they name nothing.
USUAL_TITLES = frozenset({Section.PROFESSIONAL_CONTACTS, Section.DOCUMENTS, Section.APPOINTMENTS})
USUAL = re.compile(
    r"(?:consultation|contact|review|visit|home visit|telephone|telephone call|telephone consultation|phone call"
    r"|appointment|follow up|assessment|encounter|note|notes|consultation note|letter|clinic letter|report|document"
    r"|discharge summary|discharge letter|outpatient letter|clinical letter|referral letter|email|face to face"
    r"|consultation letter|care plan|summary|correspondence|attachment|scan|image|form)s?"
)
_ANY_CONDITION = frozenset(
    {
        *("nos", "disorder", "disease", "mellitus", "unspecified", "the", "of", "a", "an", "in", "with"),
        *("diagnosis", "confirmed"),
    }
)
_STAYS = tuple(
    (kind, re.compile(rf"\b(?:{pattern})\b"))
    for kind, pattern in (
        ("discharge", r"discharged?"),
        ("day case", r"day ?case|day surgery|day unit"),
        ("stay", r"inpatient|admission|admitted|hospital stay|in hospital|overnight stay"),
        ("emergency", r"emergency|a e|accident and emergency|casualty|ed attendance"),
    )
)
_NO_KNOWN = re.compile(r"(?:no known|nil known|nka$|nkda$|no (?:drug )?allerg)")
_ALLERGY = re.compile(
    r" (?:(?:allergy|allergic|allergic  reaction|adverse  reaction|intolerance|intolerant|hypersensitivity|sensitivity"
    r"|anaphylaxis|anaphylactic  reaction)  (?:to|of)|adverse  reaction  caused  by|(?:drug|food)  allergy"
    r"|allergy|allergic|intolerance|hypersensitivity|adverse  reaction|product|substance|disorder|finding) "
)


def names_of(section: Section, title: str, said: str, taken: Medicine | None) -> Iterator[Key]:
    """What a title, and the same in plain words (``said``), names; of a medicine, what was read of it (``taken``)."""
    if not said:
        return
    if taken is not None:
        yield from (("medicine", name, taken.strength, taken.form, taken.release) for name in sorted(taken.names))
    elif section is Section.ALLERGIES:
        yield from _allergen(said)
    elif section is Section.VACCINATIONS:
        targets = frozenset(name for name, pattern in _VACCINES if pattern.search(title.casefold()))
        yield ("against", targets) if targets else ("title", said)
    elif section is Section.PROBLEMS:
        words = _bag(said)
        yield _CONDITIONS.get(words) or ("words", words)
    else:
        yield ("title", said)


def _allergen(said: str) -> Iterator[Key]:
    yield ("none known", said) if _NO_KNOWN.match(said) else ("allergen", substance(said))


def substance(title: str) -> str:
    """What somebody is allergic to, where a title names it: without the words that say that they are."""
    said = plain(title)
    to = " ".join(_ALLERGY.sub(" ", f" {said.replace(' ', '  ')} ").split()) or said
    if known := _ALLERGENS.get(to):
        return known
    name = min(medicine(to).names, default=to)
    if len(name) > 5 and name.endswith("ies"):
        return name[:-3] + "y"
    return name[:-1] if len(name) > 4 and name.endswith("s") and not name.endswith("ss") else name


def _bag(said: str) -> frozenset[str]:
    return frozenset(said.split()) - _ANY_CONDITION


def code_of(coding: Coding) -> tuple[str, str]:
    """A code with its system, however a source writes either."""
    system = coding.system.casefold()
    if "snomed" in system or "2.16.840.1.113883.2.1.3.2.4.15" in system or "2.16.840.1.113883.6.96" in system:
        return "snomed", coding.code
    if "icd-10" in system or "icd10" in system or "2.16.840.1.113883.6.3" in system:
        # "I10X" is the filler of a code that has no fourth character; "E11.9" and "E119" are one.
        code = coding.code.upper().replace(".", "")
        return "icd10", code[:-1] if len(code) == 4 and code.endswith("X") else code
    return coding.system, coding.code


def kind_of_stay(entry: RecordEntry) -> str:
    """Which kind of stay or attendance; "" for any of which there may be several in a day."""
    said = plain(" ".join((entry.title, *(text for name, text in entry.details if name == "Kind"))))
    return next((kind for kind, pattern in _STAYS if pattern.search(said)), "")


def _words_of(names: Sequence[Names]) -> dict[str, Names]:
    return {plain(name): each for each in names for name in each.names}


_CONDITIONS: dict[frozenset[str], Key] = {
    _bag(name): ("condition", each.names[0]) for name, each in _words_of(CONDITIONS).items()
}
_ALLERGENS = {name: each.names[0] for name, each in _words_of(ALLERGENS).items()}
_VACCINES = tuple((name, re.compile(pattern)) for name, pattern in VACCINES.items())
# By section and code, what a code of a classification is another name of.
MEANT: dict[tuple[Section, str], Key] = {
    **{(Section.PROBLEMS, code): ("condition", each.names[0]) for each in CONDITIONS for code in each.snomed},
    **{(Section.PROBLEMS, code): ("condition", each.names[0]) for each in CONDITIONS for code in each.icd10},
    **{(Section.ALLERGIES, code): ("allergen", each.names[0]) for each in ALLERGENS for code in each.snomed},
}
