"""Proving again who one is, at the provider one signed in with: the same person, just now."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from broker.federation.models import SignInAttempt
from broker.identity.models import Membership
from broker.vocabulary import AuditAction, Role
from tests.people import FOOD_BANK
from tests.web.conftest import Door
from tests.web.federated.browser import Browser, Upstream, query_of
from tests.web.federated.places import BANK, CARE, NHS, sessions_of, tie, whys

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


def test_a_silent_sign_in_is_as_old_as_what_was_proved_there(browser: Browser, house: Door, upstream: Upstream) -> None:
    """Somebody still signed in at their provider: signed in here, and no more proved than they were."""
    tie(house, CARE, "910000000001", "gp")
    upstream.sits("gp-there")
    browser.sign_in(CARE)
    assert browser.visitor.get("/your-sign-in/passkey").status_code == 403  # proved just now; there is no account
    house.clock.forward(timedelta(seconds=400))
    browser.visitor.send("/sign-out", page="/partner")
    assert browser.sign_in(CARE).headers["Location"] == "/partner"
    (now_open,) = [each for each in sessions_of(house) if each.ended_at is None]
    assert now_open.authenticated_at is not None
    assert now_open.authenticated_at <= house.clock() - timedelta(seconds=390)
    assert browser.visitor.get("/your-sign-in/passkey").headers["Location"].startswith("/sign-in/again")
    asked = query_of(browser.leave(CARE, again=True))
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")


def test_a_provider_that_does_not_say_when_signs_in_and_proves_nothing_fresh(
    browser: Browser, house: Door, upstream: Upstream
) -> None:
    upstream.sits("ada-there")
    left = browser.leave(NHS)
    assert query_of(left)["max_age"] == "43200"
    back = browser.at_provider(left.replace("max_age=43200", ""))
    assert browser.come_back(back).headers["Location"] == "/my"
    (begun,) = sessions_of(house)
    assert begun.authenticated_at is None
    assert browser.visitor.get("/my").status_code == 200
    assert browser.visitor.get("/your-sign-in/passkey").headers["Location"].startswith("/sign-in/again")
    browser.sign_in(NHS, again=True)
    (risen,) = [each for each in sessions_of(house) if each.ended_at is None]
    assert risen.authenticated_at is not None
    assert risen.authenticated_at <= house.clock()


def test_who_chooses_their_work_first_is_as_fresh_as_when_they_proved_it(
    browser: Browser, house: Door, upstream: Upstream
) -> None:
    with house.broker.sessions() as session:
        second = Membership(
            person_id="adviser", organisation_code=FOOD_BANK, role=Role.LINK_WORKER, started_at=house.clock()
        )
        session.add(second)
        session.commit()
    tie(house, BANK, "sol-there", "adviser")
    upstream.sits("sol-there")
    page = browser.sign_in(BANK).headers["Location"]
    proved = house.clock()
    house.clock.forward(timedelta(minutes=10))
    assert browser.visitor.send(f"/sign-in/with/{BANK}/begin", page=page, work=second.id).status_code == 303
    (begun,) = sessions_of(house)
    assert begun.authenticated_at is not None
    assert begun.authenticated_at <= proved
