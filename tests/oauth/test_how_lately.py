"""How surely and how lately: what a system may ask of a sign-in, and which sign-ins meet it (RFC 9470)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from broker.oauth.assurance import Wanted
from tests.people import NOON

FIVE = timedelta(minutes=5)


@dataclass
class Proven:
    assurance: int
    authenticated_at: datetime | None


@pytest.mark.parametrize(
    ("wanted", "ago"),
    [
        (Wanted(), timedelta(hours=8)),
        (Wanted(), None),
        (Wanted(assurance=2), None),
        (Wanted(max_age=FIVE), FIVE),
        (Wanted(again=True), timedelta()),
    ],
)
def test_a_proof_sure_and_late_enough_is_enough(wanted: Wanted, ago: timedelta | None) -> None:
    assert wanted.met_by(Proven(2, None if ago is None else NOON - ago), asked_at=NOON, now=NOON)


@pytest.mark.parametrize(
    ("wanted", "ago"),
    [
        (Wanted(assurance=3), timedelta()),
        (Wanted(assurance=3), None),
        (Wanted(max_age=FIVE), FIVE + timedelta(seconds=1)),
        (Wanted(max_age=FIVE), None),
        (Wanted(max_age=timedelta(hours=12)), None),
        (Wanted(again=True), timedelta(seconds=1)),
        (Wanted(again=True), None),
    ],
)
def test_a_proof_too_weak_too_old_or_of_no_known_time_is_not(wanted: Wanted, ago: timedelta | None) -> None:
    assert not wanted.met_by(Proven(2, None if ago is None else NOON - ago), asked_at=NOON, now=NOON)
