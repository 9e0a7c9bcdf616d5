"""Proving again who one is (RFC 9470): asked for at the resource, honoured at the page, never for taking back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from broker.oauth.assurance import acr
from tests.conformance.rows import row
from tests.oauth.client import CALLBACK, Partner, fields_of

WORKER = "residents.find records.read"


def emergency(partner: Partner, token: str, handle: str) -> Any:
    body = {
        "resident": handle,
        "purpose": "emergency",
        "sections": ["allergies-and-adverse-reaction"],
        "reason": "Collapsed.",
        "break_glass": {"reason": "Collapsed, and nobody to ask."},
    }
    return partner.call("POST", "/api/records/view", token, json=body)


def asks_for_step_up(answer: Any) -> None:
    assert (answer.status_code, answer.get_json()["code"]) == (401, "step-up-needed")
    said = answer.headers["WWW-Authenticate"]
    assert said.startswith("DPoP ")
    for part in ('error="insufficient_user_authentication"', f'acr_values="{acr(2)}"', 'max_age="300"'):
        assert part in said


@row("STEP-01")
def test_emergency_access_needs_a_sign_in_of_the_last_five_minutes(fapi: Partner) -> None:
    handle = fapi.find()
    given = fapi.granted()
    assert emergency(fapi, given["access_token"], handle).status_code == 403  # asked of policy, which says no here
    fapi.house.wait(timedelta(seconds=301))
    later = fapi.refresh(given["refresh_token"]).get_json()["access_token"]
    asks_for_step_up(emergency(fapi, later, handle))
    assert fapi.call("POST", "/api/residents/find", later, json={}).status_code == 422


@row("STEP-01")
def test_a_system_has_no_sign_in_and_gets_no_emergency_access(fapi: Partner) -> None:
    asks_for_step_up(emergency(fapi, fapi.own_token("records.read"), fapi.find()))


@row("STEP-04")
def test_giving_permission_needs_it_and_stopping_never_does(fapi: Partner) -> None:
    given = fapi.granted(who="resident:ada", scope="own.read own.change")
    until = (fapi.house.time[0] + timedelta(days=30)).isoformat()
    body = {"organisation": "GB-CHC-9900001", "purposes": ["advice-debt"], "sections": ["housing"], "until": until}
    made = fapi.call("POST", "/api/my/consents", given["access_token"], json=body)
    assert made.status_code == 201, made.text
    fapi.house.wait(timedelta(seconds=301))
    later = fapi.refresh(given["refresh_token"]).get_json()["access_token"]
    asks_for_step_up(fapi.call("POST", "/api/my/consents", later, json=body))
    path = f"/api/my/consents/{made.get_json()['id']}/withdraw"
    assert fapi.call("POST", path, later, json={}).status_code == 200


@row("STEP-04")
def test_sharing_at_the_page_needs_a_sign_in_of_the_last_five_minutes(fapi: Partner) -> None:
    browser = fapi.browser("resident:ada")
    fapi.house.wait(timedelta(seconds=301))
    uri = fapi.pushed(**fapi.asking_ada())
    shown = fapi.page(uri, browser)
    assert (shown.status_code, shown.headers["Location"].partition("?")[0]) == (303, "/sign-in/again")


@row("STEP-05")
@pytest.mark.parametrize(
    ("asked", "waited", "sent_on"),
    [
        ({}, 600, False),
        ({"max_age": "600"}, 600, False),
        ({"max_age": "599"}, 600, True),
        ({"max_age": "0"}, 1, True),
        ({"prompt": "login"}, 1, True),
        ({"acr_values": acr(3)}, 0, False),
        ({"acr_values": f"urn:example:gold {acr(1)}"}, 0, False),
    ],
    ids=str,
)
def test_the_page_asks_again_where_the_request_says_so(
    fapi: Partner, asked: dict[str, str], waited: int, sent_on: bool
) -> None:
    browser = fapi.browser("adviser")
    fapi.house.wait(timedelta(seconds=waited))
    shown = fapi.page(fapi.pushed(**asked), browser)
    assert shown.status_code == (303 if sent_on else 200)
    if sent_on:
        assert shown.headers["Location"].startswith("/sign-in/again?next=")


@row("STEP-05")
def test_the_page_asks_before_the_answer_as_well_as_before_the_question(fapi: Partner) -> None:
    browser = fapi.browser("adviser")
    uri = fapi.pushed(max_age="30")
    form = {name: values for name, values in fields_of(fapi.page(uri, browser).text).items() if name != "answer"}
    fapi.house.wait(timedelta(seconds=40))
    # The sign-in was younger than that when it was asked for, and need not be younger than the reading of it.
    assert browser.post("/oauth/authorize", data={**form, "answer": "yes"}).status_code == 303


@row("STEP-05")
def test_what_the_sign_in_cannot_give_is_refused_in_the_rfcs_word(fapi: Partner) -> None:
    from sqlalchemy import update

    from broker.identity.models import SignedInSession

    browser = fapi.browser("adviser")
    with fapi.house.session() as session:
        session.execute(update(SignedInSession).values(assurance=2))
        session.commit()
    answered = fapi.authorize(fapi.pushed(acr_values=acr(3)), browser=browser)
    assert answered.answer.headers["Location"].startswith(CALLBACK)
    assert answered.said["error"] == "unmet_authentication_requirements"


@row("STEP-05")
def test_a_token_says_how_and_when_its_person_signed_in(fapi: Partner) -> None:
    code = fapi.code()
    at = fapi.now
    fapi.house.wait(timedelta(seconds=30))
    told = fapi.introspect(fapi.redeem(code).get_json()["access_token"]).get_json()
    assert (told["acr"], told["auth_time"]) == (acr(3), at)
    assert "auth_time" not in fapi.introspect(fapi.own_token()).get_json()


@row("STEP-03")
def test_letting_somebody_act_for_a_resident_needs_a_sign_in_of_the_last_five_minutes(fapi: Partner) -> None:
    browser = fapi.browser("resident:ada")
    form = fields_of(browser.get("/my/proxies/appoint").text)
    fapi.house.wait(timedelta(seconds=301))
    answer = browser.post("/my/proxies/appoint", data=form)
    assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (303, "/sign-in/again")
    again = fapi.browser("resident:ada")
    assert (
        again.post(
            "/my/proxies/appoint", data={"csrf_token": fields_of(again.get("/my/proxies/appoint").text)["csrf_token"]}
        ).status_code
        == 422
    )
