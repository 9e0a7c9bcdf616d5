"""Thousands of requests that nobody would send: each is refused or answered, and none is a fault of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attacks.fuzzing import Fuzzer
from tests.attacks.town import built

pytestmark = pytest.mark.slow
REQUESTS = 4_000  # ``python -m benchmarks.fuzz`` sends a hundred thousand


def test_no_request_is_answered_with_a_fault_or_hangs(tmp_path: Path, sqlite_template: Path) -> None:
    with built(tmp_path, sqlite_template) as town:
        found = Fuzzer(town, seed=20261122).run(REQUESTS)
    assert found.broken == []
    assert found.hung == []
    assert sum(found.statuses.values()) > REQUESTS * 0.95
    # Half wrong reaches further than wholly wrong: some are taken, and some are refused for each kind of reason.
    assert {200, 400, 401, 403, 404, 422} <= set(found.statuses)
    assert len(found.routes) > 80
