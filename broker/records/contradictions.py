"""Where sources disagree, said in plain words for whoever reads the record. Settles nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from broker.records.sameness import is_current, plain
from broker.records.source import RecordEntry
from broker.vocabulary import Section

_NO_KNOWN_ALLERGY = frozenset({"716186003", "409137002", "428607008"})  # SNOMED CT: none; no drug; no environmental
_NO_KNOWN_WORDS = re.compile(r"\bno known (?:drug |medicine |food )?allerg", re.IGNORECASE)
_DOSE = re.compile(r"\b(?:dose|dosage|how to take|how it is taken|directions)\b", re.IGNORECASE)
_STATUSES = frozenset({Section.PROBLEMS, Section.ALERTS, Section.RISKS, Section.SAFEGUARDING})


def found(group: Sequence[RecordEntry], section: Sequence[RecordEntry], *, names: Mapping[str, str]) -> tuple[str, ...]:
    """What contradicts this thing: among those who tell of it (``group``), and in the rest of its ``section``.

    ``names`` are the sources' plain names, by id. In an order that depends only on what is said.
    """
    match group[0].section:
        case Section.ALLERGIES:
            said = [*_refuted(group, names), *_denied(group, section, names)]
        case Section.MEDICATIONS:
            said = list(_doses(group, names))
        case one if one in _STATUSES:
            said = list(_over(group, names))
        case _:
            said = []
    return tuple(sorted(set(said)))


def denies_allergies(entry: RecordEntry) -> bool:
    """Whether the entry says that there is no allergy, rather than what somebody is allergic to."""
    codes = {coding.code for coding in entry.codes}
    return bool(codes & _NO_KNOWN_ALLERGY) or bool(_NO_KNOWN_WORDS.search(entry.title))


def is_refuted(entry: RecordEntry) -> bool:
    return "refuted" in entry.status.casefold()


def _refuted(group: Sequence[RecordEntry], names: Mapping[str, str]) -> Iterable[str]:
    for one in group:
        for other in group:
            if is_refuted(other) and not is_refuted(one) and is_current(one):
                yield f"{_name(one, names)} records this allergy; {_name(other, names)} records that it was ruled out."


def _denied(group: Sequence[RecordEntry], section: Sequence[RecordEntry], names: Mapping[str, str]) -> Iterable[str]:
    """An allergy that one source records while another says there is none. Said on both."""
    denials = [entry for entry in section if denies_allergies(entry) and is_current(entry)]
    recorded = [
        entry for entry in section if not denies_allergies(entry) and not is_refuted(entry) and is_current(entry)
    ]
    for denial in denials:
        for entry in recorded:
            if (entry in group or denial in group) and entry.provenance.source != denial.provenance.source:
                yield (
                    f"{_name(entry, names)} records an allergy ({entry.title}); "
                    f"{_name(denial, names)} records no known allergies."
                )


def _doses(group: Sequence[RecordEntry], names: Mapping[str, str]) -> Iterable[str]:
    doses = [(entry, dose) for entry in group if is_current(entry) and (dose := _dose(entry))]
    if len({plain(dose) for _, dose in doses}) > 1:
        yield (
            "Different doses: "
            + "; ".join(sorted(f"{_name(entry, names)} says “{dose}”" for entry, dose in doses))
            + "."
        )


def _dose(entry: RecordEntry) -> str:
    return "; ".join(text for label, text in entry.details if _DOSE.search(label))


def _over(group: Sequence[RecordEntry], names: Mapping[str, str]) -> Iterable[str]:
    stated = [entry for entry in group if entry.status]
    current = sorted({_name(entry, names) for entry in stated if is_current(entry)})
    past = sorted({_name(entry, names) for entry in stated if not is_current(entry)})
    if current and past:
        yield f"{' and '.join(current)} says this is current; {' and '.join(past)} says it is not."


def _name(entry: RecordEntry, names: Mapping[str, str]) -> str:
    return names.get(entry.provenance.source) or entry.provenance.source
