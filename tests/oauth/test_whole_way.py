"""The whole way to a token, done right: pushed, shown, agreed to, redeemed, used, renewed, told of, given back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.conformance.rows import row
from tests.oauth.client import CALLBACK, Partner, new_key
from tests.people import FOOD_BANK


@row("FAPI-01", "FAPI-10", "BCP-06", oidf="HappyFlow")
def test_a_worker_lets_their_system_act_for_them(fapi: Partner) -> None:
    given = fapi.granted()
    assert {"access_token", "refresh_token", "expires_in", "scope", "token_type"} == set(given)
    assert (given["token_type"], given["expires_in"], given["scope"]) == ("DPoP", 300, "residents.find records.read")
    told = fapi.introspect(given["access_token"]).get_json()
    assert (told["active"], told["sub"], told["organisation"]) == (True, "person:adviser", FOOD_BANK)
    assert told["cnf"] == {"jkt": fapi.thumbprint}
    sought = {"nhs_number": "9990000018", "born_on": "1964-03-14"}
    assert fapi.call("POST", "/api/residents/find", given["access_token"], json=sought).status_code == 200
    again = fapi.refresh(given["refresh_token"])
    assert again.status_code == 200
    assert fapi.revoke(again.get_json()["access_token"]).status_code == 200
    assert fapi.introspect(again.get_json()["access_token"]).get_json() == {"active": False}


@row(oidf="HappyFlow")
def test_a_resident_lets_a_system_see_who_may_see_their_record(fapi: Partner) -> None:
    given = fapi.granted(who="resident:ada", scope="own.read")
    assert fapi.call("GET", "/api/my/consents", given["access_token"]).status_code == 200
    told = fapi.introspect(given["access_token"]).get_json()
    assert told["sub"].startswith("resident:")
    assert "ada" not in told["sub"]


@row("RAR-02", "RAR-03", "FAPI-19")
def test_a_resident_shares_part_of_their_record_for_a_while(fapi: Partner) -> None:
    uri = fapi.pushed(**fapi.asking_ada())
    page = fapi.page(uri, fapi.browser("resident:ada")).text
    for said in ("Harvest Shelf", "Debt and money advice", "Housing", "To help with the rent.", "21 November 2026"):
        assert said in page
    assert "You do not have to agree." in page
    assert "Nothing is shared, and the care you get does not change." in page
    answered = fapi.authorize(uri, who="resident:ada", sections=["housing"])
    given = fapi.redeem(answered.code).get_json()
    [granted] = given["authorization_details"]
    assert (granted["sections"], granted["purpose"], granted["duration"]) == (["housing"], "advice-debt", 86_400)
    assert fapi.introspect(given["access_token"]).get_json()["authorization_details"] == [granted]


@row("BCP-04", "FAPI-14", oidf="AuthorizationRequestWithoutStateSuccess")
@pytest.mark.parametrize("state", ["a-state", None])
def test_the_answer_says_which_server_it_is_from_and_repeats_the_state(fapi: Partner, state: str | None) -> None:
    answered = fapi.authorize(fapi.pushed(state=state))
    assert answered.answer.headers["Location"].startswith(f"{CALLBACK}?")
    assert answered.said["iss"] == fapi.issuer
    assert answered.said.get("state") == state
    assert set(answered.said) == {"code", "iss"} | ({"state"} if state else set())


@row(oidf="LongState")
def test_a_long_state_comes_back_whole_and_an_endless_one_is_refused(fapi: Partner) -> None:
    state = "s +&=/?é" * 200
    assert fapi.authorize(fapi.pushed(state=state)).said["state"] == state
    assert fapi.push(state="s" * 2001).status_code == 400


@row(
    "FAPI-20",
    oidf=("AuthorizationRequestWithoutNonceSuccess", "AuthorizationRequestWith64CharNonceSuccess", "LongNonce"),
)
@pytest.mark.parametrize(("nonce", "status"), [(None, 201), ("n" * 64, 201), ("n" * 2000, 201), ("n" * 2001, 400)])
def test_a_nonce_is_taken_up_to_a_length(fapi: Partner, nonce: str | None, status: int) -> None:
    assert fapi.push(nonce=nonce).status_code == status


@row(oidf="OtherScopeOrderSucceeds")
def test_scopes_may_be_asked_for_in_any_order(fapi: Partner) -> None:
    assert fapi.granted(scope="records.read residents.find")["scope"] == "records.read residents.find"


@row("FAPI-21")
@pytest.mark.parametrize("alg", ["ES256", "PS256", "EdDSA", "Ed25519"])
def test_every_algorithm_that_is_published_is_taken(fapi: Partner, alg: str) -> None:
    fapi.key = fapi.dpop_key = key = new_key(alg)
    with fapi.house.session() as session:
        from broker.identity.models import Client

        client = session.get(Client, fapi.client_id)
        assert client is not None
        client.jwks = {"keys": [key.as_dict(private=False)]}
        session.commit()
    answer = fapi.token(
        assertion=fapi.assertion(header={"alg": alg}), proof=fapi.proof("POST", "/oauth/token", header={"alg": alg})
    )
    assert answer.status_code == 200, answer.text


@row("FAPI-17", "PAR-01")
def test_a_pushed_request_is_kept_for_a_minute_and_a_half(fapi: Partner) -> None:
    answer = fapi.push()
    assert (answer.status_code, answer.get_json()["expires_in"]) == (201, 90)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json()["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert len(answer.get_json()["request_uri"].rpartition(":")[2]) >= 43


@row("A6")
@pytest.mark.parametrize("kind", ["client", "worker", "resident"])
def test_no_token_lives_longer_than_five_minutes(fapi: Partner, kind: str) -> None:
    given = {
        "client": lambda: fapi.token().get_json(),
        "worker": fapi.granted,
        "resident": lambda: fapi.granted(who="resident:ada", scope="own.read"),
    }[kind]()
    assert given["expires_in"] == 300
    assert fapi.introspect(given["access_token"]).get_json()["active"]
    fapi.house.wait(timedelta(seconds=300))
    assert fapi.introspect(given["access_token"]).get_json() == {"active": False}
