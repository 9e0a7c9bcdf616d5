"""A source that keeps failing is left alone for a moment, and that is stated; it is never taken for an empty one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from broker.records.collect import Ask, SourceOutcome, collect
from broker.records.resting import Resting
from broker.records.source import Asker, Gap, ResidentIdentity, SourceAnswer, urgent
from broker.vocabulary import GapCause, Purpose, Role, Section
from tests.records.cast import GP, RESIDENT, FakeSource, entry

ASKED = frozenset({Section.PROBLEMS})
SOON = timedelta(milliseconds=300)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def failing(cause: GapCause = GapCause.FAULT) -> SourceAnswer:
    return SourceAnswer(gaps=(Gap(Section.PROBLEMS, cause),))


def somebody(place: int) -> ResidentIdentity:
    """One of many residents, each another."""
    return replace(RESIDENT, local_ids={GP: f"local-{place}"})


def ask(answer: SourceAnswer, resting: Resting, resident: ResidentIdentity = RESIDENT) -> SourceOutcome:
    source = FakeSource(GP, lambda sections: answer)
    (outcome,) = collect([Ask(source, ASKED)], resident, deadline=SOON, resting=resting)
    return outcome


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def resting(clock: Clock) -> Resting:
    return Resting(failures=3, seconds=30, clock=clock)


def close(resting: Resting) -> None:
    for place in range(3):
        ask(failing(), resting, somebody(place))


def test_a_source_that_failed_for_three_residents_is_not_asked_about_a_fourth(resting: Resting) -> None:
    close(resting)
    outcome = ask(SourceAnswer((entry("1"),)), resting)
    assert outcome.answer.gaps == (Gap(Section.PROBLEMS, GapCause.RESTING),)
    assert not outcome.answer.entries


def test_one_that_failed_twice_and_then_answered_is_asked_on(resting: Resting) -> None:
    for place, answer in enumerate((failing(), failing(), SourceAnswer((entry("1"),)), failing(), failing())):
        ask(answer, resting, somebody(place))
    assert ask(SourceAnswer((entry("1"),)), resting).answer.entries


def test_after_its_rest_one_request_finds_out_for_the_others(resting: Resting, clock: Clock) -> None:
    close(resting)
    clock.now += 31
    assert not resting.rests(GP)  # the one that finds out
    assert resting.rests(GP)  # the others, meanwhile
    resting.note(GP, SourceAnswer(), ASKED, RESIDENT)
    assert not resting.rests(GP)


def test_a_source_that_still_fails_rests_again(resting: Resting, clock: Clock) -> None:
    close(resting)
    clock.now += 31
    assert ask(failing(GapCause.LATE), resting, somebody(9)).answer.gaps[0].cause is GapCause.LATE
    assert ask(SourceAnswer(), resting).answer.gaps[0].cause is GapCause.RESTING


@pytest.mark.parametrize("cause", [GapCause.FAULT, GapCause.LATE, GapCause.BUSY])
def test_one_record_that_fails_however_often_closes_a_source_to_nobody_else(resting: Resting, cause: GapCause) -> None:
    for _ in range(20):
        assert ask(failing(cause), resting).answer.gaps[0].cause is cause
    assert ask(SourceAnswer((entry("1"),)), resting, somebody(1)).answer.entries


def test_an_adapter_that_breaks_over_one_record_closes_a_source_to_nobody_else(resting: Resting) -> None:
    def breaks(sections: frozenset[Section]) -> SourceAnswer:
        raise RuntimeError("this one record")

    for _ in range(20):
        (outcome,) = collect([Ask(FakeSource(GP, breaks), ASKED)], RESIDENT, deadline=SOON, resting=resting)
        assert outcome.answer.gaps[0].cause is GapCause.FAULT
    assert ask(SourceAnswer((entry("1"),)), resting, somebody(1)).answer.entries


def test_one_that_cannot_be_reached_is_left_alone_whoever_is_asked_about(resting: Resting) -> None:
    for _ in range(3):
        ask(failing(GapCause.UNREACHABLE), resting)
    assert ask(SourceAnswer(), resting, somebody(1)).answer.gaps[0].cause is GapCause.RESTING


def test_a_record_that_fails_after_the_rest_finds_out_nothing_and_the_next_asks(resting: Resting, clock: Clock) -> None:
    close(resting)
    assert ask(SourceAnswer(), resting, somebody(0)).answer.gaps[0].cause is GapCause.RESTING
    clock.now += 31
    assert ask(failing(), resting, somebody(0)).answer.gaps[0].cause is GapCause.FAULT
    assert ask(SourceAnswer((entry("1"),)), resting, somebody(1)).answer.entries


def test_what_tells_residents_apart_holds_nothing_of_them_and_is_of_no_use_in_another_process() -> None:
    numbered = replace(RESIDENT, nhs_number="9990000018")
    kept = []
    for _ in range(2):
        resting = Resting()
        resting.note(GP, failing(), ASKED, numbered)
        kept.append(repr(vars(resting)))
        assert "9990000018" not in kept[-1]
        assert numbered.born_on.isoformat() not in kept[-1]
        ((mark,),) = resting._failed.values()
        kept[-1] = repr(mark)
    assert kept[0] != kept[1]


def test_whether_it_is_an_emergency_is_known_to_whatever_asks_and_to_nothing_else() -> None:
    known = []

    def answer(sections: frozenset[Section]) -> SourceAnswer:
        known.append(urgent.get())
        return SourceAnswer()

    for purpose in (Purpose.EMERGENCY, Purpose.DIRECT_CARE):
        asked_by = Asker("XX9GP1", Role.CLINICIAN, purpose, "r1")
        collect([Ask(FakeSource(GP, answer), ASKED)], replace(RESIDENT, asked_by=asked_by), deadline=SOON)
    assert known == [True, False]


@pytest.mark.parametrize("cause", [GapCause.WRONG_PERSON, GapCause.NOT_LINKED, GapCause.MALFORMED, GapCause.TOO_LARGE])
def test_what_is_said_of_one_resident_never_closes_a_source_to_others(resting: Resting, cause: GapCause) -> None:
    for place in range(20):
        ask(failing(cause), resting, somebody(place))
    assert ask(SourceAnswer((entry("1"),)), resting).answer.entries


def test_an_emergency_asks_a_source_that_rests(resting: Resting) -> None:
    for purpose, asked in ((Purpose.EMERGENCY, True), (Purpose.DIRECT_CARE, False)):
        for place in range(3):
            resting.note(GP, failing(), ASKED, somebody(place))
        asking = replace(RESIDENT, asked_by=Asker("XX9GP1", Role.CLINICIAN, purpose, "r1"))
        outcome = ask(SourceAnswer((entry("1"),)), resting, asking)
        assert bool(outcome.answer.entries) is asked


def test_a_source_with_less_patience_than_the_others_is_let_go_sooner() -> None:
    slow = FakeSource(GP, lambda sections: SourceAnswer((entry("1"),)), delay=0.2)
    deadline = timedelta(seconds=2)
    (late,) = collect([Ask(slow, ASKED, within=timedelta(milliseconds=50))], RESIDENT, deadline=deadline)
    assert late.answer.gaps == (Gap(Section.PROBLEMS, GapCause.LATE),)
    (whole,) = collect([Ask(slow, ASKED, within=timedelta(seconds=1))], RESIDENT, deadline=deadline)
    assert whole.answer.entries
