"""Reading at the FHIR side: what is found, how it is gone on with, and what is refused and in which words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import fhirkit
import pytest

from broker.errors import TrailUnavailable
from broker.records.source import Coding, RecordEntry
from broker.vocabulary import ACT_CODE, SNOMED_CT, AuditAction, Section
from tests.doors.conftest import House
from tests.doors.reading import USUAL, Reader, built, codes, entry, found, hold, link, names
from tests.doors.test_records import agree, find
from tests.people import ADA_NUMBER, BEN_NUMBER, STRANGER_NUMBER

ENCOUNTER = {
    "resourceType": "Encounter",
    "id": "e1",
    "status": "finished",
    "class": {"code": "AMB"},
    "subject": {"reference": "Patient/p1"},
}
FLU = {
    "resourceType": "Condition",
    "id": "c1",
    "code": {"text": "Influenza"},
    "subject": {"reference": "Patient/p1"},
    "encounter": {"reference": "Encounter/e1"},
    "meta": {"lastUpdated": "2026-05-04T10:00:00Z"},
}


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[House]:
    yield from built(tmp_path_factory.mktemp("standing"), sqlite_template)


@pytest.fixture
def reader(standing: House) -> Reader:
    """A GP's, of a house that is as it was built but for what a test has the surgery hold."""
    hold(standing, *USUAL)
    for source in standing.sources.values():
        source.fault = None
        source.asked.clear()
    return Reader(standing, standing.token(person="gp"))


@pytest.fixture
def ada_is(reader: Reader) -> str:
    return find(reader.house, reader.token)


def problem(number: int, title: str, **changes: Any) -> RecordEntry:
    return entry(Section.PROBLEMS, number, title, **changes)


# ---- searching ----


def test_a_search_finds_what_is_shown_newest_first_and_all_of_it_is_valid(reader: Reader, ada_is: str) -> None:
    answer = reader.get(f"Condition?patient={ada_is}")
    assert names(answer) == ["Diabetes", "Asthma"]
    assert (answer.mimetype, answer.headers["Cache-Control"]) == ("application/fhir+json", "no-store")
    assert answer.get_json()["total"] == 2
    assert fhirkit.validate(answer.get_json()) == []
    assert names(reader.get(f"Condition?patient=Patient/{ada_is}&_sort=onset-date")) == ["Asthma", "Diabetes"]


def test_a_search_by_body_finds_the_same(reader: Reader, ada_is: str) -> None:
    answer = reader.post("Condition/_search", {"patient": ada_is, "code": "x"})
    assert (names(answer), answer.get_json()["total"]) == ([], 0)
    assert names(reader.post("Condition/_search", {"patient": ada_is})) == ["Diabetes", "Asthma"]


def test_codes_dates_and_states_narrow_a_search(reader: Reader, ada_is: str) -> None:
    asthma = Coding(SNOMED_CT, "195967001", "Asthma")
    hold(
        reader.house,
        problem(10, "Asthma", codes=(asthma,), status="active"),
        problem(400, "Broken wrist", status="resolved"),
        problem(0, "Undated", at=None),
    )
    for asked, expected in {
        f"code={SNOMED_CT}|195967001": ["Asthma"],
        "code=195967001,404": ["Asthma"],
        f"code={SNOMED_CT}|": ["Asthma"],
        "code=|195967001": [],
        "clinical-status=active": ["Asthma"],
        "clinical-status=resolved&clinical-status=active": [],
        "onset-date=ge2026-01-01": ["Asthma"],
        "onset-date=2025": ["Broken wrist"],
        "onset-date=lt2026&onset-date=gt2024-12": ["Broken wrist"],
        "category=problems": ["Asthma", "Broken wrist", "Undated"],
        "": ["Asthma", "Broken wrist", "Undated"],
    }.items():
        assert names(reader.get(f"Condition?patient={ada_is}&{asked}")) == expected, asked


def test_one_is_found_by_its_id_and_is_what_the_search_had(reader: Reader, ada_is: str) -> None:
    first, second = found(reader.get(f"Condition?patient={ada_is}"))
    answer = reader.get(f"Condition/{first['id']}")
    assert answer.get_json() == first
    assert found(reader.get(f"Condition?patient={ada_is}&_id={second['id']},x")) == [second]


def test_an_etag_is_of_what_is_shown(reader: Reader, ada_is: str) -> None:
    hold(reader.house, problem(1, "Influenza", original=FLU, fhir_release="4.0"))
    (flu,) = found(reader.get(f"Condition?patient={ada_is}"))
    answer = reader.get(f"Condition/{flu['id']}")
    assert answer.headers["Last-Modified"].startswith("Mon, 04 May 2026 10:00:00")
    again = reader.get(f"Condition/{flu['id']}", If_None_Match=answer.headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")
    hold(reader.house, problem(1, "Influenza", original={**FLU, "code": {"text": "Other"}}, fhir_release="4.0"))
    assert reader.get(f"Condition/{flu['id']}", If_None_Match=answer.headers["ETag"]).status_code == 200


def test_only_what_is_shown_is_brought_along(reader: Reader, ada_is: str) -> None:
    whole = {"original": FLU, "fhir_release": "4.0"}
    hold(reader.house, problem(1, "Influenza", **whole))
    answer = reader.get(f"Condition?patient={ada_is}&_include=Condition:encounter&_include=Condition:patient")
    assert [each["resourceType"] for each in found(answer, "include")] == ["Patient"]
    assert found(answer)[0]["encounter"] == {"display": "Not included"}, "no agreement gives encounters here"
    answer = reader.get(f"Condition?patient={ada_is}&_revinclude=Provenance:target")
    (provenance,) = found(answer, "include")
    assert provenance["target"][0]["reference"] == f"Condition/{found(answer)[0]['id']}"
    assert answer.get_json()["total"] == 1


def test_everything_is_the_resident_and_all_that_is_shown(reader: Reader, ada_is: str) -> None:
    answer = reader.get(f"Patient/{ada_is}/$everything")
    kinds = [each["resourceType"] for each in found(answer)]
    assert kinds[0] == "Patient"
    assert set(kinds) == {"Patient", "AllergyIntolerance", "Condition", "Observation"}
    assert answer.get_json()["total"] == len(kinds)
    some = reader.get(f"Patient/{ada_is}/$everything?_type=Condition")
    assert {each["resourceType"] for each in found(some)} == {"Condition"}


def test_a_document_has_its_sections_and_where_each_thing_is_from(reader: Reader, ada_is: str) -> None:
    made = reader.get(f"Patient/{ada_is}/$document").get_json()
    assert (made["type"], made["entry"][0]["resource"]["resourceType"]) == ("document", "Composition")
    assert fhirkit.validate(made) == []
    targets = [
        each["resource"]["target"][0] for each in made["entry"] if each["resource"]["resourceType"] == "Provenance"
    ]
    told = [each["fullUrl"] for each in made["entry"] if "meta" in each["resource"]]
    assert {each["reference"] for each in targets} == {"/".join(url.split("/")[-2:]) for url in told}


def test_a_count_alone_tells_how_many_are_shown(reader: Reader, ada_is: str) -> None:
    for asked in ("_summary=count", "_count=0"):
        counted, whole = (reader.get(f"Condition?patient={ada_is}{more}") for more in (f"&{asked}", ""))
        assert (counted.get_json()["total"], found(counted)) == (2, [])
        assert found(counted, "outcome") == found(whole, "outcome")
    assert "total" not in reader.get(f"Condition?patient={ada_is}&_total=none").get_json()
    (first, _) = found(reader.get(f"Condition?patient={ada_is}&_summary=data"))
    assert "text" not in first
    assert first["meta"]["tag"][0]["code"] == "SUBSETTED"


# ---- paging ----


def test_pages_go_on_where_the_last_one_ended(reader: Reader, ada_is: str) -> None:
    hold(reader.house, *(problem(number, f"Problem {number}") for number in range(7)))
    url, seen = f"Condition?patient={ada_is}&_count=3", []
    while url is not None:
        answer = reader.get(url)
        assert answer.get_json()["total"] == 7
        seen.append(names(answer))
        url = link(answer, "next")
    assert [len(page) for page in seen] == [3, 3, 1]
    assert [name for page in seen for name in page] == [f"Problem {number}" for number in range(7)]


def test_what_comes_or_goes_between_two_pages_moves_nothing_else(reader: Reader, ada_is: str) -> None:
    hold(reader.house, *(problem(number, f"Problem {number}") for number in range(5)))
    after = link(reader.get(f"Condition?patient={ada_is}&_count=3"), "next")
    assert after is not None
    hold(reader.house, *(problem(number, f"Problem {number}") for number in (0, 3, 4)))  # the last one seen is gone
    assert names(reader.get(after)) == ["Problem 3", "Problem 4"]


def test_taking_back_permission_between_two_pages_stops_the_second(house: House, adviser: str, ada: str) -> None:
    handle = find(house, adviser)
    consent = agree(house, adviser, ada, handle)
    reader = Reader(house, adviser, purpose="advice-debt")
    first = reader.get(f"Observation?patient={handle}&_count=1")
    after = link(first, "next")
    assert after is not None
    assert len(found(reader.get(after))) == 1
    house.wait(timedelta(seconds=5))
    house.call("POST", f"/api/my/consents/{consent}/withdraw", token=ada)
    asked = {id: len(source.asked) for id, source in house.sources.items()}
    stopped = reader.get(after)
    assert (stopped.status_code, codes(stopped)[0]) == (403, "access-refused")
    assert {id: len(source.asked) for id, source in house.sources.items()} == asked, "and nobody was asked"


def test_every_page_is_decided_fetched_and_written_down(reader: Reader, ada_is: str) -> None:
    first = reader.get(f"Condition?patient={ada_is}&_count=1")
    asked = len(reader.house.sources["millrace-gp"].asked)
    second = reader.get(str(link(first, "next")))
    assert names(second) == ["Asthma"]
    assert len(reader.house.sources["millrace-gp"].asked) == asked + 1
    assert [entry.action for entry in newest(reader.house)] == [AuditAction.RELEASE, AuditAction.DECISION] * 2


def newest(house: House) -> list[Any]:
    with house.session() as session:
        return house.broker.trail.entries(session, resident="ada", limit=4)


def test_a_link_to_a_page_is_of_use_to_nobody_else(reader: Reader, ada_is: str) -> None:
    adviser = reader.house.token(person="adviser")
    after = str(link(reader.get(f"Condition?patient={ada_is}&_count=1"), "next"))
    assert ada_is not in after
    assert "Condition" in after
    for answer in (
        Reader(reader.house, adviser).get(after),
        reader.get(after.replace("Condition?", "Observation?")),
        reader.get(after[:-2] + ("AA" if not after.endswith("AA") else "BB")),
        reader.get(f"{after}&_count=2"),
    ):
        assert (answer.status_code, codes(answer)) == (400, ["page-unknown"])


def test_a_page_without_a_purpose_is_refused_as_the_first_is(reader: Reader, ada_is: str) -> None:
    after = str(link(reader.get(f"Condition?patient={ada_is}&_count=1"), "next"))
    reader.purpose = None
    assert codes(reader.get(after)) == ["purpose-missing"]


# ---- what is refused ----


@pytest.mark.parametrize("path", ["Condition?patient=$", "Patient/$", "Patient/$/$everything", "Patient/$/$document"])
def test_nothing_is_opened_for_no_purpose_or_for_one_that_is_none(reader: Reader, ada_is: str, path: str) -> None:
    for purpose, code in ((None, "purpose-missing"), ("", "purpose-missing"), ("TREAT", "purpose-unknown")):
        reader.purpose = purpose
        answer = reader.get(path.replace("$", ada_is, 1))
        assert (answer.status_code, codes(answer)) == (400, [code])
    assert all(source.asked == [] for source in reader.house.sources.values())


def test_without_a_token_or_a_scope_nothing_is_read(reader: Reader) -> None:
    ada = reader.house.token(resident="ada")
    answer = reader.house.client.get("/fhir/Condition?patient=x")
    assert (answer.status_code, codes(answer)) == (401, ["token-missing"])
    assert "DPoP" in answer.headers["WWW-Authenticate"]
    assert codes(Reader(reader.house, ada).get("Condition?patient=me")) == ["scope-missing"]


def test_a_refusal_says_why_as_far_as_may_be_told(reader: Reader) -> None:
    house, adviser = reader.house, reader.house.token(person="adviser")
    answer = Reader(house, adviser, purpose="advice-debt").get(f"Observation?patient={find(house, adviser)}")
    assert answer.status_code == 403
    assert {"access-refused", "no-relationship"} <= set(codes(answer))
    assert len(set(codes(answer))) == len(codes(answer)), "each reason once, with all that it holds for"
    assert fhirkit.validate(answer.get_json()) == []


def test_unknown_withheld_anothers_and_never_there_are_one_answer(reader: Reader, ada_is: str) -> None:
    (mine, *_) = found(reader.get(f"Condition?patient={ada_is}"))
    never = f"{ada_is}.{'0' * 20}"
    others = f"{'b' * 40}.{mine['id'].partition('.')[2]}"
    hold(reader.house)
    paths = [f"Condition/{each}" for each in (mine["id"], never, others, "nonsense", ada_is)]
    paths += [f"Observation/{mine['id']}", f"Patient/{'c' * 40}", f"Patient/{never}"]
    answers = [reader.get(path) for path in paths]
    assert {(each.status_code, each.data) for each in answers} == {(404, answers[0].data)}
    without = [{n: v for n, v in each.headers.items() if n not in ("X-Request-Id", "Date")} for each in answers]
    assert all(each == without[0] for each in without)


def test_a_stranger_and_nobody_are_answered_alike(reader: Reader) -> None:
    answers = []
    for number, born in ((BEN_NUMBER, "2015-06-01"), (STRANGER_NUMBER, "1964-03-14")):
        sought = reader.post("Patient/_search", {"identifier": number, "birthdate": born})
        (patient,) = found(sought)
        assert set(patient) == {"resourceType", "id"}
        answer = reader.get(f"Condition?patient={patient['id']}")
        said = answer.get_json()
        said["issue"][0].pop("diagnostics")
        answers.append((answer.status_code, said))
    assert answers[0] == answers[1]
    assert answers[0][0] == 403


def test_somebody_is_found_by_body_alone_and_is_who_the_other_door_finds(reader: Reader, ada_is: str) -> None:
    form = {"identifier": f"https://fhir.nhs.uk/Id/nhs-number|{ADA_NUMBER}", "birthdate": "1964-03-14"}
    answer = reader.post("Patient/_search", form)
    assert [each["id"] for each in found(answer)] == [ada_is]
    assert ADA_NUMBER not in answer.text
    for path in (f"Patient?identifier={ADA_NUMBER}", "Condition?subject:Patient.identifier=1", "Patient?family=Okoro"):
        answer = reader.get(path)
        assert (answer.status_code, codes(answer)) == (400, ["identifier-in-address"])
    assert codes(reader.post("Patient/_search", {"identifier": ADA_NUMBER})) == ["identifier-missing"]


def test_an_unknown_parameter_is_passed_over_and_said_or_refused_where_that_is_asked(
    reader: Reader, ada_is: str
) -> None:
    path = f"Condition?patient={ada_is}&severity=mild"
    lenient = reader.get(path)
    assert names(lenient) == ["Diabetes", "Asthma"]
    assert "severity" not in str(link(lenient, "self"))
    assert ada_is in str(link(lenient, "self"))
    strict = reader.get(path, Prefer="handling=strict")
    assert (strict.status_code, codes(strict)) == (400, ["parameter-unknown"])


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("code:not=1", "modifier-unknown"),
        ("onset-date=yesterday", "value-wrong"),
        ("onset-date=2026-02-30", "value-wrong"),
        ("_count=many", "value-wrong"),
        ("_sort=code", "value-wrong"),
        ("_include=Condition:asserter", "value-wrong"),
        ("_revinclude=Observation:focus", "value-wrong"),
        ("_summary=true", "value-wrong"),
        ("_total=some", "value-wrong"),
        ("_format=xml", "format-unknown"),
        ("_sort=onset-date&_sort=-onset-date", "parameter-twice"),
        ("code=" + "1" * 1001, "too-much"),
    ],
)
def test_what_cannot_be_honoured_is_refused(reader: Reader, ada_is: str, asked: str, code: str) -> None:
    answer = reader.get(f"Condition?patient={ada_is}&{asked}")
    assert (answer.status_code, codes(answer)) == (400, [code])
    assert all(source.asked == [] for source in reader.house.sources.values())


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_is_written(reader: Reader, ada_is: str, method: str) -> None:
    for path in ("Condition", f"Patient/{ada_is}", f"Condition/{ada_is}.{'0' * 20}"):
        answer = reader.ask(method, path, {}, json={"resourceType": "Condition"})
        assert answer.status_code == 405, path
        assert codes(answer) == ["method-not-allowed"]


def test_nothing_has_a_history(reader: Reader, ada_is: str) -> None:
    for path in ("_history", "Condition/_history/1", f"Patient/{ada_is}/_history", f"Patient/{ada_is}/_history/2"):
        answer = reader.get(path)
        assert (answer.status_code, codes(answer)) in ((501, ["not-supported"]), (404, ["type-unknown"])), path


def test_only_json_is_spoken(reader: Reader, ada_is: str) -> None:
    xml = reader.get(f"Patient/{ada_is}", Accept="application/fhir+xml")
    assert (xml.status_code, codes(xml), "JSON alone" in xml.text) == (406, ["format-unknown"], True)
    assert reader.get(f"Patient/{ada_is}", Accept="application/fhir+json").status_code == 200
    assert reader.ask("POST", "Condition/_search", {}, json={"patient": ada_is}).status_code == 415


def test_a_source_that_does_not_answer_is_said_in_every_answer(reader: Reader, ada_is: str) -> None:
    reader.house.sources["millrace-gp"].fault = RuntimeError("down")
    answer = reader.get(f"Condition?patient={ada_is}")
    assert names(answer) == []
    assert "fault" in codes(answer)
    (outcome,) = found(answer, "outcome")
    assert fhirkit.validate(outcome) == []
    assert "down" not in json.dumps(outcome)
    counted = reader.get(f"Condition?patient={ada_is}&_summary=count")
    assert (counted.get_json()["total"], found(counted, "outcome")) == (0, [outcome])


def test_what_is_told_to_be_withheld_is_said_once_and_plainly(house: House, gp: str, ada: str) -> None:
    reader, ada_is = Reader(house, gp), find(house, gp)
    house.call("POST", "/api/my/withholdings", token=ada, json={"sections": ["problems"]})
    answer = reader.get(f"Patient/{ada_is}/$everything")
    assert codes(answer).count("withheld") == 1
    assert "Diabetes" not in answer.text
    counted = reader.get(f"Condition?patient={ada_is}&_summary=count")
    assert (counted.get_json()["total"], codes(counted).count("withheld")) == (0, 1)
    assert ACT_CODE not in answer.text


def test_if_the_trail_cannot_be_written_nothing_leaves(
    reader: Reader, ada_is: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> int:
        raise TrailUnavailable("the disk is full")

    monkeypatch.setattr(reader.house.broker.trail, "record", broken)
    answer = reader.get(f"Condition?patient={ada_is}")
    assert (answer.status_code, codes(answer)) == (503, ["unavailable"])
    assert all(source.asked == [] for source in reader.house.sources.values())
    assert "disk" not in answer.text


def test_what_is_shown_is_what_the_trail_says_was(reader: Reader, ada_is: str) -> None:
    """A search of one type asks for that type's sections; the rest is read for its labels, and shown nowhere."""
    assert found(reader.get(f"AllergyIntolerance?patient={ada_is}"))
    release, decision = newest(reader.house)[:2]
    assert release.body["released"] == {"allergies-and-adverse-reaction": 1}
    assert decision.body["decision"] == release.body["decision"]
    assert decision.body["sections"] == ["allergies-and-adverse-reaction"]
    assert "problems" in decision.body["read_for_labels"]
