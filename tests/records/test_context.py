"""What was read for its labels alone: it withholds and labels as if it had been asked for, and is seen nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.access.request import Pair
from broker.records.collect import SourceOutcome
from broker.records.source import Gap, RecordEntry
from broker.records.view import JoinedEntry, RecordView, assemble, without_context
from broker.vocabulary import DenialReason, Disclosure, GapCause, LabelSource, Section, Sensitivity, Silence
from tests.records.cast import CHARITY, GP, HOSPITAL, NOW, entry, outcome, permitted, refused
from tests.records.test_concealment import SECTIONS, seen, worlds

HIV = frozenset({Sensitivity.HIV})


def some(
    pairs: Sequence[Pair], context: Sequence[Pair], brought: Sequence[SourceOutcome], *, told: bool = True
) -> RecordView:
    return assemble(
        pairs=pairs,
        context=context,
        outcomes=brought,
        requested=frozenset(pair.section for pair in pairs),
        disclosure=Disclosure.TELL if told else Disclosure.NEVER,
        clinical=False,
        made_at=NOW,
    )


def as_shown(entries: Sequence[JoinedEntry]) -> list[Any]:
    """Without what is said of other sections: links to them, and what they contradict."""
    return [[_alone(each) for each in (joined.entry, *joined.others)] for joined in entries]


def _alone(each: RecordEntry) -> RecordEntry:
    return replace(each, linked=())


@settings(max_examples=120, deadline=None)
@given(worlds, st.sets(st.sampled_from(sorted(SECTIONS)), min_size=1), st.booleans())
def test_a_section_is_the_same_asked_alone_or_with_others(world: Any, asked: set[Section], told: bool) -> None:
    decided, brought = world
    together = seen(decided, brought, told=told)
    pairs = [pair for pair in decided if pair.section in asked]
    context = [pair for pair in decided if pair.section not in asked and pair.permitted]
    alone = some(pairs, context, brought, told=told)
    assert [part.section for part in alone.sections] == [each for each in Section if each in asked]
    among = {part.section: part for part in together.sections}
    for part in alone.sections:
        assert as_shown(part.entries) == as_shown(among[part.section].entries)
        assert (part.withheld_told, part.reasons) == (among[part.section].withheld_told, among[part.section].reasons)


@settings(max_examples=80, deadline=None)
@given(worlds, st.sets(st.sampled_from(sorted(SECTIONS)), min_size=1), st.booleans())
def test_context_adds_nothing_and_names_nothing(world: Any, asked: set[Section], told: bool) -> None:
    decided, brought = world
    brought = without_context(brought, decided)  # no source is asked for what is refused
    pairs = [pair for pair in decided if pair.section in asked]
    context = [pair for pair in decided if pair.section not in asked and pair.permitted]
    alone, bare = some(pairs, context, brought, told=told), some(pairs, (), without_context(brought, pairs), told=told)
    entries = [e for part in alone.sections for joined in part.entries for e in (joined.entry, *joined.others)]
    ids = {(each.provenance.source, each.id) for each in entries}
    for each in entries:
        assert each.section in asked
        assert {(each.provenance.source, other) for other in each.linked} <= ids
    assert [(each.source, each.cause) for each in alone.sources] == [(each.source, each.cause) for each in bare.sources]
    assert [part.gaps for part in alone.sections] == [part.gaps for part in bare.sections]
    assert alone.not_understood == bare.not_understood


RASH = entry("rash", "Rash noted at clinic 7", section=Section.ALLERGIES, linked=("hiv",))
POSITIVE = entry("hiv", "HIV infection", section=Section.PROBLEMS)
ASKED = permitted(Section.ALLERGIES, withheld=HIV)
BESIDE = permitted(Section.PROBLEMS, withheld=HIV)


def test_what_is_withheld_for_its_link_to_context_is_told_as_any_withholding_is() -> None:
    brought = [outcome(GP, RASH, POSITIVE)]
    (told,) = some([ASKED], [BESIDE], brought).sections
    (concealed,) = some([ASKED], [BESIDE], brought, told=False).sections
    assert (told.entries, told.silence) == ((), Silence.WITHHELD)
    assert (concealed.entries, concealed.silence, concealed.withheld_told) == ((), Silence.EMPTY, False)


def test_what_is_not_permitted_as_context_labels_nothing() -> None:
    """Even where a source gave what it was not asked for."""
    barred = refused(Section.PROBLEMS, DenialReason.SECTION_NOT_IN_AGREEMENT)
    for context in ([], [barred]):
        (part,) = some([ASKED], context, [outcome(GP, RASH, POSITIVE)]).sections
        assert [joined.entry.id for joined in part.entries] == ["rash"]


def test_a_label_that_is_not_withheld_is_shown_with_how_it_is_known() -> None:
    (part,) = some(
        [permitted(Section.ALLERGIES)], [permitted(Section.PROBLEMS)], [outcome(GP, RASH, POSITIVE)]
    ).sections
    (joined,) = part.entries
    assert joined.entry.labels >= HIV
    assert {basis.source for basis in joined.entry.label_basis} & {LabelSource.LINKED}
    assert joined.entry.linked == ()


def test_a_source_of_context_alone_and_what_became_of_it_are_not_there() -> None:
    late = outcome(HOSPITAL, gaps=(Gap(Section.PROBLEMS, GapCause.LATE),), not_understood={"Device": 3})
    brought = [outcome(GP, RASH, sections=[Section.ALLERGIES]), replace(late, sections=frozenset({Section.PROBLEMS}))]
    view = some([ASKED], [permitted(Section.PROBLEMS, HOSPITAL)], brought)
    assert [source.source for source in view.sources] == [GP]
    assert view.not_understood == {}
    assert [part.gaps for part in view.sections] == [()]


def test_a_source_that_holds_context_alone_is_empty_and_its_gaps_there_are_not_said() -> None:
    brought = [outcome(GP, POSITIVE, gaps=(Gap(Section.PROBLEMS, GapCause.FAULT),), took=timedelta(seconds=2))]
    view = some([ASKED], [BESIDE], brought)
    (source,) = view.sources
    assert (source.state, source.cause, source.took_ms) == ("empty", None, 0)
    assert [(part.silence, part.gaps) for part in view.sections] == [(Silence.EMPTY, ())]


def test_a_source_refused_for_what_was_asked_is_withheld_though_it_was_read_beside() -> None:
    barred = refused(Section.ALLERGIES, DenialReason.SOURCE_NOT_IN_AGREEMENT, source=CHARITY)
    brought = [outcome(GP, RASH), outcome(CHARITY, entry("x", section=Section.PROBLEMS, source=CHARITY))]
    view = some([ASKED, barred], [permitted(Section.PROBLEMS, CHARITY)], brought)
    assert {source.source: source.state for source in view.sources} == {GP: "answered", CHARITY: "withheld"}
