"""An engine with a memory answers as one without: at every instant, and whatever it was asked before."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest

from benchmarks import cases
from broker.access.engines import Bundle
from broker.access.engines.embedded import EmbeddedEngine
from broker.access.engines.remembered import Remembering
from broker.errors import EngineUnavailable

SOON = timedelta(seconds=30)
CONDITIONS = "conditions/DSA-00000.rego"
HEAD = 'package conditions["DSA-00000"]\n\n'


class Counting:
    """An engine that says how often it was asked, and that can be made to fail."""

    name, version = "counting", "1"

    def __init__(self, engine: EmbeddedEngine) -> None:
        self.engine, self.asked, self.fails = engine, 0, False

    def load(self, bundle: Bundle) -> None:
        if self.fails:
            raise EngineUnavailable("it fails")
        self.engine.load(bundle)

    def decide(self, question: Mapping[str, Any], *, deadline: timedelta) -> Mapping[str, Any]:
        self.asked += 1
        if self.fails:
            raise EngineUnavailable("it fails")
        return self.engine.decide(question, deadline=deadline)

    def revision(self) -> str | None:
        return self.engine.revision()

    def close(self) -> None:
        self.engine.close()


@pytest.fixture(scope="module")
def rules() -> Bundle:
    return cases.world(60, tidy=False)


@pytest.fixture
def plain(rules: Bundle) -> Iterator[Counting]:
    engine = Counting(EmbeddedEngine())
    yield engine
    engine.close()


@pytest.fixture
def remembering(plain: Counting, rules: Bundle) -> Remembering:
    engine = Remembering(plain)
    engine.load(rules)
    return engine


def at(question: dict[str, Any], time: int, *, id: str = "another") -> dict[str, Any]:
    return {**question, "request": {**question["request"], "id": id, "time": time}}


def ordinary(*, seed: int = 2) -> dict[str, Any]:
    """A question that is no emergency, whose answer ends."""
    return next(q for q in cases.questions(60, seed=seed, ordinary=True) if q["request"]["break_glass"] is None)


def asked(engine: Remembering, question: dict[str, Any]) -> Mapping[str, Any]:
    return engine.decide(question, deadline=SOON)


def _instants(question: dict[str, Any], chance: random.Random) -> list[int]:
    """Random times, and the second before, of and after each instant that the question names."""
    facts = [*question["facts"]["relationships"], *question["facts"]["provisions"]]
    named = {each.get(edge) for each in facts for edge in ("from", "until", "ended")} - {None}
    around = [instant + off for instant in named for off in (-1, 0, 1)]
    drawn = [cases.NOW + chance.randint(-2 * cases.DAY, 2 * cases.DAY) for _ in range(3)]
    times = [*around, *drawn, cases.NOW - 1, cases.NOW, cases.NOW + 1, cases.NOW + cases.DAY]
    chance.shuffle(times)
    return times


@pytest.mark.slow
def test_it_answers_as_the_engine_does_at_every_instant(plain: Counting, remembering: Remembering) -> None:
    chance, put = random.Random(5), 0
    for question in islice(cases.questions(60, seed=9), 40):
        for time in _instants(question, chance):
            expected = plain.engine.decide(at(question, time), deadline=SOON)
            until = expected["valid_until"]
            for moment in (time, time, *(() if until is None else (until - 1, until))):
                put += 1
                asking = at(question, moment, id=f"q{put}")
                assert asked(remembering, asking) == plain.engine.decide(asking, deadline=SOON)
    assert plain.asked < put * 2 / 3  # the others were remembered


def test_the_same_question_is_evaluated_once(plain: Counting, remembering: Remembering) -> None:
    first = asked(remembering, at(ordinary(), cases.NOW, id="first"))
    again = asked(remembering, at(ordinary(), cases.NOW, id="again"))
    assert plain.asked == 1
    assert (first["request"], again["request"]) == ("first", "again")
    assert {**first, "request": ""} == {**again, "request": ""}


def test_what_is_done_to_an_answer_is_not_remembered(remembering: Remembering) -> None:
    first = dict(asked(remembering, ordinary()))
    first["pairs"].clear()
    assert asked(remembering, ordinary())["pairs"]
    asked(remembering, ordinary())["pairs"].clear()
    assert asked(remembering, ordinary())["pairs"]


def test_it_is_asked_again_once_its_answer_is_over_and_before_it_was_made(
    plain: Counting, remembering: Remembering
) -> None:
    until = asked(remembering, at(ordinary(), cases.NOW))["valid_until"]
    asked(remembering, at(ordinary(), until - 1))
    assert plain.asked == 1
    asked(remembering, at(ordinary(), until))
    assert plain.asked == 2
    asked(remembering, at(ordinary(), cases.NOW - 1))
    assert plain.asked == 3


def test_another_resident_is_another_question(plain: Counting, remembering: Remembering) -> None:
    asked(remembering, ordinary())
    asked(remembering, {**ordinary(), "resident": {**ordinary()["resident"], "id": "resident-2"}})
    assert plain.asked == 2


@pytest.mark.parametrize("change", [{"purpose": "emergency"}, {"break_glass": {"reason": "Collapsed"}}, {"time": 1.5}])
def test_an_emergency_is_never_remembered(plain: Counting, remembering: Remembering, change: dict[str, Any]) -> None:
    put = {**ordinary(), "request": {**ordinary()["request"], **change}}
    asked(remembering, put)
    asked(remembering, put)
    assert plain.asked == 2


def test_new_rules_are_asked_anew(plain: Counting, remembering: Remembering, rules: Bundle) -> None:
    asked(remembering, ordinary())
    changed = replace(rules, revision="other", data={"sharing": {**rules.data["sharing"], "revision": "other"}})
    remembering.load(changed)
    assert asked(remembering, ordinary())["revision"] == "other"
    assert plain.asked == 2


def test_a_failure_is_not_remembered(plain: Counting, remembering: Remembering) -> None:
    plain.fails = True
    with pytest.raises(EngineUnavailable):
        asked(remembering, ordinary())
    plain.fails = False
    assert asked(remembering, ordinary())["pairs"]


def test_once_closed_it_answers_nobody(remembering: Remembering) -> None:
    asked(remembering, ordinary())
    remembering.close()
    with pytest.raises(EngineUnavailable):
        asked(remembering, ordinary())


def test_the_least_used_are_forgotten_first(plain: Counting, rules: Bundle) -> None:
    engine = Remembering(plain, most=2)
    engine.load(rules)
    one, two, three = [{**ordinary(), "resident": {**ordinary()["resident"], "id": id}} for id in ("a", "b", "c")]
    for question in (one, two, one, three, one):
        asked(engine, question)
    assert plain.asked == 3
    asked(engine, two)
    assert plain.asked == 4


def test_an_answer_larger_than_its_memory_is_not_kept(plain: Counting, rules: Bundle) -> None:
    engine = Remembering(plain, most_bytes=10)
    engine.load(rules)
    asked(engine, ordinary())
    asked(engine, ordinary())
    assert plain.asked == 2


CHANGING = [
    'deny contains "no-agreement" if input.request.time > 1',
    'deny contains "no-agreement" if input.request.id == "x"',
    'deny contains "no-agreement" if input["request"]["time"] > 1',
    'import input as asked\n\ndeny contains "no-agreement" if asked.request.time > 1',
    'deny contains "no-agreement" if input.request["time"] > 1',
    'deny contains "no-agreement" if time.now_ns() > 1',
    'deny contains "no-agreement" if data.sharing.revision == ""',
]


@pytest.mark.parametrize("condition", CHANGING)
def test_nothing_is_remembered_where_a_condition_could_read_the_time(
    plain: Counting, rules: Bundle, condition: str
) -> None:
    engine = Remembering(plain)
    engine.load(replace(rules, modules={**rules.modules, CONDITIONS: HEAD + condition}))
    asked(engine, ordinary())
    asked(engine, ordinary())
    assert plain.asked == 2


def test_a_condition_that_reads_the_purpose_is_no_hindrance(plain: Counting, rules: Bundle) -> None:
    condition = 'deny contains "no-agreement" if input.request.purpose == "time"'
    engine = Remembering(plain)
    engine.load(replace(rules, modules={**rules.modules, CONDITIONS: HEAD + condition}))
    asked(engine, ordinary())
    asked(engine, ordinary())
    assert plain.asked == 1
