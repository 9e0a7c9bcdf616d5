"""Decisions made in a whole broker, for tests of what is kept of them. Nothing is fetched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

from broker.access.parts import Broker
from broker.access.release import decide_only
from broker.access.request import AccessRequest, BreakGlass, Decision, Requester
from broker.vocabulary import Purpose, Section
from tests.doors.conftest import House

Ask = Callable[..., Decision]


def patient(house: House) -> Broker:
    """``house``'s broker, with an engine that may take its time: a busy machine must not turn an answer into none."""
    return replace(house.broker, settings=replace(house.broker.settings, decision_deadline_ms=60_000))


def asking(house: House) -> Ask:
    """Put a question to ``house``'s broker, and have its decision, which is recorded."""

    def ask(
        requester: Requester,
        purpose: Purpose,
        *sections: Section,
        resident: str = "ada",
        break_glass: str | None = None,
    ) -> Decision:
        request = AccessRequest(
            id=uuid4().hex,
            requester=requester,
            resident=resident,
            purpose=purpose,
            sections=frozenset(sections),
            made_at=house.time[0],
            break_glass=None if break_glass is None else BreakGlass(break_glass),
        )
        with house.session() as session:
            return decide_only(patient(house), session, request)

    return ask
