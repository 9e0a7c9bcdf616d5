"""Many at the same moment: of whatever is used once, exactly one use succeeds, and nothing of the others does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select

from broker.grants.actions import digest
from broker.grants.models import AuthorizationCode, Grant, RefreshToken
from broker.identity.models import AccessToken
from broker.settings import Settings
from broker.vocabulary import AuditAction
from tests.conformance.rows import row
from tests.doors.conftest import build_house
from tests.oauth.client import Partner, fields_of
from tests.oauth.conftest import of_a_demonstration, register
from tests.people import FOOD_BANK

THREADS = 32
CODES = 3


def at_once(ready: list[Callable[[], Any]]) -> list[Any]:
    """Every one of them at the same moment, each in a thread of its own; what they gave, in no order."""
    gate = Barrier(len(ready))

    def go(one: Callable[[], Any]) -> Any:
        gate.wait()
        return one()

    with ThreadPoolExecutor(len(ready)) as pool:
        return list(pool.map(go, ready))


def redeeming(fapi: Partner, code: str) -> Callable[[], Any]:
    """One use of a code, with an assertion and a proof of its own, made beforehand."""
    assertion, proof = fapi.assertion(), fapi.proof("POST", "/oauth/token")
    return lambda: fapi.redeem(code, assertion=assertion, proof=proof)


def only_one_use_of_a_code(fapi: Partner) -> None:
    code = fapi.code()
    answers = at_once([redeeming(fapi, code) for _ in range(THREADS)])
    given = [answer for answer in answers if answer.status_code == 200]
    assert len(given) <= 1
    assert {answer.status_code for answer in answers} <= {200, 400}
    # Somebody used it twice, so not even the first keeps anything.
    for answer in given:
        assert fapi.introspect(answer.get_json()["access_token"]).get_json() == {"active": False}
        assert fapi.refresh(answer.get_json()["refresh_token"]).status_code == 400
    with fapi.house.session() as session:
        spent = session.get_one(AuthorizationCode, digest(code))
        assert spent.spent_at is not None
        ended = fapi.house.broker.trail.entries(session, actions=[AuditAction.GRANT_ENDED], limit=1000)
        why = [entry.body["why"] for entry in ended if entry.body["grant"] == spent.grant_id]
        assert why == ["code-used-twice"], "one use won, and the next ended what it gave"
        live = select(func.count()).select_from(AccessToken).where(AccessToken.revoked_at.is_(None))
        assert session.scalar(live.where(AccessToken.grant_id.is_not(None))) == 0
        assert (
            session.scalar(select(func.count()).select_from(RefreshToken).where(RefreshToken.revoked_at.is_(None))) == 0
        )


@row("A3", "A4", "FAPI-16", "T7")
@pytest.mark.slow
def test_of_many_uses_of_a_code_at_most_one_gives_a_token_and_none_keeps_it(fapi: Partner) -> None:
    for _ in range(CODES):
        only_one_use_of_a_code(fapi)


@row("A3", "A4", "FAPI-16")
@pytest.mark.slow
@pytest.mark.needs("postgresql")
def test_of_many_uses_of_a_code_on_postgresql_at_most_one_gives_a_token(on_postgresql: Partner) -> None:
    for _ in range(CODES):
        only_one_use_of_a_code(on_postgresql)


@pytest.fixture
def on_postgresql(settings: Settings, postgresql_url: str) -> Iterator[Partner]:
    for house in build_house(replace(of_a_demonstration(settings), database_url=postgresql_url)):
        yield register(house, "harvest-system", FOOD_BANK)


@row("FAPI-18", "A23")
@pytest.mark.slow
def test_of_many_answers_to_a_request_one_counts(fapi: Partner) -> None:
    for _ in range(CODES):
        uri = fapi.pushed()
        browsers = [fapi.browser("adviser") for _ in range(THREADS)]
        forms = [fields_of(fapi.page(uri, browser).text) for browser in browsers]

        def answering(browser: Any, form: dict[str, list[str]], said: str) -> Callable[[], Any]:
            return lambda: browser.post("/oauth/authorize", data={**form, "answer": said})

        answers = at_once(
            [
                answering(browser, form, "yes" if number % 2 else "no")
                for number, (browser, form) in enumerate(zip(browsers, forms, strict=True))
            ]
        )
        assert sorted(answer.status_code for answer in answers) == [303] + [404] * (THREADS - 1)
        with fapi.house.session() as session:
            codes = session.scalar(select(func.count()).select_from(AuthorizationCode)) or 0
            grants = session.scalar(select(func.count()).select_from(Grant)) or 0
        assert codes == grants <= CODES


@row("A5")
@pytest.mark.slow
def test_many_renewals_at_once_leave_one_refresh_token_and_each_has_its_own_token(fapi: Partner) -> None:
    given = fapi.granted()

    def renewing() -> Callable[[], Any]:
        assertion, proof = fapi.assertion(), fapi.proof("POST", "/oauth/token")
        return lambda: fapi.refresh(given["refresh_token"], assertion=assertion, proof=proof)

    answers = at_once([renewing() for _ in range(THREADS)])
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.get_json()["access_token"] for answer in answers}) == THREADS
    with fapi.house.session() as session:
        assert session.scalar(select(func.count()).select_from(RefreshToken)) == 1


@row("A5", "REV-02")
@pytest.mark.slow
def test_no_renewal_outlives_a_grant_that_is_given_back_meanwhile(fapi: Partner) -> None:
    for _ in range(CODES):
        given = fapi.granted()

        def renewing(token: str) -> Callable[[], Any]:
            assertion, proof = fapi.assertion(), fapi.proof("POST", "/oauth/token")
            return lambda: fapi.refresh(token, assertion=assertion, proof=proof)

        def giving_back(token: str) -> Callable[[], Any]:
            assertion = fapi.assertion()
            return lambda: fapi.revoke(token, assertion=assertion)

        token = given["refresh_token"]
        answers = at_once([giving_back(token) if number == 7 else renewing(token) for number in range(THREADS)])
        assert answers[7].status_code == 200
        for answer in answers[:7] + answers[8:]:
            assert answer.status_code in (200, 400)
            if answer.status_code == 200:
                assert fapi.introspect(answer.get_json()["access_token"]).get_json() == {"active": False}


@row("DPOP-14")
@pytest.mark.slow
def test_of_many_uses_of_a_proof_or_an_assertion_one_succeeds(fapi: Partner) -> None:
    for _ in range(CODES):
        proof = fapi.proof("POST", "/oauth/token")
        with_own = [fapi.assertion() for _ in range(THREADS)]
        answers = at_once([partial(fapi.token, proof=proof, assertion=each) for each in with_own])
        assert [answer.status_code for answer in answers].count(200) == 1
        assertion = fapi.assertion()
        proofs = [fapi.proof("POST", "/oauth/token") for _ in range(THREADS)]
        answers = at_once([partial(fapi.token, proof=each, assertion=assertion) for each in proofs])
        assert [answer.status_code for answer in answers].count(200) == 1
