"""What a structured record lacks, and whose it is: always said, and never more than may be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters import Limits
from adapters.gp_connect import read_document
from adapters.reading_files import READERS
from broker.records.source import ResidentIdentity
from broker.vocabulary import GapCause, Section
from tests.adapters.conformance.worlds import ADA, STRANGER
from tests.adapters.gp_connect.records import NHS, NOW, listing, read, resource, said, to
from tests.adapters.gp_connect.stu3 import allergy, bundle, patient

WARNING = f"{NHS}ListWarningCode-1"


def gaps(*resources: dict[str, Any], **said_of: Any) -> list[tuple[Section, GapCause, str]]:
    return [(gap.section, gap.cause, gap.detail) for gap in read(*resources, **said_of).answer.gaps]


@pytest.mark.parametrize(
    ("code", "cause", "words"),
    [
        ("confidential-items", GapCause.REFUSED, "keeps some of it back"),
        ("data-in-transit", GapCause.LATE, "on its way"),
        ("data-awaiting-filing", GapCause.LATE, "waits to be filed"),
        ("something-new", GapCause.FAULT, "something is missing"),
    ],
)
def test_a_warning_of_a_list_is_a_gap_beside_what_it_holds(code: str, cause: GapCause, words: str) -> None:
    marked = listing("allergies", allergy(1), extension=[{"url": WARNING, "valueCode": code}])
    answer = read(marked, allergy(1)).answer
    (gap,) = answer.gaps
    assert (gap.section, gap.cause) == (Section.ALLERGIES, cause)
    assert words in gap.detail
    assert any(entry.section is Section.ALLERGIES for entry in answer.entries)


def test_a_warning_written_as_a_concept_is_the_same_warning() -> None:
    concept = {"url": WARNING, "valueCodeableConcept": {"coding": [{"code": "confidential-items"}]}}
    assert [cause for _, cause, _ in gaps(listing("problems", extension=[concept]))] == [GapCause.REFUSED]


def test_what_a_practice_says_in_words_is_never_passed_on() -> None:
    warned = [{"url": WARNING, "valueCode": "confidential-items"}]
    marked = listing("allergies", extension=warned, note=[{"text": "Ada Bright hides it"}])
    assert "Ada" not in repr(gaps(marked))


def test_what_is_kept_back_without_a_heading_is_pinned_on_no_section() -> None:
    marked = listing("uncategorised", extension=[{"url": WARNING, "valueCode": "confidential-items"}])
    told = {section: detail for section, _, detail in gaps(marked)}
    assert {Section.OBSERVATIONS, Section.PREGNANCY} <= set(told)
    assert all("may be of another kind" in detail for detail in told.values())


def test_a_secondary_list_warns_of_its_own_area() -> None:
    code = {"coding": [{"code": "problems-medications-related-to-problems"}]}
    marked = resource("List", "l9", code=code, extension=[{"url": WARNING, "valueCode": "confidential-items"}])
    assert [section for section, _, _ in gaps(marked)] == [Section.MEDICATIONS]


def test_an_empty_list_is_empty_and_no_gap() -> None:
    assert gaps(listing("allergies")) == []


@pytest.mark.parametrize(("reason", "cause"), [("withheld", GapCause.REFUSED), ("unavailable", GapCause.FAULT)])
def test_a_list_that_is_empty_for_another_reason_is_a_gap(reason: str, cause: GapCause) -> None:
    assert [c for _, c, _ in gaps(listing("allergies", emptyReason={"coding": [{"code": reason}]}))] == [cause]


def test_a_list_of_more_than_was_sent_is_a_gap() -> None:
    assert [(s, c) for s, c, _ in gaps(listing("problems", resource("Condition", "not-sent")))] == [
        (Section.PROBLEMS, GapCause.FAULT)
    ]


def outcome(code: str, **more: Any) -> dict[str, Any]:
    issue = {"severity": "warning", "code": "not-supported", "details": {"coding": [{"code": code}]}, **more}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def test_an_area_switched_off_at_the_practice_is_a_gap_for_its_section_alone() -> None:
    off = outcome("NOT_IMPLEMENTED", diagnostics="includeReferrals")
    assert gaps(off) == [
        (Section.REFERRALS, GapCause.REFUSED, "the practice has switched this part of its records off")
    ]


def test_an_outcome_that_names_no_area_is_a_gap_for_everything() -> None:
    assert {cause for _, cause, _ in gaps(outcome("SOMETHING"))} == {GapCause.FAULT}
    assert len(gaps(outcome("SOMETHING"))) > 10


def test_the_document_says_whom_it_is_about() -> None:
    person = read(resident=None).person
    assert person is not None
    assert (person.nhs_number, person.born_on) == (ADA.nhs_number, ADA.born_on)


@pytest.mark.parametrize(
    "whole",
    [
        bundle(patient(STRANGER)),
        bundle(patient(ResidentIdentity(ADA.nhs_number, STRANGER.born_on))),
        bundle({**patient(ADA), "identifier": []}),
        bundle(patient(ADA), {**patient(STRANGER), "id": "p2"}),
        bundle(patient(ADA), patient(STRANGER)),
        bundle({**patient(ADA), "identifier": [*patient(ADA)["identifier"], *patient(STRANGER)["identifier"]]}),
    ],
    ids=["another", "another's birthday", "no number", "two people", "two under one id", "two numbers"],
)
def test_a_record_that_is_not_surely_the_residents_is_not_read_at_all(whole: dict[str, Any]) -> None:
    whole["entry"].append({"resource": allergy(1)})
    answer = read(whole=whole).answer
    assert not answer.entries
    assert {gap.cause for gap in answer.gaps} == {GapCause.WRONG_PERSON}


def test_a_number_that_has_been_superseded_is_still_the_residents() -> None:
    moved = ResidentIdentity("9990000026", ADA.born_on, former_numbers=frozenset({"9990000018"}))
    assert any(entry.section is Section.DEMOGRAPHICS for entry in read(resident=moved).answer.entries)


def test_a_number_without_spaces_that_only_begins_alike_is_somebody_else() -> None:
    near = ResidentIdentity("9990000019", ADA.born_on)
    assert not read(resident=near).answer.entries


def test_the_reader_is_the_one_files_are_read_with() -> None:
    data = json.dumps(bundle(patient(ADA), listing("allergies", allergy(1)), allergy(1))).encode()
    through = READERS["gp-connect-structured"](data, source="a-file", now=NOW, resident=ADA)
    assert through == read_document(data, source="a-file", now=NOW, resident=ADA)
    assert len(through.answer.entries) == 2


def test_a_document_larger_than_is_accepted_is_not_read() -> None:
    data = json.dumps(bundle(patient(ADA))).encode()
    answer = read_document(data, source="a-file", now=NOW, limits=Limits(answer_bytes=20)).answer
    assert {gap.cause for gap in answer.gaps} == {GapCause.TOO_LARGE}


@pytest.mark.parametrize("listed", ["x", [1], [{"item": "x"}]])
def test_lists_that_cannot_be_read_leave_nothing_half_read(listed: Any) -> None:
    answer = read({**listing("allergies", allergy(1)), "entry": listed}, allergy(1)).answer
    assert not answer.entries
    assert {gap.cause for gap in answer.gaps} == {GapCause.MALFORMED}


def test_a_list_about_somebody_else_says_nothing_of_the_resident() -> None:
    theirs = listing("allergies", subject={"reference": "Patient/p2"})
    assert [(s, c) for s, c, _ in gaps(theirs)] == [(Section.ALLERGIES, GapCause.WRONG_PERSON)]


def test_a_resource_without_a_subject_is_nobodys() -> None:
    stray = {"resourceType": "Condition", "id": "c1", "code": said("Asthma"), "asserter": to("Practitioner", "x")}
    assert [(s, c) for s, c, _ in gaps(stray)] == [(Section.PROBLEMS, GapCause.WRONG_PERSON)]
