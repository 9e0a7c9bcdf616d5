"""Loading Bundles: any FHIR R4 file is kept, joined to what is there, and found again."""

from __future__ import annotations

from typing import Any

import fhirkit
import pytest

from tests.sandbox.partners.partner import NHS, NUMBERS, PER_RESIDENT, Partner

CARLA = {"resourceType": "Patient", "identifier": [{"system": NHS, "value": "9990000077"}], "birthDate": "1960-05-05"}
TRANSACTION = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [
        {
            "fullUrl": "urn:uuid:11111111-0000-4000-8000-000000000001",
            "resource": CARLA,
            "request": {"method": "POST", "url": "Patient"},
        },
        {
            "fullUrl": "urn:uuid:11111111-0000-4000-8000-000000000002",
            "resource": {
                "resourceType": "Condition",
                "subject": {"reference": "urn:uuid:11111111-0000-4000-8000-000000000001"},
                "code": {"text": "Hay fever"},
            },
            "request": {"method": "POST", "url": "Condition"},
        },
    ],
}


def _collection(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]}


def test_a_transaction_is_kept_with_its_references_joined(empty_practice: Partner) -> None:
    answer = empty_practice.post_json("", TRANSACTION)
    assert (answer.status, answer.json["type"]) == (200, "transaction-response")
    assert [entry["response"]["status"] for entry in answer.json["entry"]] == ["201 Created", "201 Created"]
    assert [str(problem) for problem in fhirkit.validate(answer.json)] == []
    found = empty_practice.find("9990000077", ("_revinclude", "Condition:subject"))
    assert [resource["resourceType"] for resource in found.resources()] == ["Patient", "Condition"]


def test_loading_the_same_file_twice_keeps_it_once(empty_practice: Partner) -> None:
    empty_practice.post_json("", TRANSACTION)
    again = empty_practice.post_json("", TRANSACTION)
    assert [entry["response"]["status"] for entry in again.json["entry"]] == ["200 OK", "200 OK"]
    assert empty_practice.find("9990000077").json["total"] == 1


def test_an_unknown_type_and_unknown_elements_come_back_as_they_went_in(practice: Partner) -> None:
    wand = {"resourceType": "WandRecord", "id": "w1", "subject": {"reference": "Patient/p0"}, "hue": [1.5, None]}
    practice.post_json("", _collection(wand))
    back = practice.get("/WandRecord/w1").json
    assert {name: value for name, value in back.items() if name != "meta"} == wand
    found = practice.find(NUMBERS[0], ("_revinclude", "WandRecord:patient"), Prefer="handling=strict")
    assert found.ids("include") == ["w1"]
    assert practice.get("/WandRecord", {"patient": "p1"}).ids() == []


def test_what_is_loaded_joins_what_is_generated(practice: Partner) -> None:
    new = {"resourceType": "Observation", "id": "fresh", "status": "final", "subject": {"reference": "Patient/p1"}}
    practice.post_json("", _collection(new))
    assert practice.get("/Observation", {"patient": "p1"}).ids() == [
        *(f"p1-o{n}" for n in range(PER_RESIDENT)),
        "fresh",
    ]


def test_what_is_loaded_replaces_what_is_generated(practice: Partner) -> None:
    changed = {
        "resourceType": "Observation",
        "id": "p1-o0",
        "status": "amended",
        "subject": {"reference": "Patient/p1"},
    }
    practice.post_json("", _collection(changed))
    assert practice.get("/Observation/p1-o0").json["status"] == "amended"
    found = practice.get("/Observation", {"patient": "p1", "_count": "50"})
    assert found.json["total"] == PER_RESIDENT
    assert [r["status"] for r in found.resources() if r["id"] == "p1-o0"] == ["amended"]


def test_what_is_moved_to_another_patient_is_no_longer_found_with_the_first(practice: Partner) -> None:
    note = {"resourceType": "Observation", "id": "n", "status": "final", "subject": {"reference": "Patient/p1"}}
    practice.post_json("", _collection(note))
    practice.post_json("", _collection({**note, "subject": {"reference": "Patient/p2"}}))
    assert "n" not in practice.get("/Observation", {"patient": "p1"}).ids()
    assert "n" in practice.get("/Observation", {"patient": "p2"}).ids()


def test_what_is_deleted_is_gone_and_no_longer_found(practice: Partner) -> None:
    delete = {"request": {"method": "DELETE", "url": "Observation/p1-o0"}}
    answer = practice.post_json("", {"resourceType": "Bundle", "type": "batch", "entry": [delete]})
    assert answer.json["type"] == "batch-response"
    gone = practice.get("/Observation/p1-o0")
    assert (gone.status, gone.issue) == (410, "deleted")
    assert "p1-o0" not in practice.get("/Observation", {"patient": "p1"}).ids()


def test_an_answer_saved_from_another_server_can_be_loaded(practice: Partner, empty_practice: Partner) -> None:
    saved = practice.find(NUMBERS[2], ("_revinclude", "Observation:patient")).json
    assert empty_practice.post_json("", saved, kind="application/json").status == 200
    found = empty_practice.find(NUMBERS[2], ("_revinclude", "Observation:patient"))
    assert len(found.ids("include")) == PER_RESIDENT


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"resourceType": "Patient"},
        {"resourceType": "Bundle"},
        {"resourceType": "Bundle", "type": "batch", "entry": {}},
        {"resourceType": "Bundle", "type": "batch", "entry": [1]},
        {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": {"resourceType": "no type"}}]},
        {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": {"resourceType": "Basic", "id": "a b"}}]},
        {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": "Patient/p0"}}]},
    ],
    ids=str,
)
def test_what_is_no_bundle_to_keep_is_refused(practice: Partner, body: Any) -> None:
    answer = practice.post_json("", body)
    assert answer.status == 400
    assert answer.issue in ("structure", "not-supported")


def test_a_bundle_with_one_bad_entry_changes_nothing(practice: Partner) -> None:
    good, bad = {"resourceType": "Basic", "id": "good"}, {"resourceType": "Basic", "id": "not good"}
    assert practice.post_json("", _collection(good, bad)).status == 400
    assert practice.get("/Basic/good").status == 404


def test_a_body_that_is_not_fhir_json_is_refused(practice: Partner) -> None:
    assert practice.ask("POST", "", body=b"{", headers={"Content-Type": "application/fhir+json"}).issue == "structure"
    assert practice.post_json("", TRANSACTION, kind="text/plain").status == 415
