"""A colleague signs in with their organisation's own provider, once somebody there has invited them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from broker.accounts import invitations
from broker.federation.models import FederatedIdentity
from broker.identity.models import Membership
from broker.vocabulary import Role
from tests.people import FOOD_BANK
from tests.web.conftest import Door
from tests.web.federated.browser import Browser, Upstream
from tests.web.federated.places import BANK, TOWN, sessions_of, tie, whys

pytestmark = pytest.mark.needs("node")


def test_a_colleague_signs_in_with_their_organisations_provider(
    browser: Browser, house: Door, upstream: Upstream
) -> None:
    tie(house, BANK, "sol-there", "adviser")
    upstream.sits("sol-there")
    assert browser.sign_in(BANK, way_back="/partner/find").headers["Location"] == "/partner/find"
    (begun,) = sessions_of(house)
    assert (begun.person_id, begun.organisation_code, begun.assurance) == ("adviser", FOOD_BANK, 2)


def test_one_factor_is_one(browser: Browser, house: Door, upstream: Upstream) -> None:
    tie(house, BANK, "stranger-there", "adviser")
    upstream.sits("stranger-there")
    browser.sign_in(BANK)
    assert [begun.assurance for begun in sessions_of(house)] == [1]


def test_an_organisations_provider_signs_nobody_in_to_another(
    browser: Browser, house: Door, upstream: Upstream
) -> None:
    tie(house, TOWN, "sol-there", "adviser")
    upstream.sits("sol-there")
    assert browser.sign_in(TOWN).status_code == 403
    assert sessions_of(house) == []


def test_an_unknown_colleague_uses_their_code_of_invitation_once(
    browser: Browser, house: Door, upstream: Upstream
) -> None:
    with house.broker.sessions() as session:
        code = invitations.invite(
            session, "adviser", FOOD_BANK, by="operator:tests", trail=house.broker.trail, now=house.clock()
        )
    upstream.sits("sol-there")
    page = browser.sign_in(BANK).headers["Location"]
    wrong = browser.visitor.send(f"/sign-in/with/{BANK}/link", page=page, code="AAAAA-AAAAA")
    assert wrong.status_code == 422
    right = browser.visitor.send(f"/sign-in/with/{BANK}/link", page=page, code=code)
    assert "You can now sign in" in right.text
    assert browser.sign_in(BANK).headers["Location"] == "/partner"
    upstream.sits("stranger-there")
    other = Browser(house.visitor(), house)
    page = other.sign_in(BANK).headers["Location"]
    assert other.visitor.send(f"/sign-in/with/{BANK}/link", page=page, code=code).status_code == 422


def test_a_code_for_one_organisation_ties_nobody_at_anothers_provider(
    browser: Browser, house: Door, upstream: Upstream
) -> None:
    with house.broker.sessions() as session:
        code = invitations.invite(
            session, "adviser", FOOD_BANK, by="operator:tests", trail=house.broker.trail, now=house.clock()
        )
    upstream.sits("sol-there")
    page = browser.sign_in(TOWN).headers["Location"]
    assert browser.visitor.send(f"/sign-in/with/{TOWN}/link", page=page, code=code).status_code == 422
    with house.broker.sessions() as session:
        assert session.scalars(select(FederatedIdentity)).all() == []


def test_a_code_is_not_guessed_for_ever(browser: Browser, upstream: Upstream) -> None:
    upstream.sits("sol-there")
    page = browser.sign_in(BANK).headers["Location"]
    for _ in range(5):
        assert browser.visitor.send(f"/sign-in/with/{BANK}/link", page=page, code="AAAAA").status_code == 422
        page = "/accept-invitation"
    assert browser.visitor.send(f"/sign-in/with/{BANK}/link", page=page, code="AAAAA").status_code == 401


def test_the_code_is_asked_for_only_in_the_browser_that_arrived(
    browser: Browser, house: Door, upstream: Upstream
) -> None:
    upstream.sits("sol-there")
    page = browser.sign_in(BANK).headers["Location"]
    assert browser.visitor.get(page).status_code == 200
    assert house.visitor().get(page).status_code == 401


def test_work_that_nobody_has_signed_in_to_for_long_signs_nobody_in(
    browser: Browser, house: Door, upstream: Upstream
) -> None:
    tie(house, BANK, "sol-there", "adviser")
    with house.broker.sessions() as session:
        (work,) = session.scalars(select(Membership).where(Membership.person_id == "adviser"))
        work.used_at = house.clock() - timedelta(days=91)
        session.commit()
    upstream.sits("sol-there")
    assert browser.sign_in(BANK).status_code == 403
    assert whys(house) == ["membership-lapsed"]


def test_somebody_with_several_roles_chooses_one_of_their_own(
    browser: Browser, house: Door, upstream: Upstream
) -> None:
    with house.broker.sessions() as session:
        lately = house.clock() - timedelta(days=1)
        second = Membership(person_id="adviser", organisation_code=FOOD_BANK, role=Role.LINK_WORKER, started_at=lately)
        session.add(second)
        session.commit()
        chosen = second.id
        others = session.scalars(select(Membership.id).where(Membership.person_id == "food-bank-lead")).one()
    tie(house, BANK, "sol-there", "adviser")
    upstream.sits("sol-there")
    page = browser.sign_in(BANK).headers["Location"]
    assert sessions_of(house) == []
    assert browser.visitor.send(f"/sign-in/with/{BANK}/begin", page=page, work=others).status_code == 422
    assert browser.visitor.send(f"/sign-in/with/{BANK}/begin", page=page, work=chosen).status_code == 303
    (begun,) = sessions_of(house)
    assert begun.role is Role.LINK_WORKER
    assert house.visitor().get(page).status_code == 401


def test_a_code_for_somebody_who_signs_in_already_ties_nobody_else_to_them(
    browser: Browser, house: Door, upstream: Upstream
) -> None:
    with house.broker.sessions() as session:
        code = invitations.invite(
            session, "adviser", FOOD_BANK, by="operator:tests", trail=house.broker.trail, now=house.clock()
        )
    tie(house, BANK, "sol-there", "adviser")
    upstream.sits("stranger-there")
    page = browser.sign_in(BANK).headers["Location"]
    assert browser.visitor.send(f"/sign-in/with/{BANK}/link", page=page, code=code).status_code == 409
    with house.broker.sessions() as session:
        assert session.scalars(select(FederatedIdentity.subject)).all() == ["sol-there"]
    upstream.sits("sol-there")
    assert Browser(house.visitor(), house).sign_in(BANK).headers["Location"] == "/partner"
