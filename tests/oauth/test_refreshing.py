"""Renewing: by the same key, with the same refresh token, for no more and no longer than what it stands on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from broker.consent import actions as consents
from broker.consent.models import Consent
from broker.grants import actions as grants
from broker.identity.models import Client, Membership, Organisation
from tests.conformance.rows import row
from tests.oauth.client import Partner, new_key
from tests.people import FOOD_BANK


@row("FAPI-06", "A5", oidf="RefreshToken")
def test_a_grant_is_renewed_by_its_own_key_with_the_same_refresh_token(fapi: Partner) -> None:
    given = fapi.granted()
    for _ in range(2):
        fapi.house.wait(timedelta(minutes=10))
        answer = fapi.refresh(given["refresh_token"])
        assert answer.status_code == 200
        assert "refresh_token" not in answer.get_json()
        assert fapi.introspect(answer.get_json()["access_token"]).get_json()["active"]
    wrong = fapi.proof("POST", "/oauth/token", key=new_key())
    assert fapi.refresh(given["refresh_token"], proof=wrong).get_json()["error"] == "invalid_grant"
    assert fapi.refresh(given["refresh_token"], proof=None).get_json()["error"] == "invalid_dpop_proof"


def test_another_client_cannot_renew(fapi: Partner, other: Partner) -> None:
    given = fapi.granted()
    stolen = other.refresh(given["refresh_token"], proof=other.proof("POST", "/oauth/token", key=fapi.dpop_key))
    assert stolen.get_json()["error"] == "invalid_grant"


@row("RAR-06", "A20")
@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"scope": "residents.find records.read access.request"}, "invalid_scope"),
        ({"scope": "own.change"}, "invalid_scope"),
        ({"scope": " "}, "invalid_scope"),
        ({"scope": "residents.find\trecords.read"}, "invalid_scope"),
        ({"scope": "residents.find residents.find"}, "invalid_scope"),
        ({"authorization_details": "[]"}, "invalid_request"),
    ],
    ids=str,
)
def test_renewing_never_widens(fapi: Partner, asked: dict[str, str], error: str) -> None:
    given = fapi.granted()
    assert fapi.refresh(given["refresh_token"], **asked).get_json()["error"] == error
    narrower = fapi.refresh(given["refresh_token"], scope="records.read").get_json()
    assert narrower["scope"] == "records.read"
    assert fapi.refresh(given["refresh_token"]).get_json()["scope"] == "residents.find records.read"


@row("RAR-06")
def test_what_was_granted_of_a_record_is_granted_again_and_no_more(fapi: Partner) -> None:
    uri = fapi.pushed(**fapi.asking_ada())
    given = fapi.redeem(fapi.authorize(uri, who="resident:ada", sections=["housing"]).code).get_json()
    again = fapi.refresh(given["refresh_token"]).get_json()
    assert again["authorization_details"] == given["authorization_details"]
    fapi.house.wait(timedelta(seconds=86_400))
    assert fapi.refresh(given["refresh_token"]).get_json()["error"] == "invalid_grant"


def test_a_grant_shorter_than_a_token_is_not_renewed_and_its_token_ends_with_it(fapi: Partner) -> None:
    given = fapi.granted(who="resident:ada", **fapi.asking_ada(duration=300))
    assert "refresh_token" not in given
    uri = fapi.pushed(**fapi.asking_ada(duration=310))
    code = fapi.authorize(uri, who="resident:ada").code
    fapi.house.wait(timedelta(seconds=30))
    assert fapi.redeem(code).get_json()["expires_in"] == 280


def _client_revoked(session: Session, now: Any, trail: Any) -> None:
    session.execute(update(Client).where(Client.id == "harvest-system").values(revoked_at=now))


def _left_the_organisation(session: Session, now: Any, trail: Any) -> None:
    session.execute(update(Membership).where(Membership.person_id == "adviser").values(ended_at=now))


def _organisation_left(session: Session, now: Any, trail: Any) -> None:
    session.execute(update(Organisation).where(Organisation.code == FOOD_BANK).values(left_at=now))


def _every_grant_of_the_person_ended(session: Session, now: Any, trail: Any) -> None:
    grants.end_every(session, person="adviser", by="person:adviser", why="credential-changed", trail=trail, now=now)


def _every_grant_of_the_organisation_ended(session: Session, now: Any, trail: Any) -> None:
    grants.end_every(session, organisation=FOOD_BANK, by="operator:x", why="suspended", trail=trail, now=now)


@row("BCP-15")
@pytest.mark.parametrize(
    "happens",
    [
        _client_revoked,
        _left_the_organisation,
        _organisation_left,
        _every_grant_of_the_person_ended,
        _every_grant_of_the_organisation_ended,
    ],
)
def test_what_ends_the_standing_ends_the_renewing_and_the_token(
    fapi: Partner, happens: Callable[[Session, Any, Any], None]
) -> None:
    given = fapi.granted()
    with fapi.house.session() as session:
        happens(session, fapi.house.time[0], fapi.house.broker.trail)
        session.commit()
    answer = fapi.refresh(given["refresh_token"])
    assert answer.status_code in (400, 401)
    assert fapi.call("POST", "/api/residents/find", given["access_token"], json={}).status_code == 401


@row("BCP-15")
def test_when_a_resident_stops_sharing_there_is_no_renewing(fapi: Partner) -> None:
    given = fapi.granted(who="resident:ada", **fapi.asking_ada())
    assert fapi.refresh(given["refresh_token"]).status_code == 200
    with fapi.house.session() as session:
        consent = session.scalars(select(Consent)).one()
        consents.withdraw(session, consent, by="resident:ada", trail=fapi.house.broker.trail, now=fapi.house.time[0])
        session.commit()
    assert fapi.refresh(given["refresh_token"]).get_json()["error"] == "invalid_grant"


def test_a_client_that_may_not_renew_is_given_nothing_to_renew_with(fapi: Partner) -> None:
    kept = fapi.granted()["refresh_token"]
    with fapi.house.session() as session:
        session.execute(update(Client).values(grant_types=["authorization_code"]))
        session.commit()
    assert "refresh_token" not in fapi.granted()
    assert fapi.refresh(kept).get_json()["error"] == "unauthorized_client"
