"""Rules evaluated in a child process: the same answers as in this one, and nothing that a draft does can hold us."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from broker.access.engines import DECISION, Bundle, child
from broker.access.engines.child import Case, Limits, check, evaluate, evaluate_cases
from broker.errors import EngineUnavailable, EngineUnclear
from tests.access.engines.little import little_bundle, question

LOOPS = """package broker.decision

result := count([1 | some a in numbers.range(1, 100000); some b in numbers.range(1, 100000); a + b == 0])
"""
GROWS = """package broker.decision

result := count([[a, b, "x"] | some a in numbers.range(1, 10000); some b in numbers.range(1, 10000)])
"""
RECURS = """package broker.decision

_deeper(x) := _deeper(x + 1)

result := _deeper(1)
"""


def asked(rules: str, **limits: Any) -> list[dict[str, Any]]:
    return list(evaluate(little_bundle(rules=rules), [question()], limits=Limits(**limits)))


# ---- what it answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_answers_come_in_the_order_of_the_questions_however_many_work(workers: int) -> None:
    questions = [question(str(number)) for number in range(7)]
    found = [item[DECISION]["request"] for item in evaluate(little_bundle(), questions, workers=workers)]
    assert found == [str(number) for number in range(7)]


def test_no_question_has_no_answer() -> None:
    assert list(evaluate(little_bundle(), [])) == []


def test_a_question_may_be_text_already() -> None:
    (item,) = evaluate(little_bundle(), ['{"request": {"id": "as text"}}'])
    assert item[DECISION]["request"] == "as text"


def test_a_document_that_is_not_there_is_none_and_says_why() -> None:
    (item,) = evaluate(little_bundle(), [question()], documents=[DECISION, "broker.nowhere.at_all"])
    assert item["broker.nowhere.at_all"] is None
    assert item[child.PROBLEMS].keys() == {"broker.nowhere.at_all"}
    assert item[DECISION]["revision"] == "r1"


def test_an_undefined_document_is_none() -> None:
    (item,) = asked("package broker.decision\n\nresult := input.nowhere\n")
    assert item == {DECISION: None}


def test_the_lines_that_had_a_part_are_told_after_the_last_answer() -> None:
    rules = "package broker.decision\n\nresult := 1 if input.yes\n\nresult := 2 if input.no\n"
    *items, report = evaluate(little_bundle(rules=rules), [{"yes": True}, {"yes": True}], coverage=True, workers=2)
    assert [item[DECISION] for item in items] == [1, 1]
    lines = report["coverage"]["broker/decision/decision.rego"]
    assert 3 in lines["covered"]
    assert 5 in lines["covered"] + lines["not_covered"]


def test_one_set_of_rules_is_asked_of_several_data() -> None:
    bundle = little_bundle()
    cases = [Case(question(), {"sharing": {"revision": revision}}) for revision in ("a", "b", "a")]
    found = evaluate_cases(bundle.modules, cases, documents=[DECISION])
    assert [item[DECISION]["revision"] for item in found] == ["a", "b", "a"]


# ---- what stops it ---------------------------------------------------------------------------------------------------


@pytest.mark.slow  # a whole second of processor time, by RLIMIT_CPU's own unit
@pytest.mark.parametrize(
    ("rules", "limits", "named"),
    [
        (LOOPS, {"cpu_seconds": 1}, "1 seconds of processor time"),
        (LOOPS, {"wall_seconds": 0.3}, "no answer within 0.3 seconds"),
        (GROWS, {"memory_mb": 120}, "120 MB of memory"),
        (RECURS, {}, "too deep"),
    ],
    ids=["loops", "waits", "grows", "recurs"],
)
def test_what_does_not_end_is_stopped_and_the_limit_is_named(rules: str, limits: dict[str, Any], named: str) -> None:
    with pytest.raises(EngineUnavailable, match=named):
        asked(rules, **limits)


def test_text_that_would_take_minutes_to_read_is_never_read() -> None:
    with pytest.raises(EngineUnclear, match="nested more than"):
        asked(f"package broker.decision\n\nresult := {'[' * 20}{']' * 20}\n")


def test_rules_that_cannot_be_read_are_unclear_and_the_place_is_named() -> None:
    with pytest.raises(EngineUnclear, match=r"decision\.rego:3:11: expecting expression$"):
        asked("package broker.decision\n\nresult := := 1\n")


def test_a_package_outside_its_roots_is_unclear() -> None:
    with pytest.raises(EngineUnclear, match="outside"):
        asked("package elsewhere\n\nresult := 1\n")


def test_an_answer_without_end_is_refused() -> None:
    text = "x" * 500
    rules = f"""package broker.decision

_text := concat("", ["{text}" | some _ in numbers.range(1, 100)])

result := [concat("", [_text, format_int(n, 10)]) | some n in numbers.range(1, 500)]
"""
    with pytest.raises(EngineUnavailable, match="an answer of more than"):
        asked(rules, memory_mb=4096)


def test_stopping_early_leaves_no_process_behind() -> None:
    before = _children()  # another test's servers may be among them
    answers = evaluate(little_bundle(), [question(str(number)) for number in range(50)], workers=2)
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    assert set(_children()) <= set(before)


def test_a_child_is_given_no_setting_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKER_SECRET", "do not tell")
    (item,) = asked("package broker.decision\n\nresult := opa.runtime()\n")
    assert "do not tell" not in str(item)


def test_a_child_can_open_nothing_more(tmp_path: Path) -> None:
    program = tmp_path / "reaching_out.py"
    program.write_text(
        "import os, socket\n"
        "from broker.access.engines.confined import Limits, confine\n"
        "confine(Limits(), parent=os.getppid(), streams=(1, 2))\n"
        "for reach in (lambda: socket.socket(), lambda: open('/etc/hostname')):\n"
        "    try:\n"
        "        reach()\n"
        "        print('reached')\n"
        "    except OSError:\n"
        "        print('refused')\n"
    )
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True, env=_with_path())
    assert done.stdout.split() == ["refused", "refused"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_child_whose_parent_is_gone_does_not_begin() -> None:
    program = "from broker.access.engines.confined import Limits, confine; confine(Limits(), parent=1, streams=(2,))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, env=_with_path())
    assert done.returncode == 1


def _with_path() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _children() -> list[str]:
    """The processes this one has started that are still there."""
    task = Path(f"/proc/self/task/{os.getpid()}/children")
    return task.read_text().split() if task.exists() else []


# ---- what is found in a draft ----------------------------------------------------------------------------------------


def test_every_module_is_read_and_each_fault_has_its_place() -> None:
    found = check(
        {
            "a.rego": "package broker.a\nx := := 1\n",
            "b.rego": 'package conditions["B"]\n\ndeny contains "y" if nosuch(1)\n',
            "c.rego": f"package broker.c\nx := {'[' * 20}{']' * 20}\n",
            "good.rego": "package broker.good\n\nx := 1\n",
        }
    )
    assert {(each.file, each.line, each.code) for each in found} == {
        ("a.rego", 2, "rego-invalid"),
        ("b.rego", 3, "rego-invalid"),
        ("c.rego", None, "rego-unsafe"),
    }
    assert all("backtrace" not in each.message.lower() for each in found)


@pytest.mark.slow
def test_one_that_does_not_end_does_not_hide_the_others() -> None:
    loops = LOOPS.replace("broker.decision", "broker.a")
    found = check({"a.rego": loops, "b.rego": "package broker.b\nx := := 1\n"}, limits=Limits(cpu_seconds=1))
    assert {(each.file, each.code) for each in found} == {("a.rego", "rego-stopped"), ("b.rego", "rego-invalid")}


def test_good_rules_have_no_finding() -> None:
    bundle: Bundle = little_bundle()
    assert check(bundle.modules) == []
