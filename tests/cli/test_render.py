"""What a file becomes, as an operator or another team's script asks for it: offline, and the same every time."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.hl7v2.spoken import ADA, ORDER, message, result, visit
from tests.cli.conftest import Run, written

PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "birthDate": "1964-03-14",
    "identifier": [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018"}],
}
STRUCTURED = {
    "resourceType": "Bundle",
    "meta": {"profile": ["https://fhir.nhs.uk/STU3/StructureDefinition/GPConnect-StructuredRecord-Bundle-1"]},
    "entry": [{"resource": PATIENT}],
}
CLD = "LA_Name,Reporting_Period_Start_Date,Reporting_Period_End_Date,NHS_Number,LA_Person_Unique_Identifier," + (
    "Date_of_Birth,Event_Type,Event_Start_Date,Service_Component\n"
    "Testbourne Council,2026-04-01,2026-06-30,9990000018,LA-1,1964-03-14,Service,2026-05-01,Home support\n"
)


def allergy(name: str, text: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "AllergyIntolerance",
        "id": name,
        "patient": {"reference": "Patient/p1"},
        "code": {"text": text},
        **more,
    }


def bundle(*resources: dict[str, Any]) -> str:
    entries = [{"resource": resource} for resource in (PATIENT, *resources)]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})


def section(shape: dict[str, Any], code: str) -> dict[str, Any]:
    return next(each for each in shape["sections"] if each["section"] == code)


def shaped(run: Run, *words: str, expected: int = 0) -> dict[str, Any]:
    code, said, complaint = run("records", "render", *words, "--json", "--at", "2026-11-20")
    assert (code, complaint) == (expected, "")
    found: dict[str, Any] = json.loads(said)
    return found


def test_each_kind_of_file_is_known_by_its_look_and_that_is_said(run: Run, tmp_path: Path) -> None:
    for name, text, kind in (
        ("a.json", bundle(allergy("a1", "Latex")), "fhir-r4"),
        ("b.csv", CLD, "cld"),
        ("d.json", json.dumps(STRUCTURED), "gp-connect-structured"),
        ("c.hl7", message("ADT^A01", visit()).decode(), "hl7v2"),
    ):
        (file,) = shaped(run, written(tmp_path, name, text))["files"]
        assert (file["kind"], file["guessed"]) == (kind, True)
        assert file["about"] == {"nhs_number": "999 *** **18", "born_on": "1964-03-14"}
    assert shaped(run, str(tmp_path / "b.csv"), "--as", "cld")["files"][0]["guessed"] is False


def test_what_cannot_be_guessed_is_refused_by_name(run: Run, tmp_path: Path) -> None:
    code, said, complaint = run("records", "render", written(tmp_path, "notes.txt", "Dear all"))
    assert (code, said) == (1, "")
    assert "file-kind-unknown" in complaint


def test_files_are_sources_whose_entries_are_joined(run: Run, tmp_path: Path) -> None:
    text = message("ADT^A31", "AL1|1|DA|111088007^Latex^SCT|SV").decode()
    coded = {"coding": [{"system": "http://snomed.info/sct", "code": "111088007", "display": "Latex"}]}
    files = (
        written(tmp_path, "gp.json", bundle(allergy("a1", "Latex", code=coded))),
        written(tmp_path, "ward.hl7", text),
    )
    shape = shaped(run, *files)
    (entry,) = section(shape, "allergies-and-adverse-reaction")["entries"]
    assert {entry["source"], *(each["source"] for each in entry["also"])} == {"gp.json", "ward.hl7"}


def test_a_file_about_somebody_else_is_a_gap_and_never_an_entry(run: Run, tmp_path: Path) -> None:
    other = message("ORU^R01", ORDER, result(), person=ADA.replace("999 000 0018", "9990000034")).decode()
    shape = shaped(run, written(tmp_path, "gp.json", bundle()), written(tmp_path, "other.hl7", other), expected=4)
    assert [file["entries"] for file in shape["files"]] == [1, 0]
    results = section(shape, "investigation-results")
    assert results["entries"] == []
    assert [(gap["source"], gap["cause"]) for gap in results["gaps"]] == [("other.hl7", "wrong-person")]


def test_a_label_says_how_it_is_known(run: Run, tmp_path: Path) -> None:
    text = message("ADT^A01", visit(), "DG1|1||F32.1^Depressive episode^I10||20261101|F").decode()
    shape = shaped(run, written(tmp_path, "ward.hl7", text))
    (problem,) = section(shape, "problems")["entries"]
    assert {"sensitivity": "mental-health", "known_by": "code", "confidence": 0.95} in problem["labels"]
    (stay,) = section(shape, "admission-details")["entries"]
    assert [label["known_by"] for label in stay["labels"]] == ["linked"]


def test_what_the_law_bars_is_in_no_entry_and_in_no_count(run: Run, tmp_path: Path) -> None:
    barred = allergy("a2", "Noted with the gender recognition certificate")
    without = shaped(run, written(tmp_path, "gp.json", bundle(allergy("a1", "Latex"))))
    beside = shaped(run, written(tmp_path, "gp.json", bundle(allergy("a1", "Latex"), barred)))
    assert beside == without


def test_what_is_not_understood_is_counted_and_told_a_script(run: Run, tmp_path: Path) -> None:
    device = {"resourceType": "Device", "id": "d1", "patient": {"reference": "Patient/p1"}}
    path = written(tmp_path, "gp.json", bundle(allergy("a1", "Latex"), {**device, "resourceType": "Basic"}))
    shape = shaped(run, path, expected=4)
    assert shape["files"][0]["not_understood"] == {"Basic": 1}
    code, said, _ = run("records", "render", path)
    assert code == 4
    assert "Not understood in gp.json: Basic, 1" in said
    assert "Latex" in said
    assert "9990000018" not in said


def test_it_is_the_same_every_time_and_opens_no_socket(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "gp.json", bundle(allergy("a1", "Latex"), allergy("a2", "Nuts")))

    def refuse(*given: object, **named: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "bind", refuse)
    first, again = (run("records", "render", path, "--json") for _ in range(2))
    assert first == again
    assert not (tmp_path / "var").exists()
    assert json.loads(first[1])["schema"] == "neighbourhood-broker/rendered-record/1"


def test_a_document_that_names_nobody_is_said_to_be_of_no_use_to_the_broker(run: Run, tmp_path: Path) -> None:
    unnamed = {**PATIENT, "identifier": []}
    text = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": unnamed}]})
    code, said, _ = run("records", "render", written(tmp_path, "x.json", text))
    assert "asked live, it would be refused" in said
    assert shaped(run, str(tmp_path / "x.json"), expected=code)["about"] is None


def test_a_file_of_which_nothing_is_read_gives_its_reason_once(run: Run, tmp_path: Path) -> None:
    for text, reason in (
        ('{"resourceType": "Bundle", "id": "a", "id": "b"}', "says one name twice in an object"),
        ('{"resourceType": "Bundle", "total": NaN}', "sent NaN, which is not JSON"),
        ('{"resourceType": "Bundle"', "is not JSON"),
    ):
        path = written(tmp_path, "x.json", text)
        code, said, _ = run("records", "render", path)
        assert (code, said.count(reason), "Nothing in" in said) == (1, 1, False), said
    whole = written(tmp_path, "y.json", bundle(allergy("a1", "Latex")))
    code, said, _ = run("records", "render", path, whole)
    assert (code, said.count(reason), "Latex" in said) == (4, 1, True)
