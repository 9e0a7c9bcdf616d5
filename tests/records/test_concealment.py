"""Where withholding is concealed, the view is the one there would be had what is withheld never been recorded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from broker.access.request import Pair
from broker.records.collect import SourceOutcome
from broker.records.labels import label
from broker.records.sameness import same_things
from broker.records.source import Coding, Gap, RecordEntry, SourceAnswer
from broker.records.view import RecordView, assemble
from broker.vocabulary import SNOMED_CT, DenialReason, Disclosure, GapCause, Section, Sensitivity
from tests.records.cast import CHARITY, GP, HOSPITAL, NOW, FakeSource, entry, outcome

pytestmark = pytest.mark.slow

SOURCES = (GP, HOSPITAL, CHARITY)
SECTIONS = (
    *(Section.PROBLEMS, Section.ALLERGIES, Section.MEDICATIONS, Section.APPOINTMENTS, Section.OBSERVATIONS),
    Section.PROFESSIONAL_CONTACTS,
)
IDS = ("a", "b", "c", "Encounter/d", "Appointment/e", "CarePlan/f")
SENSITIVE = (Sensitivity.HIV, Sensitivity.MENTAL_HEALTH, Sensitivity.GENDER)
IN_LAW = frozenset(each for each in Sensitivity if each.in_law)
CONCEALED = (DenialReason.CONSENT_WITHHELD, DenialReason.CONSENT_NEEDED, DenialReason.SENSITIVE)

titles = st.sampled_from(
    [
        *("Review", "Asthma", "HIV", "Sertraline", "IVF", "No known allergies", "Clinic 7", "Transgender"),
        *("Sertraline 50mg tablets", "Allergy to sertraline"),
    ]
)
statuses = st.sampled_from(["", "active", "refuted", "completed"])
days = st.sampled_from([None, date(2024, 1, 1), date(2025, 1, 1), datetime(2025, 1, 1, 9, tzinfo=NOW.tzinfo)])
codes = st.lists(st.sampled_from(["86406008", "1", "2", "716186003"]).map(lambda c: Coding(SNOMED_CT, c)), max_size=2)
doses = st.sampled_from([(), (("Dose", "1 tablet"),), (("Dose", "2 tablets"),)])
stated = st.sets(st.sampled_from([*SENSITIVE, *IN_LAW]), max_size=1)


@st.composite
def entries(draw: st.DrawFn, source: str) -> RecordEntry:
    ids = st.sampled_from(IDS)
    return entry(
        draw(ids),
        draw(titles),
        section=draw(st.sampled_from(SECTIONS)),
        source=source,
        at=draw(days),
        status=draw(statuses),
        codes=tuple(draw(codes)),
        details=draw(doses),
        linked=tuple(draw(st.lists(ids, max_size=1))),
        stated_labels=frozenset(draw(stated)) if draw(st.integers(0, 4)) == 0 else frozenset(),
        recorded_by=draw(st.sampled_from(["", "", "", "Mental health team"])),
    )


@st.composite
def outcomes(draw: st.DrawFn, source: str) -> SourceOutcome:
    found = tuple(draw(st.lists(entries(source), max_size=5)))
    gaps = tuple(
        Gap(section, GapCause.LATE) for section in sorted(draw(st.sets(st.sampled_from(SECTIONS), max_size=1)))
    )
    took = timedelta(milliseconds=draw(st.integers(1, 500)))
    return outcome(source, *found, sections=SECTIONS, gaps=gaps, not_understood={"Device": 1}, took=took)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Pair, ...]:
    """Every source decided about for every section, each with labels of its own to withhold."""
    made = []
    for section in SECTIONS:
        for source in SOURCES:
            withheld = frozenset(draw(st.sets(st.sampled_from(SENSITIVE)))) | IN_LAW
            if draw(st.integers(0, 5)) == 0:
                reasons = (draw(st.sampled_from([*CONCEALED, DenialReason.NO_AGREEMENT])),)
                made.append(Pair(section, source, reasons, (), frozenset(Sensitivity)))
            else:
                made.append(Pair(section, source, (), ("LDN-1",), withheld))
    return tuple(made)


# What a resident says of some of it.
said = st.dictionaries(
    st.tuples(st.sampled_from(SOURCES), st.sampled_from(IDS)),
    st.dictionaries(st.sampled_from(SENSITIVE), st.booleans(), max_size=2),
    max_size=3,
)
worlds = st.tuples(pairs(), st.tuples(*(outcomes(source) for source in SOURCES)))
names = st.sampled_from([None, {source: FakeSource(source, label=source.upper()) for source in SOURCES}])


def seen(
    decided: Sequence[Pair],
    brought: Sequence[SourceOutcome],
    *,
    told: bool = False,
    systems: Any = None,
    said: Mapping[Any, Any] | None = None,
) -> RecordView:
    return assemble(
        pairs=decided,
        outcomes=brought,
        requested=frozenset(SECTIONS),
        disclosure=Disclosure.TELL if told else Disclosure.NEVER,
        clinical=False,
        made_at=NOW,
        systems=systems,
        choices=None if said is None else lambda each: said.get((each.provenance.source, each.id), {}),
    )


def shown(view: RecordView) -> list[RecordEntry]:
    return [e for section in view.sections for joined in section.entries for e in (joined.entry, *joined.others)]


def as_bytes(view: RecordView) -> bytes:
    return json.dumps(
        asdict(view), default=lambda value: sorted(value) if isinstance(value, frozenset) else str(value)
    ).encode()


def without(brought: Sequence[SourceOutcome], view: RecordView) -> list[SourceOutcome]:
    """The same sources, had they never recorded what the view does not show."""
    kept = {_identity(each) for each in shown(view)}
    return [
        replace(one, answer=replace(one.answer, entries=tuple(e for e in one.answer.entries if _identity(e) in kept)))
        for one in brought
    ]


def _identity(entry: RecordEntry) -> tuple[object, ...]:
    return (entry.provenance, entry.id, entry.section, entry.title, entry.at, entry.status, entry.codes, entry.details)


@settings(max_examples=120, deadline=None)
@given(worlds, names, said)
def test_a_concealing_view_is_the_view_of_a_record_without_what_it_withholds(
    world: Any, systems: Any, choices: Any
) -> None:
    decided, brought = world
    withheld = seen(decided, brought, systems=systems, said=choices)
    never_recorded = seen(decided, without(brought, withheld), systems=systems, said=choices)
    assert withheld == never_recorded
    assert as_bytes(withheld) == as_bytes(never_recorded)


@settings(max_examples=60, deadline=None)
@given(worlds, names, st.sets(st.sampled_from(SOURCES)))
def test_a_concealed_refusal_is_the_view_of_a_source_that_was_asked_and_holds_nothing(
    world: Any, systems: Any, refusing: set[str]
) -> None:
    decided, brought = world
    # Sources that answered in full: what a failing one would have said of a section nobody asked for is not known.
    brought = [replace(one, answer=replace(one.answer, gaps=())) for one in brought]
    refused = [
        replace(pair, reasons=(DenialReason.CONSENT_WITHHELD,))
        if pair.source in refusing and pair.section is Section.PROBLEMS
        else pair
        for pair in decided
    ]
    asked = [
        replace(pair, reasons=(), withheld_labels=IN_LAW)
        if pair.source in refusing and pair.section is Section.PROBLEMS
        else pair
        for pair in decided
    ]
    permitted_of = {source: {p.section for p in refused if p.source == source and p.permitted} for source in SOURCES}
    answered = [_asked_for(one, permitted_of[one.source]) for one in brought if permitted_of[one.source]]
    in_full = [
        _asked_for(
            one, permitted_of[one.source] | {Section.PROBLEMS} if one.source in refusing else permitted_of[one.source]
        )
        for one in brought
    ]
    nothing_there = [
        replace(
            one,
            answer=replace(
                one.answer, entries=tuple(e for e in one.answer.entries if e.section in permitted_of[one.source])
            ),
        )
        for one in in_full
    ]
    assert seen(refused, answered, systems=systems) == seen(asked, nothing_there, systems=systems)


def _asked_for(one: SourceOutcome, sections: set[Section]) -> SourceOutcome:
    kept = tuple(e for e in one.answer.entries if e.section in sections)
    return replace(one, sections=frozenset(sections), answer=replace(one.answer, entries=kept))


@settings(max_examples=60, deadline=None)
@given(worlds, st.booleans())
def test_nothing_shown_betrays_what_is_withheld(world: Any, told: bool) -> None:
    """Labels are found among everything that was brought, and none that is withheld there is on anything shown."""
    decided, brought = world
    place = {(pair.section, pair.source): pair for pair in decided}
    everything = [e for one in brought for e in one.answer.entries if place[e.section, one.source].permitted]
    everything.sort(key=lambda e: (e.provenance.source, e.id))
    labelled = label(everything, together=same_things(everything))
    safe = {
        _identity(e) for e in labelled if e.labels.isdisjoint(place[e.section, e.provenance.source].withheld_labels)
    }
    for each in shown(seen(decided, brought, told=told)):
        assert _identity(each) in safe
        assert not each.labels & IN_LAW


@settings(max_examples=60, deadline=None)
@given(worlds)
def test_what_the_law_bars_is_told_to_nobody(world: Any) -> None:
    decided, brought = world
    only_law = [replace(pair, withheld_labels=IN_LAW) if pair.permitted else pair for pair in decided]
    lawful = without(brought, seen(only_law, brought, told=True))
    assert seen(decided, brought, told=True) == seen(decided, lawful, told=True)


@settings(max_examples=40, deadline=None)
@given(worlds, st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_answers_makes_no_difference(world: Any, chance: Any, told: bool) -> None:
    decided, brought = world
    ids = [(e.provenance.source, e.id) for one in brought for e in one.answer.entries]
    assume(len(ids) == len(set(ids)))  # as the protocol promises
    shuffled = []
    for one in brought:
        mixed = list(one.answer.entries)
        chance.shuffle(mixed)
        shuffled.append(replace(one, answer=replace(one.answer, entries=tuple(mixed))))
    chance.shuffle(shuffled)
    assert seen(decided, brought, told=told) == seen(decided, shuffled, told=told)


@settings(max_examples=40, deadline=None)
@given(worlds, st.booleans())
def test_every_shown_entry_is_shown_once_and_every_section_says_something(world: Any, told: bool) -> None:
    decided, brought = world
    view = seen(decided, brought, told=told)
    everything = [e for one in brought for e in one.answer.entries]
    assert len(shown(view)) <= len(everything)
    for section in view.sections:
        assert (section.silence is None) == bool(section.entries)
        for thing in section.entries:
            sources = [e.provenance.source for e in (thing.entry, *thing.others)]
            assert len(sources) == len(set(sources))


def test_an_empty_answer_is_an_answer() -> None:
    assert SourceAnswer() == SourceAnswer((), (), {})
