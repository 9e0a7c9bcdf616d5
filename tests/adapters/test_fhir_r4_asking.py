"""How the FHIR R4 adapter asks: in one request where the server can, type by type where not, never in an address."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from adapters import Egress, Http, Limits, build
from adapters.fhir_r4 import capability as capability_statements
from broker.records.source import ResidentIdentity
from broker.vocabulary import GapCause, Section
from tests.adapters.conformance.asking import described, no_secret
from tests.adapters.conformance.worlds import ADA
from tests.adapters.fhir_people import FHIR, Server, ada, ask, of_ada, said
from tests.adapters.listener import Listener, Reply, Request, as_json

ALLERGIES = frozenset({Section.ALLERGIES})
BOTH = frozenset({Section.ALLERGIES, Section.PROBLEMS})
PENICILLIN = of_ada("AllergyIntolerance", "a1", code=said("Penicillin"))
ASTHMA = of_ada("Condition", "c1", code=said("Asthma"))


def asked(requests: list[Request]) -> list[str]:
    return [f"{request.method} {request.path.removeprefix('/base/')}" for request in requests]


def titles(answer: Any) -> set[str]:
    return {entry.title for entry in answer.entries}


def test_one_request_brings_every_section_where_the_server_honours_revinclude() -> None:
    answer, requests = ask(Server([PENICILLIN, ASTHMA]), BOTH)
    assert titles(answer) == {"Penicillin", "Asthma"}
    assert asked(requests) == ["POST Patient/_search"]
    assert set(requests[0].all("_revinclude")) == {"AllergyIntolerance:patient", "Condition:patient"}
    assert requests[0].all("identifier") == ["https://fhir.nhs.uk/Id/nhs-number|9990000018"]


def test_only_the_types_of_the_sections_asked_for_are_asked_of_the_server() -> None:
    _, requests = ask(Server(), ALLERGIES)
    assert requests[0].all("_revinclude") == ["AllergyIntolerance:patient"]
    assert "Patient:general-practitioner" not in requests[0].all("_include")


def test_a_server_that_ignores_revinclude_is_asked_type_by_type_and_nothing_is_missing() -> None:
    answer, requests = ask(Server([PENICILLIN, ASTHMA], honours=False, echoes=False), BOTH)
    assert titles(answer) == {"Penicillin", "Asthma"}
    assert not answer.gaps
    assert sorted(asked(requests)) == [
        *("POST AllergyIntolerance/_search", "POST Condition/_search", "POST Patient/_search"),
    ]
    assert all(
        request.all("patient") == ["p1"] for request in requests if "Patient" not in request.path and request.body
    )


def test_a_server_that_echoes_what_it_passed_over_but_says_so_is_asked_type_by_type() -> None:
    warning = {"severity": "warning", "code": "not-supported", "diagnostics": "no _revinclude=AllergyIntolerance"}

    def only_first(request: Request) -> Reply | None:
        server.issues = [warning] if "Patient" in request.path else []
        return None

    server = Server([PENICILLIN], honours=False, echoes=True, instead=only_first)
    answer, requests = ask(server, ALLERGIES)
    assert titles(answer) == {"Penicillin"}
    assert not answer.gaps
    assert "POST AllergyIntolerance/_search" in asked(requests)


def test_a_capability_statement_that_lists_it_is_evidence_and_is_remembered() -> None:
    capability = {
        "resourceType": "CapabilityStatement",
        "fhirVersion": "4.0.1",
        "rest": [{"resource": [{"type": "Patient", "searchRevInclude": ["AllergyIntolerance:patient"]}]}],
    }
    server = Server([], echoes=False, honours=False, capability=capability)
    _, requests = ask(server, ALLERGIES, times=3)
    assert asked(requests) == ["POST Patient/_search"] * 3
    assert server.described == 1


def test_types_nobody_reads_are_brought_along_to_be_counted_and_named() -> None:
    """A server of somebody else's holds more than the broker knows: that is said, and none of it is shown."""
    values = ["AllergyIntolerance:patient", "Device:patient", "PinballMachine:patient"]
    capability = {
        "resourceType": "CapabilityStatement",
        "fhirVersion": "4.0.1",
        "rest": [{"resource": [{"type": "Patient", "searchRevInclude": values}]}],
    }
    unknown = [of_ada(kind, id=f"{kind}-{n}") for kind, n in (("Device", 1), ("Device", 2), ("PinballMachine", 1))]
    answer, requests = ask(Server([PENICILLIN, *unknown], capability=capability), ALLERGIES)
    assert requests[0].all("_revinclude") == values
    assert titles(answer) == {"Penicillin"}
    assert dict(answer.not_understood) == {"Device": 2, "PinballMachine": 1}


def test_a_capability_statement_that_never_comes_delays_no_answer_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capability_statements, "SOON_SECONDS", 0.2)
    described = []

    def hang(request: Request) -> Reply | None:
        if not request.path.endswith("/metadata"):
            return None
        described.append(request)
        return Reply(body=b"{" + b" " * 60, drip=0.5)

    began = time.monotonic()
    answer, _ = ask(Server([PENICILLIN], instead=hang), ALLERGIES, times=3)
    assert titles(answer) == {"Penicillin"}
    assert time.monotonic() - began < 3, "the whole of it would take half a minute"
    assert len(described) == 1, "and it is not asked for again at once"


def test_a_self_link_that_leaves_it_out_outranks_the_capability_statement() -> None:
    """A server that can, and this time did not: what it did not bring must not read as nothing recorded."""
    capability = {
        "resourceType": "CapabilityStatement",
        "fhirVersion": "4.0.1",
        "rest": [
            {
                "resource": [
                    {"type": "Patient", "searchRevInclude": ["AllergyIntolerance:patient"]},
                    {"type": "AllergyIntolerance"},
                ]
            }
        ],
    }

    def only_the_patient(request: Request) -> Reply | None:
        if not request.path.endswith("Patient/_search"):
            return None
        links = [{"relation": "self", "url": f"{server.url}/Patient?identifier=x&_count=100"}]
        entry = {"fullUrl": f"{server.url}/Patient/ada", "resource": ada(), "search": {"mode": "match"}}
        return as_json({"resourceType": "Bundle", "type": "searchset", "link": links, "entry": [entry]}, media=FHIR)

    server = Server([PENICILLIN], honours=False, capability=capability, instead=only_the_patient)
    answer, _ = ask(server, ALLERGIES)
    assert titles(answer) == {"Penicillin"}


def test_a_type_the_server_states_it_does_not_hold_is_not_asked_for() -> None:
    capability = {
        "resourceType": "CapabilityStatement",
        "fhirVersion": "4.0.1",
        "rest": [{"resource": [{"type": "Patient"}, {"type": "Condition"}]}],
    }
    answer, requests = ask(Server([ASTHMA], honours=False, echoes=False, capability=capability), BOTH)
    assert titles(answer) == {"Asthma"}
    assert not answer.gaps
    assert "POST AllergyIntolerance/_search" not in asked(requests)


@pytest.mark.parametrize("status", [400, 405, 422, 501])
def test_a_server_that_refuses_revinclude_is_asked_type_by_type(status: int) -> None:
    def refuse(request: Request) -> Reply | None:
        return Reply(status=status) if request.all("_revinclude") else None

    answer, _ = ask(Server([PENICILLIN], instead=refuse), ALLERGIES)
    assert titles(answer) == {"Penicillin"}
    assert not answer.gaps


def test_a_server_that_refuses_include_is_asked_without_it() -> None:
    def refuse(request: Request) -> Reply | None:
        return Reply(status=400) if request.all("_include") or request.all("_revinclude") else None

    medicine = of_ada("MedicationRequest", "m1", medicationCodeableConcept=said("Metformin"))
    answer, _ = ask(Server([medicine], instead=refuse), frozenset({Section.MEDICATIONS, Section.GP_PRACTICE}))
    assert titles(answer) == {"Metformin"}
    assert not answer.gaps


@pytest.mark.parametrize("status", [401, 429, 500])
def test_one_type_that_fails_is_a_gap_of_its_section_alone(status: int) -> None:
    def fail(request: Request) -> Reply | None:
        return Reply(status=status) if "AllergyIntolerance/" in request.path else None

    answer, _ = ask(Server([PENICILLIN, ASTHMA], instead=fail), BOTH, strategy="per-type")
    assert titles(answer) == {"Asthma"}
    assert [gap.section for gap in answer.gaps] == [Section.ALLERGIES]


def test_the_strategy_can_be_pinned() -> None:
    _, requests = ask(Server([PENICILLIN]), ALLERGIES, strategy="per-type")
    assert not requests[0].all("_revinclude")
    _, requests = ask(Server([PENICILLIN], honours=False, echoes=False), ALLERGIES, strategy="together")
    assert asked(requests) == ["POST Patient/_search"]


def test_searching_by_get_happens_only_where_an_operator_configured_it() -> None:
    answer, requests = ask(Server([PENICILLIN]), ALLERGIES, search="get")
    assert titles(answer) == {"Penicillin"}
    assert asked(requests) == ["GET Patient"]
    assert "9990000018" in requests[0].target
    _, requests = ask(Server([PENICILLIN]), ALLERGIES)
    assert "9990000018" not in requests[0].target


def _paged(link: str, *, page_two: list[dict[str, Any]]) -> Server:
    """A server whose first page has ``link`` as its next."""

    def answer(request: Request) -> Reply | None:
        if request.path.endswith("/metadata"):
            return None
        if "page=2" in f"{request.target} {request.body.decode()}":
            return server.bundle([], page_two)
        bundle = {
            "resourceType": "Bundle",
            "type": "searchset",
            "link": [
                {"relation": "self", "url": f"{server.url}/Patient?_revinclude=AllergyIntolerance:patient"},
                {"relation": "next", "url": link.replace("BASE", server.url)},
            ],
            "entry": [server._entry(ada(), "match"), server._entry(PENICILLIN, "include")],
        }
        return as_json(bundle, media=FHIR)

    server = Server(instead=answer)
    return server


LATEX = of_ada("AllergyIntolerance", "a2", code=said("Latex"))


@pytest.mark.parametrize("link", ["BASE?page=2", "BASE/Patient?page=2", "Patient?page=2", "/base/x?page=2", "?page=2"])
def test_a_next_page_of_the_same_server_is_followed(link: str) -> None:
    answer, requests = ask(_paged(link, page_two=[LATEX]), ALLERGIES)
    assert titles(answer) == {"Penicillin", "Latex"}
    assert not answer.gaps
    assert requests[1].method == "GET"


@pytest.mark.parametrize("path", ["BASE/Patient", "BASE/Patient/_search"])
def test_a_next_page_whose_address_names_the_resident_is_asked_for_by_post(path: str) -> None:
    link = f"{path}?identifier=https%3A%2F%2Ffhir.nhs.uk%2FId%2Fnhs-number%7C9990000018&page=2"
    answer, requests = ask(_paged(link, page_two=[LATEX]), ALLERGIES)
    assert titles(answer) == {"Penicillin", "Latex"}
    assert asked(requests) == ["POST Patient/_search", "POST Patient/_search"]
    assert all("9990000018" not in request.target for request in requests)
    assert requests[1].all("identifier") == ["https://fhir.nhs.uk/Id/nhs-number|9990000018"]


@pytest.mark.parametrize(
    ("link", "cause"),
    [
        ("http://127.0.0.1:1/base?page=2", GapCause.NOT_ALLOWED),
        ("https://evil.example/base?page=2", GapCause.NOT_ALLOWED),
        ("http://127.0.0.1@evil.example/?page=2", GapCause.NOT_ALLOWED),
        ("file:///etc/passwd?page=2", GapCause.NOT_ALLOWED),
        ("//evil.example/?page=2", GapCause.NOT_ALLOWED),
        ("BASE/Patient/9990000018/more?page=2", GapCause.FAULT),
        ("BASE/Patient/999%30000018/more?page=2", GapCause.FAULT),
    ],
)
def test_a_next_page_elsewhere_is_a_gap_beside_what_came(link: str, cause: GapCause) -> None:
    answer, requests = ask(_paged(link, page_two=[LATEX]), ALLERGIES)
    assert titles(answer) == {"Penicillin"}
    assert [gap.cause for gap in answer.gaps] == [cause]
    assert len(requests) == 1


def test_a_next_page_at_another_listed_source_is_not_asked_for_either() -> None:
    async def run() -> tuple[list[GapCause], int]:
        async with Listener(lambda request: Reply()) as other:
            server = _paged(f"{other.url}?page=2", page_two=[])
            async with Listener(server.answer) as listener:
                server.url = listener.url
                client = Http(egress=Egress([listener.place, other.place]))
                system = build(described("fhir-r4", {"base_url": listener.url}), http=client, secret=no_secret)
                answer = await system.fetch(ADA, ALLERGIES)
                await client.close()
            return [gap.cause for gap in answer.gaps], other.connections

    assert asyncio.run(run()) == ([GapCause.NOT_ALLOWED], 0)


def test_pages_that_go_round_in_a_circle_end_with_a_gap() -> None:
    def circle(request: Request) -> Reply | None:
        links = [
            {"relation": "self", "url": "x?_revinclude=AllergyIntolerance:patient"},
            {"relation": "next", "url": f"{server.url}?more"},
        ]
        entries = [server._entry(ada(), "match"), server._entry(PENICILLIN, "include")]
        return as_json({"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries}, media=FHIR)

    server = Server(instead=circle)
    answer, requests = ask(server, ALLERGIES)
    assert titles(answer) == {"Penicillin"}
    assert [gap.cause for gap in answer.gaps] == [GapCause.MALFORMED]
    assert len(requests) <= 3


def test_endless_pages_end_at_the_limit_with_a_gap() -> None:
    counter = [0]

    def endless(request: Request) -> Reply | None:
        counter[0] += 1
        links = [
            {"relation": "self", "url": "x?_revinclude=AllergyIntolerance:patient"},
            {"relation": "next", "url": f"{server.url}?page={counter[0]}"},
        ]
        found = [server._entry(ada(), "match")] if counter[0] == 1 else []
        return as_json({"resourceType": "Bundle", "type": "searchset", "link": links, "entry": found}, media=FHIR)

    server = Server(instead=endless)
    answer, requests = ask(server, ALLERGIES, limits=Limits(pages=5))
    assert [gap.cause for gap in answer.gaps] == [GapCause.TOO_LARGE]
    assert len(requests) == 5


def test_a_later_page_that_fails_leaves_what_came_and_says_so() -> None:
    server = _paged("BASE?page=2", page_two=[])
    first = server.instead
    server.instead = lambda request: Reply(status=500) if "page=2" in request.target else first(request)
    answer, _ = ask(server, ALLERGIES)
    assert titles(answer) == {"Penicillin"}
    assert [gap.cause for gap in answer.gaps] == [GapCause.FAULT]


def test_a_server_that_counts_more_than_it_sends_is_a_gap() -> None:
    def short(request: Request) -> Reply | None:
        return server.bundle([PENICILLIN], total=7) if "AllergyIntolerance/" in request.path else None

    server = Server(instead=short)
    answer, _ = ask(server, ALLERGIES, strategy="per-type")
    assert titles(answer) == {"Penicillin"}
    assert [gap.cause for gap in answer.gaps] == [GapCause.FAULT]


@pytest.mark.parametrize(
    ("issue", "cause"),
    [
        ({"severity": "error", "code": "exception"}, GapCause.FAULT),
        ({"severity": "warning", "code": "incomplete"}, GapCause.FAULT),
        ({"severity": "warning", "code": "throttled"}, GapCause.BUSY),
        ({"severity": "error", "code": "timeout"}, GapCause.LATE),
        ({"severity": "error", "code": "too-costly"}, GapCause.TOO_LARGE),
        ({"severity": "warning", "code": "suppressed"}, GapCause.REFUSED),
        ({"severity": "fatal", "code": "security"}, GapCause.REFUSED),
        ({}, GapCause.FAULT),
    ],
)
def test_a_server_that_says_its_answer_is_not_whole_is_believed(issue: dict[str, str], cause: GapCause) -> None:
    spoken = {**issue, "diagnostics": "for patient 9990000018"}
    answer, _ = ask(Server([PENICILLIN], issues=[spoken]), ALLERGIES)
    assert titles(answer) == {"Penicillin"}
    assert [gap.cause for gap in answer.gaps] == [cause]
    assert "9990000018" not in repr(answer.gaps)


def test_a_remark_of_the_server_is_no_gap() -> None:
    answer, _ = ask(Server([PENICILLIN], issues=[{"severity": "information", "code": "informational"}]), ALLERGIES)
    assert not answer.gaps


def test_an_outcome_instead_of_a_result_is_a_gap() -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    answer, _ = ask(Server(instead=lambda request: as_json(outcome, media=FHIR)), ALLERGIES)
    assert [gap.cause for gap in answer.gaps] == [GapCause.FAULT]


def test_a_resident_known_only_by_the_sources_own_number_is_asked_for_by_it() -> None:
    unnumbered = ResidentIdentity(None, ADA.born_on, {"the-source": "p1"})
    answer, requests = ask(Server([PENICILLIN]), ALLERGIES, resident=unnumbered)
    assert titles(answer) == {"Penicillin"}
    assert requests[0].all("_id") == ["p1"]
    other = ResidentIdentity(None, ADA.born_on, {"the-source": "p2"})
    answer, _ = ask(Server([PENICILLIN]), ALLERGIES, resident=other)
    assert [gap.cause for gap in answer.gaps] == [GapCause.WRONG_PERSON]


def test_sections_the_operator_left_out_are_not_answered_for() -> None:
    answer, requests = ask(Server([PENICILLIN, ASTHMA]), BOTH, sections="problems,vaccinations")
    assert titles(answer) == {"Asthma"}
    assert requests[0].all("_revinclude") == ["Condition:patient"]
