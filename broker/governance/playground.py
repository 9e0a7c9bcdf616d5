"""Put a question to rules that may be anybody's draft: the answer, why, and which lines of the rules had a part in it.

Everything runs in a child process within limits. Nothing here is a decision: it is not on the trail, and opens nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from broker.access.engines import DECISION, Bundle, child, strict
from broker.access.engines.child import Limits, evaluate_cases
from broker.errors import EngineUnavailable, EngineUnclear, Fault
from broker.governance.explaining import Explanation, explain

PLAYING = Limits(cpu_seconds=5, memory_mb=512, wall_seconds=10.0)


@dataclass(frozen=True)
class Covered:
    """The lines of one file that had a part in the answer, and those that could have had; both from 1, in order."""

    covered: tuple[int, ...]
    not_covered: tuple[int, ...]

    @property
    def share(self) -> int:
        """How much was covered, in whole per cent, rounded down; 100 where there is nothing to cover."""
        lines = len(self.covered) + len(self.not_covered)
        return 100 if lines == 0 else 100 * len(self.covered) // lines


@dataclass(frozen=True)
class Played:
    """What came of it. ``answer`` and ``explanation`` are None where ``problem`` says why there is none."""

    answer: Mapping[str, Any] | None = None
    explanation: Explanation | None = None
    coverage: Mapping[str, Covered] = field(default_factory=dict)
    problem: str | None = None


def play(bundle: Bundle, question: Mapping[str, Any], *, limits: Limits = PLAYING) -> Played:
    """Ask ``bundle`` this one question (``policies/schemas/input.json``). Never raises for what is in either."""
    try:
        item, report = child.evaluate(bundle, [question], coverage=True, limits=limits)
        answer = strict.result_of(item[DECISION])
    except (EngineUnavailable, EngineUnclear) as fault:
        return Played(problem=_sentence(fault))
    coverage = {
        path: Covered(tuple(lines["covered"]), tuple(lines["not_covered"]))
        for path, lines in sorted(report["coverage"].items())
    }
    explanation = explain(bundle, question, answer, evaluate=partial(evaluate_cases, limits=limits))
    return Played(answer, explanation, coverage, explanation.problem)


def _sentence(fault: Fault) -> str:
    text = str(fault).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
