"""Ask several sources at once and wait no longer than a deadline. Keeps nothing, and never says what is not said.

One event loop runs on one thread for each process, made on first use so that a forked worker has its own. Adapters
keep their connections on it, which is what makes asking fast.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import threading
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any, TypeVar

from broker.records.resting import Resting
from broker.records.source import Gap, ResidentIdentity, SourceAnswer, SourceSystem, urgent
from broker.vocabulary import GapCause, Purpose, Section

_log = logging.getLogger("broker.records")
T = TypeVar("T")
# How long past the deadline the loop itself is waited for: an adapter that blocks it must not hold the caller.
_GRACE_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Ask:
    """One source, the sections it may be asked for, and how long it may take where that is less than the deadline."""

    system: SourceSystem
    sections: frozenset[Section]
    within: timedelta | None = None


@dataclass(frozen=True, slots=True)
class SourceOutcome:
    """What one source said, or why it said nothing. ``took`` is from the moment all were asked.

    ``dropped`` counts entries left out because they were not what was asked for: another section's or source's.
    """

    source: str
    label: str
    organisation: str
    sections: frozenset[Section]
    answer: SourceAnswer
    took: timedelta
    dropped: int = 0


def collect(
    asks: Sequence[Ask], resident: ResidentIdentity, *, deadline: timedelta, resting: Resting | None = None
) -> list[SourceOutcome]:
    """Ask every source at once; one outcome for each, in the order of ``asks``.

    A source that is late is cancelled, and gives a gap for each of its sections, as does one that fails: absence is
    always stated. ``resting`` knows which keep failing: they are left alone for a moment, and that is stated too.
    Never raises for a source's fault.
    """
    if not asks:
        return []
    waiting = asyncio.run_coroutine_threadsafe(_ask_all(asks, resident, deadline, resting or Resting()), _loop())
    try:
        return waiting.result(deadline.total_seconds() + _GRACE_SECONDS)
    except concurrent.futures.TimeoutError:
        waiting.cancel()
        _log.error("the sources' event loop is blocked; an adapter waits without awaiting")
        return [_outcome(ask, _gaps(ask, GapCause.LATE), deadline) for ask in asks]


def run(coroutine: Coroutine[Any, Any, T], *, timeout: timedelta) -> T:
    """Run one coroutine on the sources' loop, as an operator's check does. Raises TimeoutError, and what it raises."""
    waiting = asyncio.run_coroutine_threadsafe(coroutine, _loop())
    try:
        return waiting.result(timeout.total_seconds())
    except concurrent.futures.TimeoutError:
        waiting.cancel()
        raise


async def _ask_all(
    asks: Sequence[Ask], resident: ResidentIdentity, deadline: timedelta, resting: Resting
) -> list[SourceOutcome]:
    tasks = [asyncio.create_task(_ask(ask, resident, resting)) for ask in asks]
    _, late = await asyncio.wait(tasks, timeout=deadline.total_seconds())
    for task in late:
        task.cancel()  # and not waited for: an adapter that will not stop must not hold the others' answers
    return [
        _outcome(ask, _gaps(ask, GapCause.LATE), deadline) if task in late else task.result()
        for ask, task in zip(asks, tasks, strict=True)
    ]


async def _ask(ask: Ask, resident: ResidentIdentity, resting: Resting) -> SourceOutcome:
    began = monotonic()
    urgent.set(_is_emergency(resident))  # in this task's own context, so for this source and this request alone
    if resting.rests(ask.system.id) and not urgent.get():
        return _outcome(ask, _gaps(ask, GapCause.RESTING), timedelta())
    try:
        async with asyncio.timeout(ask.within.total_seconds() if ask.within else None) as patience:
            answer = await ask.system.fetch(resident, ask.sections)
        checked, dropped = _checked(ask, answer)
    except TimeoutError:
        cause = GapCause.LATE if patience.expired() else GapCause.FAULT
        checked, dropped = _gaps(ask, cause), 0
    except asyncio.CancelledError:
        resting.note(ask.system.id, _gaps(ask, GapCause.LATE), ask.sections, resident)
        raise
    except Exception as error:
        # The kind of error and no more: its message or its traceback could hold what the source said of somebody.
        _log.error("source %s failed: %s", ask.system.id, type(error).__name__)
        checked, dropped = _gaps(ask, GapCause.FAULT), 0
    resting.note(ask.system.id, checked, ask.sections, resident)
    return _outcome(ask, checked, timedelta(seconds=monotonic() - began), dropped)


def _is_emergency(resident: ResidentIdentity) -> bool:
    return resident.asked_by is not None and resident.asked_by.purpose is Purpose.EMERGENCY


def _checked(ask: Ask, answer: SourceAnswer) -> tuple[SourceAnswer, int]:
    """The answer without what was not asked for. An adapter's mistake must not become a way round a decision."""
    kept = tuple(
        entry for entry in answer.entries if entry.section in ask.sections and entry.provenance.source == ask.system.id
    )
    dropped = len(answer.entries) - len(kept)
    if dropped:
        _log.warning("source %s gave %d entries that were not asked for; left out", ask.system.id, dropped)
    gaps = tuple(gap for gap in answer.gaps if gap.section in ask.sections)
    return SourceAnswer(kept, gaps, dict(answer.not_understood)), dropped


def _gaps(ask: Ask, cause: GapCause) -> SourceAnswer:
    return SourceAnswer(gaps=tuple(Gap(section, cause) for section in sorted(ask.sections)))


def _outcome(ask: Ask, answer: SourceAnswer, took: timedelta, dropped: int = 0) -> SourceOutcome:
    system = ask.system
    return SourceOutcome(system.id, system.label, system.organisation, ask.sections, answer, took, dropped)


class _Loops:
    """The loop of this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.loop: asyncio.AbstractEventLoop | None = None


_own = _Loops()


def _loop() -> asyncio.AbstractEventLoop:
    with _own.lock:
        if _own.loop is None:
            _own.loop = asyncio.new_event_loop()
            threading.Thread(target=_own.loop.run_forever, name="sources", daemon=True).start()
        return _own.loop


def _forget() -> None:
    # After a fork: the loop's thread was not copied, and the lock may be held by one that was not.
    global _own
    _own = _Loops()


os.register_at_fork(after_in_child=_forget)
