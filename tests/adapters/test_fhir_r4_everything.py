"""Patient/$everything, NHS numbers that were superseded, and Patients that another has replaced."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from broker.vocabulary import NHS_NUMBER, GapCause, Section
from tests.adapters.conformance.worlds import ADA
from tests.adapters.fhir_people import FHIR, Server, ada, ask, of_ada, said
from tests.adapters.listener import Reply, Request, as_json

BOTH = frozenset({Section.ALLERGIES, Section.PROBLEMS})
PENICILLIN = of_ada("AllergyIntolerance", "a1", code=said("Penicillin"))
ASTHMA = of_ada("Condition", "c1", code=said("Asthma"))
FORMER = "9990000026"
RENUMBERED = replace(ADA, former_numbers=frozenset({FORMER}))


def offering(*operations: str) -> dict[str, Any]:
    patient = {"type": "Patient", "operation": [{"name": name} for name in operations]}
    types = [{"type": "AllergyIntolerance"}, {"type": "Condition"}]
    return {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [{"resource": [patient, *types]}]}


def everything(*resources: Any, following: str | None = None) -> Any:
    """Answers $everything, a page at a time where there is one to follow; all else as the server would."""

    def instead(request: Request) -> Reply | None:
        if "$everything" not in request.path:
            return None
        if following and not request.all("page"):
            link = [{"relation": "next", "url": following}]
            return as_json(bundle([ada(), resources[0]], link=link), media=FHIR)
        return as_json(bundle([ada(), *resources]), media=FHIR)

    return instead


def bundle(resources: list[Any], **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in resources], **more}


def paths(requests: list[Request]) -> list[str]:
    return [f"{r.method} {r.path.removeprefix('/base/')}" for r in requests]


def test_everything_is_asked_for_once_after_the_patient_was_found_and_checked() -> None:
    server = Server(instead=everything(PENICILLIN, ASTHMA))
    answer, requests = ask(server, BOTH, strategy="everything")
    assert {e.title for e in answer.entries} == {"Penicillin", "Asthma"}
    assert not answer.gaps
    assert paths(requests) == ["POST Patient/_search", "GET Patient/p1/$everything"]
    assert {"AllergyIntolerance", "Condition", "Patient"} <= set(requests[1].all("_type")[0].split(","))
    assert "Immunization" not in requests[1].target, "types of no section that was asked for"


def test_nothing_is_asked_about_a_patient_who_is_somebody_else() -> None:
    server = Server(patients=[ada(birthDate="1971-09-02")], instead=everything(PENICILLIN))
    answer, requests = ask(server, BOTH, strategy="everything")
    assert {gap.cause for gap in answer.gaps} == {GapCause.WRONG_PERSON}
    assert paths(requests) == ["POST Patient/_search"]


def test_everything_that_is_about_somebody_else_is_a_gap_and_never_an_entry() -> None:
    stray = {**PENICILLIN, "patient": {"reference": "Patient/p2"}}
    answer, _ = ask(Server(instead=everything(stray, ASTHMA)), BOTH, strategy="everything")
    assert {e.title for e in answer.entries} == {"Asthma"}
    assert [(g.section, g.cause) for g in answer.gaps] == [(Section.ALLERGIES, GapCause.WRONG_PERSON)]


def test_its_pages_are_followed() -> None:
    server = Server(instead=everything(PENICILLIN, ASTHMA, following="Patient/p1/$everything?page=2"))
    answer, requests = ask(server, BOTH, strategy="everything")
    assert {e.title for e in answer.entries} == {"Penicillin", "Asthma"}
    assert len(requests) == 3


@pytest.mark.parametrize("status", [400, 404, 405, 501])
def test_a_server_that_does_not_offer_it_is_asked_type_by_type(status: int) -> None:
    refuse = lambda request: Reply(status=status) if "$everything" in request.path else None  # noqa: E731
    answer, requests = ask(Server([PENICILLIN, ASTHMA], instead=refuse), BOTH, strategy="everything")
    assert {e.title for e in answer.entries} == {"Penicillin", "Asthma"}
    assert not answer.gaps
    assert "POST Condition/_search" in paths(requests)


def test_a_server_that_fails_at_it_leaves_gaps_and_is_not_asked_more() -> None:
    fail = lambda request: Reply(status=500) if "$everything" in request.path else None  # noqa: E731
    answer, requests = ask(Server([PENICILLIN, ASTHMA], instead=fail), BOTH, strategy="everything")
    assert not answer.entries
    assert {g.section for g in answer.gaps} == BOTH
    assert len(requests) == 2


def test_it_is_not_used_where_the_servers_own_id_is_the_nhs_number() -> None:
    numbered = {**PENICILLIN, "patient": {"reference": "Patient/9990000018"}}
    server = Server([numbered], patients=[ada(id="9990000018")], instead=everything(numbered))
    answer, requests = ask(server, BOTH, strategy="everything")
    assert {e.title for e in answer.entries} == {"Penicillin"}
    assert not any("9990000018" in r.target for r in requests)


def test_left_to_find_out_it_is_used_where_offered_and_one_search_does_not_do() -> None:
    server = Server(honours=False, echoes=False, capability=offering("everything"))
    server.instead = everything(PENICILLIN, ASTHMA)
    answer, requests = ask(server, BOTH)
    assert {e.title for e in answer.entries} == {"Penicillin", "Asthma"}
    assert paths(requests) == ["POST Patient/_search", "GET Patient/p1/$everything"]
    plain = Server([PENICILLIN, ASTHMA], honours=False, echoes=False, capability=offering())
    _, requests = ask(plain, BOTH)
    assert not any("$everything" in path for path in paths(requests))
    good = Server([PENICILLIN, ASTHMA], capability=offering("everything"))
    _, requests = ask(good, BOTH)
    assert paths(requests) == ["POST Patient/_search"], "one request brought everything already"


# ---- superseded numbers -------------------------------------------------------------------------------------------


def number(value: str) -> dict[str, str]:
    return {"system": NHS_NUMBER, "value": value}


@pytest.mark.parametrize("states", [[number(FORMER)], [number("9990000018"), number(FORMER)], [number("9990000018")]])
def test_a_server_that_still_has_a_former_number_has_the_resident(states: list[Any]) -> None:
    server = Server([PENICILLIN], patients=[ada(identifier=states)])
    answer, requests = ask(server, BOTH, resident=RENUMBERED)
    assert {e.title for e in answer.entries} == {"Penicillin"}
    assert requests[0].all("identifier") == [f"{NHS_NUMBER}|9990000018,{NHS_NUMBER}|{FORMER}"]


@pytest.mark.parametrize(
    "states", [[number("9990000034")], [number("9990000018"), number("9990000034")], [number(FORMER), number("1")]]
)
def test_a_number_that_was_never_theirs_is_somebody_elses(states: list[Any]) -> None:
    answer, _ = ask(Server([PENICILLIN], patients=[ada(identifier=states)]), BOTH, resident=RENUMBERED)
    assert not answer.entries
    assert {gap.cause for gap in answer.gaps} == {GapCause.WRONG_PERSON}


def test_a_former_number_of_nobody_here_is_the_wrong_person() -> None:
    answer, _ = ask(Server([PENICILLIN], patients=[ada(identifier=[number(FORMER)])]), BOTH)
    assert {gap.cause for gap in answer.gaps} == {GapCause.WRONG_PERSON}


def test_a_patient_that_another_has_replaced_is_not_used_and_the_other_is() -> None:
    link = [{"type": "replaced-by", "other": {"reference": "Patient/p1"}}]
    old = ada(id="p0", identifier=[number(FORMER)], link=link)
    answer, _ = ask(Server([PENICILLIN], patients=[old, ada()]), BOTH, resident=RENUMBERED)
    assert {e.title for e in answer.entries} == {"Penicillin"}
    answer, _ = ask(Server([PENICILLIN], patients=[old]), BOTH, resident=RENUMBERED)
    assert {gap.cause for gap in answer.gaps} == {GapCause.NOT_LINKED}
    refers = ada(id="p3", link=[{"type": "seealso", "other": {"reference": "Patient/p1"}}])
    answer, _ = ask(Server([PENICILLIN], patients=[refers, ada()]), BOTH)
    assert {gap.cause for gap in answer.gaps} == {GapCause.WRONG_PERSON}
