"""Where sources disagree, said in plain words for whoever reads the record. Settles nothing.

Works from what is shown alone, so that nothing is said of what is withheld. Silence is never a disagreement: that one
source states a decision not to resuscitate and another says nothing of it contradicts nothing. A date of birth is
never compared: an answer with another is about somebody else, and was not used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from broker.records.medicine_names import Medicine, medicine
from broker.records.naming import substance
from broker.records.occasions import instant, is_current, is_event
from broker.records.particulars import plain
from broker.records.source import RecordEntry
from broker.vocabulary import Section

Thing = Sequence[RecordEntry]  # the entries that tell of one thing, newest first
Said = tuple[str, ...]

_NO_KNOWN_ALLERGY = frozenset({"716186003", "409137002", "428607008"})  # SNOMED CT: none; no drug; no environmental
_NO_KNOWN_WORDS = re.compile(r"\b(?:no|nil) known (?:drug |medicine |food )?allerg|^nk?da$|^nka$", re.IGNORECASE)
_DOSE = re.compile(r"\b(?:dose|dosage|how to take|how it is taken|directions)\b", re.IGNORECASE)
_STATUSES = frozenset({Section.PROBLEMS, Section.ALERTS, Section.RISKS, Section.SAFEGUARDING})
_MOST_COMPARED = 16
_POSTCODE = re.compile(r"\b([a-z]{1,2}\d[a-z\d]?)\s*(\d[a-z]{2})\b")


def found(things: Mapping[Section, Sequence[Thing]], *, names: Mapping[str, str]) -> dict[Section, list[Said]]:
    """What contradicts each thing, section by section and in the order of the things, as far as anything does.

    ``names`` are the sources' plain names, by id. What is said of one thing is in an order that depends only on it.
    """
    said: dict[Section, list[set[str]]] = {section: [set() for _ in each] for section, each in things.items()}
    named = _Named(names)
    for section, each in things.items():
        for number, thing in enumerate(each):
            if len(thing) > 1:
                said[section][number].update(_within(section, thing, named))
    for section, between in _BETWEEN.items():
        for number, words in between(things.get(section, ()), named):
            said[section][number].add(words)
    for place, words in _taken_despite(things, named):
        said[place[0]][place[1]].add(words)
    return {section: [tuple(sorted(each)) for each in of_each] for section, of_each in said.items()}


def denies_allergies(entry: RecordEntry) -> bool:
    """Whether the entry says that there is no allergy, rather than what somebody is allergic to."""
    if any(coding.code in _NO_KNOWN_ALLERGY for coding in entry.codes):
        return True
    return bool(_NO_KNOWN_WORDS.search(entry.title))


def is_refuted(entry: RecordEntry) -> bool:
    return "refuted" in entry.status.casefold()


def leading(thing: Thing) -> list[RecordEntry]:
    """The entries of one standing thing, what still holds before what rules it out or ends it; else as they were.

    Whoever reads only the first then reads of an allergy that somebody still records. Of an event or an appointment
    the newest is the last word.
    """
    if len(thing) < 2 or is_event(thing[0]):
        return list(thing)
    return sorted(thing, key=lambda entry: is_refuted(entry) or not is_current(entry))


class _Named:
    """The plain name of the source an entry is from."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def __call__(self, entry: RecordEntry) -> str:
        return self._names.get(entry.provenance.source) or entry.provenance.source


# ---- among those who tell of one thing -----------------------------------------------------------------------------


def _within(section: Section, thing: Thing, name: _Named) -> Iterator[str]:
    if section is Section.ALLERGIES:
        yield from _refuted(thing, name)
    elif section is Section.MEDICATIONS:
        yield from _doses(thing, name)
    elif section in _STATUSES:
        yield from _over(thing, name)


def _refuted(thing: Thing, name: _Named) -> Iterator[str]:
    for one in thing:
        for other in thing:
            if is_refuted(other) and not is_refuted(one) and is_current(one):
                yield f"{name(one)} records this allergy; {name(other)} records that it was ruled out."


def _doses(thing: Thing, name: _Named) -> Iterator[str]:
    doses = [(entry, dose) for entry in thing if is_current(entry) and (dose := _dose(entry))]
    if len({plain(dose) for _, dose in doses}) > 1:
        yield "Different doses: " + "; ".join(sorted(f"{name(entry)} says “{dose}”" for entry, dose in doses)) + "."


def _dose(entry: RecordEntry) -> str:
    return "; ".join(text for label, text in entry.details if _DOSE.search(label))


def _over(thing: Thing, name: _Named) -> Iterator[str]:
    stated = [entry for entry in thing if entry.status]
    current = sorted({name(entry) for entry in stated if is_current(entry)})
    past = sorted({name(entry) for entry in stated if not is_current(entry)})
    if current and past:
        yield f"{_all(current)} {_say(current)} this is current; {_all(past)} {_say(past)} it is not."


# ---- between things of one section ---------------------------------------------------------------------------------


def _denied(things: Sequence[Thing], name: _Named) -> Iterator[tuple[int, str]]:
    """An allergy that one source records while another says there is none. Said on both."""
    denials: list[tuple[int, RecordEntry]] = []
    recorded: list[tuple[int, RecordEntry]] = []
    for number, thing in enumerate(things):
        for entry in thing:
            if is_current(entry):
                if denies_allergies(entry):
                    denials.append((number, entry))
                elif not is_refuted(entry):
                    recorded.append((number, entry))
    for where, denial in denials[:_MOST_COMPARED]:
        for there, entry in recorded:
            if entry.provenance.source != denial.provenance.source:
                words = f"{name(entry)} records an allergy ({entry.title}); {name(denial)} records no known allergies."
                yield where, words
                yield there, words


def _medicines(things: Sequence[Thing], name: _Named) -> Iterator[tuple[int, str]]:
    """A medicine that one source records as current and another as stopped since, or in another strength."""
    known: dict[str, list[tuple[int, RecordEntry, Medicine]]] = {}
    read: dict[str, Medicine] = {}
    for number, thing in enumerate(things):
        for entry in thing:
            taken = read.get(entry.title) or read.setdefault(entry.title, medicine(entry.title))
            for each in taken.names:
                known.setdefault(each, []).append((number, entry, taken))
    for named in known.values():
        if len({entry.provenance.source for _, entry, _ in named}) > 1:
            yield from _stopped(named, name)
            yield from _strengths(named, name)


def _stopped(named: Sequence[tuple[int, RecordEntry, Medicine]], name: _Named) -> Iterator[tuple[int, str]]:
    """Stopped on the day that the other source's course began, or after: an older course contradicts nothing."""
    stopped = [each for each in named if not is_current(each[1]) and each[1].at is not None and _was_taken(each[1])]
    if not stopped:
        return
    for where, one, taken in named:
        if one.at is None or not is_current(one):
            continue
        for there, other, its in stopped[:_MOST_COMPARED]:
            of_another = one.provenance.source != other.provenance.source
            if of_another and instant(other.at).date() >= instant(one.at).date() and taken.may_be(its):
                words = f"{name(one)} records {one.title} as current; {name(other)} records that it has stopped."
                yield where, words
                yield there, words


def _was_taken(entry: RecordEntry) -> bool:
    return not re.search(r"\b(?:entered-in-error|not-taken|cancelled)\b", entry.status.casefold())


def _strengths(named: Sequence[tuple[int, RecordEntry, Medicine]], name: _Named) -> Iterator[tuple[int, str]]:
    """One strength in each source, and not the same one. Who takes two strengths has both in some source."""
    current: dict[str, list[tuple[int, RecordEntry, Medicine]]] = {}
    for each in named:
        if is_current(each[1]):
            current.setdefault(each[1].provenance.source, []).append(each)
    alone = [each[0] for each in current.values() if len(each) == 1 and each[0][2].strength]
    if len(alone) < 2 or any(len(each) > 1 for each in current.values()):
        return
    first = alone[0][2]
    taken_alike = all(each.form == first.form and each.release == first.release for _, _, each in alone)
    if taken_alike and len({each.strength for _, _, each in alone}) > 1:
        told = "; ".join(sorted(f"{name(entry)} records {entry.title}" for _, entry, _ in alone))
        yield from ((number, f"Different strengths: {told}.") for number, _, _ in alone)


def _details(things: Sequence[Thing], name: _Named) -> Iterator[tuple[int, str]]:
    """Where somebody lives, by what sources say; with their practice and language, what a letter or a visit needs."""
    yield from _differ(things, name, "addresses", lambda entry: _stated(entry, "Address"), _address)


def _practices(things: Sequence[Thing], name: _Named) -> Iterator[tuple[int, str]]:
    yield from _differ(
        things,
        name,
        "GP practices",
        lambda entry: entry.title,
        lambda entry, _: plain(_stated(entry, "Practice code") or entry.title),
    )


def _languages(things: Sequence[Thing], name: _Named) -> Iterator[tuple[int, str]]:
    def said(entry: RecordEntry) -> str:
        return _stated(entry, "Preferred language") or _stated(entry, "Language")

    yield from _differ(things, name, "preferred languages", said, lambda _, text: plain(text))


def _differ(
    things: Sequence[Thing],
    name: _Named,
    what: str,
    said: Callable[[RecordEntry], str],
    alike: Callable[[RecordEntry, str], str],
) -> Iterator[tuple[int, str]]:
    stated = [
        (number, entry, text)
        for number, thing in enumerate(things)
        for entry in thing
        if is_current(entry) and (text := said(entry))
    ]
    by_source: dict[str, set[str]] = {}
    for _, entry, text in stated:
        by_source.setdefault(entry.provenance.source, set()).add(alike(entry, text))
    # Somebody may have two homes: what every source that says anything also says is agreed.
    if len(by_source) < 2 or set.intersection(*by_source.values()):
        return
    told = "; ".join(sorted({f"{name(entry)} says “{text}”" for _, entry, text in stated}))
    for number in sorted({number for number, _, _ in stated}):
        yield number, f"Different {what}: {told}."


def _stated(entry: RecordEntry, label: str) -> str:
    return next((text for name, text in entry.details if name == label), "")


def _address(entry: RecordEntry, text: str) -> str:
    """The number or name of the house, and the postcode where there is one: streets are written in many ways."""
    small = text.casefold()
    postcode = _POSTCODE.search(small)
    if postcode is None:
        return plain(small)
    house = re.match(r"\W*((?:flat |apartment |unit )?\w+)", small)
    return f"{house[1] if house else ''} {postcode[1]}{postcode[2]}"


_BETWEEN: Mapping[Section, Callable[[Sequence[Thing], _Named], Iterator[tuple[int, str]]]] = {
    Section.ALLERGIES: _denied,
    Section.MEDICATIONS: _medicines,
    Section.DEMOGRAPHICS: _details,
    Section.GP_PRACTICE: _practices,
    Section.INDIVIDUAL_REQUIREMENTS: _languages,
}


# ---- between sections ----------------------------------------------------------------------------------------------


def _taken_despite(
    things: Mapping[Section, Sequence[Thing]], name: _Named
) -> Iterator[tuple[tuple[Section, int], str]]:
    """A current medicine of the very substance that an allergy is recorded to. Said on both.

    By the same name alone: that amoxicillin is a penicillin is for whoever knows medicines to see.
    """
    allergies = _allergies(things.get(Section.ALLERGIES, ()))
    if not allergies:
        return
    read: dict[str, Medicine] = {}
    for number, thing in enumerate(things.get(Section.MEDICATIONS, ())):
        for entry in thing:
            if not is_current(entry):
                continue
            taken = read.get(entry.title) or read.setdefault(entry.title, medicine(entry.title))
            for each in taken.names:
                for where, allergy in allergies.get(each, ())[:_MOST_COMPARED]:
                    words = (
                        f"{name(allergy)} records an allergy or reaction to {each}; "
                        f"{name(entry)} records {entry.title} as a current medicine."
                    )
                    yield (Section.ALLERGIES, where), words
                    yield (Section.MEDICATIONS, number), words


def _allergies(things: Sequence[Thing]) -> dict[str, list[tuple[int, RecordEntry]]]:
    found: dict[str, list[tuple[int, RecordEntry]]] = {}
    read: dict[str, str] = {}
    for number, thing in enumerate(things):
        for entry in thing:
            if is_current(entry) and not is_refuted(entry) and not denies_allergies(entry):
                to = read.get(entry.title) or read.setdefault(entry.title, substance(entry.title))
                found.setdefault(to, []).append((number, entry))
    return found


def _all(names: Iterable[str]) -> str:
    return " and ".join(names)


def _say(names: Sequence[str]) -> str:
    return "says" if len(names) == 1 else "say"
