"""Where sources disagree it is said, plainly and on everything it is about; where one is silent nothing is said."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from broker.records import contradictions
from broker.records.source import RecordEntry
from broker.vocabulary import Section
from tests.records.cast import CHARITY, GP, HOSPITAL, LABELS
from tests.records.joining_quality import read

Told = tuple[Section, str, str]
MEDICINES, ALLERGIES = Section.MEDICATIONS, Section.ALLERGIES


def said(*told: Told) -> list[tuple[str, ...]]:
    """What is said of each, where each is a thing of its own."""
    things: dict[Section, list[Sequence[RecordEntry]]] = {}
    for section, source, line in told:
        things.setdefault(section, []).append([read(line, section, source)])
    found = contradictions.found(things, names=LABELS)
    return [words for section in dict.fromkeys(section for section, _, _ in told) for words in found[section]]


def test_a_medicine_that_one_source_says_has_stopped_is_said_on_both() -> None:
    words = said(
        (MEDICINES, GP, "Clopidogrel 75mg tablets | status=active | at=2025-01-01"),
        (MEDICINES, HOSPITAL, "Clopidogrel 75mg tablets | status=stopped | at=2026-02-01"),
    )
    told = (
        "Lock Keepers Surgery records Clopidogrel 75mg tablets as current; "
        "St Brannoc Hospital records that it has stopped."
    )
    assert words == [(told,), (told,)]


@pytest.mark.parametrize(
    "stopped",
    [
        "Clopidogrel 75mg tablets | status=completed | at=2019-02-01",  # an older course
        "Clopidogrel 75mg tablets | status=stopped | at=",  # nobody knows when
        "Clopidogrel 300mg tablets | status=stopped | at=2026-02-01",  # another strength
        "Clopidogrel 75mg tablets | status=entered-in-error | at=2026-02-01",
    ],
)
def test_a_course_that_is_not_this_one_contradicts_nothing(stopped: str) -> None:
    current = (MEDICINES, GP, "Clopidogrel 75mg tablets | status=active | at=2025-01-01")
    assert said(current, (MEDICINES, HOSPITAL, stopped)) == [(), ()]


def test_two_strengths_in_two_sources_are_a_contradiction_and_in_one_source_are_a_dose() -> None:
    practice, hospital = (MEDICINES, GP, "Sertraline 50mg tablets"), (MEDICINES, HOSPITAL, "Sertraline 100mg tablets")
    told = (
        "Different strengths: Lock Keepers Surgery records Sertraline 50mg tablets; "
        "St Brannoc Hospital records Sertraline 100mg tablets."
    )
    assert said(practice, hospital) == [(told,), (told,)]
    assert said(practice, (MEDICINES, GP, "Sertraline 100mg tablets"), hospital) == [(), (), ()]


def test_an_allergy_to_a_current_medicine_is_said_on_both() -> None:
    words = said(
        (ALLERGIES, HOSPITAL, "Allergy to trimethoprim | status=active"),
        (MEDICINES, GP, "Trimethoprim 200mg tablets | status=active"),
    )
    told = (
        "St Brannoc Hospital records an allergy or reaction to trimethoprim; "
        "Lock Keepers Surgery records Trimethoprim 200mg tablets as a current medicine."
    )
    assert words == [(told,), (told,)]


@pytest.mark.parametrize(
    ("allergy", "medicine"),
    [
        ("Allergy to penicillin | status=refuted", "Penicillin 250mg tablets"),
        ("Allergy to penicillin", "Penicillin 250mg tablets | status=completed"),
        ("Allergy to penicillin", "Penicillamine 250mg tablets"),
        ("Allergy to penicillin", "Amoxicillin 500mg capsules"),  # for whoever knows medicines to see
        ("No known allergies", "Trimethoprim 200mg tablets"),
    ],
)
def test_an_allergy_to_something_else_says_nothing_of_a_medicine(allergy: str, medicine: str) -> None:
    assert said((ALLERGIES, HOSPITAL, allergy), (MEDICINES, GP, medicine)) == [(), ()]


def test_two_addresses_are_a_contradiction_and_one_written_in_two_ways_is_not() -> None:
    section = Section.DEMOGRAPHICS
    practice = (section, GP, "Ada Bright | Address: 34 Towpath View, Marlowe Green, QX1 8MC")
    council = (section, CHARITY, "Ada Bright | Address: 9 Orchard Steps, Marlowe Green, QX1 7MO")
    assert said(practice, council)[0] == (
        "Different addresses: Lantern says “9 Orchard Steps, Marlowe Green, QX1 7MO”; "
        "Lock Keepers Surgery says “34 Towpath View, Marlowe Green, QX1 8MC”.",
    )
    assert said(practice, (section, CHARITY, "A Bright | Address: 34 Towpath Vw, QX18MC")) == [(), ()]
    assert said(practice, (section, CHARITY, "A Bright")) == [(), ()]


def test_a_date_of_birth_is_never_compared() -> None:
    section = Section.DEMOGRAPHICS
    one = (section, GP, "Ada Bright | Date of birth: 1 May 1950")
    assert said(one, (section, CHARITY, "Ada Bright | Date of birth: 2 May 1950")) == [(), ()]


def test_two_practices_or_languages_are_a_contradiction() -> None:
    practices = said(
        (Section.GP_PRACTICE, GP, "Lock Keepers Surgery | Practice code: XX9GP1"),
        (Section.GP_PRACTICE, HOSPITAL, "Hilltop Beacon Practice | Practice code: XX9GP2"),
    )
    assert all("Different GP practices" in words[0] for words in practices)
    assert said(
        (Section.GP_PRACTICE, GP, "Lock Keepers Surgery | Practice code: XX9GP1"),
        (Section.GP_PRACTICE, HOSPITAL, "Lock Keepers | Practice code: XX9GP1"),
    ) == [(), ()]
    needs = Section.INDIVIDUAL_REQUIREMENTS
    languages = said(
        (needs, GP, "Language and communication | Preferred language: Sylheti"),
        (needs, HOSPITAL, "Language and communication | Preferred language: English"),
    )
    assert all("Different preferred languages" in words[0] for words in languages)


def test_a_decision_that_one_source_states_and_another_does_not_is_no_contradiction() -> None:
    assert said(
        (Section.CONTINGENCY, HOSPITAL, "Do not attempt cardiopulmonary resuscitation"),
        (Section.CONTINGENCY, GP, "Preferred place of death: home"),
    ) == [(), ()]
