"""The page that asks somebody on a system's behalf: what it tells, whom it asks, and where it never sends anybody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from broker.consent.models import Consent
from broker.grants.models import Grant
from tests.conformance.rows import row
from tests.oauth.client import Partner


@row("FAPI-19")
def test_a_resident_is_told_who_asks_for_what_why_and_until_when(fapi: Partner) -> None:
    page = fapi.page(fapi.pushed(**fapi.asking_ada()), fapi.browser("resident:ada"))
    assert page.status_code == 200
    told = (
        "Harvest Shelf",
        "Debt and money advice",
        "To help with the rent.",
        "Housing",
        "Money, debt and benefits",
        "21 November 2026",
        "You do not have to agree",
        "the care you get does not change",
    )
    for words in told:
        assert words in page.text, words


def test_a_worker_is_told_which_system_it_is_and_what_it_could_do(fapi: Partner) -> None:
    page = fapi.page(fapi.pushed(), fapi.browser("adviser"))
    for words in (
        "System of",
        "Look for a resident",
        "Ask for sections of a record",
        "It can never do more than you can",
    ):
        assert words in page.text, words


def test_looking_twice_uses_nothing_up(fapi: Partner) -> None:
    uri, browser = fapi.pushed(), fapi.browser("adviser")
    assert [fapi.page(uri, browser).status_code for _ in range(3)] == [200, 200, 200]
    assert fapi.authorize(uri, browser=browser).answer.status_code == 303
    assert fapi.page(uri, browser).status_code == 404


@pytest.mark.parametrize(
    "query", ["", "client_id=harvest-system", "request_uri=urn:x", "client_id=a&client_id=b&request_uri=c"]
)
def test_nobody_is_sent_anywhere_on_the_word_of_an_address(fapi: Partner, query: str) -> None:
    answer = fapi.browser("adviser").get(
        f"/oauth/authorize?{query}&redirect_uri=https://evil.example/&response_type=code"
    )
    assert answer.status_code == 422
    assert "Location" not in answer.headers


def test_a_request_that_is_not_there_and_another_clients_look_alike(fapi: Partner, other: Partner) -> None:
    browser = fapi.browser("adviser")
    never = fapi.page("urn:ietf:params:oauth:request_uri:never", browser)
    theirs = fapi.page(other.pushed(), browser)
    unknown_client = fapi.page(fapi.pushed(), browser, client_id="nobody")
    assert never.status_code == theirs.status_code == unknown_client.status_code == 404
    assert never.data == theirs.data == unknown_client.data


def test_a_resident_may_give_less_than_was_asked_and_no_more(fapi: Partner) -> None:
    code = fapi.code(who="resident:ada", authorize={"sections": ["housing"]}, **fapi.asking_ada())
    granted = fapi.redeem(code).get_json()["authorization_details"]
    assert granted[0]["sections"] == ["housing"]
    with fapi.house.session() as session:
        grant = session.scalars(select(Grant).where(Grant.consent_id.is_not(None))).one()
        assert grant.requested is not None
        assert grant.requested[0]["sections"] == ["housing", "money-and-benefits"]
        assert grant.granted == granted
        consent = session.get_one(Consent, grant.consent_id)
        assert {section for each in consent.provisions for section in each.sections or ()} == {"housing"}
    wider = fapi.authorize(fapi.pushed(**fapi.asking_ada()), who="resident:ada", sections=["housing", "problems"])
    assert wider.answer.status_code == 422


def test_a_no_goes_back_as_a_no_and_makes_nothing(fapi: Partner) -> None:
    said = fapi.authorize(fapi.pushed(**fapi.asking_ada()), who="resident:ada", answer="no").said
    assert said == {"error": "access_denied", "state": "a-state", "iss": fapi.issuer}
    with fapi.house.session() as session:
        assert session.scalars(select(Grant)).all() == []
        assert session.scalars(select(Consent)).all() == []


@pytest.mark.parametrize("who", ["resident:ben", "adviser", "gp"])
def test_only_the_resident_who_is_asked_may_answer(fapi: Partner, who: str) -> None:
    uri = fapi.pushed(**fapi.asking_ada())
    refused = fapi.page(uri, fapi.browser(who))
    assert refused.status_code == 403
    assert "Ada" not in refused.text
    assert fapi.page(uri, fapi.browser("resident:ada")).status_code == 200


def test_a_worker_of_another_organisation_may_not_answer_for_this_one(fapi: Partner) -> None:
    assert fapi.page(fapi.pushed(), fapi.browser("gp")).status_code == 403
    assert fapi.page(fapi.pushed(), fapi.browser("adviser")).status_code == 200


def test_a_handle_for_nobody_is_asked_about_as_any_other_and_answered_by_nobody(fapi: Partner) -> None:
    nobody = fapi.find("9990000026")
    asked = {"scope": "records.read", "authorization_details": fapi.details(nobody)}
    assert fapi.push(**asked).status_code == 201
    anybody = fapi.page(fapi.pushed(**asked), fapi.browser("resident:ada"))
    theirs = fapi.page(fapi.pushed(**fapi.asking_ada()), fapi.browser("resident:ben"))
    assert anybody.status_code == theirs.status_code == 403


def test_sharing_more_needs_a_sign_in_of_the_last_five_minutes(fapi: Partner) -> None:
    browser = fapi.browser("resident:ada")
    fapi.house.wait(timedelta(minutes=6))
    again = fapi.page(fapi.pushed(**fapi.asking_ada()), browser)
    assert again.status_code == 303
    assert again.headers["Location"].startswith("/sign-in/again?next=%2Foauth%2Fauthorize")


def test_somebody_who_is_not_signed_in_signs_in_first_and_comes_back(fapi: Partner) -> None:
    answer = fapi.page(fapi.pushed(), fapi.browser(""))
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/sign-in?next=%2Foauth%2Fauthorize%3Fclient_id")


def test_the_form_may_lead_to_the_registered_place_and_no_other(fapi: Partner) -> None:
    page = fapi.page(fapi.pushed(), fapi.browser("adviser"))
    assert "form-action 'self' https://harvest.example;" in page.headers["Content-Security-Policy"]


def test_an_answer_without_the_pages_own_token_is_no_answer(fapi: Partner) -> None:
    uri, browser = fapi.pushed(), fapi.browser("adviser")
    assert fapi.authorize(uri, browser=browser, csrf_token="wrong").answer.status_code == 403
    assert fapi.authorize(uri, browser=browser).answer.status_code == 303


def test_neither_yes_nor_no_is_asked_again_in_words(fapi: Partner) -> None:
    answer = fapi.authorize(fapi.pushed(), answer="perhaps").answer
    assert answer.status_code == 422
    assert "Choose yes or no." in answer.text


# ---- what was let do is shown, and ended ---------------------------------------------------------------------------


def test_a_worker_sees_and_ends_what_a_system_may_do_as_them(fapi: Partner) -> None:
    given = fapi.granted()
    browser = fapi.browser("adviser")
    page = browser.get("/connected-systems")
    assert "System of" in page.text
    with fapi.house.session() as session:
        grant = session.scalars(select(Grant)).one()
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    assert browser.post(f"/connected-systems/{grant.id}/end", data={"csrf_token": token}).status_code == 303
    assert fapi.call("POST", "/api/residents/find", given["access_token"], json={}).status_code == 401
    assert fapi.refresh(given["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert "No system acts for you" in browser.get("/connected-systems").text


def test_nobody_ends_or_sees_what_is_another_persons(fapi: Partner) -> None:
    fapi.granted()
    with fapi.house.session() as session:
        grant = session.scalars(select(Grant)).one()
    for who in ("gp", "resident:ada"):
        browser = fapi.browser(who)
        page = browser.get("/connected-systems")
        assert "No system acts for you" in page.text
        token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
        theirs = browser.post(f"/connected-systems/{grant.id}/end", data={"csrf_token": token})
        unknown = browser.post(f"/connected-systems/{'0' * 32}/end", data={"csrf_token": token})
        assert theirs.status_code == unknown.status_code == 404
        assert theirs.data == unknown.data
