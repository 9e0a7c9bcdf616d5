"""Every source is asked at once and none is waited for past the deadline; what it did not say is stated."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from datetime import timedelta

import pytest

from broker.records import collect as collecting
from broker.records.collect import Ask, collect, run
from broker.records.source import Gap, ResidentIdentity, SourceAnswer, SourceSystem
from broker.vocabulary import GapCause, Section
from tests.records.cast import GP, HOSPITAL, RESIDENT, FakeSource, entry

TWO = frozenset({Section.PROBLEMS, Section.ALLERGIES})
SOON = timedelta(milliseconds=200)


def asked(*systems: SourceSystem, sections: frozenset[Section] = TWO) -> list[Ask]:
    return [Ask(system, sections) for system in systems]


def says(*entries: object) -> object:
    return lambda sections: SourceAnswer(entries=entries)  # type: ignore[arg-type]


def test_each_answer_comes_back_in_the_order_asked() -> None:
    slow = FakeSource(GP, says(entry("1")), delay=0.05)  # type: ignore[arg-type]
    quick = FakeSource(HOSPITAL, says(entry("2", source=HOSPITAL)))  # type: ignore[arg-type]
    outcomes = collect(asked(slow, quick), RESIDENT, deadline=SOON)
    assert [o.source for o in outcomes] == [GP, HOSPITAL]
    assert [o.answer.entries[0].id for o in outcomes] == ["1", "2"]
    assert outcomes[0].took > outcomes[1].took


def test_sources_are_asked_at_once() -> None:
    began = time.monotonic()
    collect(asked(*(FakeSource(f"s{i}", delay=0.1) for i in range(10))), RESIDENT, deadline=timedelta(seconds=1))
    assert time.monotonic() - began < 0.4


def test_a_late_source_is_a_gap_for_each_section_and_holds_up_nobody() -> None:
    cancelled = threading.Event()

    class Late(FakeSource):
        async def fetch(self, resident: ResidentIdentity, sections: frozenset[Section]) -> SourceAnswer:
            try:
                await asyncio.sleep(30)
            finally:
                cancelled.set()
            return SourceAnswer()

    began = time.monotonic()
    late, on_time = collect(asked(Late(GP), FakeSource(HOSPITAL)), RESIDENT, deadline=timedelta(milliseconds=100))
    assert time.monotonic() - began < 0.3
    assert late.answer.gaps == (Gap(Section.ALLERGIES, GapCause.LATE), Gap(Section.PROBLEMS, GapCause.LATE))
    assert on_time.answer == SourceAnswer()
    assert cancelled.wait(1)


def test_a_source_that_will_not_be_cancelled_holds_up_nobody() -> None:
    class Stubborn(FakeSource):
        async def fetch(self, resident: ResidentIdentity, sections: frozenset[Section]) -> SourceAnswer:
            for _ in range(5):
                try:
                    await asyncio.sleep(0.1)
                except asyncio.CancelledError:
                    continue
            raise RuntimeError("too late to matter")

    began = time.monotonic()
    (late,) = collect(asked(Stubborn(GP)), RESIDENT, deadline=timedelta(milliseconds=50))
    assert time.monotonic() - began < 0.3
    assert {gap.cause for gap in late.answer.gaps} == {GapCause.LATE}


def test_an_adapter_that_blocks_the_loop_does_not_hold_its_caller() -> None:
    class Blocking(FakeSource):
        async def fetch(self, resident: ResidentIdentity, sections: frozenset[Section]) -> SourceAnswer:
            time.sleep(0.5)  # noqa: ASYNC251 - the mistake this is about
            return SourceAnswer()

    began = time.monotonic()
    (late,) = collect(asked(Blocking(GP)), RESIDENT, deadline=timedelta(milliseconds=50))
    assert time.monotonic() - began < 0.45
    assert {gap.cause for gap in late.answer.gaps} == {GapCause.LATE}


def test_a_source_that_fails_is_a_gap_and_its_words_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fails(sections: frozenset[Section]) -> SourceAnswer:
        raise ValueError("943 476 5919 has HIV")

    with caplog.at_level(logging.DEBUG):
        (failed,) = collect(asked(FakeSource(GP, fails)), RESIDENT, deadline=SOON)
    assert failed.answer.gaps == (Gap(Section.ALLERGIES, GapCause.FAULT), Gap(Section.PROBLEMS, GapCause.FAULT))
    assert "ValueError" in caplog.text
    assert "943" not in caplog.text
    assert "HIV" not in caplog.text


def test_an_answer_that_is_no_answer_is_a_fault() -> None:
    (failed,) = collect(asked(FakeSource(GP, lambda sections: None)), RESIDENT, deadline=SOON)  # type: ignore[arg-type,return-value]
    assert {gap.cause for gap in failed.answer.gaps} == {GapCause.FAULT}


def test_what_was_not_asked_for_is_left_out_and_counted() -> None:
    answer = SourceAnswer(
        entries=(entry("1"), entry("2", section=Section.HOUSING), entry("3", source=HOSPITAL)),
        gaps=(Gap(Section.MONEY, GapCause.REFUSED), Gap(Section.PROBLEMS, GapCause.REFUSED)),
    )
    (outcome,) = collect(asked(FakeSource(GP, lambda sections: answer)), RESIDENT, deadline=SOON)
    assert [each.id for each in outcome.answer.entries] == ["1"]
    assert outcome.answer.gaps == (Gap(Section.PROBLEMS, GapCause.REFUSED),)
    assert outcome.dropped == 2


def test_nobody_asked_is_nothing_said() -> None:
    assert collect([], RESIDENT, deadline=SOON) == []


def test_many_requests_share_one_loop() -> None:
    loops = set()

    class Telling(FakeSource):
        async def fetch(self, resident: ResidentIdentity, sections: frozenset[Section]) -> SourceAnswer:
            loops.add(id(asyncio.get_running_loop()))
            return SourceAnswer()

    threads = [
        threading.Thread(target=collect, args=(asked(Telling(GP)), RESIDENT), kwargs={"deadline": SOON})
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loops) == 1


def test_a_forked_worker_has_a_loop_of_its_own() -> None:
    collect(asked(FakeSource(GP)), RESIDENT, deadline=SOON)
    collecting._own.lock.acquire()
    child = os.fork()
    if child == 0:
        (outcome,) = collect(asked(FakeSource(GP)), RESIDENT, deadline=timedelta(seconds=2))
        os._exit(0 if outcome.answer == SourceAnswer() else 1)
    collecting._own.lock.release()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_an_operators_check_runs_on_the_same_loop_to_a_limit() -> None:
    assert run(FakeSource(GP).check(), timeout=SOON).ok
    with pytest.raises(TimeoutError):
        run(asyncio.sleep(5), timeout=timedelta(milliseconds=20))
