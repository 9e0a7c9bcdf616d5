"""The circuit breaker: when callers are refused without waiting, and when somebody tries again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from broker.access.engines.breaker import Breaker
from broker.errors import EngineUnavailable


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(failures=3, rest=timedelta(seconds=2), clock=clock)


def open_it(breaker: Breaker) -> None:
    for _ in range(3):
        breaker.enter()
        breaker.failed()


def test_failures_with_a_success_between_them_keep_it_closed(breaker: Breaker) -> None:
    for _ in range(5):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
    breaker.enter()


def test_failures_in_a_row_open_it(breaker: Breaker) -> None:
    open_it(breaker)
    with pytest.raises(EngineUnavailable):
        breaker.enter()


def test_after_a_rest_exactly_one_may_try(breaker: Breaker, clock: Clock) -> None:
    open_it(breaker)
    clock.now = 2.0
    breaker.enter()
    with pytest.raises(EngineUnavailable):
        breaker.enter()


def test_one_who_tries_and_succeeds_closes_it(breaker: Breaker, clock: Clock) -> None:
    open_it(breaker)
    clock.now = 2.0
    breaker.enter()
    breaker.succeeded()
    breaker.enter()
    breaker.enter()


def test_one_who_tries_and_fails_opens_it_for_another_rest(breaker: Breaker, clock: Clock) -> None:
    open_it(breaker)
    clock.now = 2.0
    breaker.enter()
    breaker.failed()
    clock.now = 3.9
    with pytest.raises(EngineUnavailable):
        breaker.enter()
    clock.now = 4.0
    breaker.enter()


def test_one_who_tries_and_never_says_how_it_went_does_not_keep_it_open(breaker: Breaker, clock: Clock) -> None:
    open_it(breaker)
    clock.now = 2.0
    breaker.enter()
    clock.now = 4.0
    breaker.enter()
