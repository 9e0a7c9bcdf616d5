"""Whoever comes back is taken back once, however many come at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Engine, func, select

from broker.database import session_factory
from broker.errors import NotAuthenticated
from broker.federation import flow
from broker.federation.models import Errand, SignInAttempt
from tests.federation.forging import provider
from tests.people import NOON


def sent(engine: Engine) -> str:
    """The state of an attempt begun in the browser with the cookie ``mine``."""
    with session_factory(engine)() as session:
        known = provider()
        session.add(known)
        session.commit()
        address = flow.send(
            session,
            known,
            errand=Errand.SIGN_IN,
            callback="https://us.example/callback",
            browser="mine",
            way_back="",
            now=NOON,
        )
    return parse_qs(urlsplit(address).query)["state"][0]


def test_of_many_at_once_one_is_taken_back(each_engine: Engine) -> None:
    state = sent(each_engine)

    def come_back(_: int) -> bool:
        with session_factory(each_engine)() as session:
            try:
                flow.take_back(session, provider(), state=state, browser="mine", now=NOON)
            except NotAuthenticated:
                return False
            return True

    with ThreadPoolExecutor(16) as many:
        assert sum(many.map(come_back, range(32))) == 1


@pytest.mark.parametrize(
    ("state", "browser", "later"),
    [("another", "mine", 0), (None, "yours", 0), (None, "mine", 600), (None, "", 0), ("", "mine", 0)],
)
def test_a_wrong_return_uses_nothing_up(engine: Engine, state: str | None, browser: str, later: int) -> None:
    right = sent(engine)
    with session_factory(engine)() as session:
        at = NOON + timedelta(seconds=later)
        with pytest.raises(NotAuthenticated):
            flow.take_back(session, provider(), state=right if state is None else state, browser=browser, now=at)
        assert flow.take_back(session, provider(), state=right, browser="mine", now=NOON).browser == flow.digest("mine")


def test_what_ran_out_is_forgotten(engine: Engine) -> None:
    sent(engine)
    with session_factory(engine)() as session:
        flow.forget(session, now=NOON + timedelta(minutes=69))
        assert session.scalar(select(func.count()).select_from(SignInAttempt)) == 1
        flow.forget(session, now=NOON + timedelta(minutes=70))
        assert session.scalar(select(func.count()).select_from(SignInAttempt)) == 0
