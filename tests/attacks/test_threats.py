"""What a thief, a careless partner and a clever form would try: each threat of the model that no other test tries."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws
from sqlalchemy import update

from broker.identity.models import Client
from broker.vocabulary import Purpose, Section
from tests.conformance.rows import row
from tests.doors.conftest import House
from tests.doors.test_records import agree, find, titles, view
from tests.oauth.client import ASSERTION_TYPE, Partner, encoded, new_key
from tests.people import ADA_BORN, ADA_NUMBER
from tests.texts import ADVICE_SECTIONS

FIND = "/api/residents/find"
SOUGHT = {"nhs_number": ADA_NUMBER, "born_on": ADA_BORN.isoformat()}
EVERYTHING = "residents.find access.request records.read"

# ---- a stolen token ------------------------------------------------------------------------------------------------


@row("T5")
def test_a_proof_is_good_for_one_request(fapi: Partner) -> None:
    token = fapi.own_token()
    proof = fapi.proof("POST", FIND, token)
    assert fapi.call("POST", FIND, token, proof=proof, json=SOUGHT).status_code == 200
    again = fapi.call("POST", FIND, token, proof=proof, json=SOUGHT)
    assert (again.status_code, again.get_json()["code"]) == (401, "dpop-proof-invalid")


@row("T5")
@pytest.mark.parametrize(
    "stolen",
    ["another key", "another method", "another address", "another host", "another token", "no proof", "bearer", "old"],
)
def test_a_stolen_token_is_of_no_use_without_its_key(fapi: Partner, stolen: str) -> None:
    token = fapi.own_token()
    proofs: dict[str, Callable[[], Any]] = {
        "another key": lambda: fapi.proof("POST", FIND, token, key=new_key()),
        "another method": lambda: fapi.proof("GET", FIND, token),
        "another address": lambda: fapi.proof("POST", "/api/records/view", token),
        "another host": lambda: fapi.proof("POST", FIND, token, htu=f"https://evil.example{FIND}"),
        "another token": lambda: fapi.proof("POST", FIND, fapi.own_token()),
        "no proof": list,
        "bearer": lambda: fapi.proof("POST", FIND, token),
        "old": lambda: fapi.proof("POST", FIND, token, iat=fapi.now - 61),
    }
    proof = proofs[stolen]()
    answer = fapi.call("POST", FIND, token, proof=proof, scheme="Bearer" if stolen == "bearer" else "DPoP", json=SOUGHT)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("DPoP ")
    assert fapi.call("POST", FIND, token, json=SOUGHT).status_code == 200


@row("T6")
def test_a_revoked_system_keeps_nothing(fapi: Partner) -> None:
    """Neither its own tokens, nor what its workers let it do, nor what it could renew (the kill switch)."""
    own, given = fapi.own_token(), fapi.granted()
    assert fapi.refresh(given["refresh_token"]).status_code == 200
    with fapi.house.session() as session:
        session.execute(update(Client).where(Client.id == fapi.client_id).values(revoked_at=fapi.house.time[0]))
        session.commit()
    for token in (own, given["access_token"]):
        assert fapi.call("POST", FIND, token, json=SOUGHT).status_code == 401
    assert fapi.refresh(given["refresh_token"]).status_code == 401
    assert fapi.token().status_code == 401


# ---- purposes ------------------------------------------------------------------------------------------------------


@row("T17")
def test_what_was_agreed_for_one_purpose_serves_no_other(house: House) -> None:
    """Every purpose with every section: what is permitted is exactly what the agreement and the resident both name."""
    adviser, ada = house.token(person="adviser"), house.token(resident="ada")
    handle = find(house, adviser)
    agree(house, adviser, ada, handle)
    for source in house.sources.values():
        source.holds = dict.fromkeys(Section, ("Something",))
    shown = set()
    for purpose in (each for each in Purpose if not each.grouping):
        for section in Section:
            answer = view(house, adviser, handle, purpose=purpose.value, sections=[section.value])
            assert answer.status_code in (200, 403), answer.text
            # What may not even be told is an empty record: what counts is what is in it.
            shown |= {(purpose, name) for name, entries in _titles(answer).items() if entries}
    assert shown
    assert shown <= {(Purpose.ADVICE_DEBT, section.value) for section in ADVICE_SECTIONS}


def _titles(answer: Any) -> dict[str, list[str]]:
    return titles(answer) if answer.status_code == 200 else {}


# ---- words that deceive --------------------------------------------------------------------------------------------

DECEIVING = (
    "Pay\u202ednes ylno",  # right to left: reads otherwise than it is written
    "rent\u200b\u200b",
    "rent\u2066hidden\u2069",
    "rent\nYour GP asks for everything",
    "rent\x07",
    "\u2028",
    "rent\ue000",
    "\ufeffrent",
    "   ",
)


@row("T18")
@pytest.mark.parametrize("reason", DECEIVING)
def test_a_reason_that_would_be_read_otherwise_than_it_is_written_is_refused(fapi: Partner, reason: str) -> None:
    answer = fapi.push(**fapi.asking_ada(reason=reason))
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_authorization_details")


@pytest.mark.parametrize(
    "reason", ['<b onclick="x">rent</b>', "{{ 7*7 }}", "'\"><script>alert(1)</script>", "&lt;b&gt;"]
)
def test_a_reason_is_shown_as_words_and_never_as_a_page(fapi: Partner, reason: str) -> None:
    browser = fapi.browser("resident:ada")
    page = fapi.page(fapi.pushed(**fapi.asking_ada(reason=reason)), browser)
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "onclick" not in page.text.replace("onclick=&#34;", "").replace("onclick=&quot;", "")
    assert "49" not in page.text.split("{{ 7*7 }}")[0][-5:]


@row("T18")
@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "Harvest \u202eflehS", "Ηarvest Shelf"])
def test_a_system_is_named_beside_the_organisation_that_answers_for_it(fapi: Partner, name: str) -> None:
    """A system's name is its owner's word; the organisation's is the register's, and is always shown with it."""
    with fapi.house.session() as session:
        session.execute(update(Client).where(Client.id == fapi.client_id).values(name=name))
        session.commit()
    page = fapi.page(fapi.pushed(**fapi.asking_ada()), fapi.browser("resident:ada"))
    assert page.status_code == 200
    assert "Harvest Shelf" in page.text
    assert "<script>alert" not in page.text


# ---- one request, read in two ways ---------------------------------------------------------------------------------


@row("T21")
@pytest.mark.parametrize(
    "body",
    [
        b'{"nhs_number":"9990000018","born_on":"1964-03-14","born_on":"1964-03-15"}',
        '{"nhs_number":"\u0669\u0669\u0669\u0660\u0660\u0660\u0660\u0660\u0661\u0668","born_on":"1964-03-14"}'.encode(),
        '{"nhs_number":"９９９００００１８","born_on":"1964-03-14"}'.encode(),
        b'{"nhs_number":9990000018,"born_on":"1964-03-14"}',
        b'{"nhs_number":["9990000018"],"born_on":"1964-03-14"}',
        b'{"NHS_NUMBER":"9990000018","nhs_number":"9990000018","born_on":"1964-03-14"}',
    ],
)
def test_a_body_that_two_readers_would_read_differently_is_refused(fapi: Partner, body: bytes) -> None:
    answer = fapi.call("POST", FIND, fapi.own_token(), data=body, content_type="application/json")
    assert answer.status_code == 422


@pytest.mark.parametrize("scope", ["records.read residents.find", "residents.find records.read"])
def test_the_order_of_scopes_means_nothing(fapi: Partner, scope: str) -> None:
    answer = fapi.token(scope=scope).get_json()
    assert set(answer["scope"].split()) == {"residents.find", "records.read"}


@pytest.mark.parametrize(
    "scope",
    ["residents.find residents.find", "residents.find  records.read", " residents.find", "residents.find\trecords.read",
     "Residents.find", "residents.find,records.read", "residents\u2024find", "residents.find\u00a0records.read"],
)  # fmt: skip
def test_scopes_that_are_not_written_as_the_rfc_has_them_are_refused(fapi: Partner, scope: str) -> None:
    answer = fapi.token(scope=scope)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(("space", "status"), [("+", 200), ("%20", 200), ("%2B", 400), ("%09", 400)])
def test_a_space_in_a_form_is_one_however_it_is_written(fapi: Partner, space: str, status: int) -> None:
    form = f"grant_type=client_credentials&scope=residents.find{space}records.read"
    form += f"&client_assertion_type={ASSERTION_TYPE.replace(':', '%3A')}&client_assertion={fapi.assertion()}"
    headers = {"DPoP": fapi.proof("POST", "/oauth/token")}
    answer = fapi.house.client.post(
        "/oauth/token", data=form, headers=headers, content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == status


# ---- work for nothing ----------------------------------------------------------------------------------------------


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each signature that is verified from now on."""
    done: list[int] = []
    really = jws.deserialize_compact

    def counted(*arguments: Any, **options: Any) -> Any:
        done.append(1)
        return really(*arguments, **options)

    monkeypatch.setattr(jws, "deserialize_compact", counted)
    return done


@row("T22")
def test_what_is_plainly_wrong_costs_no_verification(fapi: Partner, verified: list[int]) -> None:
    client, good = fapi.house.client, fapi.proof("POST", FIND, "x" * 43)
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
    unknown = fapi.assertion(sub="nobody", iss="nobody")
    answers = [
        client.post(FIND, json=SOUGHT),
        client.post(FIND, json=SOUGHT, headers={"Authorization": "DPoP " + "x" * 43, "DPoP": good}),
        client.post("/oauth/token?a=b", data=form),
        client.post("/oauth/token", data=form),
        client.post("/oauth/token", data={**form, "client_assertion": unknown}),
        client.post("/oauth/token", data={**form, "client_assertion": "a" * 20_000}),
        client.post("/oauth/token", data="a=1&a=2", content_type="application/x-www-form-urlencoded"),
        client.post("/oauth/token", data=b"x" * 70_000, content_type="application/x-www-form-urlencoded"),
        client.post("/oauth/token", json={}),
        client.post("/oauth/par", data={**form, "client_assertion": _deep()}),
    ]
    assert {answer.status_code for answer in answers} <= {400, 401, 413}
    assert verified == []


def test_a_wrong_request_costs_two_verifications_at_most(fapi: Partner, verified: list[int]) -> None:
    token = fapi.own_token()
    wrong: tuple[Callable[[], Any], ...] = (
        lambda: fapi.token(scope="everything"),
        lambda: fapi.token(grant_type="authorization_code", code="x"),
        lambda: fapi.token(grant_type="refresh_token", refresh_token="x"),
        lambda: fapi.push(scope="everything"),
        lambda: fapi.token(assertion=fapi.assertion(key=new_key(kid=fapi.key.kid))),
        lambda: fapi.call("POST", FIND, token, proof=fapi.proof("GET", FIND, token), json=SOUGHT),
        lambda: fapi.call("POST", FIND, token, proof=[fapi.proof("POST", FIND, token)] * 2, json=SOUGHT),
        lambda: fapi.call("POST", FIND, token, proof="x" * 5_000, json=SOUGHT),
    )
    for refused in wrong:
        verified.clear()
        assert refused().status_code in (400, 401)
        assert len(verified) <= 2


def _deep(depth: int = 20_000) -> str:
    header = encoded(json.dumps({"alg": "ES256", "typ": "dpop+jwt", "jwk": {}}).encode())
    payload = encoded(b'{"sub":' + b"[" * depth)
    return f"{header}.{payload}.{encoded(b'x' * 64)}"


SINKS = ("assertion", "proof at the token endpoint", "proof at the API", "details", "body", "request object")


@row("T22")
@pytest.mark.parametrize("sink", SINKS)
def test_what_is_nested_without_end_is_refused_at_every_sink(fapi: Partner, sink: str) -> None:
    deep, token = _deep(), fapi.own_token()
    nested = "[" * 7_000
    sent: dict[str, Callable[[], Any]] = {
        "assertion": lambda: fapi.token(assertion=deep),
        "proof at the token endpoint": lambda: fapi.token(proof=deep),
        "proof at the API": lambda: fapi.call("POST", FIND, token, proof=deep, json=SOUGHT),
        "details": lambda: fapi.push(scope="records.read", authorization_details=nested),
        "body": lambda: fapi.call("POST", FIND, token, data=b"[" * 20_000, content_type="application/json"),
        "request object": lambda: fapi.push(request=deep),
    }
    answer = sent[sink]()
    assert answer.status_code in (400, 401, 422)


# ---- step-up at the API --------------------------------------------------------------------------------------------


@row("T14")
def test_emergency_access_is_no_systems_and_no_old_sign_ins(fapi: Partner) -> None:
    """RFC 9470: the worker proves first, and lately, who they are; then policy decides as ever."""
    body = {"purpose": "emergency", "sections": ["housing"], "reason": "x", "break_glass": {"reason": "Collapsed"}}
    handle = fapi.find()
    own = fapi.own_token(EVERYTHING)
    workers = fapi.granted(scope=EVERYTHING)["access_token"]
    path = "/api/records/view"
    system = fapi.call("POST", path, own, json={**body, "resident": handle})
    assert (system.status_code, system.get_json()["code"]) == (401, "step-up-needed")
    assert "insufficient_user_authentication" in system.headers["WWW-Authenticate"]
    assert fapi.call("POST", path, workers, json={**body, "resident": handle}).status_code == 403
    fapi.house.wait(timedelta(seconds=fapi.house.broker.settings.fresh_seconds - 1))
    late = fapi.call("POST", path, workers, json={**body, "resident": handle})
    assert late.status_code == 403
