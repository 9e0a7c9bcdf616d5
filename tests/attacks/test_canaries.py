"""No secret of the new doors is logged: not where it is taken, nor where it is refused, nor at the finest level."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from io import StringIO
from urllib.parse import quote

import pytest

from tests.oauth.client import Partner, new_key
from tests.people import ADA_BORN, ADA_NUMBER, STRANGER_NUMBER

FIND = "/api/residents/find"


@pytest.fixture
def logged() -> Iterator[StringIO]:
    """Everything that any logger says meanwhile, in its own words and with every extra it carries."""
    written = StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(_Everything())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


class _Everything(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"{super().format(record)} {vars(record)!r}"


def test_no_token_code_assertion_or_proof_is_logged_whether_it_is_taken_or_refused(
    fapi: Partner, logged: StringIO
) -> None:
    canaries: dict[str, str] = {}
    canaries["request_uri"] = fapi.pushed(proof=fapi.proof("POST", "/oauth/par"), state="canary-of-the-state")
    canaries["code"] = fapi.authorize(canaries["request_uri"]).code
    canaries["verifier"] = fapi.verifier
    given = fapi.redeem(canaries["code"]).get_json()
    canaries |= {name: given[name] for name in ("access_token", "refresh_token")}
    fapi.redeem(canaries["code"])  # a second time: refused
    for name, wrong in (("assertion", fapi.assertion(key=new_key())), ("old assertion", fapi.assertion(exp=1))):
        canaries[name] = wrong
        assert fapi.token(assertion=wrong).status_code == 401
    canaries["assertion taken"], canaries["proof taken"] = fapi.assertion(), fapi.proof("POST", "/oauth/token")
    taken = fapi.token(assertion=canaries["assertion taken"], proof=canaries["proof taken"])
    canaries["own token"] = token = taken.get_json()["access_token"]
    canaries["proof refused"] = fapi.proof("GET", FIND, token)
    assert fapi.call("POST", FIND, token, proof=canaries["proof refused"], json={}).status_code == 401
    sought = {"nhs_number": ADA_NUMBER, "born_on": ADA_BORN.isoformat()}
    canaries["handle"] = fapi.call("POST", FIND, token, json=sought).get_json()["resident"]
    canaries["number in an address"] = STRANGER_NUMBER
    fapi.house.client.get(f"/api/access-requests/{STRANGER_NUMBER}?access_token={quote(token)}")
    asked = {"scope": "records.read", "login_hint": canaries["handle"]}
    asked["authorization_details"] = fapi.details(canaries["handle"], reason="canary of the reason")
    canaries["auth_req_id"] = fapi.post("/oauth/bc-authorize", asked).get_json()["auth_req_id"]
    canaries |= {"reason": "canary of the reason", "state": "canary-of-the-state", "number": ADA_NUMBER}
    for text in (token, "not-a-token"):
        assert fapi.introspect(text).status_code == 200
        assert fapi.revoke(text).status_code == 200
    said = logged.getvalue()
    assert "/oauth/token" in said, "the doors log what was asked of them"
    assert {name for name, canary in canaries.items() if canary in said} == set()
