"""What ``docs/oauth.md`` tells a partner's engineer works as it is written, and leaves no address out."""

from __future__ import annotations

import re
from typing import Any

import pytest

from broker.oauth.registration import GRANT_TYPES
from tests.house.tree import ROOT
from tests.oauth.client import CALLBACK, Partner, new_verifier
from tests.people import ADA_NUMBER

PAGE = (ROOT / "docs" / "oauth.md").read_text(encoding="utf-8")
OURS = ("/oauth/", "/smart/", "/fhir/", "/.well-known/oauth")
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    """The page's own Python, as somebody would copy it."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    made: dict[str, Any] = {}
    exec(code, made)  # it is ours, and this is what is tested
    return made


def test_every_address_is_on_the_page_and_every_address_on_the_page_is_there(fapi: Partner) -> None:
    reads = ("api_fhir.", "api_consents_fhir.")  # of records and choices, and told on pages of their own
    rules = [rule for rule in fapi.house.app.url_map.iter_rules() if not rule.endpoint.startswith(reads)]
    there = {rule.rule for rule in rules if rule.rule.startswith(OURS)}
    told = set(re.findall(r"`(/[a-z0-9/._-]+)`", PAGE))
    assert there - told <= {"/.well-known/oauth-protected-resource/api"}, "it is told beside the other"
    assert {path for path in told if path.startswith(OURS)} - {"/fhir"} <= there


def test_every_profile_is_told_with_its_grant_types() -> None:
    rows = {line.split("`")[1]: line for line in PAGE.splitlines() if re.match(r"\| `[a-z0-9-]+`", line)}
    for profile, types in GRANT_TYPES.items():
        assert all(f"`{each}`" in rows[profile.value] for each in types), profile


def test_the_page_s_own_code_gets_tokens_from_pushing_to_renewing(fapi: Partner, written: dict[str, Any]) -> None:
    house, verifier = fapi.house, new_verifier()

    def post(path: str, token: str | None = None, **form: str) -> Any:
        proof = written["proof"](fapi.dpop_key, "POST", f"{fapi.issuer}{path}", token, now=fapi.now)
        made = written["assertion"](fapi.key, fapi.client_id, fapi.issuer, now=fapi.now)
        said = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": made, **form}
        answer = house.client.post(path, data=said, headers={"DPoP": proof})
        assert answer.status_code in (200, 201), answer.text
        return answer.get_json()

    pushed = post(
        "/oauth/par",
        client_id=fapi.client_id,
        response_type="code",
        redirect_uri=CALLBACK,
        scope="residents.find records.read",
        state="s",
        code_challenge=written["challenge"](verifier),
        code_challenge_method="S256",
    )
    said = fapi.authorize(pushed["request_uri"]).said
    assert said["iss"] == fapi.issuer
    given = post(
        "/oauth/token",
        grant_type="authorization_code",
        code=said["code"],
        redirect_uri=CALLBACK,
        code_verifier=verifier,
    )
    renewed = post("/oauth/token", grant_type="refresh_token", refresh_token=given["refresh_token"])
    own = post("/oauth/token", grant_type="client_credentials", scope="residents.find records.read")
    for token in (given["access_token"], renewed["access_token"], own["access_token"]):
        proof = written["proof"](fapi.dpop_key, "POST", f"{fapi.issuer}/api/residents/find", token, now=fapi.now)
        answer = house.client.post(
            "/api/residents/find",
            json={"nhs_number": ADA_NUMBER, "born_on": "1964-03-14"},
            headers={"Authorization": f"DPoP {token}", "DPoP": proof},
        )
        assert answer.status_code == 200, answer.text
