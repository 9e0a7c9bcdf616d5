"""What a FHIR R4 server sends and the broker does not show: counted, stated as a gap or labelled, never passed over."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.fhir_r4.types import TYPES
from broker.vocabulary import ACT_CODE, OWN, SNOMED_CT, GapCause, Section, Sensitivity
from tests.adapters.fhir_people import EVERY_SECTION, Resource, Server, ask, coded, entries, of_ada, only, said

HL7 = "http://terminology.hl7.org/CodeSystem"


def test_an_unknown_type_is_counted_by_name_and_a_helping_one_is_not() -> None:
    others = [
        {"resourceType": kind, "id": str(n)}
        for n, kind in enumerate(["Device", "Device", "Provenance", "Practitioner"])
    ]
    answer, _ = ask(Server(others))
    assert dict(answer.not_understood) == {"Device": 2, "Provenance": 1}


@pytest.mark.parametrize(
    "wrong",
    [
        of_ada("AllergyIntolerance", code=said("Oops"), verificationStatus=coded("entered-in-error")),
        of_ada("Procedure", code=said("Oops"), status="entered-in-error"),
        of_ada("Observation", code=said("Oops"), status="entered-in-error"),
    ],
)
def test_what_was_entered_in_error_is_counted_and_not_shown(wrong: Resource) -> None:
    answer, _ = ask(Server([wrong]))
    assert "Oops" not in repr(answer.entries)
    assert dict(answer.not_understood) == {f"{wrong['resourceType']} (entered in error)": 1}
    assert not answer.gaps


@pytest.mark.parametrize("element", ["modifierExtension", "implicitRules"])
def test_what_an_unknown_extension_may_reverse_is_not_shown(element: str) -> None:
    value: Any = [{"url": "urn:not", "valueBoolean": True}] if element == "modifierExtension" else "urn:rules"
    answer, _ = ask(Server([of_ada("AllergyIntolerance", code=said("Nuts"), **{element: value})]))
    assert "Nuts" not in repr(answer.entries)
    assert [(gap.section, gap.cause) for gap in answer.gaps] == [(Section.ALLERGIES, GapCause.MALFORMED)]


@pytest.mark.parametrize("rubbish", [7, "text", [], [7], {"coding": "x"}, {"coding": [7]}, {"text": 7}, True])
def test_a_resource_that_cannot_be_read_is_counted_and_the_rest_is_shown(rubbish: Any) -> None:
    good = of_ada("AllergyIntolerance", "a1", code=said("Penicillin"))
    bad = of_ada("AllergyIntolerance", "a2", code=rubbish)
    answer, _ = ask(Server([good, bad]), frozenset({Section.ALLERGIES}))
    assert "Penicillin" in [entry.title for entry in answer.entries]
    if rubbish:
        assert dict(answer.not_understood) == {"AllergyIntolerance (could not be read)": 1}
        assert [gap.cause for gap in answer.gaps] == [GapCause.MALFORMED]


@pytest.mark.parametrize("kind", sorted(set(TYPES) - {"Patient"}))
@pytest.mark.parametrize("rubbish", [7, "x", [7], [[]], {"reference": 7}, [{"coding": 7}], None])
def test_no_rubbish_in_any_element_of_any_type_ends_a_fetch(kind: str, rubbish: Any) -> None:
    """Every element any reader looks at, wrong at once: an entry, a count or a gap, but always an answer."""
    names = "code status category subjects period note reasonCode type item content provision member reaction"
    more = "performer participant activity component dosageInstruction medicationReference class onset meta contained"
    elements = dict.fromkeys((names + " " + more).split(), rubbish)
    answer, _ = ask(Server([of_ada(kind, **elements)]))
    assert answer.entries or answer.gaps


def test_a_resource_without_a_name_says_so() -> None:
    assert only(of_ada("AllergyIntolerance")).title == "Not named by the source"


def test_the_same_resource_on_two_pages_is_one_entry() -> None:
    one = of_ada("AllergyIntolerance", "a1", code=said("Penicillin"))
    assert len(entries(one, one)) == 1


def test_a_narrative_is_never_shown() -> None:
    markup = "<div>SENTINEL</div>"
    entry = only(of_ada("Condition", code=said("Asthma"), text={"status": "generated", "div": markup}))
    assert "SENTINEL" not in f"{entry.title}{entry.details}{entry.status}"


def test_characters_that_turn_text_around_are_dropped() -> None:
    entry = only(of_ada("Condition", code=said("Asth\u202ema\u0000\n ok\u2066")))
    assert entry.title == "Asthma  ok"


# ---- what the source itself says is sensitive -----------------------------------------------------------------------


def labelled(*security: tuple[str, str]) -> Resource:
    codes = [{"system": system, "code": code} for system, code in security]
    return of_ada("Condition", code=said("Something"), meta={"security": codes})


CONFIDENTIALITY = f"{HL7}/v3-Confidentiality"


@pytest.mark.parametrize(
    ("security", "labels"),
    [
        ((ACT_CODE, "HIV"), {Sensitivity.HIV}),
        ((ACT_CODE, "MH"), {Sensitivity.MENTAL_HEALTH}),
        ((ACT_CODE, "SDV"), {Sensitivity.DOMESTIC_ABUSE, Sensitivity.SAFEGUARDING}),
        ((ACT_CODE, "ETH"), {Sensitivity.ALCOHOL, Sensitivity.DRUGS}),
        ((ACT_CODE, "GENDER"), {Sensitivity.GENDER}),
        ((f"{OWN}:sensitivity", "gender-recognition"), {Sensitivity.GENDER_RECOGNITION}),
        ((SNOMED_CT, "1955851000000101"), {Sensitivity.GENDER_RECOGNITION}),
        ((SNOMED_CT, "1955841000000104"), {Sensitivity.ASSISTED_FERTILISATION}),
        ((CONFIDENTIALITY, "N"), set()),
        (("urn:elsewhere", "R"), set()),
    ],
)
def test_labels_the_source_states_are_passed_on(security: tuple[str, str], labels: set[Sensitivity]) -> None:
    assert only(labelled(security)).stated_labels == labels


def test_restricted_beside_a_label_that_is_understood_adds_nothing() -> None:
    assert only(labelled((CONFIDENTIALITY, "R"), (ACT_CODE, "HIV"))).stated_labels == {Sensitivity.HIV}


@pytest.mark.parametrize("security", [(CONFIDENTIALITY, "R"), (CONFIDENTIALITY, "V"), (ACT_CODE, "CEL")])
def test_a_restriction_that_has_no_meaning_here_keeps_the_entry_back(security: tuple[str, str]) -> None:
    answer, _ = ask(Server([labelled(security)]), frozenset({Section.PROBLEMS}))
    assert not answer.entries
    assert dict(answer.not_understood) == {f"Condition (restricted: {security[1]})": 1}


def test_every_section_a_reader_may_fill_is_one_the_adapter_says_it_holds() -> None:
    assert {section for known in TYPES.values() for section in known.sections} <= EVERY_SECTION
