"""What the sources hold: valid FHIR R4 and rows, coherent across sources, with all that a broker must cope with."""

from __future__ import annotations

import csv
import json
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import fhirkit
import pytest

from broker.records.labels import label
from broker.records.source import Coding, Provenance, RecordEntry
from broker.vocabulary import SNOMED_CT, Section, Sensitivity
from sandbox.neighbourhood import cast, charity, named, social
from sandbox.neighbourhood.people import ANCHOR
from sandbox.neighbourhood.place import CLD_FILE, Place

PLACE = Place(1, 500)
TYPES = {
    *("Patient", "AllergyIntolerance", "Condition", "MedicationRequest", "MedicationStatement", "Observation"),
    *("Encounter", "Appointment", "Procedure", "Immunization", "ServiceRequest", "CarePlan", "Flag"),
    *("DocumentReference", "RelatedPerson", "FamilyMemberHistory", "EpisodeOfCare", "Device", "NutritionOrder"),
}


@pytest.fixture(scope="module")
def held() -> dict[str, dict[int, list[dict[str, Any]]]]:
    """Every resource of a place of 500, by source and resident."""
    return {
        source.id: {index: PLACE.fhir_resources(source.id, index) for index in range(500)}
        for source in cast.FHIR_SOURCES
    }


def every(held: dict[str, dict[int, list[dict[str, Any]]]]) -> Iterator[dict[str, Any]]:
    for by_resident in held.values():
        for resources in by_resident.values():
            yield from resources


def of(resources: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [resource for resource in resources if resource["resourceType"] == kind]


def said(concept: dict[str, Any]) -> str:
    return str(concept["text"])


def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    def written(seed: int) -> str:
        place = Place(seed, 60)
        fhir = [place.fhir_resources(s.id, i) for s in cast.FHIR_SOURCES for i in range(60)]
        rows = [[place.cld_rows(i), place.casework_rows(i)] for i in range(60)]
        return json.dumps([fhir, rows, place.directory()])

    assert written(1) == written(1)
    assert written(1) != written(2)


def test_every_resource_is_valid_r4(held: dict[str, dict[int, list[dict[str, Any]]]]) -> None:
    assert [str(issue) for resource in every(held) for issue in fhirkit.validate(resource)] == []


def test_every_type_a_broker_should_meet_is_there(held: dict[str, dict[int, list[dict[str, Any]]]]) -> None:
    assert {resource["resourceType"] for resource in every(held)} == TYPES


def test_ids_are_unique_in_a_source_and_the_patient_comes_first(
    held: dict[str, dict[int, list[dict[str, Any]]]],
) -> None:
    for by_resident in held.values():
        ids = [(r["resourceType"], r["id"]) for resources in by_resident.values() for r in resources]
        assert len(set(ids)) == len(ids)
        for resources in by_resident.values():
            assert [r["resourceType"] for r in resources[:1]] in ([], ["Patient"])
            assert len(of(resources, "Patient")) <= 1


def test_a_source_that_does_not_know_somebody_holds_nothing(held: dict[str, dict[int, list[dict[str, Any]]]]) -> None:
    for source, by_resident in held.items():
        for index, resources in by_resident.items():
            assert bool(resources) is PLACE.person(index).known_to(source)


def test_the_patient_is_the_resident_by_both_identifiers(held: dict[str, dict[int, list[dict[str, Any]]]]) -> None:
    for source, by_resident in held.items():
        for index, resources in by_resident.items():
            for patient in of(resources, "Patient"):
                person = PLACE.person(index)
                numbers = [i["value"] for i in patient["identifier"] if i["system"].endswith("nhs-number")]
                assert numbers == ([person.nhs_number] if person.nhs_number else [])
                assert patient["birthDate"] == person.born_on.isoformat()
                assert PLACE.index_of_local(source, patient["id"]) == index


def test_every_reference_inside_a_record_leads_somewhere(held: dict[str, dict[int, list[dict[str, Any]]]]) -> None:
    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if "reference" in value:
                yield value["reference"]
            for each in value.values():
                yield from references(each)
        elif isinstance(value, list):
            for each in value:
                yield from references(each)

    for by_resident in held.values():
        for resources in by_resident.values():
            known = {f"{r['resourceType']}/{r['id']}" for r in resources}
            assert {found for r in resources for found in references(r)} <= known


def test_nothing_was_recorded_before_birth_after_death_or_in_the_future(
    held: dict[str, dict[int, list[dict[str, Any]]]],
) -> None:
    for by_resident in held.values():
        for index, resources in by_resident.items():
            person = PLACE.person(index)
            for resource in resources:
                changed = datetime.fromisoformat(resource["meta"]["lastUpdated"]).astimezone(UTC).date()
                assert person.born_on <= changed <= ANCHOR
                if resource["resourceType"] == "Appointment":
                    assert person.died_on is None
                    assert resource["start"][:10] > ANCHOR.isoformat()
                elif person.died_on:
                    assert changed <= person.died_on + timedelta(days=1)


def test_the_day_it_is_read_on_moves_with_the_reader() -> None:
    today = date(2028, 3, 1)
    now = PLACE.fhir_resources(cast.ST_BRANNOC_ACUTE.id, named.ADA)
    later = Place(1, 500, today=today).fhir_resources(cast.ST_BRANNOC_ACUTE.id, named.ADA)

    assert {a["start"][:10] > today.isoformat() for a in of(later, "Appointment")} == {True}
    assert later[0]["birthDate"] == now[0]["birthDate"]
    assert [(r["resourceType"], r["id"]) for r in later] == [(r["resourceType"], r["id"]) for r in now]


def test_the_same_medicine_is_at_the_practice_and_the_hospital() -> None:
    practice = PLACE.fhir_resources(cast.LOCK_KEEPERS_GP.id, named.ADA)
    hospital = PLACE.fhir_resources(cast.ST_BRANNOC_ACUTE.id, named.ADA)
    here = {
        said(m["medicationCodeableConcept"]): m["dosageInstruction"][0]["text"]
        for m in of(practice, "MedicationRequest")
    }
    there = {said(m["medicationCodeableConcept"]): m["dosage"][0]["text"] for m in of(hospital, "MedicationStatement")}

    assert here["Amlodipine 5mg tablets"] == there["Amlodipine 5mg tablets"]
    assert here["Metformin 500mg tablets"] != there["Metformin 500mg tablets"]


def test_the_hospital_denies_the_allergy_the_practice_holds() -> None:
    (held_here,) = of(PLACE.fhir_resources(cast.LOCK_KEEPERS_GP.id, named.ADA), "AllergyIntolerance")
    (denied,) = of(PLACE.fhir_resources(cast.ST_BRANNOC_ACUTE.id, named.ADA), "AllergyIntolerance")

    assert held_here["code"] == denied["code"]
    assert held_here["verificationStatus"]["coding"][0]["code"] == "confirmed"
    assert denied["verificationStatus"]["coding"][0]["code"] == "refuted"
    assert denied["clinicalStatus"]["coding"][0]["code"] == "inactive"


@pytest.mark.slow
def test_duplicates_and_contradictions_are_found_among_those_without_a_story_too() -> None:
    doses: dict[tuple[int, str], set[str]] = defaultdict(set)
    told: Counter[tuple[int, str]] = Counter()
    place = Place(1, 1200)
    for index in range(24, 1200):
        for source in place.person(index).sources:
            for resource in place.fhir_resources(source, index) if source in _FHIR else []:
                for dose in resource.get("dosageInstruction") or resource.get("dosage") or ():
                    key = (index, said(resource["medicationCodeableConcept"]))
                    doses[key].add(dose["text"])
                    told[key] += 1

    assert sum(count > 1 and len(doses[key]) == 1 for key, count in told.items()) > 5
    assert sum(len(different) > 1 for different in doses.values()) > 5


_FHIR = {source.id for source in cast.FHIR_SOURCES}


def test_every_kind_of_sensitive_information_is_somewhere(held: dict[str, dict[int, list[dict[str, Any]]]]) -> None:
    alike = {
        (r["resourceType"], r.get("description", ""), str(r.get("code")), str(r["meta"].get("security"))): r
        for r in every(held)
    }
    entries = [_entry(number, resource) for number, resource in enumerate(alike.values())]
    labels = {each for entry in label(entries) for each in entry.labels}

    assert labels == set(Sensitivity)


def _entry(number: int, resource: dict[str, Any]) -> RecordEntry:
    """A resource as the plainest reader would take it: its codes and its words."""
    concepts = [resource[name] for name in ("code", "type", "medicationCodeableConcept") if name in resource]
    codings = [c for concept in concepts if isinstance(concept, dict) for c in concept.get("coding", ())]
    stated = list(resource["meta"].get("security", ()))
    return RecordEntry(
        id=str(number),
        section=Section.PROBLEMS,
        title=json.dumps([resource.get("description"), concepts], default=str),
        provenance=Provenance("x", datetime(2026, 11, 1, tzinfo=UTC)),
        codes=tuple(Coding(c["system"], c["code"]) for c in (*codings, *stated) if c["system"] == SNOMED_CT),
        stated_labels=frozenset(Sensitivity(c["code"]) for c in stated if c["system"].startswith("urn:")),
    )


def test_most_sensitive_entries_say_nothing_of_it_themselves(held: dict[str, dict[int, list[dict[str, Any]]]]) -> None:
    stated = [r for r in every(held) if "security" in r["meta"]]

    assert 5 < len(stated) < len(list(every(held))) / 20


def test_only_adults_the_council_knows_have_client_level_data() -> None:
    for index in range(500):
        rows = PLACE.cld_rows(index)
        person = PLACE.person(index)
        assert bool(rows) is person.known_to(cast.COUNCIL_ADULT_CARE.id)
        for row in rows:
            assert tuple(row) == social.COLUMNS
            assert row["NHS_Number"] == (person.nhs_number or "")
            assert row["Event_Type"] in ("Request", "Assessment", "Service", "Review")


def test_a_carer_s_rows_name_the_adult_they_look_after_by_the_council_s_number() -> None:
    rows = PLACE.cld_rows(named.DANIEL)

    assert {row["Client_Type"] for row in rows} == {"Carer"}
    assert {row["Adult_1_Linked_Person_ID"] for row in rows} <= {
        "",
        PLACE.local_id(cast.COUNCIL_ADULT_CARE.id, named.ADA),
    }


def test_the_charity_s_notes_hold_what_no_code_marks() -> None:
    (first, *_) = PLACE.casework_rows(named.ADA)

    assert tuple(first) == charity.COLUMNS
    assert first["NHS no"].count(" ") == 2
    assert "drinking" in first["Notes"]
    assert PLACE.casework_rows(named.DANIEL) == []


def test_files_hold_every_row_and_say_how_far_they_are(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    council = PLACE.write_cld(tmp_path / "council", lambda done, whole: told.append((done, whole)))
    cases = PLACE.write_casework(tmp_path / "lantern" / "cases.csv")

    assert council == tmp_path / "council" / CLD_FILE
    assert _rows(council) == [row for index in range(500) for row in PLACE.cld_rows(index)]
    assert _rows(cases) == [row for index in range(500) for row in PLACE.casework_rows(index)]
    assert told[-1] == (500, 500)


@pytest.mark.slow
def test_writing_files_keeps_no_more_in_memory_for_more_residents(tmp_path: Path) -> None:
    def peak(residents: int) -> int:
        tracemalloc.start()
        Place(1, residents).write_cld(tmp_path / str(residents))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(300)  # what is loaded once is not counted
    assert peak(3000) < peak(300) * 2 + 200_000


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_directory_has_services_that_lead_to_organisations_terms_and_locations() -> None:
    directory = PLACE.directory()
    terms = {term["id"] for term in directory["taxonomy_terms"]}
    locations = {location["id"] for location in directory["locations"]}

    assert len(directory["services"]) >= 15
    assert len({service["id"] for service in directory["services"]}) == len(directory["services"])
    for service in directory["services"]:
        assert service["organization"] in directory["organizations"]
        assert {a["taxonomy_term"]["id"] for a in service["attributes"]} <= terms
    assert {at["location"]["id"] for at in directory["service_at_locations"]} == locations


def test_a_service_for_people_at_risk_has_no_address() -> None:
    (advocacy,) = [s for s in PLACE.directory()["services"] if s["name"].startswith("Advocacy")]

    assert advocacy["service_at_locations"] == []


def test_a_place_of_one_holds_a_whole_record() -> None:
    alone = Place(1, 1)

    assert len(alone.fhir_resources(cast.LOCK_KEEPERS_GP.id, 0)) > 20
    assert alone.cld_rows(0)
    assert alone.casework_rows(0)
