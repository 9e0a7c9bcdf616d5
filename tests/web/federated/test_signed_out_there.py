"""Who signs out at their provider is signed out here, and what they let partners' systems do ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from broker.grants.models import Grant
from broker.identity.models import Client
from broker.vocabulary import Role
from tests.conformance.rows import row
from tests.people import FOOD_BANK, LONG_AGO
from tests.web.conftest import Door
from tests.web.federated.browser import Browser, Upstream
from tests.web.federated.places import BANK, NHS, sessions_of, tie

pytestmark = pytest.mark.needs("node")


@row("NHS-06")
def test_who_signs_out_there_is_signed_out_here_at_once(browser: Browser, house: Door, upstream: Upstream) -> None:
    upstream.sits("ada-there")
    browser.sign_in(NHS)
    (begun,) = sessions_of(house)
    token = upstream.logout_token(f"broker-at-{NHS}", "ada-there", begun.upstream_session or "")
    receiver = f"/sign-in/with/{NHS}/back-channel-logout"
    answer = house.visitor().client.post(receiver, data={"logout_token": token})
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert browser.visitor.get("/my").headers["Location"].startswith("/sign-in")
    assert house.visitor().client.post(receiver, data={"logout_token": token}).status_code == 400


def test_signing_out_there_ends_what_partners_systems_were_let_do(
    browser: Browser, house: Door, upstream: Upstream
) -> None:
    tie(house, BANK, "sol-there", "adviser")
    upstream.sits("sol-there")
    browser.sign_in(BANK)
    with house.broker.sessions() as session:
        session.add(
            Client(
                id="system",
                organisation_code=FOOD_BANK,
                name="System",
                role=Role.CASE_WORKER,
                jwks={"keys": []},
                scopes="records",
                registered_at=LONG_AGO,
            )
        )
        session.flush()
        until = house.clock() + timedelta(days=9)
        for person in ("adviser", "food-bank-lead"):
            session.add(
                Grant(
                    client_id="system",
                    person_id=person,
                    organisation_code=FOOD_BANK,
                    role=Role.CASE_WORKER,
                    scopes="records",
                    assurance=2,
                    made_at=house.clock(),
                    ends_at=until,
                )
            )
        session.commit()
    (begun,) = sessions_of(house)
    token = upstream.logout_token(f"broker-at-{BANK}", "sol-there", begun.upstream_session or "")
    path = f"/sign-in/with/{BANK}/back-channel-logout"
    assert house.visitor().client.post(path, data={"logout_token": token}).status_code == 200
    with house.broker.sessions() as session:
        ended = {grant.person_id: grant.ended_at is not None for grant in session.scalars(select(Grant))}
    assert ended == {"adviser": True, "food-bank-lead": False}


def test_a_logout_token_for_another_provider_ends_nothing(browser: Browser, house: Door, upstream: Upstream) -> None:
    upstream.sits("ada-there")
    browser.sign_in(NHS)
    (begun,) = sessions_of(house)
    token = upstream.logout_token(f"broker-at-{NHS}", "ada-there", begun.upstream_session or "")
    answer = house.visitor().client.post(f"/sign-in/with/{BANK}/back-channel-logout", data={"logout_token": token})
    assert (answer.status_code, answer.get_json()) == (400, {"error": "invalid_request"})
    assert browser.visitor.get("/my").status_code == 200


@pytest.mark.parametrize(
    "form", [{}, {"logout_token": ""}, {"logout_token": "a.b.c"}, {"logout_token": ["a", "b"]}], ids=str
)
def test_what_is_no_logout_token_gets_one_answer(house: Door, form: dict[str, Any]) -> None:
    answer = house.visitor().client.post(f"/sign-in/with/{NHS}/back-channel-logout", data=form)
    assert (answer.status_code, answer.get_json()) == (400, {"error": "invalid_request"})
    unknown = house.visitor().client.post("/sign-in/with/unknown/back-channel-logout", data=form)
    assert (unknown.status_code, unknown.data) == (answer.status_code, answer.data)
