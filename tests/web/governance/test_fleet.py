"""The engines: which rules each holds, said in words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from broker.access.policy import revision_in_force
from broker.governance.models import EngineDecision, EngineReport
from broker.web.governance.fleet import long
from tests.web.conftest import Door, Visitor


def report(door: Door, id: str, *, current: bool = True, fault: str | None = None) -> None:
    with door.broker.sessions() as session:
        revision = revision_in_force(session) if current else None
        at = door.clock()
        session.add(
            EngineReport(id=id, version="1.20.2", revision=revision, activated_at=at, fault=fault, reported_at=at)
        )
        session.commit()


def test_with_no_server_the_services_own_engine_is_shown(ig_lead: Visitor, door: Door) -> None:
    page = ig_lead.get("/governance/engines").text
    assert "None has reported." in page
    assert door.broker.policy.engine.name in page
    assert "20 November 2026" in page


def test_each_server_says_whether_it_is_up_to_date(ig_lead: Visitor, door: Door) -> None:
    report(door, "opa-1")
    report(door, "opa-2", fault="The bundle could not be verified.")
    page = ig_lead.get("/governance/engines").text
    for words in ("opa-1", "Up to date", "opa-2", "Has a fault", "The bundle could not be verified.", "Last heard"):
        assert words in page
    assert "Behind" not in page


def test_after_a_change_a_server_is_behind_and_by_how_long(ig_lead: Visitor, door: Door) -> None:
    report(door, "opa-1")
    door.clock.forward(timedelta(minutes=1))
    door.signed_in("ig-lead").send("/governance/agreements/TB-CARE/1/suspend")
    door.clock.forward(timedelta(minutes=5))
    page = ig_lead.get("/governance/engines").text
    assert "Behind for 5 minutes." in page
    assert "Up to date" not in page


def test_a_server_without_rules_says_so(ig_lead: Visitor, door: Door) -> None:
    report(door, "opa-1", current=False)
    assert "Holds no rules" in ig_lead.get("/governance/engines").text


def test_it_is_for_those_who_answer_for_governance(door: Door) -> None:
    assert door.signed_in("privacy-officer").get("/governance/engines").status_code == 200
    for who in ("gp", "resident:ada"):
        assert door.signed_in(who).get("/governance/engines").status_code == 403


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (None, ""),
        (timedelta(0), "no time"),
        (timedelta(seconds=61), "1 minute 1 second"),
        (timedelta(days=2, hours=3, minutes=4), "2 days 3 hours"),
    ],
)
def test_a_length_of_time_is_said_in_its_two_largest_units(time: timedelta | None, words: str) -> None:
    assert long(time) == words


def test_a_decision_that_nobody_here_asked_for_is_shown_and_nothing_where_there_is_none(
    ig_lead: Visitor, door: Door
) -> None:
    assert "has no record of" not in ig_lead.get("/governance/engines").text
    with door.broker.sessions() as session:
        at = door.clock()
        stray = EngineDecision(
            id="stray-1",
            engine="opa-1",
            request="elsewhere",
            revision=revision_in_force(session),
            result_hash="b" * 64,
            made_at=at,
            received_at=at,
        )
        session.add(stray)
        session.commit()
    page = ig_lead.get("/governance/engines").text
    assert "has no record of" in page
    assert "stray-1" in page
