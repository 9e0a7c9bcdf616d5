"""The view shows what is permitted, tells four silences apart, joins what is one thing, and says who disagrees."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from broker.access.request import Pair
from broker.records.collect import SourceOutcome
from broker.records.source import Gap, RecordEntry
from broker.records.view import UNNAMED, JoinedEntry, RecordView, SectionView, SourceStatus, assemble
from broker.vocabulary import DenialReason, Disclosure, GapCause, Section, Sensitivity, Silence
from tests.records.cast import CHARITY, GP, HOSPITAL, NOW, FakeSource, entry, outcome, permitted, refused

S = Sensitivity


def view(
    pairs: Iterable[Pair],
    *outcomes: SourceOutcome,
    requested: Iterable[Section] | None = None,
    disclosure: Disclosure = Disclosure.TELL,
    clinical: bool = False,
    **more: Any,
) -> RecordView:
    given = tuple(pairs)
    return assemble(
        pairs=given,
        outcomes=outcomes,
        requested=frozenset(requested if requested is not None else {pair.section for pair in given}),
        disclosure=disclosure,
        clinical=clinical,
        made_at=NOW,
        **more,
    )


def both(section: Section, **more: Any) -> tuple[Pair, Pair]:
    return permitted(section, GP, **more), permitted(section, HOSPITAL, **more)


def joined(*entries: RecordEntry) -> tuple[JoinedEntry, ...]:
    """The entries of one section, from whichever sources."""
    section = entries[0].section
    by_source = {source: [e for e in entries if e.provenance.source == source] for source in (GP, HOSPITAL)}
    seen = view(both(section), *(outcome(source, *found) for source, found in by_source.items()))
    return seen.sections[0].entries


def only(seen: RecordView) -> SectionView:
    (section,) = seen.sections
    return section


def status(seen: RecordView, source: str = GP) -> SourceStatus:
    return next(each for each in seen.sources if each.source == source)


# ---- what is shown -------------------------------------------------------------------------------------------------


def test_what_is_permitted_is_shown_with_where_it_came_from() -> None:
    seen = view([permitted(Section.PROBLEMS)], outcome(GP, entry("1", "Asthma")))
    assert only(seen).entries[0].entry.title == "Asthma"
    assert only(seen).entries[0].entry.provenance.source == GP
    assert only(seen).silence is None
    assert status(seen) == SourceStatus(GP, "Lock Keepers Surgery", "XX9GP1", "answered", None, 40)


def test_what_is_not_permitted_is_not_shown_even_if_a_source_gave_it() -> None:
    given = outcome(GP, entry("1"), entry("2", section=Section.HOUSING))
    pairs = [permitted(Section.PROBLEMS), refused(Section.HOUSING, DenialReason.NO_AGREEMENT)]
    seen = view(pairs, given)
    assert [e.entry.id for section in seen.sections for e in section.entries] == ["1"]


def test_a_source_nobody_decided_about_is_not_shown() -> None:
    seen = view([permitted(Section.PROBLEMS)], outcome(GP), outcome(HOSPITAL, entry("1", source=HOSPITAL)))
    assert only(seen).entries == ()
    assert [each.source for each in seen.sources] == [GP]


def test_sections_are_in_the_order_of_the_standard_and_only_those_asked_for() -> None:
    wanted = {Section.DOCUMENTS, Section.ABOUT_ME, Section.MEDICATIONS, Section.ALLERGIES}
    seen = view([permitted(Section.DOCUMENTS)], outcome(GP), requested=wanted)
    assert [each.section for each in seen.sections] == [
        Section.ABOUT_ME, Section.ALLERGIES, Section.MEDICATIONS, Section.DOCUMENTS,
    ]  # fmt: skip


def test_entries_are_newest_first_and_undated_last() -> None:
    entries = [
        entry("old", "A", at=date(2001, 1, 1)),
        entry("none", "B", at=None),
        entry("new", "C", at=datetime(2025, 1, 1, 9, tzinfo=UTC)),
        entry("mid", "D", at=date(2020, 1, 1)),
    ]
    assert [each.entry.id for each in joined(*entries)] == ["new", "mid", "old", "none"]


def test_what_could_not_be_read_is_counted_and_named_to_a_clinician() -> None:
    came = outcome(GP, not_understood={"NutritionOrder": 1, "Device": 2})
    assert view([permitted(Section.PROBLEMS)], came, clinical=True).not_understood == {
        GP: {"Device": 2, "NutritionOrder": 1}
    }


def test_others_are_told_how_much_could_not_be_read_and_not_of_what_kind() -> None:
    came = outcome(GP, not_understood={"NutritionOrder": 1, "Device": 2})
    assert view([permitted(Section.PROBLEMS)], came).not_understood == {GP: {UNNAMED: 3}}


# ---- four silences -------------------------------------------------------------------------------------------------


def test_a_section_that_was_read_and_holds_nothing_is_empty() -> None:
    seen = view([permitted(Section.PROBLEMS)], outcome(GP))
    assert only(seen).silence is Silence.EMPTY
    assert status(seen).state == "empty"


def test_a_section_that_could_not_be_read_is_unavailable_and_says_why() -> None:
    gap = Gap(Section.PROBLEMS, GapCause.LATE, "No answer in 3 seconds")
    seen = view([permitted(Section.PROBLEMS)], outcome(GP, gaps=(gap,)))
    assert only(seen).silence is Silence.UNAVAILABLE
    assert only(seen).gaps[0].cause is GapCause.LATE
    assert only(seen).gaps[0].label == "Lock Keepers Surgery"
    assert (status(seen).state, status(seen).cause, status(seen).took_ms) == ("unavailable", GapCause.LATE, 40)


def test_a_section_that_was_refused_is_withheld_and_says_why() -> None:
    seen = view([refused(Section.PROBLEMS, DenialReason.NO_AGREEMENT)])
    assert only(seen).silence is Silence.WITHHELD
    assert only(seen).reasons == (DenialReason.NO_AGREEMENT,)
    assert seen.withheld_told
    assert status(seen).state == "withheld"


def test_a_section_no_source_was_asked_for_is_not_asked() -> None:
    assert only(view([], requested=[Section.PROBLEMS])).silence is Silence.NOT_ASKED
    unlinked = view([permitted(Section.PROBLEMS)])
    assert only(unlinked).silence is Silence.NOT_ASKED
    assert status(unlinked).state == "not-asked"


def test_a_gap_is_stated_beside_what_another_source_said() -> None:
    gap = Gap(Section.PROBLEMS, GapCause.UNREACHABLE)
    seen = view(both(Section.PROBLEMS), outcome(GP, entry("1")), outcome(HOSPITAL, gaps=(gap,)))
    assert only(seen).silence is None
    assert [each.source for each in only(seen).gaps] == [HOSPITAL]
    assert (status(seen, GP).state, status(seen, HOSPITAL).state) == ("answered", "unavailable")


def test_sources_are_named_plainly_where_their_names_are_given() -> None:
    pairs = [refused(Section.PROBLEMS, DenialReason.NO_AGREEMENT)]
    system = FakeSource(GP, label="Lock Keepers Surgery", organisation="XX9GP1")
    assert status(view(pairs)).label == GP
    assert status(view(pairs, systems={GP: system})).label == "Lock Keepers Surgery"


# ---- withholding ---------------------------------------------------------------------------------------------------

HIV_PAIRS = (permitted(Section.PROBLEMS, withheld=[S.HIV]),)
HIV_OUTCOME = outcome(GP, entry("1", "HIV"), entry("2", "Asthma"))


def test_a_withheld_label_leaves_the_entry_out_and_may_be_told() -> None:
    seen = only(view(HIV_PAIRS, HIV_OUTCOME))
    assert [each.entry.id for each in seen.entries] == ["2"]
    assert seen.withheld_told
    assert seen.reasons == (DenialReason.SENSITIVE,)


def test_a_label_that_is_permitted_is_shown_with_it() -> None:
    seen = only(view([permitted(Section.PROBLEMS)], HIV_OUTCOME))
    assert {each.entry.id: each.entry.labels for each in seen.entries} == {"1": {S.HIV}, "2": frozenset()}


@pytest.mark.parametrize(
    ("disclosure", "clinical", "told"),
    [
        (Disclosure.TELL, False, True),
        (Disclosure.CLINICIANS, True, True),
        (Disclosure.CLINICIANS, False, False),
        (Disclosure.NEVER, True, False),
    ],
)
def test_who_is_told_is_a_matter_of_the_agreement(disclosure: Disclosure, clinical: bool, told: bool) -> None:
    seen = view(HIV_PAIRS, HIV_OUTCOME, disclosure=disclosure, clinical=clinical)
    assert seen.withheld_told is told
    refusal = [refused(Section.PROBLEMS, DenialReason.CONSENT_WITHHELD)]
    assert view(refusal, disclosure=disclosure, clinical=clinical).withheld_told is told


def test_other_layers_are_told_of_even_where_choices_are_concealed() -> None:
    pair = refused(Section.PROBLEMS, DenialReason.CONSENT_WITHHELD, DenialReason.BEYOND_TIER)
    seen = only(view([pair], disclosure=Disclosure.NEVER))
    assert seen.reasons == (DenialReason.BEYOND_TIER,)
    assert seen.silence is Silence.WITHHELD


@pytest.mark.parametrize("title", ["IVF cycle", "Gender recognition certificate seen"])
def test_what_the_law_bars_is_never_shown_and_never_told(title: str) -> None:
    pair = Pair(Section.PROBLEMS, GP)  # even where a decision forgot to say so
    seen = view([pair], outcome(GP, entry("1", title)))
    assert seen == view([pair], outcome(GP))
    assert not seen.withheld_told
    assert only(seen).silence is Silence.EMPTY


def test_a_refusal_by_law_is_never_told() -> None:
    seen = only(view([refused(Section.PROBLEMS, DenialReason.RESTRICTED_IN_LAW)]))
    assert (seen.silence, seen.withheld_told, seen.reasons) == (Silence.EMPTY, False, ())


def test_a_thing_two_sources_tell_of_is_withheld_from_both() -> None:
    """The practice wrote only words; the hospital stated what they mean."""
    gp = entry("1", "Review", section=Section.PROCEDURES)
    hospital = entry("2", "Review", section=Section.PROCEDURES, source=HOSPITAL, stated_labels=frozenset({S.HIV}))
    seen = view(both(Section.PROCEDURES, withheld=[S.HIV]), outcome(GP, gp), outcome(HOSPITAL, hospital))
    assert only(seen).entries == ()


def test_an_appointment_in_another_section_is_withheld_with_its_diagnosis() -> None:
    pairs = [permitted(Section.PROBLEMS, withheld=[S.HIV]), permitted(Section.APPOINTMENTS, withheld=[S.HIV])]
    booked = entry("a", "Clinic 7 review", section=Section.APPOINTMENTS, linked=("1",))
    seen = view(pairs, outcome(GP, entry("1", "HIV"), booked))
    assert all(section.entries == () for section in seen.sections)


def test_a_shown_entry_has_no_link_to_one_that_is_not() -> None:
    pairs = [permitted(Section.PROBLEMS, withheld=[S.HIV]), permitted(Section.APPOINTMENTS)]
    booked = entry("a", "Clinic 7 review", section=Section.APPOINTMENTS, linked=("1", "2"))
    seen = view(pairs, outcome(GP, entry("1", "HIV"), entry("2", "Asthma"), booked))
    shown = {each.entry.id: each.entry for section in seen.sections for each in section.entries}
    assert "1" not in shown
    assert "1" not in shown["a"].linked


def test_where_withholding_is_concealed_a_refused_source_looks_like_one_with_nothing() -> None:
    pairs = [permitted(Section.PROBLEMS, GP), refused(Section.PROBLEMS, DenialReason.CONSENT_WITHHELD, source=HOSPITAL)]
    asked = [permitted(Section.PROBLEMS, GP), permitted(Section.PROBLEMS, HOSPITAL)]
    systems = {source: FakeSource(source) for source in (GP, HOSPITAL)}
    for known in (systems, None):
        concealed = view(pairs, outcome(GP, entry("1")), disclosure=Disclosure.NEVER, systems=known)
        nothing = view(asked, outcome(GP, entry("1")), outcome(HOSPITAL), disclosure=Disclosure.NEVER, systems=known)
        assert concealed == nothing


def test_where_withholding_is_concealed_a_refused_section_fails_with_its_source() -> None:
    late = tuple(Gap(section, GapCause.LATE) for section in (Section.ALLERGIES, Section.PROBLEMS))
    refusing = [permitted(Section.PROBLEMS), refused(Section.ALLERGIES, DenialReason.CONSENT_WITHHELD)]
    concealed = view(refusing, outcome(GP, gaps=late[1:], sections=[Section.PROBLEMS]), disclosure=Disclosure.NEVER)
    asking = [permitted(Section.PROBLEMS), permitted(Section.ALLERGIES)]
    asked = view(
        asking, outcome(GP, gaps=late, sections=[Section.ALLERGIES, Section.PROBLEMS]), disclosure=Disclosure.NEVER
    )
    assert concealed == asked


def test_where_withholding_is_concealed_nobody_learns_which_sources_know_the_resident() -> None:
    pairs = [permitted(Section.PROBLEMS, withheld=[S.HIV])]
    unlinked = view(pairs, disclosure=Disclosure.NEVER)
    denied = outcome(GP, gaps=(Gap(Section.PROBLEMS, GapCause.NOT_LINKED),))
    assert unlinked == view(pairs, denied, disclosure=Disclosure.NEVER)
    assert unlinked == view(pairs, outcome(GP, entry("1", "HIV")), disclosure=Disclosure.NEVER)


def test_where_withholding_is_concealed_what_could_not_be_read_is_not_mentioned() -> None:
    seen = view(HIV_PAIRS, outcome(GP, not_understood={"Device": 2}), disclosure=Disclosure.NEVER)
    assert seen.not_understood == {}


def test_how_long_an_empty_answer_took_is_not_said() -> None:
    quick, slow = (outcome(GP, took=timedelta(milliseconds=ms)) for ms in (1, 900))
    assert view(HIV_PAIRS, quick) == view(HIV_PAIRS, slow)


# ---- one thing, told by several ------------------------------------------------------------------------------------


def test_the_same_problem_by_code_is_joined_across_sources() -> None:
    (thing,) = joined(
        entry("1", "Asthma", code="195967001", at=date(2020, 1, 1)),
        entry("2", "Asthma NOS", code="195967001", source=HOSPITAL, at=date(2023, 1, 1)),
    )
    assert thing.entry.id == "2"
    assert [other.id for other in thing.others] == ["1"]


def test_the_same_problem_by_its_words_is_joined_across_sources() -> None:
    assert len(joined(entry("1", "Type 2 diabetes."), entry("2", "type 2  Diabetes", source=HOSPITAL))) == 1


def test_different_problems_are_not_joined() -> None:
    assert (
        len(joined(entry("1", "Asthma", code="195967001"), entry("2", "COPD", code="13645005", source=HOSPITAL))) == 2
    )


def test_two_entries_of_one_source_are_never_joined() -> None:
    assert len(joined(entry("1", "Asthma"), entry("2", "Asthma"))) == 2


def test_the_same_words_in_two_sections_are_not_joined() -> None:
    pairs = [*both(Section.PROBLEMS), *both(Section.PROCEDURES)]
    there = entry("2", "Hip replacement", section=Section.PROCEDURES, source=HOSPITAL)
    seen = view(pairs, outcome(GP, entry("1", "Hip replacement")), outcome(HOSPITAL, there))
    assert [len(section.entries) for section in seen.sections] == [1, 1]


@pytest.mark.parametrize(("day", "things"), [(1, 1), (2, 2)])
def test_an_event_is_joined_only_with_one_of_the_same_day(day: int, things: int) -> None:
    section = Section.VACCINATIONS
    first = entry("1", "Influenza vaccine", section=section, at=date(2025, 10, 1))
    second = entry("2", "Influenza vaccine", section=section, source=HOSPITAL, at=date(2025, 10, day))
    assert len(joined(first, second)) == things


def test_events_without_a_date_are_not_joined() -> None:
    section = Section.PROCEDURES
    assert len(joined(entry("1", section=section, at=None), entry("2", section=section, source=HOSPITAL, at=None))) == 2


@pytest.mark.parametrize(("value", "things"), [("72 kg", 1), ("75 kg", 2)])
def test_a_measurement_is_joined_only_with_its_own_value(value: str, things: int) -> None:
    section = Section.OBSERVATIONS
    first = entry("1", "Weight", section=section, details=(("Value", "72 kg"),))
    second = entry("2", "Weight", section=section, source=HOSPITAL, details=(("Result", value),))
    assert len(joined(first, second)) == things


def test_a_past_course_of_a_medicine_is_not_taken_for_the_present_one() -> None:
    section = Section.MEDICATIONS
    now = entry("1", "Amoxicillin", section=section, status="active")
    then = entry("2", "Amoxicillin", section=section, source=HOSPITAL, status="completed", at=date(2010, 1, 1))
    assert len(joined(now, then)) == 2


def test_services_nearby_are_not_joined() -> None:
    section = Section.SIGNPOSTING
    assert (
        len(joined(entry("1", "Food bank", section=section), entry("2", "Food bank", section=section, source=HOSPITAL)))
        == 2
    )


def test_three_sources_tell_of_one_thing() -> None:
    pairs = [permitted(Section.PROBLEMS, source) for source in (GP, HOSPITAL, CHARITY)]
    seen = view(pairs, *(outcome(source, entry("1", source=source)) for source in (GP, HOSPITAL, CHARITY)))
    assert len(only(seen).entries) == 1
    assert len(only(seen).entries[0].others) == 2


# ---- where sources disagree ----------------------------------------------------------------------------------------


def allergy(id: str, title: str, **more: Any) -> RecordEntry:
    return entry(id, title, section=Section.ALLERGIES, **more)


def test_an_allergy_that_another_source_ruled_out_is_a_contradiction() -> None:
    (thing,) = joined(
        allergy("1", "Allergy to penicillin", code="91936005", status="active"),
        allergy("2", "Allergy to penicillin", code="91936005", status="refuted", source=HOSPITAL),
    )
    assert thing.contradictions == (
        "Lock Keepers Surgery records this allergy; St Brannoc Hospital records that it was ruled out.",
    )


@pytest.mark.parametrize("none", [{"code": "716186003"}, {}])
def test_no_known_allergies_contradicts_an_allergy_and_both_say_so(none: dict[str, str]) -> None:
    things = joined(
        allergy("1", "Allergy to penicillin", status="active"),
        allergy("2", "No known allergies", status="active", source=HOSPITAL, **none),
    )
    said = (
        "Lock Keepers Surgery records an allergy (Allergy to penicillin); "
        "St Brannoc Hospital records no known allergies."
    )
    assert [thing.contradictions for thing in things] == [(said,), (said,)]


def test_what_still_holds_leads_a_newer_entry_that_rules_it_out() -> None:
    (thing,) = joined(
        allergy("1", "Allergy to penicillin", code="91936005", status="active", at=date(2012, 1, 1)),
        allergy("2", "Penicillin allergy", code="91936005", status="refuted", source=HOSPITAL, at=date(2025, 1, 1)),
    )
    assert [each.status for each in (thing.entry, *thing.others)] == ["active", "refuted"]
    assert "ruled out" in thing.contradictions[0]


def test_of_an_appointment_the_newest_word_leads_though_it_is_a_cancellation() -> None:
    at = datetime(2026, 12, 1, 9, tzinfo=UTC)
    booked, cancelled = (
        entry(id, "Heart clinic", section=Section.APPOINTMENTS, source=source, status=status, at=at)
        for id, source, status in (("1", HOSPITAL, "booked"), ("2", GP, "cancelled"))
    )
    (thing,) = joined(booked, cancelled)
    assert thing.entry.status == "cancelled"
    assert thing.others == (booked,)


def test_a_refuted_allergy_does_not_contradict_no_known_allergies() -> None:
    things = joined(
        allergy("1", "Allergy to penicillin", status="refuted"),
        allergy("2", "No known allergies", status="active", source=HOSPITAL),
    )
    assert all(thing.contradictions == () for thing in things)


def medicine(id: str, dose: str, **more: Any) -> RecordEntry:
    details = (("How to take it", dose),)
    return entry(id, "Metformin 500mg tablets", section=Section.MEDICATIONS, details=details, status="active", **more)


def test_one_medicine_in_two_doses_is_a_contradiction() -> None:
    (thing,) = joined(medicine("1", "1 tablet twice a day"), medicine("2", "2 tablets twice a day", source=HOSPITAL))
    assert thing.contradictions == (
        "Different doses: Lock Keepers Surgery says “1 tablet twice a day”; "
        "St Brannoc Hospital says “2 tablets twice a day”.",
    )


def test_one_medicine_in_the_same_dose_otherwise_written_is_not() -> None:
    (thing,) = joined(medicine("1", "1 tablet, twice a day"), medicine("2", "1 Tablet twice a day.", source=HOSPITAL))
    assert thing.contradictions == ()


def test_contradictions_say_nothing_of_what_is_withheld() -> None:
    pairs = [permitted(Section.MEDICATIONS, GP), permitted(Section.MEDICATIONS, HOSPITAL, withheld=[S.MENTAL_HEALTH])]
    told = medicine("2", "2 tablets", source=HOSPITAL, recorded_by="Mental health team")
    seen = only(view(pairs, outcome(GP, medicine("1", "1 tablet")), outcome(HOSPITAL, told)))
    assert [(thing.entry.id, thing.others, thing.contradictions) for thing in seen.entries] == [("1", (), ())]


def test_what_remains_is_matched_anew_and_withheld_by_what_that_says() -> None:
    """With the hospital's newest entry gone its older one is what matches the practice's, and takes its label."""
    newest = entry("x", "Review", source=HOSPITAL, at=date(2025, 1, 1), stated_labels=frozenset({S.HIV}))
    older = entry("y", "Review", source=HOSPITAL, at=date(2020, 1, 1))
    told = entry("z", "Review", stated_labels=frozenset({S.GENDER}))
    pairs = [permitted(Section.PROBLEMS), permitted(Section.PROBLEMS, HOSPITAL, withheld=[S.HIV, S.GENDER])]
    seen = view(pairs, outcome(GP, told), outcome(HOSPITAL, newest, older), disclosure=Disclosure.NEVER)
    assert [(thing.entry.id, thing.others) for thing in only(seen).entries] == [("z", ())]
    assert seen == view(pairs, outcome(GP, told), outcome(HOSPITAL, older), disclosure=Disclosure.NEVER)
