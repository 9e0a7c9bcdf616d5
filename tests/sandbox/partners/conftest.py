"""The servers these tests ask: one with three people, one with a million, one that wants a token, one that is empty."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.partners.faults import FaultBoard, control
from sandbox.partners.fhir_server import FhirServer
from sandbox.partners.holdings import Holdings, Records
from sandbox.partners.process import new_app
from tests.sandbox.partners.partner import AMillion, Partner, ThreePeople, serving


def _partner(records: Records | None, token: str | None = None) -> Iterator[Partner]:
    app, board = new_app(), FaultBoard()
    control(app, board, {"lock-keepers-gp": "fhir"})
    FhirServer("lock-keepers-gp", Holdings(records), base="/fhir", board=board, token=token).add_to(app)
    with serving(app) as partner:
        yield partner


@pytest.fixture
def practice() -> Iterator[Partner]:
    yield from _partner(ThreePeople())


@pytest.fixture
def large_practice() -> Iterator[Partner]:
    yield from _partner(AMillion())


@pytest.fixture
def guarded_practice() -> Iterator[Partner]:
    yield from _partner(ThreePeople(), token="open-sesame")


@pytest.fixture
def empty_practice() -> Iterator[Partner]:
    yield from _partner(None)
