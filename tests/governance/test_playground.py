"""A question put to anybody's draft: the answer, why, and the lines behind it. A draft that misbehaves is stopped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from broker.access import pdp
from broker.access.engines.child import Limits
from broker.governance.playground import Covered, play
from tests.policies.world import asked, scenarios, the_bundle

LOOPS = """package broker.legal_bar

labels := {label |
	some label, _ in data.sharing.vocabulary.labels
	count([1 | some a in numbers.range(1, 100000); some b in numbers.range(1, 100000); a + b == 0]) > 0
}
"""


def question(name: str = "a role outside the agreement is refused") -> dict[str, Any]:
    (scenario,) = [each for each in scenarios()["scenarios"] if each["name"] == name]
    given = asked(scenarios()["base"], scenario)
    return pdp.question(given.request, given.facts)


def test_a_question_has_an_answer_why_and_the_lines_behind_it() -> None:
    found = play(the_bundle(), question())
    assert found.problem is None
    assert found.answer is not None
    assert found.explanation is not None
    assert {code for row in found.answer["pairs"] for code in row["reasons"]} == {"role-not-in-agreement"}
    assert [str(miss) for miss in found.explanation.near_misses] == ["MG-ADVICE: everything fits but the role."]
    assert found.coverage.keys() <= the_bundle().modules.keys()
    assert found.coverage["broker/agreement/agreement.rego"].covered


def test_another_question_reaches_other_lines() -> None:
    emergency = play(the_bundle(), question("a hospital clinician breaks the glass for somebody they have never met"))
    everyday = play(the_bundle(), question())
    path = "broker/emergency/emergency.rego"
    assert set(emergency.coverage[path].covered) > set(everyday.coverage[path].covered)


@pytest.mark.slow
def test_a_draft_that_loops_is_stopped_and_the_limit_is_named() -> None:
    modules = {**the_bundle().modules, "broker/legal_bar/legal_bar.rego": LOOPS}
    found = play(replace(the_bundle(), modules=modules), question(), limits=Limits(cpu_seconds=1))
    assert (found.answer, found.explanation) == (None, None)
    assert found.problem == "The rules were stopped: more than 1 seconds of processor time."


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("package broker.decision\nresult := := 1\n", "expecting expression"),
        (f"package broker.decision\nresult := {'[' * 20}{']' * 20}\n", "nested more than"),
        ("package broker.decision\nresult := input.nowhere\n", "undefined"),
        ("package broker.decision\nresult := true\n", "not a decision"),
    ],
)
def test_a_draft_that_gives_no_decision_is_a_problem_in_words(text: str, problem: str) -> None:
    modules = {**the_bundle().modules, "broker/decision/decision.rego": text}
    found = play(replace(the_bundle(), modules=modules), question())
    assert found.answer is None
    assert found.problem is not None
    assert problem in found.problem


@pytest.mark.parametrize("odd", [{}, {"request": 5}, {"subject": []}])
def test_an_odd_question_is_refused_and_explained(odd: dict[str, Any]) -> None:
    found = play(the_bundle(), odd)
    assert found.answer is not None
    assert found.problem == "The question cannot be read by the rules."


def test_a_share_of_nothing_is_the_whole() -> None:
    assert [Covered((), ()).share, Covered((1,), (2, 3)).share, Covered((1, 2), ()).share] == [100, 33, 100]
