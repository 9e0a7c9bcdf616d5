"""The page that asks somebody: shown to whom it is for, answered once, and never a way to send anybody elsewhere."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select

from broker.grants.models import AuthorizationCode, Grant
from tests.conformance.rows import row
from tests.oauth.client import CALLBACK, Partner, fields_of


def made(partner: Partner) -> int:
    """How many grants and codes there are."""
    with partner.house.session() as session:
        return sum(session.scalar(select(func.count()).select_from(model)) or 0 for model in (Grant, AuthorizationCode))


@row("FAPI-11", "BCP-02", oidf="UnsignedAuthorizationRequestWithoutUsingParFails")
@pytest.mark.parametrize(
    "query",
    [
        "",
        "client_id=harvest-system",
        "client_id=harvest-system&request_uri=",
        "client_id=harvest-system&request_uri=https://evil.example/r",
        "client_id=harvest-system&request_uri=urn:ietf:params:oauth:request_uri:unknown",
        "client_id=nobody&request_uri=urn:ietf:params:oauth:request_uri:unknown",
        "client_id=harvest-system&redirect_uri=https://harvest.example/cb&response_type=code&scope=records.read",
        "client_id=harvest-system&redirect_uri=https://evil.example/cb&response_type=code&prompt=none",
        "client_id=harvest-system&request=e30.e30.",
        "client_id=a&client_id=b&request_uri=c",
        "client_id=harvest-system&request_uri=a&request_uri=b",
        "client_id=%00&request_uri=%00",
        "client_id=%ff&request_uri=%ff",
    ],
)
def test_what_was_not_pushed_goes_nowhere(fapi: Partner, query: str) -> None:
    for browser in (fapi.browser(""), fapi.browser("adviser")):
        answer = browser.get(f"/oauth/authorize?{query}")
        assert answer.status_code in (400, 404, 422)
        assert "Location" not in answer.headers


@row("FAPI-18", oidf="PARRequestUriIsBoundToClient")
def test_another_clients_request_is_not_there(fapi: Partner, other: Partner) -> None:
    uri = fapi.pushed()
    browser = fapi.browser("adviser")
    theirs = fapi.page(uri, browser, client_id=other.client_id)
    unknown = fapi.page("urn:ietf:params:oauth:request_uri:unknown", browser)
    assert (theirs.status_code, unknown.status_code) == (404, 404)
    assert theirs.text == unknown.text
    assert fapi.page(uri, browser).status_code == 200


@row("FAPI-18", "A23", oidf="PAREnsureServerAcceptsReusedRequestUriBeforeAuthenticationCompletion")
def test_looking_at_a_request_changes_nothing(fapi: Partner) -> None:
    uri, browser = fapi.pushed(), fapi.browser("adviser")
    assert [fapi.page(uri, browser).status_code for _ in range(3)] == [200, 200, 200]
    assert made(fapi) == 0
    assert fapi.authorize(uri, browser=browser).answer.status_code == 303
    assert made(fapi) == 2


@row("FAPI-18", oidf="PARAttemptReuseRequestUri")
@pytest.mark.parametrize("answer", ["yes", "no"])
def test_after_the_answer_the_request_is_gone(fapi: Partner, answer: str) -> None:
    uri, browser = fapi.pushed(), fapi.browser("adviser")
    form = {name: values for name, values in fields_of(fapi.page(uri, browser).text).items() if name != "answer"}
    before = made(fapi)
    assert browser.post("/oauth/authorize", data={**form, "answer": answer}).status_code == 303
    after = made(fapi)
    assert after - before == (2 if answer == "yes" else 0)
    for second in ("yes", "no"):
        again = browser.post("/oauth/authorize", data={**form, "answer": second})
        assert (again.status_code, again.headers.get("Location")) == (404, None)
    assert fapi.page(uri, browser).status_code == 404
    assert made(fapi) == after


@row("FAPI-17", oidf="PARAttemptToUseExpiredRequestUri")
def test_a_request_that_has_run_out_is_gone_even_from_an_open_page(fapi: Partner) -> None:
    uri, browser = fapi.pushed(), fapi.browser("adviser")
    form = fields_of(fapi.page(uri, browser).text)
    fapi.house.wait(timedelta(seconds=90))
    assert fapi.page(uri, browser).status_code == 404
    assert browser.post("/oauth/authorize", data={**form, "answer": "yes"}).status_code == 404
    assert made(fapi) == 0


@row("A25", "BCP-04", "FAPI-14", oidf="UserRejectsAuthentication")
def test_a_no_goes_back_with_the_state_and_the_issuer(fapi: Partner) -> None:
    answered = fapi.authorize(fapi.pushed(), answer="no")
    assert answered.answer.status_code == 303
    assert answered.said == {"error": "access_denied", "state": "a-state", "iss": fapi.issuer}
    assert made(fapi) == 0


@row("BCP-02", "A25", "STEP-05")
def test_without_a_page_it_is_refused_to_the_registered_address_alone(fapi: Partner) -> None:
    for who, error in (("", "login_required"), ("adviser", "consent_required")):
        answered = fapi.authorize(fapi.pushed(prompt="none"), who=who)
        assert answered.answer.headers["Location"].startswith(f"{CALLBACK}?")
        assert answered.said == {"error": error, "state": "a-state", "iss": fapi.issuer}


@row(oidf=("RedirectUriInAuthorizationRequest", "ParWithoutDuplicateParameters"))
def test_what_stands_beside_the_requests_name_changes_nothing(fapi: Partner) -> None:
    uri, browser = fapi.pushed(), fapi.browser("adviser")
    beside = "&redirect_uri=https://evil.example/cb&scope=own.change&state=another&response_type=token"
    page = browser.get(f"/oauth/authorize?client_id={fapi.client_id}&request_uri={uri}{beside}")
    form = {name: values for name, values in fields_of(page.text).items() if name != "answer"}
    answer = browser.post(
        "/oauth/authorize",
        data={**form, "answer": "yes", "redirect_uri": "https://evil.example/cb", "scope": "own.change"},
    )
    assert answer.headers["Location"].startswith(f"{CALLBACK}?code=")
    assert parse_qs(urlsplit(answer.headers["Location"]).query)["state"] == ["a-state"]


@row("BCP-09")
def test_a_browser_is_sent_on_by_303_wherever_it_goes(fapi: Partner) -> None:
    uri = fapi.pushed()
    assert fapi.page(uri, fapi.browser("")).status_code == 303  # to sign in
    assert fapi.authorize(uri, answer="no").answer.status_code == 303
    assert fapi.authorize(fapi.pushed()).answer.status_code == 303


@row("BCP-11", "BCP-12")
def test_the_page_cannot_be_framed_and_tells_no_other_site_where_it_is(fapi: Partner) -> None:
    page = fapi.page(fapi.pushed(), fapi.browser("adviser"))
    policy = dict(each.split(" ", 1) for each in page.headers["Content-Security-Policy"].split("; "))
    assert (policy["frame-ancestors"], policy["default-src"], policy["base-uri"]) == ("'none'", "'none'", "'none'")
    assert policy["form-action"] == "'self' https://harvest.example"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert "https://" not in page.text.replace("https://www.w3.org", "")


@row("BCP-10")
@pytest.mark.parametrize(
    "path", ["/oauth/authorize", "/oauth/token", "/oauth/par", "/oauth/introspect", "/api/my/consents"]
)
def test_a_script_of_another_site_reads_nothing(fapi: Partner, path: str) -> None:
    origin = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for method in ("OPTIONS", "GET", "POST"):
        answer = fapi.house.client.open(path, method=method, headers=origin)
        assert [name for name, _ in answer.headers if name.lower().startswith("access-control-")] == []


def test_the_answer_comes_from_our_own_page(fapi: Partner) -> None:
    uri, browser = fapi.pushed(), fapi.browser("adviser")
    form = {"client_id": fapi.client_id, "request_uri": uri, "answer": "yes"}
    right = {**form, "csrf_token": fields_of(fapi.page(uri, browser).text)["csrf_token"][0]}
    assert browser.post("/oauth/authorize", data=form).status_code == 403
    assert browser.post("/oauth/authorize", data={**form, "csrf_token": "a" * 64}).status_code == 403
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert browser.post("/oauth/authorize", data=right, headers=elsewhere).status_code == 403
    assert fapi.browser("adviser").post("/oauth/authorize", data=right).status_code == 403
    assert made(fapi) == 0
    assert browser.post("/oauth/authorize", data=right).status_code == 303


def test_a_request_is_answered_by_whom_it_is_for_and_by_nobody_else(fapi: Partner, other: Partner) -> None:
    for_worker, for_ada = fapi.pushed(), fapi.pushed(**fapi.asking_ada())
    for who in ("gp", "befriender", "resident:ada", "ig-lead"):
        assert fapi.page(for_worker, fapi.browser(who)).status_code == 403
    pages = [fapi.page(for_ada, fapi.browser(who)) for who in ("adviser", "gp", "resident:ben")]
    assert [page.status_code for page in pages] == [403, 403, 403]
    assert made(fapi) == 0
    assert fapi.page(for_ada, fapi.browser("resident:ada")).status_code == 200


def test_nothing_is_shared_without_a_choice_and_never_more_than_was_asked(fapi: Partner) -> None:
    uri = fapi.pushed(**fapi.asking_ada())
    for changes in ({"answer": ""}, {"sections": []}, {"sections": ["problems"]}, {"answer": "maybe"}):
        assert fapi.authorize(uri, who="resident:ada", **changes).answer.status_code == 422
    assert made(fapi) == 0
    answered = fapi.authorize(uri, who="resident:ada", sections=["housing", "problems"])
    assert answered.answer.status_code in (303, 422)
    if answered.answer.status_code == 303:
        [given] = fapi.redeem(answered.code).get_json()["authorization_details"]
        assert given["sections"] == ["housing"]


@row("FAPI-15", "AUTHLIB-1.9.3")
def test_signing_in_leads_back_to_the_request_and_to_nowhere_else(fapi: Partner) -> None:
    uri = fapi.pushed()
    first = fapi.page(uri, fapi.browser(""))
    way_back = parse_qs(urlsplit(first.headers["Location"]).query)["next"][0]
    browser = fapi.browser("")
    hidden = fields_of(browser.get(f"/demo/sign-in?next={way_back}").text)["csrf_token"][0]
    key = f"membership:{fapi._membership('adviser')}"
    for next_, ours in (
        (way_back, True),
        ("https://evil.example", False),
        ("//evil.example", False),
        ("/\\evil", False),
    ):
        browser = fapi.browser("")
        hidden = fields_of(browser.get("/demo/sign-in").text)["csrf_token"][0]
        answer = browser.post("/demo/sign-in", data={"csrf_token": hidden, "who": key, "next": next_})
        assert answer.status_code == 303
        assert (answer.headers["Location"] == way_back) is ours
        assert answer.headers["Location"].startswith("/")
        assert not answer.headers["Location"].startswith(("//", "/\\"))


def test_one_client_cannot_fill_the_house_with_requests(fapi: Partner, other: Partner) -> None:
    for _ in range(60):
        assert fapi.push().status_code == 201
    answer = fapi.push()
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert other.push().status_code == 201
    fapi.house.wait(timedelta(seconds=60))
    assert fapi.push().status_code == 201
