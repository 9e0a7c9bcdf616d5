"""What every policy engine promises, tried on each: the embedded one, and a real OPA server."""

from __future__ import annotations

import math
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest

from broker.access.engines import Bundle, probe
from broker.errors import EngineUnavailable, EngineUnclear
from tests.access.engines.conftest import Served
from tests.access.engines.little import ODD_RULES, RULES, little_bundle, question

SOON = timedelta(seconds=5)
SPIN = 500_000  # far more than either engine counts to in the deadline it is given below


def test_the_answer_is_the_policys_and_carries_its_revision(served: Served) -> None:
    assert served.engine.decide(question("one"), deadline=SOON) == {"revision": "r1", "request": "one", "counted": 0}
    assert served.engine.revision() == "r1"


def test_the_probe_is_a_question_every_policy_can_answer(served: Served) -> None:
    assert served.engine.decide(dict(probe.QUESTION), deadline=SOON)["request"] == "probe"


def test_it_says_what_it_is(served: Served) -> None:
    assert served.engine.name in ("regorus", "opa")
    assert served.engine.version


def test_an_undefined_decision_is_unclear(served: Served) -> None:
    with pytest.raises(EngineUnclear):
        served.engine.decide({}, deadline=SOON)


@pytest.mark.parametrize("odd", ["null", "text", "true", "empty", "list", "undefined-text", "no-such-rule"])
def test_an_answer_that_is_no_decision_is_unclear(served: Served, odd: str) -> None:
    served.publish(little_bundle("r2", rules=ODD_RULES))
    with pytest.raises(EngineUnclear):
        served.engine.decide(question(odd), deadline=SOON)


@pytest.mark.parametrize("unsayable", [math.nan, math.inf, {1, 2}, object(), "half \ud800 a pair"])
def test_a_question_json_cannot_say_is_unclear_and_is_not_asked(served: Served, unsayable: Any) -> None:
    with pytest.raises(EngineUnclear):
        served.engine.decide(question("one", odd=unsayable), deadline=SOON)
    assert served.engine.decide(question("two"), deadline=SOON)["request"] == "two"


def test_a_new_bundle_takes_the_place_of_the_old(served: Served) -> None:
    served.publish(little_bundle("r2", rules=RULES.replace("input.request.id", '"always this"')))
    assert served.engine.decide(question("one"), deadline=SOON) == {
        "revision": "r2",
        "request": "always this",
        "counted": 0,
    }
    assert served.engine.revision() == "r2"


BAD = {
    "unparsable": little_bundle("bad", rules="package broker.decision\n\nresult := "),
    "another revision's data": little_bundle("bad", data={"sharing": {"revision": "good"}}),
    "data beside the root": little_bundle("bad", data={"sharing": {"revision": "bad"}, "broker": {"allow": True}}),
    "a package outside the roots": Bundle(
        "bad",
        {"broker/x.rego": RULES, "system/log.rego": "package system.log\n\nmask := {}\n"},
        {"sharing": {"revision": "bad"}},
    ),
    "brackets too deep": little_bundle("bad", rules=f"{RULES}\ndeep := {'[' * 9}{']' * 9}\n"),
    "too large": little_bundle("bad", rules=f"{RULES}\n# {'x' * 65536}\n"),
    "a string that never ends": little_bundle("bad", rules=f"{RULES}\nopen := `never\n"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_bad_bundle_is_refused_and_the_old_one_goes_on_serving(served: Served, bad: Bundle) -> None:
    with pytest.raises((EngineUnclear, EngineUnavailable)):
        served.publish(bad)
    assert served.engine.decide(question("one"), deadline=SOON)["revision"] == "r1"
    assert served.engine.revision() == "r1"


def test_an_answer_after_the_deadline_is_no_answer(served: Served) -> None:
    with pytest.raises(EngineUnavailable):
        served.engine.decide(question("late", spin=SPIN), deadline=timedelta(milliseconds=20))
    assert served.engine.decide(question("next"), deadline=SOON)["request"] == "next"


def test_a_deadline_already_passed_is_refused_at_once(served: Served) -> None:
    started = monotonic()
    with pytest.raises(EngineUnavailable):
        served.engine.decide(question("late"), deadline=timedelta(seconds=-1))
    assert monotonic() - started < 0.3


def test_sixteen_threads_at_once_each_get_their_own_answer(served: Served) -> None:
    together = threading.Barrier(16)

    def ask(thread: int) -> list[str]:
        together.wait()
        return [served.engine.decide(question(f"{thread}-{n}"), deadline=SOON)["request"] for n in range(25)]

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(ask, range(16)))
    assert answers == [[f"{thread}-{n}" for n in range(25)] for thread in range(16)]


def test_while_bundles_change_every_answer_is_whole_and_from_one_of_them(served: Served) -> None:
    done = threading.Event()

    def ask() -> set[str]:
        seen = set()
        while not done.is_set():
            seen.add(served.engine.decide(question("one"), deadline=SOON)["revision"])
        return seen

    with ThreadPoolExecutor(4) as threads:
        asking = [threads.submit(ask) for _ in range(4)]
        for number in range(2, 8):
            served.publish(little_bundle(f"r{number}"))
        done.set()
        seen = set().union(*(answer.result() for answer in asking))
    assert seen <= {f"r{number}" for number in range(1, 8)}
    assert served.engine.decide(question("one"), deadline=SOON)["revision"] == "r7"


def test_a_process_forked_later_gets_answers_and_so_does_its_parent(served: Served) -> None:
    served.engine.decide(question("before"), deadline=SOON)
    child = os.fork()
    if child == 0:
        answered = False
        try:
            answered = served.engine.decide(question("child"), deadline=SOON)["request"] == "child"
        finally:
            os._exit(0 if answered else 1)
    for number in range(20):
        assert served.engine.decide(question(f"p{number}"), deadline=SOON)["request"] == f"p{number}"
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_closed_engine_answers_nobody(served: Served) -> None:
    served.engine.close()
    with pytest.raises(EngineUnavailable):
        served.engine.decide(question("one"), deadline=SOON)
