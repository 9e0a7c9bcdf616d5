"""What is sensitive is found: by code, by word, by what a source says, and by what it is linked to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.records import sensitive_codes, sensitive_medicines
from broker.records.labels import label
from broker.records.own_labels import in_words
from broker.records.source import Coding
from broker.vocabulary import Section, Sensitivity
from tests.records.cast import GP, HOSPITAL, entry

S = Sensitivity


def labels_of(*args: Any, **kwargs: Any) -> frozenset[Sensitivity]:
    (found,) = label([entry("1", *args, **kwargs)])
    return found.labels


@pytest.mark.parametrize(
    ("code", "expected"), [(code, each) for each, codes in sensitive_codes.SNOMED.items() for code in codes]
)
def test_each_sensitive_code_labels_whatever_it_is_called(code: str, expected: Sensitivity) -> None:
    assert expected in labels_of("Seen in clinic", code=code)


@pytest.mark.parametrize(("code", "expected"), list(sensitive_codes.REFERENCE_SETS.items()))
def test_each_exclusion_list_labels_what_is_marked_with_it(code: str, expected: Sensitivity) -> None:
    assert expected in labels_of("Seen in clinic", code=code)


@pytest.mark.parametrize(
    ("name", "expected"), [(n, s) for s, names in sensitive_medicines.MEDICINES.items() for n in names]
)
def test_each_betraying_medicine_labels_in_any_form(name: str, expected: Sensitivity) -> None:
    assert expected in labels_of(f"{name.capitalize()} 50mg tablets", section=Section.MEDICATIONS)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("HIV review", S.HIV),
        ("Patient has AIDS", S.HIV),
        ("Chlamydia screening", S.SEXUAL_HEALTH),
        ("Seen in GUM", S.SEXUAL_HEALTH),
        ("Medical termination of pregnancy", S.TERMINATION),
        ("Subfertility clinic", S.FERTILITY),
        ("IVF cycle 2", S.ASSISTED_FERTILISATION),
        ("Frozen embryo transfer", S.ASSISTED_FERTILISATION),
        ("Gender identity clinic", S.GENDER),
        ("Gender recognition certificate seen", S.GENDER_RECOGNITION),
        ("New record made in the acquired gender", S.GENDER_RECOGNITION),
        ("Feels depressed", S.MENTAL_HEALTH),
        ("Referred to CMHT", S.MENTAL_HEALTH),
        ("Talking therapies", S.MENTAL_HEALTH),
        ("Self-harm", S.SELF_HARM),
        ("Self harming", S.SELF_HARM),
        ("Risk to self: ask how things are", S.SELF_HARM),
        ("Took an overdose", S.SELF_HARM),
        ("Alcohol recovery service", S.ALCOHOL),
        ("Drinks heavily", S.ALCOHOL),
        ("Opioid substitution", S.DRUGS),
        ("Supervised consumption", S.DRUGS),
        ("Domestic abuse advocacy", S.DOMESTIC_ABUSE),
        ("Known to MARAC", S.DOMESTIC_ABUSE),
        ("Do not discuss in front of a partner", S.DOMESTIC_ABUSE),
        ("Child protection plan in place", S.SAFEGUARDING),
        ("Section 42 enquiry", S.SAFEGUARDING),
        ("Third party information", S.THIRD_PARTY),
    ],
)
def test_words_label_where_there_is_no_code(words: str, expected: Sensitivity) -> None:
    assert expected in labels_of(words)
    assert expected in labels_of(words.upper()) or words != words.upper()
    assert expected in labels_of(
        "Note",
        details=(("Comment", f"Says: {words.lower() if 'AIDS' not in words and 'GUM' not in words else words}."),),
    )


@pytest.mark.parametrize(
    "words",
    [
        "Hearing aids", "HEARING AIDS", "Walking aids", "First aid", "Stiff knee", "Sticking plaster", "Asthma",
        "Respiratory depression", "ST depression on ECG", "No known drug allergy", "Type 2 diabetes", "Hypertension",
        "Non-alcoholic fatty liver disease", "Refugee", "Therapy for back pain", "Drapes", "Grapefruit", "Archive",
        "Transport booked", "Transient ischaemic attack", "Genetic counselling", "Smoking cessation counselling",
        "Metformin 500mg tablets", "Penicillin", "Wheelchair", "Housing benefit", "Rent arrears", "Food parcel",
    ],
)  # fmt: skip
def test_ordinary_words_are_not_labelled(words: str) -> None:
    assert labels_of(words) == frozenset()


def test_a_code_in_another_classification_labels() -> None:
    icd = "http://hl7.org/fhir/sid/icd-10"
    assert S.HIV in labels_of("Seen", codes=(Coding(icd, "B24"),))
    assert S.MENTAL_HEALTH in labels_of("Seen", codes=(Coding(icd, "F32.1"),))
    assert labels_of("Seen", codes=(Coding(icd, "F17.2"),)) == frozenset()
    assert labels_of("Seen", codes=(Coding("http://snomed.info/sct", "B24"),)) == frozenset()


def test_the_words_of_a_code_label() -> None:
    assert S.HIV in labels_of("Seen", codes=(Coding("urn:local", "X1", "HIV clinic"),))


def test_what_a_source_states_is_kept() -> None:
    assert labels_of(stated_labels=frozenset({S.GENDER_RECOGNITION})) == {S.GENDER_RECOGNITION}


def test_an_adapter_cannot_set_a_label() -> None:
    assert labels_of("Asthma", labels=frozenset({S.HIV})) == frozenset()


def test_everything_in_the_safeguarding_section_is_labelled() -> None:
    assert labels_of("Meeting", section=Section.SAFEGUARDING) == {S.SAFEGUARDING}


def test_what_is_only_in_the_item_as_received_labels_it() -> None:
    original = {"resourceType": "Encounter", "extension": [{"valueString": "Seen about HIV/AIDS"}]}
    assert S.HIV in labels_of("Review", original=original)
    assert labels_of("Review", original={"meta": {"profile": ["https://x/HIV"]}, "url": "https://x/HIV"}) == frozenset()


def test_an_appointment_does_not_betray_the_diagnosis_it_is_about() -> None:
    problem = entry("c1", "HIV")
    booked = entry("a1", "Clinic 7 review", section=Section.APPOINTMENTS, linked=("c1",))
    assert [S.HIV in each.labels for each in label([booked, problem])] == [True, True]


def test_a_label_spreads_backwards_along_a_link() -> None:
    visit = entry("e1", "Seen in the HIV clinic")
    problem = entry("c1", "Problem under review", linked=("e1",))
    plain = entry("c2", "Asthma")
    assert [bool(each.labels) for each in label([problem, visit, plain])] == [True, True, False]


def test_a_label_spreads_however_far() -> None:
    chain = [entry(f"{i}", "Review", linked=(f"{i + 1}",)) for i in range(40)]
    found = label([*chain, entry("40", "Self-harm")])
    assert all(S.SELF_HARM in each.labels for each in found)


def test_two_entries_about_the_same_third_are_linked_though_it_is_not_here() -> None:
    found = label([entry("1", "HIV", linked=("visit",)), entry("2", "Review", linked=("visit",)), entry("3")])
    assert [S.HIV in each.labels for each in found] == [True, True, False]


def test_a_link_holds_within_its_source_only() -> None:
    found = label([entry("1", "HIV", source=GP), entry("2", "Review", source=HOSPITAL, linked=("1",))])
    assert found[1].labels == frozenset()


def test_one_resource_shown_in_two_sections_is_one_thing() -> None:
    found = label([entry("1", "HIV"), entry("1", "Review", section=Section.DOCUMENTS)])
    assert S.HIV in found[1].labels


def test_the_parts_of_one_item_are_one_thing() -> None:
    found = label([entry("1#a", "HIV"), entry("1#b", "Review"), entry("2", "Visit", linked=("1",))])
    assert all(S.HIV in each.labels for each in found)


def test_where_an_entry_comes_from_labels_it_and_not_its_twin() -> None:
    gp = entry("1", "Alzheimer's disease")
    clinic = entry("2", "Alzheimer's disease", source=HOSPITAL, recorded_by="Community mental health team")
    found = label([gp, clinic], together=[(0, 1)])
    assert found[0].labels == frozenset()
    assert found[1].labels == {S.MENTAL_HEALTH}


def test_what_one_source_says_of_a_thing_labels_it_in_the_other() -> None:
    stated = entry("2", "Review", source=HOSPITAL, stated_labels=frozenset({S.HIV}))
    found = label([entry("1", "Review"), stated], together=[(0, 1)])
    assert S.HIV in found[0].labels


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"), st.sampled_from(["HIV", "Asthma", "IVF"]), st.lists(st.sampled_from("abcd"))
        ),
        max_size=6,
    )
)
def test_labelling_twice_is_labelling_once_and_order_does_not_matter(drawn: list[tuple[str, str, list[str]]]) -> None:
    entries = [entry(id, title, linked=tuple(linked)) for id, title, linked in drawn]
    once = label(entries)
    assert label(once) == once
    assert label(entries[::-1])[::-1] == once


@given(st.text(max_size=300))
def test_any_text_may_be_looked_through(text: str) -> None:
    in_words(text)


def test_a_code_that_was_received_and_not_read_labels_what_carries_it() -> None:
    """The item may be passed on whole, so a reason that no reader took up still betrays."""
    code = min(sensitive_codes.SNOMED[S.HIV])
    reason = {"reasonCode": [{"coding": [{"system": "http://snomed.info/sct", "code": code}]}]}
    assert S.HIV in labels_of("Clinic visit", original={"resourceType": "Encounter", **reason})
    assert S.HIV not in labels_of("Clinic visit", original={"resourceType": "Encounter"})
