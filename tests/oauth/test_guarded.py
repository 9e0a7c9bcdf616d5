"""What is guarded most is read only by somebody who proved lately who they are (RFC 9470)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from werkzeug.test import TestResponse

from tests.conformance.rows import row
from tests.oauth.client import Partner


def view(fapi: Partner, token: str, *sections: str, **more: Any) -> TestResponse:
    asked = {"resident": fapi.find(), "purpose": "advice-debt", "sections": list(sections), "reason": "Asked.", **more}
    return fapi.call("POST", "/api/records/view", token, json={"format": "view", **asked})


def an_old_sign_in(fapi: Partner) -> str:
    """A new token of a worker who proved six minutes ago who they are."""
    given = fapi.granted(scope="residents.find records.read")
    fapi.house.wait(timedelta(minutes=6))
    return str(fapi.refresh(given["refresh_token"]).get_json()["access_token"])


@row("STEP-02")
def test_safeguarding_is_read_after_a_sign_in_of_the_last_five_minutes(fapi: Partner) -> None:
    lately = str(fapi.granted(scope="residents.find records.read")["access_token"])
    assert view(fapi, lately, "safeguarding").status_code == 403, "policy decides, as for anything else"
    refused = view(fapi, an_old_sign_in(fapi), "housing", "safeguarding")
    assert refused.status_code == 401
    said = refused.headers["WWW-Authenticate"]
    assert 'error="insufficient_user_authentication"' in said
    assert 'max_age="300"' in said
    assert 'acr_values="urn:neighbourhood-broker:assurance:2"' in said


def test_what_is_not_guarded_needs_no_new_sign_in(fapi: Partner) -> None:
    assert view(fapi, an_old_sign_in(fapi), "housing").status_code == 403


def test_a_system_cannot_say_that_of_a_worker_it_names(fapi: Partner) -> None:
    worker = {"person": "adviser", "role": "case-worker"}
    token = fapi.own_token("records.read")
    assert view(fapi, token, "safeguarding", worker=worker).status_code == 401
    assert view(fapi, token, "housing", worker=worker).status_code == 403


def test_a_token_for_part_of_one_record_decides_nothing_else(fapi: Partner) -> None:
    given = fapi.granted(who="resident:ada", **fapi.asking_ada())
    question = {
        "subject": {"type": "client", "id": fapi.client_id},
        "action": {"name": "share", "properties": {"purpose": "advice-debt"}},
        "resource": {"type": "record-section", "id": "housing", "properties": {"resident": fapi.find()}},
    }
    refused = fapi.call("POST", "/access/v1/evaluation", given["access_token"], json=question)
    assert refused.status_code == 403
    assert refused.get_json()["code"] == "outside-grant"
    assert fapi.call("POST", "/access/v1/evaluation", fapi.own_token("records.read"), json=question).status_code == 200
