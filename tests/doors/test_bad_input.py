"""What bad input gets at the API: a coded problem document in words, never a trace, and never a 500."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doors.conftest import House
from tests.doors.test_records import find, view
from tests.people import FOOD_BANK


def post(house: House, path: str, data: bytes, token: str, content_type: str = "application/json") -> Any:
    return house.call("POST", path, token=token, data=data, content_type=content_type)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed"),
        (b"[" * 20_000, "application/json", 422, "too-deep"),
        (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "application/json", 422, "too-deep"),
        (
            b'{"nhs_number":"9990000018","nhs_number":"9990000026","born_on":"1964-03-14"}',
            "application/json",
            422,
            "duplicate-field",
        ),
        (b'{"nhs_number":"\xff\xfe"}', "application/json", 422, "not-utf-8"),
        (b'{"nhs_number":NaN}', "application/json", 422, "not-json"),
        (b"<a/>", "application/xml", 415, "media-type"),
        (b'{"nhs_number":"9990000018","born_on":"1964-13-14"}', "application/json", 422, "invalid-request"),
        (b'{"nhs_number":"9990000018"}', "application/json", 422, "invalid-request"),
        (
            b'{"nhs_number":"9990000018","born_on":"1964-03-14","name":"Ada"}',
            "application/json",
            422,
            "invalid-request",
        ),
        (b'{"nhs_number":"9990000019","born_on":"1964-03-14"}', "application/json", 422, "nhs-number-invalid"),
        (b'{"nhs_number":"\\u0000","born_on":"1964-03-14"}', "application/json", 422, "not-plain-text"),
        (b'{"nhs_number":"\\ud800","born_on":"1964-03-14"}', "application/json", 422, "not-plain-text"),
        (b"x" * (1024 * 1024 + 1), "application/json", 413, "too-large"),
        (b"null", "application/json", 422, "invalid-request"),
    ],
)
def test_a_malformed_body_is_refused_in_words(
    house: House, adviser: str, body: bytes, content_type: str, status: int, code: str
) -> None:
    answer = post(house, "/api/residents/find", body, adviser, content_type)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.get_json()["code"] == code
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": "curiosity"},
        {"sections": ["diary"]},
        {"sections": []},
        {"sections": "housing"},
        {"resident": "ada"},
        {"resident": None},
        {"format": "pdf"},
        {"reason": "x" * 501},
        {"break_glass": {"reason": ""}},
        {"worker": {"person": "adviser"}},
        {"resident": 7},
    ],
)
def test_an_unknown_code_or_a_missing_resident_is_refused_by_name(
    house: House, adviser: str, change: dict[str, Any]
) -> None:
    answer = view(house, adviser, find(house, adviser), **change)
    assert answer.status_code == 422
    assert next(iter(change)) in str(answer.get_json()["errors"])


@pytest.mark.parametrize("until", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2027-01-01T00:00:00"])
def test_an_instant_that_utc_cannot_say_is_refused(house: House, ada: str, until: str) -> None:
    body = {"organisation": FOOD_BANK, "purposes": ["advice-debt"], "sections": ["housing"], "until": until}
    answer = house.call("POST", "/api/my/consents", token=ada, json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid-request")


@pytest.mark.parametrize("path", ["/api/my/consents/%00", "/my/activity?before=%00", "/partner/residents/%00", "/%00"])
def test_nothing_is_at_an_address_no_database_can_look_up(house: House, path: str) -> None:
    assert house.client.get(path).status_code == 404


def test_a_handle_nobody_was_given_is_not_there(house: House, adviser: str) -> None:
    answer = view(house, adviser, "0" * 40)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "resident-unknown")


def test_an_unknown_organisation_is_refused(house: House, ada: str) -> None:
    body = {"organisation": "XX9NOBOD", "purposes": ["advice-debt"], "sections": ["housing"]}
    answer = house.call("POST", "/api/my/consents", token=ada, json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "organisation-unknown")


@pytest.mark.parametrize("path", ["/api/nothing", "/api", "/oauth/nothing"])
def test_an_unknown_address_is_a_problem_document(house: House, path: str) -> None:
    answer = house.call("GET", path)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not-found")


def test_a_wrong_method_says_which_are_right(house: House) -> None:
    answer = house.call("DELETE", "/api/vocabulary")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_a_fault_of_ours_shows_a_reference_and_nothing_else(
    house: House, gp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("9990000018")

    handle = find(house, gp)
    monkeypatch.setattr("broker.api.partner.release_record", broken)
    answer = view(house, gp, handle)
    assert answer.status_code == 500
    assert set(answer.get_json()) == {"type", "title", "status", "code", "reference"}
    assert "9990000018" not in answer.text
