"""Searching a sandbox FHIR server: by GET and by form, what is found, what comes with it, and what is refused."""

from __future__ import annotations

import fhirkit
import pytest

from tests.sandbox.partners.partner import NHS, NUMBERS, PER_RESIDENT, Partner


def test_a_patient_is_found_by_nhs_number_with_everything_asked_for(practice: Partner) -> None:
    found = practice.find(
        NUMBERS[0], ("_revinclude", "AllergyIntolerance:patient"), ("_revinclude", "Observation:subject")
    )
    assert found.status == 200
    assert found.ids("match") == ["p0"]
    assert len(found.ids("include")) == 1 + PER_RESIDENT
    assert found.json["total"] == 1, "total counts matches, not what they bring (R4 §3.1.1.5.4)"
    assert [str(problem) for problem in fhirkit.validate(found.json)] == []


def test_an_unknown_nhs_number_finds_an_empty_bundle_and_no_error(practice: Partner) -> None:
    found = practice.find("9990000069")
    assert (found.status, found.json["total"]) == (200, 0)
    assert "entry" not in found.json, "an empty list is not FHIR JSON"


def test_a_number_under_another_system_finds_nobody(practice: Partner) -> None:
    assert practice.get("/Patient", {"identifier": f"urn:other|{NUMBERS[0]}"}).ids() == []
    assert practice.get("/Patient", {"identifier": NUMBERS[0]}).ids() == ["p0"]


def test_get_and_form_find_the_same(practice: Partner) -> None:
    by_url = practice.get("/Observation", {"patient": "p1", "_count": "100"})
    by_form = practice.post_form("/Observation/_search", {"patient": "p1", "_count": "100"})
    assert by_url.json["entry"] == by_form.json["entry"]
    assert len(by_url.ids()) == PER_RESIDENT


def test_url_and_form_of_one_search_are_taken_together(practice: Partner) -> None:
    found = practice.post_form("/Observation/_search?category=odd", {"patient": "p1"})
    assert len(found.ids()) == PER_RESIDENT // 2


@pytest.mark.parametrize(
    "query",
    [
        {"patient": "p1"},
        {"patient": "Patient/p1"},
        {"patient": "http://elsewhere.example/fhir/Patient/p1"},
        {"subject": "Patient/p1"},
        {"patient.identifier": f"{NHS}|{NUMBERS[1]}"},
        {"patient:identifier": f"{NHS}|{NUMBERS[1]}"},
        {"subject.identifier": f"{NHS}|{NUMBERS[1]}"},
        {"subject:Patient.identifier": f"{NHS}|{NUMBERS[1]}"},
    ],
    ids=str,
)
def test_a_patients_resources_are_found_however_the_patient_is_named(practice: Partner, query: dict[str, str]) -> None:
    assert practice.get("/Observation", query).ids() == [f"p1-o{n}" for n in range(PER_RESIDENT)]


@pytest.mark.parametrize(
    "query", [{"patient": "p9"}, {"patient": "Group/p1"}, {"patient.identifier": f"{NHS}|9990000069"}]
)
def test_a_patient_who_is_not_there_has_no_resources(practice: Partner, query: dict[str, str]) -> None:
    assert practice.get("/Observation", query).json["total"] == 0


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"code": "100-3"}, ["p1-o3"]),
        ({"code": "http://loinc.org|100-3"}, ["p1-o3"]),
        ({"code": "http://loinc.org|"}, [f"p1-o{n}" for n in range(PER_RESIDENT)]),
        ({"code": "|100-3"}, []),
        ({"code": "http://snomed.info/sct|100-3"}, []),
        ({"code": "100-3,100-5"}, ["p1-o3", "p1-o5"]),
        ({"category": "odd", "code": "100-3,100-4"}, ["p1-o3"]),
        ({"category": ""}, [f"p1-o{n}" for n in range(PER_RESIDENT)]),
        ({"_id": "p1-o2"}, ["p1-o2"]),
        ({"_id": "p0-o2"}, []),
        ({"status": "final", "_id": "p1-o6,p1-o0"}, ["p1-o0", "p1-o6"]),
    ],
    ids=str,
)
def test_tokens_match_by_system_and_code(practice: Partner, query: dict[str, str], expected: list[str]) -> None:
    assert practice.get("/Observation", {"patient": "p1", **query}).ids() == expected


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-03-03", {2}),
        ("ge2026-03-03", {2, 3, 4, 5, 6}),
        ("gt2026-03-03", {3, 4, 5, 6}),
        ("le2026-03-03", {0, 1, 2}),
        ("lt2026-03-03", {0, 1}),
        ("ne2026-03-03", {0, 1, 3, 4, 5, 6}),
        ("sa2026-03-03", {3, 4, 5, 6}),
        ("eb2026-03-03", {0, 1}),
        ("gt2026-03-03T11:59:59Z", {2, 3, 4, 5, 6}),
        ("ge2026-03-03T13:00:00%2B01:00", {2, 3, 4, 5, 6}),
        ("gt2026-03", set()),
        ("2026-03", set(range(7))),
        ("2026", set(range(7))),
        ("lt2026", set()),
    ],
)
def test_dates_are_compared_as_the_spans_they_stand_for(practice: Partner, when: str, expected: set[int]) -> None:
    found = practice.get(f"/Observation?patient=p2&_lastUpdated={when}")
    assert {int(id[-1]) for id in found.ids()} == expected


def test_two_dates_make_a_range(practice: Partner) -> None:
    query = [("patient", "p0"), ("_lastUpdated", "ge2026-03-02"), ("_lastUpdated", "lt2026-03-05")]
    assert practice.get("/Observation", query).ids() == ["p0-o1", "p0-o2", "p0-o3"]


@pytest.mark.parametrize("when", ["yesterday", "2026-13-01", "ap2026-03-01", "2026-03-01T", ""])
def test_a_date_that_is_none_is_refused(practice: Partner, when: str) -> None:
    answer = practice.get("/Observation", {"patient": "p0", "_lastUpdated": f"ge{when}"})
    assert (answer.status, answer.issue) == (400, "value")


def test_patients_are_found_by_birthdate_and_by_family_without_case_or_accents(practice: Partner) -> None:
    assert practice.get("/Patient", {"birthdate": "1990-11-30"}).ids() == ["p1"]
    assert practice.get("/Patient", {"birthdate": "ge1990"}).ids() == ["p1", "p2"]
    assert practice.get("/Patient", {"family": "bright"}).ids() == ["p0", "p2"]
    assert practice.get("/Patient", {"family": "right"}).ids() == []


def test_both_identifiers_must_agree(practice: Partner) -> None:
    assert practice.find(NUMBERS[0], ("birthdate", "1948-03-02")).ids() == ["p0"]
    assert practice.find(NUMBERS[0], ("birthdate", "1948-03-03")).ids() == []


def test_the_patient_comes_with_their_observation_where_asked(practice: Partner) -> None:
    found = practice.get("/Observation", {"patient": "p1", "_include": "Observation:patient"})
    assert found.ids("include") == ["p1"], "once, however many observations brought it"
    assert practice.get("/Observation", {"patient": "p1"}).ids("include") == []


def test_the_self_link_echoes_what_was_understood_and_nothing_else(practice: Partner) -> None:
    given = [
        ("_revinclude", "Observation:patient"),
        ("_revinclude", "Wand:patient"),
        ("_sort", "family"),
        ("_count", "5"),
    ]
    link = practice.find(NUMBERS[0], *given).link("self") or ""
    assert "_revinclude=Observation:patient" in link
    assert "_count=5" in link
    assert "Wand" not in link
    assert "_sort" not in link


@pytest.mark.parametrize(
    ("name", "value"),
    [("_sort", "family"), ("_revinclude", "Wand:patient"), ("_include", "Patient:link"), ("colour", "red")],
)
def test_strict_handling_refuses_what_is_not_understood(practice: Partner, name: str, value: str) -> None:
    strict = practice.find(NUMBERS[0], (name, value), Prefer="handling=strict")
    assert (strict.status, strict.issue) == (400, "not-supported")
    assert practice.find(NUMBERS[0], (name, value)).status == 200
    assert practice.find(NUMBERS[0], ("_count", "1"), Prefer="handling=strict").status == 200


@pytest.mark.parametrize("name", ["family:exact", "code:not", "patient:missing", "_id:above"])
def test_an_unsupported_modifier_is_refused_even_leniently(practice: Partner, name: str) -> None:
    kind = "Patient" if name.startswith("family") else "Observation"
    answer = practice.get(f"/{kind}", {name: "x"})
    assert (answer.status, answer.issue) == (400, "not-supported")


def test_a_large_source_will_not_look_at_everybody(large_practice: Partner) -> None:
    for query in ({"family": "Bright"}, {"birthdate": "1990"}, {}):
        answer = large_practice.get("/Patient", query)
        assert (answer.status, answer.issue) == (400, "too-costly")
    assert large_practice.find(NUMBERS[2]).ids() == ["p2"]
    assert large_practice.get("/Patient", {"_id": "p2"}).ids() == ["p2"]
    assert large_practice.get("/Observation", {"_id": "p2-o1"}).ids() == ["p2-o1"]


def test_a_search_by_post_must_be_a_form(practice: Partner) -> None:
    answer = practice.post_json("/Patient/_search", {"identifier": NUMBERS[0]})
    assert (answer.status, answer.issue) == (415, "not-supported")


def test_no_error_repeats_a_value(practice: Partner) -> None:
    for query in (
        {"_count": NUMBERS[0]},
        {NUMBERS[0]: "x"},
        {f"{NUMBERS[0]}:exact": "x"},
        {"birthdate": f"ge{NUMBERS[0]}"},
    ):
        answer = practice.get("/Patient", query, Prefer="handling=strict")
        assert NUMBERS[0].encode() not in answer.body


def test_what_is_referred_to_comes_along_where_asked(practice: Partner) -> None:
    medicine = {"resourceType": "Medication", "id": "ramipril", "code": {"text": "Ramipril"}}
    request = {
        "resourceType": "MedicationRequest",
        "id": "rx",
        "subject": {"reference": "Patient/p0"},
        "medicationReference": {"reference": "Medication/ramipril"},
    }
    entries = [{"resource": medicine}, {"resource": request}]
    practice.post_json("", {"resourceType": "Bundle", "type": "collection", "entry": entries})
    include = ("_include", "MedicationRequest:medication")
    assert practice.get("/MedicationRequest", [("patient", "p0"), include]).ids("include") == ["ramipril"]
    along = [("_revinclude", "MedicationRequest:patient"), ("_include:iterate", "MedicationRequest:medication")]
    assert practice.find(NUMBERS[0], *along, Prefer="handling=strict").ids("include") == ["rx", "ramipril"]
    assert practice.find(NUMBERS[0], along[0]).ids("include") == ["rx"]
    assert practice.get("/MedicationRequest", {"medication": "Medication/ramipril", "_id": "rx"}).ids() == ["rx"]
    assert practice.get("/MedicationRequest", {"medication": "Substance/ramipril", "_id": "rx"}).ids() == []
