"""How a practice is asked, for whom it is not asked at all, and what each refusal of it becomes."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from adapters import build, check_configuration
from adapters.gp_connect.areas import AREAS, SECTIONS
from broker.errors import InvalidInput
from broker.records.source import ResidentIdentity, SourceAnswer
from broker.vocabulary import GapCause, Purpose, Section
from tests.adapters.conformance.asking import described, http, no_secret
from tests.adapters.conformance.worlds import ADA, CARE
from tests.adapters.gp_connect.records import LISTS
from tests.adapters.gp_connect.stu3 import bundle, listed, patient
from tests.adapters.listener import Listener, Reply, Request, as_json

MEDIA = "application/fhir+json"
NOW = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
EVERYTHING = bundle(patient(ADA), *(listed(code) for code in LISTS.values()))


def asked(
    resident: ResidentIdentity = ADA,
    sections: frozenset[Section] = SECTIONS,
    *,
    reply: Reply | None = None,
    proxied: bool = False,
    **configured: Any,
) -> tuple[SourceAnswer, list[Request]]:
    """What the adapter answers about ``resident``, and what its practice was sent."""

    async def run() -> tuple[SourceAnswer, list[Request]]:
        async with Listener(lambda request: reply or as_json(EVERYTHING, media=MEDIA)) as source:
            addresses = (
                {"base_url": "https://gp.example/GP3/STU3/1", "ssp_url": source.url}
                if proxied
                else {"base_url": source.url}
            )
            configuration = {**addresses, "from_asid": "200000000001", "to_asid": "200000000002", **configured}
            async with http(source.place) as client:
                system = build(
                    described("gp-connect-structured", configuration), http=client, secret=no_secret, clock=lambda: NOW
                )
                return await system.fetch(resident, sections), source.requests

    return asyncio.run(run())


def question(request: Request) -> dict[str, Any]:
    return {each["name"]: each for each in json.loads(request.body)["parameter"]}


def token(request: Request) -> tuple[dict[str, Any], dict[str, Any], str]:
    head, claims, signature = request.headers["authorization"].removeprefix("Bearer ").split(".")
    header, said = (json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (head, claims))
    return header, said, signature


def test_one_request_asks_for_everything_and_answers_it() -> None:
    answer, (request,) = asked()
    assert not answer.gaps
    assert (request.method, request.headers["content-type"]) == ("POST", MEDIA)
    assert set(question(request)) == {"patientNHSNumber", *(area.parameter for area in AREAS.values())}
    assert question(request)["patientNHSNumber"]["valueIdentifier"]["value"] == "9990000018"
    parts = question(request)["includeAllergies"]["part"]
    assert parts == [{"name": "includeResolvedAllergies", "valueBoolean": True}]


def test_only_the_areas_of_the_sections_asked_for_are_asked_for() -> None:
    _, (request,) = asked(sections=frozenset({Section.ALLERGIES, Section.DEMOGRAPHICS}))
    assert set(question(request)) == {"patientNHSNumber", "includeAllergies"}


def test_an_area_the_practice_has_not_switched_on_is_not_asked_for() -> None:
    answer, requests = asked(areas=["allergies"], sections=frozenset({Section.PROBLEMS}))
    assert (answer, requests) == (SourceAnswer(), [])
    _, (request,) = asked(areas="allergies, problems")
    assert set(question(request)) == {"patientNHSNumber", "includeAllergies", "includeProblems"}


def test_an_area_that_was_asked_for_and_is_passed_over_is_a_gap() -> None:
    silent = as_json(bundle(patient(ADA), listed(LISTS["allergies"])), media=MEDIA)
    answer, _ = asked(sections=frozenset({Section.ALLERGIES, Section.PROBLEMS}), reply=silent)
    assert [(gap.section, gap.cause) for gap in answer.gaps] == [(Section.PROBLEMS, GapCause.FAULT)]


def test_the_proxy_is_told_which_system_asks_which() -> None:
    _, (request,) = asked(proxied=True)
    assert request.path == "/base/https://gp.example/GP3/STU3/1/Patient/$gpc.getstructuredrecord"
    assert (request.headers["ssp-from"], request.headers["ssp-to"]) == ("200000000001", "200000000002")
    assert request.headers["ssp-interactionid"].endswith("gpc.getstructuredrecord-1")
    UUID(request.headers["ssp-traceid"])


def test_each_request_has_a_trace_of_its_own() -> None:
    traces = {asked()[1][0].headers["ssp-traceid"] for _ in range(3)}
    assert len(traces) == 3


def test_the_token_says_who_asks_and_why_and_is_signed_by_nobody() -> None:
    _, (request,) = asked(proxied=True, issuer="https://broker.example")
    header, said, signature = token(request)
    assert (header, signature) == ({"alg": "none", "typ": "JWT"}, "")
    assert (said["iat"], said["exp"] - said["iat"]) == (int(NOW.timestamp()), 300)
    assert (said["iss"], said["aud"]) == ("https://broker.example", "https://gp.example/GP3/STU3/1")
    assert (said["reason_for_request"], said["requested_scope"]) == ("directcare", "patient/*.read")
    assert said["requesting_organization"]["identifier"][0]["value"] == "XX9T01"
    assert said["sub"] == said["requesting_practitioner"]["id"] == "a-worker"
    assert said["requesting_device"]["resourceType"] == "Device"
    assert "9990000018" not in json.dumps(said)


def test_a_partners_system_that_names_no_worker_asks_as_its_organisation() -> None:
    nobody = replace(ADA, asked_by=replace(CARE, person=None))
    _, (request,) = asked(nobody)
    assert token(request)[1]["sub"] == "XX9T01"


@pytest.mark.parametrize("purpose", [Purpose.DIRECT_CARE, Purpose.CARE_COORDINATION, Purpose.EMERGENCY])
def test_a_practice_is_asked_for_care(purpose: Purpose) -> None:
    answer, requests = asked(replace(ADA, asked_by=replace(CARE, purpose=purpose)))
    assert len(requests) == 1
    assert not answer.gaps


@pytest.mark.parametrize("purpose", [Purpose.ADVICE_DEBT, Purpose.SAFEGUARDING, Purpose.OWN_RECORD, None])
def test_a_practice_is_asked_for_nothing_but_care_and_that_is_said(purpose: Purpose | None) -> None:
    asker = None if purpose is None else replace(CARE, purpose=purpose)
    answer, requests = asked(replace(ADA, asked_by=asker))
    assert requests == []
    assert {gap.section for gap in answer.gaps} == SECTIONS
    assert {(gap.cause, "care alone" in gap.detail) for gap in answer.gaps} == {(GapCause.REFUSED, True)}


def refusing(code: str, status: int) -> Reply:
    issue = {
        "severity": "error",
        "code": "invalid",
        "details": {"coding": [{"code": code}], "text": "9990000018 Ada Bright"},
    }
    return as_json({"resourceType": "OperationOutcome", "issue": [issue]}, status=status, media=MEDIA)


REFUSALS = {
    "NO_PATIENT_CONSENT": (403, GapCause.REFUSED),
    "NO_ORGANISATION_CONSENT": (403, GapCause.REFUSED),
    "ACCESS_DENIED": (403, GapCause.REFUSED),
    "NO_RELATIONSHIP": (403, GapCause.REFUSED),
    "PATIENT_NOT_FOUND": (404, GapCause.NOT_LINKED),
    "INVALID_NHS_NUMBER": (400, GapCause.NOT_LINKED),
    "INVALID_RESOURCE": (422, GapCause.FAULT),
    "INVALID_PARAMETER": (422, GapCause.FAULT),
    "REFERENCE_NOT_FOUND": (422, GapCause.FAULT),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_each_refusal_is_a_gap_in_words_of_our_own(code: str) -> None:
    status, cause = REFUSALS[code]
    answer, _ = asked(reply=refusing(code, status))
    assert not answer.entries
    assert {gap.section for gap in answer.gaps} == SECTIONS
    assert {gap.cause for gap in answer.gaps} == {cause}
    assert "Ada" not in repr(answer)
    assert "9990000018" not in repr(answer)


def test_each_refusal_is_told_apart_from_the_others() -> None:
    told = {code: asked(reply=refusing(code, status))[0].gaps[0].detail for code, (status, _) in REFUSALS.items()}
    assert len(set(told.values())) == len(REFUSALS)


@pytest.mark.parametrize(("status", "cause"), [(403, GapCause.REFUSED), (404, GapCause.FAULT), (422, GapCause.FAULT)])
def test_a_refusal_that_gives_no_code_is_told_by_its_status(status: int, cause: GapCause) -> None:
    for body in (b"", b"no", b"[]", b'{"resourceType":"OperationOutcome","issue":["x",{"details":{"coding":7}}]}'):
        answer, _ = asked(reply=Reply(body, status=status, media=MEDIA))
        assert {gap.cause for gap in answer.gaps} == {cause}


def test_an_endless_explanation_of_a_refusal_is_not_read_to_its_end() -> None:
    padded = refusing("NO_PATIENT_CONSENT", 403)
    answer, _ = asked(reply=replace(padded, body=b" " * 100_000 + padded.body))
    assert {(gap.cause, gap.detail) for gap in answer.gaps} == {(GapCause.REFUSED, "refused the broker's credentials")}


def test_a_sensitive_resident_is_not_asked_about_and_looks_like_one_who_is_not_known() -> None:
    hidden, requests = asked(replace(ADA, sensitive=True))
    unknown, _ = asked(reply=refusing("PATIENT_NOT_FOUND", 404))
    assert requests == []
    assert repr(hidden) == repr(unknown)
    assert {(gap.cause, gap.detail) for gap in hidden.gaps} == {(GapCause.NOT_LINKED, "")}


def test_the_flag_is_not_betrayed_by_what_is_refused_to_everybody() -> None:
    """Asked for anything but care, a sensitive resident is refused in the same words as any other."""
    advice = replace(CARE, purpose=Purpose.ADVICE_DEBT)
    flagged, ordinary = (asked(replace(ADA, asked_by=advice, sensitive=flag))[0] for flag in (True, False))
    assert repr(flagged) == repr(ordinary)


@pytest.mark.parametrize(
    ("key", "value"), [("areas", ["allergies", "dreams"]), ("areas", []), ("from_asid", "ASID"), ("ssp_url", "ftp://x")]
)
def test_a_configuration_that_cannot_be_meant_is_refused_by_key(key: str, value: Any) -> None:
    right = {"base_url": "https://gp.example/STU3", "from_asid": "1", "to_asid": "2"}
    check_configuration("gp-connect-structured", right)
    with pytest.raises(InvalidInput) as refused:
        check_configuration("gp-connect-structured", {**right, key: value})
    assert refused.value.field == key
