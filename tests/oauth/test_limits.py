"""What a token was given for: one resident, one purpose, some sections. Asking for more with it is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.rows import row
from tests.oauth.client import Partner
from tests.people import BEN_BORN, BEN_NUMBER

WITHIN = {"purpose": "advice-debt", "sections": ["housing"], "reason": "Arrears"}


@pytest.fixture
def handle(fapi: Partner) -> str:
    return fapi.find()


@pytest.fixture
def token(fapi: Partner, handle: str) -> str:
    """What Ada gave the food bank: housing and money, for advice about debt."""
    changes = {"scope": "records.read", "authorization_details": fapi.details(handle)}
    return str(fapi.granted(who="resident:ada", **changes)["access_token"])


def read(partner: Partner, token: str, resident: str, **changes: Any) -> Any:
    worker = {"person": "adviser", "role": "case-worker"}
    body = {"resident": resident, "worker": worker, **WITHIN, **changes}
    return partner.call("POST", "/api/records/view", token, json=body)


@row("BCP-07")
def test_within_what_was_given_the_record_is_read(fapi: Partner, token: str, handle: str) -> None:
    for changes in ({}, {"sections": ["housing", "money-and-benefits"]}, {"format": "fhir-document"}):
        answer = read(fapi, token, handle, **changes)
        assert answer.status_code == 200, answer.text


@row("BCP-07")
@pytest.mark.parametrize(
    ("beyond", "field"),
    [
        ({"sections": ["housing", "person-demographics"]}, "sections"),
        ({"sections": ["problems"]}, "sections"),
        ({"purpose": "social-prescribing"}, "purpose"),
        ({"purpose": "emergency", "break_glass": {"reason": "Found collapsed"}}, "purpose"),
    ],
)
def test_beyond_it_the_request_is_refused_before_it_is_decided(
    fapi: Partner, token: str, handle: str, beyond: dict[str, Any], field: str
) -> None:
    answer = read(fapi, token, handle, **beyond)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "outside-grant"), answer.text
    assert answer.get_json()["field"] == field


def test_it_is_for_the_resident_who_gave_it_and_for_nobody_else(fapi: Partner, token: str) -> None:
    sought = {"nhs_number": BEN_NUMBER, "born_on": BEN_BORN.isoformat()}
    ben = fapi.call("POST", "/api/residents/find", fapi.own_token(), json=sought).get_json()["resident"]
    for resident in (ben, "0" * 40):
        answer = read(fapi, token, resident)
        assert (answer.status_code, answer.get_json()["code"], answer.get_json()["field"]) == (
            403,
            "outside-grant",
            "resident",
        )


def test_a_token_that_nobody_limited_is_decided_by_policy_alone(fapi: Partner, handle: str) -> None:
    """Ada gave nothing, so the food bank's own token opens nothing; and it is policy that says so."""
    answer = read(fapi, fapi.own_token("records.read"), handle)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "access-refused")
