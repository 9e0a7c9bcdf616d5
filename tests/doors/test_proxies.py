"""A proxy's token: only while they may act for that resident, no further than their levels or past the shield."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from broker.grants.models import Grant
from broker.oauth import tokens
from broker.oauth.standing import grant_stands
from broker.proxies import actions, deciding
from broker.proxies.deciding import Verifier
from broker.proxies.models import Proxy
from broker.vocabulary import (
    AccessLevel,
    AuditAction,
    LegalBasis,
    ProxyReason,
    ProxyRelation,
    ProxyState,
    Role,
)
from tests.doors.conftest import House
from tests.people import FOOD_BANK, NOON, SURGERY

ROUTES = {
    "/api/my/consents": AccessLevel.SEE_SHARING,
    "/api/my/access-requests": AccessLevel.ANSWER_REQUESTS,
    "/api/my/activity": AccessLevel.SEE_WHO_LOOKED,
}
GP = Verifier(by="person:gp", organisation=SURGERY, role=Role.CLINICIAN)


def proxy_token(house: House, *levels: AccessLevel) -> str:
    """Ben (grown up for this) may act for Ada, and has a token for it."""
    with house.session() as session:
        session.add(
            Proxy(
                id="proxy",
                resident_id="ada",
                proxy_resident_id="ben",
                relation=ProxyRelation.CHILD,
                legal_basis=LegalBasis.DEPUTY,
                levels=frozenset(levels),
                state=ProxyState.ACTIVE,
                reason=ProxyReason.ROLE_ACTIVATED,
                granted_by=SURGERY,
                from_at=NOON,
                until_at=NOON + timedelta(minutes=4),
            )
        )
        text = tokens.issue(
            session,
            role=Role.PROXY,
            scopes="own.read own.change",
            settings=house.broker.settings,
            now=NOON,
            resident="ada",
            acting="resident:ben",
        )
        session.commit()
    return text


def close(house: House, how: str) -> None:
    with house.session() as session:
        proxy, trail = session.get_one(Proxy, "proxy"), house.broker.trail
        if how == "quietly":
            why = ProxyReason.ROLE_DEACTIVATED_SAFEGUARDING
            deciding.suspend(session, proxy, verifier=GP, reason=why, quiet=True, trail=trail, now=NOON)
        elif how == "stopped":
            actions.stop(session, proxy, resident="ada", trail=trail, now=NOON)
        else:
            house.wait(timedelta(minutes=4))


@pytest.mark.parametrize("path", ROUTES)
def test_a_route_opens_with_its_level_and_with_no_other(house: House, path: str) -> None:
    token = proxy_token(house, ROUTES[path])
    for other in ROUTES:
        answer = house.call("GET", other, token=token)
        assert answer.status_code == (200 if other == path else 403), other
        if other != path:
            assert answer.get_json()["code"] == "proxy-not-permitted"


@pytest.mark.parametrize("how", ["quietly", "stopped", "ran-out"])
def test_a_token_ends_with_what_it_stands_on_and_says_the_same_of_each_end(house: House, how: str) -> None:
    token = proxy_token(house, *AccessLevel)
    assert house.call("GET", "/api/my/consents", token=token).status_code == 200
    close(house, how)
    answer: Any = house.call("GET", "/api/my/consents", token=token)
    assert (answer.status_code, answer.get_json()["code"]) == (401, "token-invalid")


def test_a_proxys_choice_names_them_and_for_whom(house: House) -> None:
    token = proxy_token(house, AccessLevel.CHANGE_SHARING)
    body = {"organisation": FOOD_BANK, "sections": None, "labels": None}
    assert house.call("POST", "/api/my/withholdings", token=token, json=body).status_code == 201
    with house.session() as session:
        entry = house.broker.trail.entries(session, actions=[AuditAction.CONSENT_NARROWED])[0]
    assert (entry.actor, entry.resident) == ("resident:ben", "ada")
    assert entry.body["acting"] == {"acting_for": "ada", "proxy": "proxy", "basis": LegalBasis.DEPUTY.value}


def test_a_proxy_without_the_level_does_not_learn_what_there_is(house: House, ada: str) -> None:
    body = {"organisation": FOOD_BANK, "sections": None, "labels": None}
    made = house.call("POST", "/api/my/withholdings", token=ada, json=body).get_json()["id"]
    token = proxy_token(house, AccessLevel.SEE_SHARING)
    answers = [house.call("POST", f"/api/my/consents/{id}/withdraw", token=token) for id in (made, "nothing")]
    assert {answer.status_code for answer in answers} == {403}


def test_a_quiet_end_is_on_nobodys_list(house: House, ada: str) -> None:
    proxy_token(house, *AccessLevel)
    close(house, "quietly")
    looked = house.call("GET", "/api/my/activity", token=ada).get_json()
    assert AuditAction.PROXY_CHANGED.value not in [each["action"] for each in looked]


def test_an_open_end_is_on_the_residents_list(house: House, ada: str) -> None:
    proxy_token(house, *AccessLevel)
    close(house, "stopped")
    looked = house.call("GET", "/api/my/activity", token=ada).get_json()
    assert AuditAction.PROXY_CHANGED.value in [each["action"] for each in looked]


def test_what_a_proxy_let_a_system_do_gives_no_more_tokens_once_they_may_not_act(house: House) -> None:
    proxy_token(house, *AccessLevel)
    grant = Grant(
        role=Role.PROXY, resident_id="ada", acting="resident:ben", scopes="own.read", assurance=2, made_at=NOON,
        ends_at=NOON + timedelta(days=30),
    )  # fmt: skip
    with house.session() as session:
        assert grant_stands(session, grant, now=NOON)
    close(house, "quietly")
    with house.session() as session:
        assert not grant_stands(session, grant, now=NOON)
