"""Proving again who one is, at the provider one signed in with: the same person, just now."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from broker.federation.models import SignInAttempt
from broker.vocabulary import AuditAction
from tests.web.conftest import Door
from tests.web.federated.browser import Browser, Upstream, query_of
from tests.web.federated.places import BANK, NHS, sessions_of, tie, whys

pytestmark = pytest.mark.needs("node")


def test_somebody_proves_again_who_they_are(browser: Browser, house: Door, upstream: Upstream) -> None:
    upstream.sits("ada-there")
    browser.sign_in(NHS)
    (first,) = sessions_of(house)
    asked = browser.leave(NHS, again=True, way_back="/my/choices")
    assert (query_of(asked)["prompt"], query_of(asked)["max_age"]) == ("login", "0")
    assert browser.come_back(browser.at_provider(asked)).headers["Location"] == "/my/choices"
    before, after = sorted(sessions_of(house), key=lambda each: each.ended_at is None)
    assert before.digest == first.digest != after.digest
    assert after.started_at == first.started_at
    assert [entry.action for entry in house.trail(AuditAction.STEPPED_UP)] == [AuditAction.STEPPED_UP]


def test_another_who_proves_themselves_raises_nobody(browser: Browser, house: Door, upstream: Upstream) -> None:
    tie(house, BANK, "sol-there", "adviser")
    tie(house, BANK, "stranger-there", "food-bank-lead")
    upstream.sits("sol-there")
    browser.sign_in(BANK)
    browser.elsewhere.cookies.clear()
    upstream.sits("stranger-there")
    answer = browser.sign_in(BANK, again=True)
    assert answer.status_code == 403
    assert whys(house) == ["proved-as-another"]
    assert [each.person_id for each in sessions_of(house)] == ["adviser"]


def test_an_old_proof_raises_nobody(browser: Browser, house: Door, upstream: Upstream) -> None:
    """A provider that ignores ``prompt`` and ``max_age`` is found out by when it says they proved it."""
    upstream.sits("ada-there")
    browser.sign_in(NHS)
    asked = browser.leave(NHS, again=True).replace("prompt=login", "").replace("max_age=0", "")
    house.clock.forward(timedelta(seconds=200))
    back = browser.at_provider(asked)
    with house.broker.sessions() as session:
        attempt = session.scalars(select(SignInAttempt).where(SignInAttempt.used_at.is_(None))).one()
        attempt.sent_at = house.clock() - timedelta(seconds=1)
        session.commit()
    answer = browser.come_back(back)
    assert answer.status_code == 401
    assert whys(house) == ["token-proof-too-old"]


def test_a_sign_in_does_not_count_as_proving_again_for_another_session(
    browser: Browser, house: Door, upstream: Upstream
) -> None:
    """The answer to a step-up, opened in a browser with another session of the same person."""
    upstream.sits("ada-there")
    browser.sign_in(NHS)
    back = browser.at_provider(browser.leave(NHS, again=True))
    other = Browser(house.visitor(), house)
    other.sign_in(NHS)
    assert other.come_back(back).status_code == 401


def test_only_the_provider_that_began_a_session_raises_it(browser: Browser, upstream: Upstream) -> None:
    upstream.sits("ada-there")
    browser.sign_in(NHS)
    answer = browser.visitor.send(f"/sign-in/with/{BANK}/again", page="/sign-in/again", next="")
    assert answer.status_code == 403
