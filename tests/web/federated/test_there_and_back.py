"""There and back, once, in one browser: login CSRF, mix-up, injected codes and fixed sessions come to nothing."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from broker.federation import providers
from broker.federation.models import IdentityProvider, SignInAttempt
from broker.vocabulary import AuditAction
from tests.conformance.rows import row
from tests.web.conftest import Door
from tests.web.federated.browser import OURS, Browser, Upstream, query_of
from tests.web.federated.places import BANK, CARE, NHS, sessions_of, tie, whys

pytestmark = pytest.mark.needs("node")


def test_an_answer_is_taken_once(browser: Browser, house: Door, upstream: Upstream) -> None:
    upstream.sits("ada-there")
    back = browser.at_provider(browser.leave(NHS))
    assert browser.come_back(back).status_code == 303
    assert browser.come_back(back).status_code == 401
    assert len(sessions_of(house)) == 1


def test_somebody_elses_answer_does_not_sign_me_in_as_them(browser: Browser, house: Door, upstream: Upstream) -> None:
    """Login CSRF: the attacker's own answer, opened in the victim's browser, with or without a sign-in begun there."""
    upstream.sits("ada-there")
    attackers = browser.at_provider(browser.leave(NHS))
    victim = Browser(house.visitor(), house)
    assert victim.come_back(attackers).status_code == 401
    victim.leave(NHS)
    assert victim.come_back(attackers).status_code == 401
    assert sessions_of(house) == []


@row("T8")
def test_a_state_of_mine_with_somebody_elses_code_is_not_believed(
    browser: Browser, house: Door, upstream: Upstream
) -> None:
    """Code injection: the code is bound to another's challenge, and its ID token to another's nonce."""
    upstream.sits("ada-there")
    stolen = query_of(browser.at_provider(browser.leave(NHS)))
    thief = Browser(house.visitor(), house)
    own = query_of(thief.leave(NHS))["state"]
    mixed = urlencode({"state": own, "code": stolen["code"], "iss": stolen["iss"]})
    assert thief.come_back(f"{OURS}/sign-in/with/{NHS}/callback?{mixed}").status_code == 401
    assert whys(house) == ["code-not-redeemed"]


@row("T8")
@pytest.mark.parametrize("other", [CARE, BANK])
def test_an_answer_at_another_providers_callback_is_refused(
    browser: Browser, house: Door, upstream: Upstream, other: str
) -> None:
    upstream.sits("ada-there")
    back = browser.at_provider(browser.leave(NHS))
    assert browser.come_back(back.replace(f"/{NHS}/", f"/{other}/")).status_code == 401
    assert sessions_of(house) == []


@pytest.mark.parametrize("issuer", ["https://another.example", "", None])
def test_an_answer_of_another_issuer_is_refused(
    browser: Browser, house: Door, upstream: Upstream, issuer: str | None
) -> None:
    """Mix-up (RFC 9207): this provider announces that it names itself, so leaving the name out is refused too."""
    upstream.sits("ada-there")
    said = query_of(browser.at_provider(browser.leave(NHS)))
    changed = {name: value for name, value in {**said, "iss": issuer}.items() if value is not None}
    answer = browser.come_back(f"{OURS}/sign-in/with/{NHS}/callback?{urlencode(changed)}")
    assert answer.status_code == 401
    assert whys(house) == ["answer-of-another"]


def test_an_answer_too_late_is_refused(browser: Browser, house: Door, upstream: Upstream) -> None:
    upstream.sits("ada-there")
    back = browser.at_provider(browser.leave(NHS))
    house.clock.forward(timedelta(minutes=10))
    assert browser.come_back(back).status_code == 401


@pytest.mark.parametrize(
    "query", ["", "state=", "state=x", "state=a&state=b", "code=x", "state=%00", "state=" + "s" * 5000]
)
def test_an_answer_that_nobody_asked_for_leaves_no_trace(browser: Browser, house: Door, query: str) -> None:
    assert browser.visitor.get(f"/sign-in/with/{NHS}/callback?{query}").status_code in (401, 404)
    assert house.trail() == [entry for entry in house.trail() if entry.action is not AuditAction.SIGN_IN_REFUSED]


def test_a_parameter_said_twice_is_not_read(browser: Browser, upstream: Upstream) -> None:
    upstream.sits("ada-there")
    back = browser.at_provider(browser.leave(NHS))
    assert browser.come_back(f"{back}&code=another").status_code == 401
    assert browser.come_back(back).status_code == 303


def cookies_of(browser: Browser) -> dict[str, str]:
    found = (browser.visitor.client.get_cookie(name) for name in ("broker-visit", "broker-session"))
    return {each.key: each.value for each in found if each is not None}


def test_a_browser_is_somebody_new_once_signed_in(browser: Browser, house: Door, upstream: Upstream) -> None:
    """Session fixation: what the browser was known by before is worth nothing after."""
    upstream.sits("ada-there")
    back = browser.at_provider(browser.leave(NHS))
    before = cookies_of(browser)
    browser.come_back(back)
    after = cookies_of(browser)
    assert ("broker-visit" in before, "broker-visit" in after) == (True, False)
    assert after["broker-session"] not in before.values()


def test_signing_in_as_another_ends_the_session_before(browser: Browser, house: Door, upstream: Upstream) -> None:
    tie(house, BANK, "sol-there", "adviser")
    upstream.sits("sol-there")
    browser.sign_in(BANK)
    browser.elsewhere.cookies.clear()
    upstream.sits("ada-there")
    browser.sign_in(NHS)
    worker, resident = sessions_of(house)
    assert (worker.ended_at is None, resident.ended_at is None) == (False, True)


@pytest.mark.parametrize(
    "way_back", ["https://evil.example/", "//evil.example", "/governance", "/\\evil.example", "x" * 900]
)
def test_the_way_back_is_a_page_of_ones_own(browser: Browser, upstream: Upstream, way_back: str) -> None:
    upstream.sits("ada-there")
    assert browser.sign_in(NHS, way_back=way_back).headers["Location"] == "/my"


def test_a_link_begins_no_sign_in(browser: Browser) -> None:
    assert browser.visitor.get(f"/sign-in/with/{NHS}").status_code in (404, 405)
    assert browser.visitor.client.post(f"/sign-in/with/{NHS}").status_code == 403


def test_a_provider_taken_away_signs_nobody_in_and_ends_its_sessions(
    browser: Browser, house: Door, upstream: Upstream
) -> None:
    upstream.sits("ada-there")
    browser.sign_in(NHS)
    late = Browser(house.visitor(), house)
    back = late.at_provider(late.leave(NHS))
    with house.broker.sessions() as session:
        known = session.get_one(IdentityProvider, NHS)
        assert providers.remove(session, known, by="operator:tests", trail=house.broker.trail, now=house.clock()) == 1
    assert browser.visitor.get("/my").status_code == 303
    assert late.come_back(back).status_code == 404


def test_the_page_lets_its_forms_lead_to_the_providers_and_nowhere_else(browser: Browser, upstream: Upstream) -> None:
    page = browser.visitor.get("/sign-in")
    policy = page.headers["Content-Security-Policy"]
    assert f"form-action 'self' {upstream.issuer};" in f"{policy};"
    assert [
        label for label in ("Nhs Login", "Care Identity", "Harvest Shelf", "Testbourne") if label not in page.text
    ] == []


def test_a_provider_that_is_not_there_is_said_in_words(browser: Browser, house: Door, upstream: Upstream) -> None:
    upstream.sits("ada-there")
    back = browser.at_provider(browser.leave(NHS))
    with house.broker.sessions() as session:
        session.get_one(IdentityProvider, NHS).token_endpoint = "http://127.0.0.1:9/token"
        session.commit()
    answer = browser.come_back(back)
    assert answer.status_code == 401
    assert "did not answer" in answer.text


def test_what_a_sign_in_keeps_opens_nothing(browser: Browser, house: Door) -> None:
    state = query_of(browser.leave(NHS))["state"]
    with house.broker.sessions() as session:
        (attempt,) = session.scalars(select(SignInAttempt))
    assert state not in {getattr(attempt, name) for name in ("digest", "nonce", "verifier", "browser")}
