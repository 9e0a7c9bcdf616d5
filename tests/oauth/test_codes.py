"""Codes: for a minute, for one client, one key, one verifier and one use. Whatever else is tried gets no token."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from broker.grants import actions as grants
from broker.oauth import token_grants
from broker.vocabulary import AuditAction
from tests.conformance.rows import row
from tests.oauth.client import Partner, challenge_of, new_key, new_verifier


def gets_nothing(answer: Any, *errors: str) -> None:
    assert answer.status_code in (400, 401), answer.text
    assert answer.get_json()["error"] in (errors or ("invalid_grant",)), answer.text
    assert "token" not in answer.get_json()


@row("FAPI-07", oidf="AttemptToUseExpiredAuthCode")
@pytest.mark.parametrize(("seconds", "status"), [(59, 200), (60, 400), (61, 400)])
def test_a_code_lives_a_minute(fapi: Partner, seconds: int, status: int) -> None:
    code = fapi.code()
    fapi.house.wait(timedelta(seconds=seconds))
    assert fapi.redeem(code).status_code == status


@row("FAPI-16", "A4", oidf="AttemptReuseAuthorizationCodeAfterOneSecond")
def test_a_code_used_twice_takes_back_what_it_gave(fapi: Partner) -> None:
    code = fapi.code(scope="residents.find records.read")
    given = fapi.redeem(code).get_json()
    fapi.house.wait(timedelta(seconds=1))
    assert fapi.call("POST", "/api/residents/find", given["access_token"], json={}).status_code == 422
    gets_nothing(fapi.redeem(code))
    assert fapi.call("POST", "/api/residents/find", given["access_token"], json={}).status_code == 401
    gets_nothing(fapi.refresh(given["refresh_token"]))
    assert fapi.introspect(given["access_token"]).get_json() == {"active": False}
    with fapi.house.session() as session:
        [ended] = fapi.house.broker.trail.entries(session, actions=[AuditAction.GRANT_ENDED], limit=10)
    assert ended.body["why"] == "code-used-twice"


@row("A4", "A3")
def test_a_grant_that_ends_while_its_token_is_made_gives_none(fapi: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The moment between the last look at the grant and the token: another use of the code ends the grant there."""
    stands = token_grants.grant_stands

    def stands_and_then_ends(session: Any, grant: Any, *, now: Any) -> bool:
        found = stands(session, grant, now=now)
        with fapi.house.session() as elsewhere:
            theirs = elsewhere.get(type(grant), grant.id)
            assert theirs is not None
            grants.end(elsewhere, theirs, by="client:x", why="code-used-twice", trail=fapi.house.broker.trail, now=now)
            elsewhere.commit()
        return found

    code = fapi.code()
    monkeypatch.setattr(token_grants, "grant_stands", stands_and_then_ends)
    gets_nothing(fapi.redeem(code))


@row(oidf="AuthorizationCodeIsBoundToClient")
def test_another_client_cannot_use_a_code_and_does_not_spend_it(fapi: Partner, other: Partner) -> None:
    code = fapi.code()
    other.verifier = fapi.verifier
    gets_nothing(other.redeem(code, redirect_uri=fapi.redirect_uri))
    assert fapi.redeem(code).status_code == 200


@row("BCP-03", "AUTHLIB-1.7.0", oidf=("PARPKCECodeVerifierRequired", "PARIncorrectPKCECodeVerifierRejected"))
@pytest.mark.parametrize("verifier", ["none", "empty", "another", "short", "challenge", "odd", "case"])
def test_a_code_needs_the_verifier_it_was_asked_with(fapi: Partner, verifier: str) -> None:
    sent = {
        "none": None,
        "empty": "",
        "another": new_verifier(),
        "short": fapi.verifier[:42],
        "challenge": challenge_of(fapi.verifier),
        "odd": fapi.verifier[:-1] + "é",
        "case": fapi.verifier.swapcase(),
    }[verifier]
    code = fapi.code()
    gets_nothing(fapi.redeem(code, code_verifier=sent))
    gets_nothing(fapi.redeem(code))  # it was spent before anything else was looked at


@row("BCP-01")
@pytest.mark.parametrize("address", [None, "", "https://harvest.example/cb/", "https://evil.example/cb"])
def test_a_code_needs_the_address_it_was_sent_to(fapi: Partner, address: str | None) -> None:
    gets_nothing(fapi.redeem(fapi.code(), redirect_uri=address))


@row("FAPI-03", oidf="HolderOfKeyRequired")
def test_without_a_proof_there_is_no_token(fapi: Partner) -> None:
    code = fapi.code()
    gets_nothing(fapi.redeem(code, proof=None), "invalid_dpop_proof")
    gets_nothing(fapi.token(proof=None), "invalid_dpop_proof")
    assert fapi.redeem(code).status_code == 200  # a request without its proof spends nothing


@row("FAPI-08", oidf=("DpopAuthCodeBindingSuccess", "TokenEndpointFailsWithMismatchedDpopJkt"))
def test_a_code_asked_for_with_a_thumbprint_is_that_keys(fapi: Partner) -> None:
    assert fapi.redeem(fapi.code(dpop_jkt=fapi.thumbprint)).status_code == 200
    code = fapi.code(dpop_jkt=fapi.thumbprint)
    gets_nothing(fapi.redeem(code, proof=fapi.proof("POST", "/oauth/token", key=new_key())))


@row("FAPI-08", oidf=("DpopProofAtParEndpointBindingSuccess", "TokenEndpointFailsWithMismatchedDpopProofJkt"))
def test_a_code_asked_for_with_a_proof_is_that_keys(fapi: Partner) -> None:
    assert fapi.redeem(fapi.code(proof=fapi.proof("POST", "/oauth/par"))).status_code == 200
    code = fapi.code(proof=fapi.proof("POST", "/oauth/par"))
    gets_nothing(fapi.redeem(code, proof=fapi.proof("POST", "/oauth/token", key=new_key())))


@pytest.mark.parametrize("code", [None, "", "a", "é", "\x00", '"', "a" * 5000])
def test_a_made_up_code_gets_nothing(fapi: Partner, code: str | None) -> None:
    gets_nothing(fapi.redeem(code), "invalid_grant", "invalid_request")  # type: ignore[arg-type]


def test_a_code_of_somebody_who_has_left_gets_nothing(fapi: Partner) -> None:
    from sqlalchemy import update

    from broker.identity.models import Membership

    code = fapi.code()
    with fapi.house.session() as session:
        session.execute(update(Membership).where(Membership.person_id == "adviser").values(ended_at=fapi.house.time[0]))
        session.commit()
    gets_nothing(fapi.redeem(code))
