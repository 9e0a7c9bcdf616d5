"""A member of staff signs in with a role they hold at NHS Care Identity and here, and with no other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from broker.identity.models import Membership
from broker.vocabulary import Role
from tests.people import COUNCIL, SURGERY
from tests.web.conftest import Door
from tests.web.federated.browser import Browser, Upstream
from tests.web.federated.places import ACCOUNTS, CARE, ROLE, sessions_of, tie, whys

pytestmark = pytest.mark.needs("node")


def test_a_clinician_signs_in_with_their_chosen_role(browser: Browser, house: Door, upstream: Upstream) -> None:
    tie(house, CARE, "910000000001", "gp")
    upstream.sits("gp-there")
    assert browser.sign_in(CARE).headers["Location"] == "/partner"
    (begun,) = sessions_of(house)
    assert (begun.person_id, begun.organisation_code, begun.role) == ("gp", SURGERY, Role.CLINICIAN)
    assert (begun.assurance, begun.upstream_subject) == (3, "gp-there")


def gp_with(upstream: Upstream, *, id_token: dict[str, Any] | None = None, **role: Any) -> None:
    """The GP at the keyboard, with an ID token or a role that is changed."""
    there = ACCOUNTS["gp-there"]
    upstream.says(
        "gp-there",
        id_token={**there["id_token"], **(id_token or {})},
        userinfo={**there["userinfo"], "nhsid_nrbac_roles": [{**ROLE, **role}]},
    )
    upstream.sits("gp-there")


@pytest.mark.parametrize(
    ("id_token", "role", "why"),
    [
        ({"id_assurance_level": "1"}, {}, "identity-not-proved-enough"),
        ({"authentication_assurance_level": "1"}, {}, "identity-not-proved-enough"),
        ({"id_assurance_level": None}, {}, "identity-not-proved-enough"),
        ({"id_assurance_level": "9"}, {}, "identity-not-proved-enough"),
        ({"id_assurance_level": True}, {}, "identity-not-proved-enough"),
        ({"authentication_assurance_level": "high"}, {}, "identity-not-proved-enough"),
        ({"selected_roleid": None}, {}, "role-not-chosen"),
        ({"selected_roleid": "555002"}, {}, "role-not-held"),
        ({}, {"role_code": "S8000:G8000:R9999"}, "role-not-used-here"),
        ({}, {"role_code": "R0260:S8000:G8000"}, "role-not-used-here"),
        ({}, {"role_code": None}, "role-not-used-here"),
        ({}, {"role_code": "S8000:G8000:R1330"}, "role-not-held-here"),
        ({}, {"org_code": COUNCIL}, "role-not-held-here"),
        ({}, {"org_code": "XX9T99"}, "role-not-held-here"),
        ({}, {"org_code": None}, "role-not-used-here"),
    ],
    ids=str,
)
def test_a_role_signs_in_only_where_it_is_held_there_and_here(
    browser: Browser, house: Door, upstream: Upstream, id_token: dict[str, Any], role: dict[str, Any], why: str
) -> None:
    tie(house, CARE, "910000000001", "gp")
    gp_with(upstream, id_token=id_token, **role)
    assert browser.sign_in(CARE).status_code in (401, 403)
    assert sessions_of(house) == []
    assert whys(house) == [why]


def test_a_role_held_twice_under_one_name_is_nobodys(browser: Browser, house: Door, upstream: Upstream) -> None:
    tie(house, CARE, "910000000001", "gp")
    roles = [ROLE, {**ROLE, "org_code": COUNCIL}]
    upstream.says("gp-there", userinfo={**ACCOUNTS["gp-there"]["userinfo"], "nhsid_nrbac_roles": roles})
    upstream.sits("gp-there")
    assert browser.sign_in(CARE).status_code == 401


@pytest.mark.parametrize("level", [2, "2", 3, "3"])
def test_assurance_is_read_as_a_number_or_as_words(
    browser: Browser, house: Door, upstream: Upstream, level: Any
) -> None:
    tie(house, CARE, "910000000001", "gp")
    gp_with(upstream, id_token={"id_assurance_level": level})
    browser.sign_in(CARE)
    assert [begun.assurance for begun in sessions_of(house)] == [int(level)]


def test_a_role_of_nhs_care_identity_joins_nobody(browser: Browser, house: Door, upstream: Upstream) -> None:
    upstream.sits("gp-there")
    answer = browser.sign_in(CARE)
    assert answer.headers["Location"] == f"/sign-in/with/{CARE}/invitation"
    assert "administrator of your organisation" in browser.visitor.get(f"/sign-in/with/{CARE}/invitation").text
    assert sessions_of(house) == []


def test_work_that_ended_signs_nobody_in(browser: Browser, house: Door, upstream: Upstream) -> None:
    tie(house, CARE, "910000000001", "gp")
    with house.broker.sessions() as session:
        for each in session.scalars(select(Membership).where(Membership.person_id == "gp")):
            each.ended_at = house.clock() - timedelta(days=1)
        session.commit()
    upstream.sits("gp-there")
    assert "Ask its administrator" in browser.sign_in(CARE).text
    assert sessions_of(house) == []
