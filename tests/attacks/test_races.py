"""Stopping while others read: no read that starts after the stop was acknowledged succeeds, whatever is in flight."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from typing import Any

import pytest

from tests.conformance.rows import row
from tests.doors.conftest import House
from tests.doors.test_records import find
from tests.people import FOOD_BANK, NOON

READERS, STOPS = 6, 12
QUESTION = {
    "subject": {"type": "person", "id": "adviser"},
    "action": {"name": "share", "properties": {"purpose": "advice-debt"}},
}


@dataclass(frozen=True)
class Read:
    started: float
    permitted: bool


@row("T3")
@pytest.mark.slow
def test_no_read_that_starts_after_a_stop_is_acknowledged_succeeds(house: House) -> None:
    adviser, ada = house.token(person="adviser"), house.token(resident="ada")
    handle = find(house, adviser)

    def evaluated() -> bool:
        resource = {"type": "record-section", "id": "housing", "properties": {"resident": handle}}
        answer = house.call("POST", "/access/v1/evaluation", token=adviser, json={**QUESTION, "resource": resource})
        assert answer.status_code == 200, answer.text
        return answer.get_json()["decision"] is True

    def viewed() -> bool:
        body = {"resident": handle, "purpose": "advice-debt", "sections": ["housing"], "reason": "Rent"}
        answer = house.call("POST", "/api/records/view", token=adviser, json=body)
        assert answer.status_code in (200, 403), answer.text
        return bool(answer.status_code == 200)

    for read in (evaluated, viewed):
        reads, acknowledged = [], []
        for _ in range(STOPS // 2):
            consent = _given(house, ada)
            assert read(), "what is about to be stopped must stand"
            during, at = _while_stopping(read, lambda consent=consent: _stop(house, ada, consent))  # type: ignore[misc]
            reads.append(during)
            acknowledged.append(at)
        late = [each for during, at in zip(reads, acknowledged, strict=True) for each in during if each.started > at]
        assert len(late) >= STOPS // 2 * READERS, "some reads must have started afterwards"
        assert not any(each.permitted for each in late)


def _while_stopping(read: Callable[[], bool], stop: Callable[[], None]) -> tuple[list[Read], float]:
    """Every read of several threads around one stop, and when it was acknowledged. Each reads once more after that."""
    over = Event()

    def reading() -> list[Read]:
        found = []
        while True:
            last = over.is_set()
            started = time.monotonic()
            found.append(Read(started, read()))
            if last:
                return found

    with ThreadPoolExecutor(READERS) as pool:
        readers = [pool.submit(reading) for _ in range(READERS)]
        stop()
        at = time.monotonic()
        over.set()
        return [each for reader in readers for each in reader.result()], at


def _given(house: House, ada: str) -> str:
    body: dict[str, Any] = {"organisation": FOOD_BANK, "purposes": ["advice-debt"], "sections": ["housing"]}
    body["until"] = (NOON + timedelta(days=3)).isoformat()
    answer = house.call("POST", "/api/my/consents", token=ada, json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["id"])


def _stop(house: House, ada: str, consent: str) -> None:
    answer = house.call("POST", f"/api/my/consents/{consent}/withdraw", token=ada)
    assert answer.status_code == 200, answer.text
