"""What is particular to the embedded engine: its threads, its start-up vectors, and what a panic does to it."""

from __future__ import annotations

import gc
import itertools
import sys
import threading
from datetime import timedelta
from typing import Any

import pytest
import regorus

from broker.access.engines import conformance, open_engine
from broker.access.engines.embedded import EmbeddedEngine, evaluate_case
from broker.access.engines.remembered import Remembering
from broker.errors import EngineUnavailable, EngineUnclear
from broker.settings import Settings
from tests.access.engines.little import little_bundle, question

SOON = timedelta(seconds=5)


def owners(*, since: frozenset[threading.Thread] = frozenset()) -> list[threading.Thread]:
    """The threads that own an engine, but for those there were before: another test's may end at any moment."""
    return [each for each in threading.enumerate() if each.name.startswith("policy ") and each not in since]


def test_it_is_what_opens_where_nothing_else_is_set(settings: Settings) -> None:
    opened = open_engine(settings)
    assert isinstance(opened, Remembering)
    assert (opened.name, opened.version) == (EmbeddedEngine.name, EmbeddedEngine.version)


def test_without_a_policy_it_answers_nobody() -> None:
    with pytest.raises(EngineUnavailable):
        EmbeddedEngine().decide(question(), deadline=SOON)


def test_it_answers_every_start_up_vector_as_opa_does() -> None:
    conformance.check(evaluate_case)


def test_a_build_of_it_that_reads_rego_otherwise_refuses_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lax(_Wrapped):
        def eval_rule_as_json(self, rule: str) -> str:
            return "{}" if rule.endswith(".sets") else self.real.eval_rule_as_json(rule)

    monkeypatch.setattr(regorus, "Engine", Lax)
    with pytest.raises(EngineUnclear, match=r"broker\.conformance\.sets$"):
        EmbeddedEngine()


def test_a_new_bundle_leaves_one_thread_and_closing_leaves_none() -> None:
    before = frozenset(owners())
    engine = EmbeddedEngine()
    for number in range(3):
        engine.load(little_bundle(f"r{number}"))
    for thread in owners(since=before)[:-1]:
        thread.join(2)
    [last] = owners(since=before)
    engine.close()
    last.join(2)
    assert owners(since=before) == []


def test_a_refused_bundle_leaves_no_thread_and_ends_its_engine_where_it_was_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    misplaced: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", misplaced.append)
    before = frozenset(owners())
    engine = EmbeddedEngine()
    with pytest.raises(EngineUnclear) as refused:
        engine.load(little_bundle(rules='package broker.decision\n\nresult := {"revision": "another"}\n'))
    for thread in owners(since=before):
        thread.join(2)
    assert owners(since=before) == []
    assert "another" in str(refused.value)
    del refused
    gc.collect()
    assert misplaced == []


def test_the_fault_in_a_bundle_is_named_without_the_stack_behind_it() -> None:
    with pytest.raises(EngineUnclear) as refused:
        EmbeddedEngine().load(little_bundle(rules="package broker.decision\n\nresult := [1\n"))
    assert "broker/decision/decision.rego:4:1" in str(refused.value)
    assert "backtrace" not in str(refused.value)


def test_a_panic_refuses_its_asker_and_retires_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    made = itertools.count()

    class Panicking(_Wrapped):
        def __init__(self) -> None:
            super().__init__()
            next(made)

        def set_input_json(self, text: str) -> None:
            (_ELSEWHERE if "panic" in text else self.real).set_input_json(text)

    engine = EmbeddedEngine()
    monkeypatch.setattr(regorus, "Engine", Panicking)
    engine.load(little_bundle())
    with pytest.raises(EngineUnavailable):
        engine.decide(question("panic"), deadline=SOON)
    assert engine.decide(question("after"), deadline=SOON)["request"] == "after"
    assert next(made) == 2, "the next question is answered by an engine made since"
    engine.close()


class _Wrapped:
    """regorus' engine, to be changed in one respect."""

    def __init__(self) -> None:
        self.real: Any = _REAL()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


_REAL = regorus.Engine
_ELSEWHERE = regorus.Engine()  # made on this thread, so that touching it on another is a real panic
