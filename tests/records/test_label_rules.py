"""How labels spread, how surely they are known, what is sensitive in a child's record, and what a resident says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.records import sensitive_words
from broker.records.labels import label
from broker.records.source import LabelBasis, RecordEntry
from broker.records.words import Lookout, beginnings
from broker.vocabulary import LabelSource, Section, Sensitivity
from tests.records import label_quality
from tests.records.cast import GP, HOSPITAL, entry

S, L = Sensitivity, LabelSource
VISIT = {"section": Section.PROFESSIONAL_CONTACTS}
TABLES = (sensitive_words.WORDS, sensitive_words.CHILD_WORDS, sensitive_words.ADULT_WORDS)
PATTERNS = sorted({pattern for table in TABLES for patterns in table.values() for pattern in patterns})


def labelled(*entries: RecordEntry, **more: Any) -> dict[str, frozenset[Sensitivity]]:
    return {each.id: each.labels for each in label(entries, **more)}


def basis(*args: Any, **kwargs: Any) -> set[tuple[Sensitivity, LabelSource]]:
    (found,) = label([entry("1", *args, **kwargs)])
    return {(each.sensitivity, each.source) for each in found.label_basis}


# ---- what is found -------------------------------------------------------------------------------------------------


def test_what_is_sensitive_is_nearly_always_found(capsys: pytest.CaptureFixture[str]) -> None:
    quality = label_quality.measured()
    label_quality.main()
    assert "recall" in capsys.readouterr().out
    assert sum(1 for _ in label_quality.examples()) >= 150
    assert quality.recall() >= 0.97, quality.missed
    assert quality.precision() >= 0.9, quality.too_many


@pytest.mark.parametrize(
    ("concern", "words", "code"),
    [
        (S.SELF_HARM, "Self-harm", "248062006"),
        (S.ALCOHOL, "Alcoholism", "7200002"),
        (S.MENTAL_HEALTH, "Depression", "35489007"),
        (S.SEXUAL_HEALTH, "Chlamydia", "105629000"),
        (S.FERTILITY, "Infertility", "8619003"),
        (S.TERMINATION, "Abortion", "57797005"),
        (S.DRUGS, "Drug abuse", "26416006"),
        (S.HIV, "HIV", "86406008"),
    ],
)
def test_each_of_the_eight_concerns_londoners_named_is_found_by_words_and_by_code(
    concern: Sensitivity, words: str, code: str
) -> None:
    assert labelled(entry("1", words)) == {"1": {concern}}
    assert labelled(entry("1", "Review", code=code)) == {"1": {concern}}


@pytest.mark.parametrize("pattern", PATTERNS)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_nothing_a_pattern_matches_is_passed_over(pattern: str, data: st.DataObject) -> None:
    words = data.draw(st.from_regex(rf"\A(?:{pattern})\Z", alphabet=st.characters(codec="ascii")))
    assert Lookout({"found": [pattern]}).found_in(f"seen. {words.lower()}.") or words != words.lower()


@pytest.mark.parametrize("pattern", [r"\w+ clinic", "[^a]bc", "a*", ".here"])
def test_a_pattern_whose_beginning_cannot_be_worked_out_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="cannot be worked out"):
        beginnings(pattern)


def test_the_beginnings_of_a_pattern() -> None:
    assert beginnings(r"(?:in|sub)?fertil(?:ity|e)") == {"inf", "sub", "fer"}
    assert beginnings(r"(?<!no )hiv|cd4") == {"hiv", "cd4"}


# ---- how surely ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "source"),
    [
        ({"stated_labels": frozenset({S.HIV})}, L.STATED),
        ({"code": "86406008"}, L.CODE),
        ({"title": "Biktarvy"}, L.MEDICINE),
        ({"title": "HIV review"}, L.WORDS),
        ({"recorded_by": "HIV team"}, L.WHEREABOUTS),
    ],
)
def test_each_label_says_how_it_is_known(made: dict[str, Any], source: LabelSource) -> None:
    assert basis(**{"title": "Review", **made}) == {(S.HIV, source)}


def test_a_national_set_and_a_section_are_as_sure_as_a_source() -> None:
    assert basis("Seen", code="999004381000000103") == {(S.SEXUAL_HEALTH, L.REFERENCE_SET)}
    assert basis("Seen", section=Section.SAFEGUARDING) == {(S.SAFEGUARDING, L.SECTION)}
    assert L.REFERENCE_SET.confidence == L.SECTION.confidence == L.STATED.confidence == 1.0


def test_all_that_a_label_is_known_by_is_kept_surest_first() -> None:
    (found,) = label([entry("1", "HIV review", code="86406008", stated_labels=frozenset({S.HIV}))])
    assert [each.source for each in found.label_basis] == [L.STATED, L.CODE, L.WORDS]


def test_what_is_linked_or_the_same_says_so() -> None:
    found = label(
        [entry("1", "HIV"), entry("2", "Review", linked=("1",)), entry("3", "Review", source=HOSPITAL)],
        together=[(1, 2)],
    )
    assert found[1].label_basis == (LabelBasis(S.HIV, L.LINKED),)
    twins = label([entry("1", "HIV"), entry("2", "Review", source=HOSPITAL)], together=[(0, 1)])
    assert twins[1].label_basis == (LabelBasis(S.HIV, L.SAME),)


def test_what_has_no_label_has_no_basis() -> None:
    assert basis("Asthma") == set()


# ---- how it spreads ------------------------------------------------------------------------------------------------


def test_one_sensitive_matter_at_a_consultation_does_not_label_the_others() -> None:
    found = labelled(
        entry("Encounter/1", "Consultation", **VISIT),
        entry("hiv", "HIV", linked=("Encounter/1",)),
        entry("bp", "Blood pressure", section=Section.OBSERVATIONS, linked=("Encounter/1",)),
        entry("asthma", "Asthma", linked=("Encounter/1",)),
        entry("ServiceRequest/1", "Podiatry", section=Section.REFERRALS, linked=("Encounter/1",)),
    )
    assert {id for id, its in found.items() if its} == {"hiv", "Encounter/1"}


def test_a_visit_of_a_sensitive_kind_labels_all_that_was_written_there() -> None:
    found = labelled(
        entry("Encounter/1", "HIV clinic", **VISIT),
        entry("bp", "Blood pressure", section=Section.OBSERVATIONS, linked=("Encounter/1",)),
        entry("ServiceRequest/1", "Podiatry", section=Section.REFERRALS, linked=("Encounter/1",)),
    )
    assert all(S.HIV in its for its in found.values())


@pytest.mark.parametrize("section", [Section.APPOINTMENTS, Section.REFERRALS, Section.DOCUMENTS, Section.SERVICES])
def test_an_occasion_does_not_betray_what_it_is_about(section: Section) -> None:
    found = labelled(entry("1", "HIV"), entry("2", "Clinic 7", section=section, linked=("1",)))
    assert found["2"] == {S.HIV}


def test_the_letter_about_a_visit_has_all_that_the_visit_has_and_what_was_asked_for_there_has_not() -> None:
    found = labelled(
        entry("Encounter/1", "Consultation", linked=("hiv",), **VISIT),
        entry("hiv", "HIV"),
        entry("DocumentReference/1", "Letter", section=Section.DOCUMENTS, linked=("Encounter/1",)),
        entry("MedicationRequest/1", "Emollient", section=Section.MEDICATIONS, linked=("Encounter/1",)),
    )
    assert found["DocumentReference/1"] == {S.HIV}
    assert found["MedicationRequest/1"] == frozenset()


def test_a_referral_the_appointment_it_led_to_and_the_letter_are_one_matter() -> None:
    found = labelled(
        entry("hiv", "HIV"),
        entry("ServiceRequest/1", "Clinic 7", section=Section.REFERRALS, linked=("hiv",)),
        entry("Appointment/1", "Clinic 7", section=Section.APPOINTMENTS, linked=("ServiceRequest/1",)),
        entry("DocumentReference/1", "Letter", section=Section.DOCUMENTS, linked=("Appointment/1",)),
    )
    assert all(its == {S.HIV} for its in found.values())


def test_a_medicine_has_the_label_of_what_it_is_for_though_both_were_written_at_one_visit() -> None:
    found = labelled(
        entry("Encounter/1", "Consultation", **VISIT),
        entry("c", "Depression", linked=("Encounter/1",)),
        entry("m", "Amitriptyline", section=Section.MEDICATIONS, linked=("Encounter/1", "c")),
        entry("n", "Aspirin", section=Section.MEDICATIONS, linked=("Encounter/1",)),
    )
    assert found["m"] == {S.MENTAL_HEALTH}
    assert found["n"] == frozenset()


def test_a_care_plan_has_all_that_is_in_it_and_gives_none_of_it_on() -> None:
    found = labelled(
        entry("CarePlan/1", "Plan", section=Section.CARE_PLAN, linked=("hiv", "asthma")),
        entry("hiv", "HIV"),
        entry("asthma", "Asthma"),
    )
    assert found == {"CarePlan/1": {S.HIV}, "hiv": {S.HIV}, "asthma": frozenset()}


def test_a_visit_that_is_not_here_to_be_seen_spreads_nothing_between_what_was_written_there() -> None:
    found = labelled(entry("1", "HIV", linked=("Encounter/9",)), entry("2", "Asthma", linked=("Encounter/9",)))
    assert found == {"1": {S.HIV}, "2": frozenset()}


# ---- adult and child -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("title", ["Contraceptive pill", "Pregnancy test", "Levonorgestrel 1.5mg tablets"])
def test_what_a_child_may_keep_from_a_parent_is_ordinary_in_a_grown_persons_record(title: str) -> None:
    assert labelled(entry("1", title), age=15) == {"1": {S.SEXUAL_HEALTH}}
    assert labelled(entry("1", title), age=18) == {"1": frozenset()}
    assert labelled(entry("1", title)) == {"1": frozenset()}


def test_a_childs_protection_plan_in_a_parents_record_is_about_somebody_else_too() -> None:
    title = "Daughter on a child protection plan"
    assert labelled(entry("1", title), age=35) == {"1": {S.SAFEGUARDING, S.THIRD_PARTY}}
    assert labelled(entry("1", title), age=6) == {"1": {S.SAFEGUARDING}}


def test_a_mother_who_speaks_for_her_child_is_no_third_party_and_who_speaks_of_a_grown_person_is() -> None:
    assert labelled(entry("1", "Mother reports cough"), age=3) == {"1": frozenset()}
    assert labelled(entry("1", "Mother reports cough"), age=30) == {"1": {S.THIRD_PARTY}}


# ---- what a resident says ------------------------------------------------------------------------------------------


def says(*said: tuple[str, Sensitivity, bool]) -> Any:
    def choices(about: RecordEntry) -> Mapping[Sensitivity, bool]:
        return {kind: applies for of, kind, applies in said if (about.provenance.source, about.id) == (GP, of)}

    return choices


def test_a_label_that_a_resident_adds_spreads_like_any_other() -> None:
    found = label([entry("1", "Asthma"), entry("2", "Review", linked=("1",))], choices=says(("1", S.HIV, True)))
    assert [each.labels for each in found] == [{S.HIV}, {S.HIV}]
    assert found[0].label_basis == (LabelBasis(S.HIV, L.RESIDENT),)


def test_a_dispute_takes_away_what_was_worked_out_and_what_spread_from_it() -> None:
    entries = [entry("1", "Low mood", code="35489007"), entry("2", "Review", linked=("1",))]
    assert labelled(*entries) == {"1": {S.MENTAL_HEALTH}, "2": {S.MENTAL_HEALTH}}
    disputed = says(("1", S.MENTAL_HEALTH, False))
    assert labelled(*entries, choices=disputed) == {"1": frozenset(), "2": frozenset()}


def test_a_dispute_of_one_entry_leaves_the_others() -> None:
    entries = [entry("1", "Low mood"), entry("2", "Depression")]
    disputed = says(("1", S.MENTAL_HEALTH, False))
    assert labelled(*entries, choices=disputed) == {"1": frozenset(), "2": {S.MENTAL_HEALTH}}


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        ({"stated_labels": frozenset({S.HIV})}, S.HIV),
        ({"code": "999004381000000103"}, S.SEXUAL_HEALTH),
        ({"title": "Section 42 enquiry"}, S.SAFEGUARDING),
        ({"title": "Third party information"}, S.THIRD_PARTY),
        ({"title": "IVF"}, S.ASSISTED_FERTILISATION),
        ({"title": "Gender recognition certificate"}, S.GENDER_RECOGNITION),
    ],
)
def test_what_is_not_a_residents_to_dispute_stays(made: dict[str, Any], kind: Sensitivity) -> None:
    one = entry("1", **{"title": "Review", **made})
    assert kind in labelled(one, choices=says(("1", kind, False)))["1"]


def test_what_is_surely_so_elsewhere_is_not_disputed_away_here() -> None:
    entries = [entry("1", "Review", linked=("2",)), entry("2", "Review", stated_labels=frozenset({S.HIV}))]
    assert labelled(*entries, choices=says(("1", S.HIV, False)))["1"] == {S.HIV}


def test_nobody_adds_what_the_law_alone_decides() -> None:
    assert labelled(entry("1"), choices=says(("1", S.GENDER_RECOGNITION, True))) == {"1": frozenset()}
