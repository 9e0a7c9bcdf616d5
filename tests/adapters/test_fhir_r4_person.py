"""Whose record it is: two identifiers must agree, and every resource must say that it is about the same person."""

from __future__ import annotations

from typing import Any

import pytest

from broker.vocabulary import NHS_NUMBER, GapCause, Section
from tests.adapters.fhir_people import Resource, Server, ada, ask, of_ada, said

ALLERGIES = frozenset({Section.ALLERGIES})
BOTH = frozenset({Section.ALLERGIES, Section.PROBLEMS})
PENICILLIN = of_ada("AllergyIntolerance", "a1", code=said("Penicillin"))
ASTHMA = of_ada("Condition", "c1", code=said("Asthma"))


def number(value: str, **more: Any) -> Resource:
    return {"system": NHS_NUMBER, "value": value, **more}


@pytest.mark.parametrize(
    "patient",
    [
        ada(birthDate="1964-03-15"),
        ada(birthDate="1964"),
        ada(birthDate=None),
        ada(birthDate=19640314),
        ada(identifier=[number("9990000034")]),
        ada(identifier=[number("9990000018"), number("9990000034")]),
        ada(identifier=[number("9990000018", use="old")]),
        ada(identifier=[{"system": "urn:other", "value": "9990000018"}]),
        ada(identifier=[]),
    ],
)
def test_a_patient_who_does_not_agree_on_both_identifiers_is_somebody_else(patient: Resource) -> None:
    answer, _ = ask(Server([PENICILLIN], patients=[patient]), BOTH)
    assert not answer.entries
    assert {gap.cause for gap in answer.gaps} == {GapCause.WRONG_PERSON}
    assert {gap.section for gap in answer.gaps} == BOTH


@pytest.mark.parametrize(
    "patient",
    [
        ada(identifier=[number("999 000 0018")]),
        ada(identifier=[number("9990000018"), number("9990000034", use="old")]),
        ada(identifier=[number("9990000018"), {"system": "urn:local", "value": "77"}]),
    ],
)
def test_a_patient_who_agrees_is_the_resident(patient: Resource) -> None:
    answer, _ = ask(Server([PENICILLIN], patients=[patient]), ALLERGIES)
    assert len(answer.entries) == 1
    assert not answer.gaps


@pytest.mark.parametrize("identifier", ["x", [7], [{"system": NHS_NUMBER, "value": 7}], {"a": 1}])
def test_a_patient_who_cannot_be_read_is_a_gap(identifier: Any) -> None:
    answer, _ = ask(Server([PENICILLIN], patients=[ada(identifier=identifier)]), ALLERGIES)
    assert not answer.entries
    assert [gap.cause for gap in answer.gaps] in ([GapCause.MALFORMED], [GapCause.WRONG_PERSON])


def test_two_people_found_is_one_too_many() -> None:
    answer, _ = ask(Server([PENICILLIN], patients=[ada(), ada(id="p2")]), ALLERGIES)
    assert not answer.entries
    assert [gap.cause for gap in answer.gaps] == [GapCause.WRONG_PERSON]


def test_nobody_found_is_not_linked() -> None:
    answer, _ = ask(Server([PENICILLIN], patients=[]), ALLERGIES)
    assert not answer.entries
    assert [gap.cause for gap in answer.gaps] == [GapCause.NOT_LINKED]


def test_a_record_no_longer_in_use_is_not_linked_and_its_replacement_is_read() -> None:
    answer, _ = ask(Server([PENICILLIN], patients=[ada(active=False)]), ALLERGIES)
    assert [gap.cause for gap in answer.gaps] == [GapCause.NOT_LINKED]
    answer, _ = ask(Server([PENICILLIN], patients=[ada(id="p0", active=False), ada()]), ALLERGIES)
    assert len(answer.entries) == 1


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/p2"},
        {"reference": "Patient/p11"},
        {"reference": "https://elsewhere.example/base/Patient/p1"},
        {"reference": "Group/p1"},
        {"reference": "#p1"},
        {"reference": ""},
        {"display": "Ada Bright"},
        {"identifier": {"system": NHS_NUMBER, "value": "9990000034"}},
        {"identifier": {"system": "urn:other", "value": "9990000018"}},
        {"reference": "Patient/p2", "identifier": {"system": NHS_NUMBER, "value": "9990000018"}},
        {},
        None,
    ],
)
def test_a_resource_about_anybody_else_is_a_gap_of_its_section_and_never_an_entry(subject: Any) -> None:
    stray = {**PENICILLIN, "id": "a9", "patient": subject}
    answer, _ = ask(Server([stray, ASTHMA]), BOTH)
    assert [entry.title for entry in answer.entries] == ["Asthma"]
    assert [(gap.section, gap.cause) for gap in answer.gaps] == [(Section.ALLERGIES, GapCause.WRONG_PERSON)]


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/p1"},
        {"reference": "Patient/p1/_history/3"},
        {"reference": "BASE/Patient/p1"},
        {"identifier": {"system": NHS_NUMBER, "value": "999 000 0018"}},
    ],
)
def test_a_resource_about_the_resident_is_an_entry_however_it_says_so(subject: dict[str, Any]) -> None:
    def filled() -> Resource:
        reference = {k: v.replace("BASE", server.url) if isinstance(v, str) else v for k, v in subject.items()}
        return {**PENICILLIN, "patient": reference}

    server = Server()
    server.instead = lambda request: server.bundle([ada()], [filled()], echoed=["AllergyIntolerance"])
    answer, _ = ask(server, ALLERGIES)
    assert [entry.title for entry in answer.entries] == ["Penicillin"]
    assert not answer.gaps


def test_another_patient_who_came_along_adds_nothing() -> None:
    mother = {"resourceType": "Patient", "id": "p7", "name": [{"text": "Somebody Else"}], "birthDate": "1940-01-01"}

    def with_mother(request: Any) -> Any:
        return server.bundle([ada(name=[{"text": "Ada Bright"}])], [mother, PENICILLIN], echoed=["AllergyIntolerance"])

    server = Server(instead=with_mother)
    answer, _ = ask(server, frozenset({Section.DEMOGRAPHICS, Section.ALLERGIES}))
    assert {entry.title for entry in answer.entries} == {"Ada Bright", "Penicillin"}


def test_an_outcome_or_an_organisation_before_the_patient_changes_nothing() -> None:
    surgery = {"resourceType": "Organization", "id": "o1", "name": "Millrace Surgery"}
    server = Server(issues=[{"severity": "information", "code": "informational"}])
    server.instead = lambda request: server.bundle([], [surgery, ada(), PENICILLIN], echoed=["AllergyIntolerance"])
    answer, _ = ask(server, ALLERGIES)
    assert not answer.entries  # the Patient is not said to be a match, so nobody was found
    assert [gap.cause for gap in answer.gaps] == [GapCause.NOT_LINKED]


def test_of_a_group_appointment_only_the_residents_own_part_is_shown() -> None:
    actors = [{"reference": "Patient/p1"}, {"reference": "Patient/p2", "display": "Ben Other"}, {"display": "Dr Quill"}]
    visit = {
        "resourceType": "Appointment",
        "id": "v1",
        "status": "booked",
        "start": "2999-01-01T10:00:00Z",
        "participant": [{"actor": actor} for actor in actors],
    }
    answer, _ = ask(Server([visit]), frozenset({Section.APPOINTMENTS}))
    (entry,) = answer.entries
    assert "Ben Other" not in repr(entry.details)
    assert ("With", "Dr Quill") in entry.details
    stranger = {**visit, "participant": [{"actor": actors[1]}]}
    answer, _ = ask(Server([stranger]), frozenset({Section.APPOINTMENTS}))
    assert not answer.entries
    assert [gap.cause for gap in answer.gaps] == [GapCause.WRONG_PERSON]
