"""Asking somebody who is not here: what is taken, what polling tells and does not, and that a yes is collected once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from broker.consent import asking
from broker.consent.models import AccessRequestRecord
from broker.grants.actions import digest
from broker.grants.models import BackchannelRequest, Grant
from broker.identity.models import AccessToken
from broker.oauth.ciba import FIRST_INTERVAL, LONGEST, SHORTEST
from broker.vocabulary import AuditAction
from tests.conformance.rows import row
from tests.doors.conftest import House
from tests.oauth.client import CIBA, Partner, new_key
from tests.oauth.conftest import DPOP_KEY, KEY, register
from tests.people import ADA_NUMBER, FOOD_BANK, STRANGER_NUMBER

PATH = "/oauth/bc-authorize"
ACR_3 = "urn:neighbourhood-broker:assurance:3"


def ask(partner: Partner, *, number: str = ADA_NUMBER, handle: str = "", options: Any = None, **changes: Any) -> Any:
    """Send a request for part of a record; ``changes`` replace what is sent, None leaves one out."""
    handle = handle or partner.find(number)
    made = {
        "scope": "records.read",
        "login_hint": handle,
        "authorization_details": partner.details(handle),
        **changes,
    }
    return partner.post(PATH, made, **(options or {}))


def asked(partner: Partner, **changes: Any) -> dict[str, Any]:
    answer = ask(partner, **changes)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.get_json()
    return said


def poll(partner: Partner, auth_req_id: str, **changes: Any) -> Any:
    return partner.token(**{"grant_type": CIBA, "auth_req_id": auth_req_id, **changes})


def error_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["error"]


def answer_as_ada(house: House, *, agree: bool = True, **changes: Any) -> Any:
    """Ada answers the one request that waits for her."""
    ada = house.token(resident="ada")
    [waiting] = house.call("GET", "/api/my/access-requests", token=ada).get_json()
    answer = house.call(
        "POST", f"/api/my/access-requests/{waiting['id']}/answer", token=ada, json={"agree": agree, **changes}
    )
    assert answer.status_code == 200, answer.get_json()
    return answer


@row("CIBA-01", "CIBA-02", "CIBA-03", "RAR-03", oidf="CibaHappyFlow")
def test_an_absent_resident_is_asked_and_a_yes_opens_what_was_given(fapi: Partner, house: House) -> None:
    handle = fapi.find()
    said = asked(fapi, handle=handle)
    assert set(said) == {"auth_req_id", "expires_in", "interval", "binding_code"}
    assert (said["expires_in"], said["interval"]) == (14 * 86_400, 30)
    assert len(said["auth_req_id"]) == 43  # 256 bits
    assert error_of(poll(fapi, said["auth_req_id"])) == (400, "authorization_pending")
    house.wait(timedelta(hours=1))
    answer_as_ada(house, sections=["housing"])
    house.wait(timedelta(minutes=1))
    given = poll(fapi, said["auth_req_id"]).get_json()
    assert (given["token_type"], given["scope"], given["expires_in"]) == ("DPoP", "records.read", 300)
    [granted] = given["authorization_details"]
    assert (granted["sections"], granted["duration"], granted["resident"]) == (["housing"], 86_400, handle)
    view = {"resident": handle, "purpose": "advice-debt", "sections": ["housing"], "reason": "Rent"}
    read = fapi.call("POST", "/api/records/view", given["access_token"], json=view)
    assert read.status_code == 200, read.text
    assert fapi.introspect(given["access_token"]).get_json()["authorization_details"] == [granted]
    assert fapi.refresh(given["refresh_token"]).status_code == 200


def test_what_was_asked_for_and_what_was_given_are_both_kept(fapi: Partner, house: House) -> None:
    said = asked(fapi)
    house.wait(timedelta(days=1))
    answer_as_ada(house, sections=["housing"], until=(house.time[0] + timedelta(hours=2)).isoformat())
    assert poll(fapi, said["auth_req_id"]).status_code == 200
    with house.session() as session:
        grant = session.scalars(select(Grant)).one()
        assert grant.requested is not None
        assert grant.granted is not None
        assert (grant.requested[0]["sections"], grant.granted[0]["sections"]) == (
            ["housing", "money-and-benefits"],
            ["housing"],
        )
        assert (grant.requested[0]["duration"], grant.granted[0]["duration"]) == (86_400, 7_200)
        assert grant.ends_at == house.time[0] + timedelta(hours=2)
        assert (grant.organisation_code, grant.person_id, grant.resident_id) == (FOOD_BANK, None, None)
        [made] = house.broker.trail.entries(session, actions=[AuditAction.GRANT_MADE])
        assert made.actor == "resident:ada"


def test_sharing_lasts_as_long_as_was_asked_from_the_answer_on(fapi: Partner, house: House) -> None:
    handle = fapi.find()
    said = asked(fapi, handle=handle, authorization_details=fapi.details(handle, duration=300))
    house.wait(timedelta(days=3))
    answer_as_ada(house)
    house.wait(timedelta(minutes=4))
    given = poll(fapi, said["auth_req_id"]).get_json()
    assert given["expires_in"] == 60
    assert "refresh_token" not in given


@pytest.mark.parametrize("seconds", [1, 120, 299, 300])
def test_a_yes_for_less_than_anybody_may_ask_for_is_a_yes_all_the_same(
    fapi: Partner, house: House, seconds: int
) -> None:
    handle = fapi.find()
    said = asked(fapi, handle=handle)
    answer_as_ada(house, until=(house.time[0] + timedelta(seconds=seconds)).isoformat())
    given = poll(fapi, said["auth_req_id"]).get_json()
    assert (given["expires_in"], given["authorization_details"][0]["duration"]) == (seconds, seconds)
    view = {"resident": handle, "purpose": "advice-debt", "sections": ["housing"], "reason": "Rent"}
    assert fapi.call("POST", "/api/records/view", given["access_token"], json=view).status_code == 200
    house.wait(timedelta(seconds=seconds))
    assert fapi.call("POST", "/api/records/view", given["access_token"], json=view).status_code == 401


@row("CIBA-03", oidf="CibaUserRejects")
def test_a_no_is_a_request_nobody_answers_and_then_one_that_ran_out(fapi: Partner, house: House) -> None:
    said = asked(fapi)
    answer_as_ada(house, agree=False)
    assert error_of(poll(fapi, said["auth_req_id"])) == (400, "authorization_pending")
    house.wait(timedelta(days=14))
    assert error_of(poll(fapi, said["auth_req_id"])) == (400, "expired_token")


@row("CIBA-01", oidf="CibaMultipleHintsFail")
@pytest.mark.parametrize(
    "hints",
    [
        {"login_hint_token": "eyJ"},
        {"id_token_hint": "eyJ"},
        {"login_hint": None},
        {"login_hint": None, "login_hint_token": "eyJ"},
        {"login_hint": None, "id_token_hint": "eyJ"},
        {"login_hint": ["one", "two"]},
        {"login_hint": "0" * 40},
    ],
)
def test_exactly_one_hint_is_taken_and_it_is_the_residents_handle(steady: Partner, hints: dict[str, Any]) -> None:
    assert error_of(ask(steady, **hints)) == (400, "invalid_request")


@row("CIBA-05", oidf="CibaBadBindingMessage")
@pytest.mark.parametrize("message", ["x" * 21, "<b>now</b>", "Pay £5", "ab\tcd", "‮evil", ""])
def test_a_binding_message_that_is_not_plain_is_refused(steady: Partner, message: str) -> None:
    assert error_of(ask(steady, binding_message=message)) == (400, "invalid_binding_message")


def test_a_plain_binding_message_is_taken_and_our_own_code_is_what_both_read(fapi: Partner, house: House) -> None:
    said = asked(fapi, binding_message="Call 42")
    ada = house.token(resident="ada")
    [waiting] = house.call("GET", "/api/my/access-requests", token=ada).get_json()
    assert waiting["binding_code"] == said["binding_code"]
    assert "Call 42" not in str(waiting)


@row("CIBA-05", oidf="CibaRequestedExpiryAsString")
@pytest.mark.parametrize("seconds", [SHORTEST, 3600, LONGEST])
def test_a_requested_expiry_is_a_text_of_digits_and_is_kept_to(fapi: Partner, house: House, seconds: int) -> None:
    said = asked(fapi, requested_expiry=str(seconds))
    assert said["expires_in"] == seconds
    house.wait(timedelta(seconds=seconds - 1))
    assert error_of(poll(fapi, said["auth_req_id"])) == (400, "authorization_pending")
    house.wait(timedelta(seconds=1))
    assert error_of(poll(fapi, said["auth_req_id"])) == (400, "expired_token")


@pytest.mark.parametrize("seconds", ["299", "1209601", "-300", "3e3", "300.0", "²⁰⁰⁰", "", "1" * 40, " 600"])
def test_another_requested_expiry_is_refused(steady: Partner, seconds: str) -> None:
    assert error_of(ask(steady, requested_expiry=seconds)) == (400, "invalid_request")


@row("CIBA-05")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"request": "eyJ"}, "invalid_request"),
        ({"request_uri": "urn:x"}, "invalid_request"),
        ({"authorization_details": None}, "invalid_request"),
        ({"authorization_details": "[]"}, "invalid_authorization_details"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "own.read"}, "invalid_scope"),
        ({"scope": "records.read own.read"}, "invalid_scope"),
        ({"scope": "openid"}, "invalid_scope"),
        ({"acr_values": "urn:somebody:else"}, "unmet_authentication_requirements"),
    ],
)
def test_a_request_that_is_wrong_is_refused_by_name(steady: Partner, changes: dict[str, Any], error: str) -> None:
    assert error_of(ask(steady, **changes)) == (400, error)


def test_a_handle_of_another_organisations_looks_like_one_that_never_was(
    steady: Partner, steady_other: Partner
) -> None:
    theirs, never = steady_other.find(), "0" * 40
    answers = [
        ask(steady, handle=steady.find(), login_hint=each, authorization_details=steady.details(each))
        for each in (theirs, never)
    ]
    assert error_of(answers[0]) == (400, "invalid_authorization_details")
    assert answers[0].data == answers[1].data


@row("CIBA-05", oidf="CibaRS256AssertionFails")
def test_an_assertion_of_an_algorithm_that_is_not_taken_is_refused(fapi: Partner) -> None:
    rsa = new_key("RS256", kid=KEY.kid)
    handle = fapi.find()
    for options in ({"assertion": fapi.assertion(key=rsa, header={"alg": "RS256"})}, {"assertion": None}):
        assert error_of(ask(fapi, handle=handle, options=options)) == (401, "invalid_client")


def test_parameters_in_the_url_and_other_bodies_are_refused(fapi: Partner, house: House) -> None:
    assert error_of(ask(fapi, options={"query": "?x=1"})) == (400, "invalid_request")
    assert house.client.post(PATH, json={"scope": "records.read"}).status_code == 400
    assert house.client.get(PATH).status_code == 405


def test_a_client_that_is_not_registered_for_it_can_neither_ask_nor_collect(fapi: Partner, house: House) -> None:
    plain = register(house, "plain-system", FOOD_BANK, grant_types=["client_credentials"])
    assert error_of(ask(plain, handle=fapi.find())) == (400, "unauthorized_client")
    assert error_of(poll(plain, asked(fapi)["auth_req_id"])) == (400, "unauthorized_client")


@row("CIBA-04", oidf=("CibaWrongAuthReqId", "CibaWrongClientAtToken"))
def test_a_made_up_request_and_another_clients_give_nothing_and_look_alike(fapi: Partner, house: House) -> None:
    colleague = register(house, "second-system", FOOD_BANK)
    said = asked(fapi)
    answer_as_ada(house)
    answers = [poll(colleague, said["auth_req_id"]), poll(colleague, "A" * 43), poll(colleague, "")]
    assert {error_of(each) for each in answers} == {(400, "invalid_grant")}
    assert len({each.data for each in answers}) == 1
    assert poll(fapi, said["auth_req_id"]).status_code == 200


@row("CIBA-02", oidf="CibaExpiredAuthReqId")
def test_a_request_that_has_run_out_gives_nothing_even_after_a_yes(fapi: Partner, house: House) -> None:
    said = asked(fapi, requested_expiry="300")
    answer_as_ada(house)
    house.wait(timedelta(seconds=300))
    assert error_of(poll(fapi, said["auth_req_id"])) == (400, "expired_token")


@row("CIBA-04", oidf="CibaMultipleCallsToTokenEndpoint")
def test_a_yes_is_collected_once(fapi: Partner, house: House) -> None:
    said = asked(fapi)
    answer_as_ada(house)
    assert poll(fapi, said["auth_req_id"]).status_code == 200
    house.wait(timedelta(hours=1))
    assert error_of(poll(fapi, said["auth_req_id"])) == (400, "invalid_grant")


@pytest.mark.slow
@row("CIBA-04", oidf="CibaMultipleCallsToTokenEndpoint")
def test_of_many_who_collect_at_once_one_does(fapi: Partner, house: House) -> None:
    said = asked(fapi)
    answer_as_ada(house)
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: poll(fapi, said["auth_req_id"]), range(32)))
    statuses = [each.status_code for each in answers]
    assert statuses.count(200) == 1
    refused = {each.get_json()["error"] for each in answers if each.status_code == 400}
    assert refused <= {"invalid_grant", "slow_down"}
    with house.session() as session:
        assert len(session.scalars(select(Grant)).all()) == 1


def test_polling_too_soon_is_told_so_and_slowed_down(fapi: Partner, house: House) -> None:
    said = asked(fapi)
    assert error_of(poll(fapi, said["auth_req_id"])) == (400, "authorization_pending")
    house.wait(timedelta(seconds=FIRST_INTERVAL - 1))
    assert error_of(poll(fapi, said["auth_req_id"])) == (400, "slow_down")
    house.wait(timedelta(seconds=5))
    assert error_of(poll(fapi, said["auth_req_id"])) == (400, "slow_down")  # it is 35 seconds now
    house.wait(timedelta(seconds=6))
    assert error_of(poll(fapi, said["auth_req_id"])) == (400, "authorization_pending")


def test_polling_too_soon_tells_nothing_of_an_answer(fapi: Partner, house: House) -> None:
    said = asked(fapi)
    poll(fapi, said["auth_req_id"])
    before = poll(fapi, said["auth_req_id"])
    answer_as_ada(house)
    assert error_of(poll(fapi, said["auth_req_id"])) == error_of(before) == (400, "slow_down")


def test_a_request_that_has_waited_for_days_is_polled_once_an_hour(fapi: Partner, house: House) -> None:
    said = asked(fapi)
    house.wait(timedelta(days=6))
    assert error_of(poll(fapi, said["auth_req_id"])) == (400, "authorization_pending")
    house.wait(timedelta(minutes=59))
    assert error_of(poll(fapi, said["auth_req_id"])) == (400, "slow_down")
    house.wait(timedelta(minutes=1))
    assert error_of(poll(fapi, said["auth_req_id"])) == (400, "authorization_pending")


def test_hurrying_never_makes_the_wait_longer_than_an_hour(fapi: Partner, house: House) -> None:
    said = asked(fapi)
    with house.session() as session:
        session.scalars(select(BackchannelRequest)).one().interval = 3599
        session.commit()
    for _ in range(3):
        poll(fapi, said["auth_req_id"])
    with house.session() as session:
        assert session.scalars(select(BackchannelRequest)).one().interval == 3600


@row("CIBA-03")
def test_what_was_withdrawn_before_it_was_collected_is_denied(fapi: Partner, house: House) -> None:
    said = asked(fapi)
    answer_as_ada(house)
    ada = house.token(resident="ada")
    [consent] = house.call("GET", "/api/my/consents", token=ada).get_json()
    assert house.call("POST", f"/api/my/consents/{consent['id']}/withdraw", token=ada).status_code == 200
    assert error_of(poll(fapi, said["auth_req_id"])) == (400, "access_denied")


def test_what_was_narrowed_before_it_was_collected_is_given_as_it_stands(fapi: Partner, house: House) -> None:
    said = asked(fapi)
    answer_as_ada(house)
    ada = house.token(resident="ada")
    [consent] = house.call("GET", "/api/my/consents", token=ada).get_json()
    house.wait(timedelta(seconds=5))
    narrowed = {"stop_sections": ["money-and-benefits"]}
    house.call("POST", f"/api/my/consents/{consent['id']}/narrow", token=ada, json=narrowed)
    [granted] = poll(fapi, said["auth_req_id"]).get_json()["authorization_details"]
    assert granted["sections"] == ["housing"]


def test_a_yes_that_was_withdrawn_after_it_was_collected_renews_nothing(fapi: Partner, house: House) -> None:
    said = asked(fapi)
    answer_as_ada(house)
    given = poll(fapi, said["auth_req_id"]).get_json()
    ada = house.token(resident="ada")
    [consent] = house.call("GET", "/api/my/consents", token=ada).get_json()
    house.call("POST", f"/api/my/consents/{consent['id']}/withdraw", token=ada)
    assert error_of(fapi.refresh(given["refresh_token"])) == (400, "invalid_grant")


def test_a_token_needs_a_proof_and_is_bound_to_its_key(fapi: Partner, house: House) -> None:
    said = asked(fapi)
    answer_as_ada(house)
    assert error_of(poll(fapi, said["auth_req_id"], proof=None)) == (400, "invalid_dpop_proof")
    given = poll(fapi, said["auth_req_id"]).get_json()
    assert fapi.introspect(given["access_token"]).get_json()["cnf"] == {"jkt": fapi.thumbprint}


def test_a_request_made_with_a_proof_is_collected_by_that_key_alone(fapi: Partner, house: House) -> None:
    handle = fapi.find()
    said = asked(fapi, handle=handle, options={"proof": fapi.proof("POST", PATH)})
    answer_as_ada(house)
    other = fapi.proof("POST", "/oauth/token", key=new_key())
    assert error_of(poll(fapi, said["auth_req_id"], proof=other)) == (400, "invalid_grant")
    assert poll(fapi, said["auth_req_id"]).status_code == 200
    wrong = {"proof": fapi.proof("POST", "/oauth/token", key=DPOP_KEY)}
    assert error_of(ask(fapi, handle=handle, options=wrong)) == (400, "invalid_dpop_proof")


def test_only_somebody_known_as_surely_as_was_asked_can_say_yes(fapi: Partner, house: House) -> None:
    said = asked(fapi, acr_values=ACR_3)
    ada = house.token(resident="ada")
    with house.session() as session:
        session.execute(update(AccessToken).values(assurance=2))
        session.commit()
    [waiting] = house.call("GET", "/api/my/access-requests", token=ada).get_json()
    path = f"/api/my/access-requests/{waiting['id']}/answer"
    refused = house.call("POST", path, token=ada, json={"agree": True})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "assurance-too-low")
    assert error_of(poll(fapi, said["auth_req_id"])) == (400, "authorization_pending")
    assert house.call("POST", path, token=ada, json={"agree": False}).status_code == 200


@row("CIBA-01")
def test_nobody_somebody_and_somebody_who_blocked_the_asker_look_alike_throughout(fapi: Partner, house: House) -> None:
    """The same statuses, names, lengths and headers, poll after poll, until it has run out."""
    seen = [_as_seen(fapi, house, number) for number in (ADA_NUMBER, STRANGER_NUMBER)]
    house.wait(timedelta(days=30))
    with house.session() as session:
        asking.block(session, "ada", FOOD_BANK, by="resident:ada", trail=house.broker.trail, now=house.time[0])
    seen.append(_as_seen(fapi, house, ADA_NUMBER))
    ada = house.token(resident="ada")
    assert house.call("GET", "/api/my/access-requests", token=ada).get_json() == []
    assert seen[0] == seen[1] == seen[2]


def _as_seen(fapi: Partner, house: House, number: str) -> list[Any]:
    handle = fapi.find(number)
    first = ask(fapi, handle=handle)
    seen = [_shape(first)]
    for waited in (0, 10, 31, 86_400, 86_410, 14 * 86_400):
        house.wait(timedelta(seconds=waited))
        seen.append(_shape(poll(fapi, first.get_json()["auth_req_id"])))
    for _ in range(asking.MOST_OPEN + 1):
        seen.append(_shape(ask(fapi, handle=handle)))
    return seen


def _shape(answer: Any) -> tuple[Any, ...]:
    body = answer.get_json()
    kept = {name: len(value) if name in ("auth_req_id", "binding_code") else value for name, value in body.items()}
    headers = {name: value for name, value in answer.headers.items() if name not in ("Date", "X-Request-Id")}
    return answer.status_code, kept, len(answer.data), headers


def test_a_flood_of_the_shortest_requests_by_two_systems_shows_a_resident_three(fapi: Partner, house: House) -> None:
    """A thousand are sent in the test of the rule itself; here, round by round as each batch runs out."""
    systems = [fapi, register(house, "second-system", FOOD_BANK)]
    handle, statuses = fapi.find(), []
    for _ in range(6):
        for number in range(6):
            statuses.append(ask(systems[number % 2], handle=handle, requested_expiry="300").status_code)
        house.wait(timedelta(seconds=301))
    assert statuses.count(200) == asking.MOST_OPEN
    assert set(statuses) == {200, 429}
    with house.session() as session:
        assert len(session.scalars(select(AccessRequestRecord)).all()) == asking.MOST_OPEN


def test_too_many_requests_are_told_when_to_come_back(fapi: Partner) -> None:
    handle = fapi.find()
    for _ in range(asking.MOST_OPEN):
        asked(fapi, handle=handle)
    refused = ask(fapi, handle=handle)
    assert error_of(refused) == (429, "temporarily_unavailable")
    assert refused.headers["Retry-After"] == "86400"


def test_a_refusal_that_asking_could_change_says_how_to_ask(fapi: Partner, house: House) -> None:
    handle, token = fapi.find(), fapi.own_token("records.read")
    view = {"resident": handle, "purpose": "advice-debt", "sections": ["housing", "person-demographics"]}
    refused = fapi.call("POST", "/api/records/view", token, json=view).get_json()
    assert refused["requestable"] is True
    way = refused["request"]
    assert way["endpoint"] == f"{fapi.issuer}{PATH}"
    [template] = way["authorization_details"]
    assert template["sections"] == ["person-demographics", "housing"]
    assert way["complete"] == ["resident", "duration", "reason"]
    completed = json.dumps([{**template, "resident": handle, "duration": 3600, "reason": "To help with the rent."}])
    assert ask(fapi, handle=handle, authorization_details=completed).status_code == 200
    question = {
        "subject": {"type": "client", "id": fapi.client_id},
        "action": {"name": "share", "properties": {"purpose": "advice-debt"}},
        "resource": {"type": "record", "id": handle, "properties": {"sections": view["sections"]}},
    }
    said = fapi.call("POST", "/access/v1/evaluation", token, json=question).get_json()
    assert (said["decision"], said["context"]["request"]) == (False, way)


def test_a_refusal_that_asking_cannot_change_offers_no_way(fapi: Partner) -> None:
    view = {"resident": fapi.find(), "purpose": "advice-debt", "sections": ["vaccinations"]}
    refused = fapi.call("POST", "/api/records/view", fapi.own_token("records.read"), json=view).get_json()
    assert refused["requestable"] is False
    assert "request" not in refused


def test_the_metadata_says_what_is_supported(fapi: Partner, house: House) -> None:
    said = house.client.get("/.well-known/oauth-authorization-server").get_json()
    assert said["backchannel_authentication_endpoint"] == f"{fapi.issuer}{PATH}"
    assert said["backchannel_token_delivery_modes_supported"] == ["poll"]
    assert said["backchannel_user_code_parameter_supported"] is False
    assert CIBA in said["grant_types_supported"]


def test_neither_the_secret_nor_a_name_is_kept_as_it_is(fapi: Partner, house: House) -> None:
    said = asked(fapi)
    with house.session() as session:
        kept = session.scalars(select(BackchannelRequest)).one()
        assert kept.digest == digest(said["auth_req_id"])
        assert said["auth_req_id"] not in (kept.digest, kept.request_id)
        [entry] = house.broker.trail.entries(session, actions=[AuditAction.ACCESS_REQUESTED])
        assert set(entry.body) == {"request", "purpose", "sections"}
