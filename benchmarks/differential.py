"""Do the embedded engine and a real OPA server answer alike? Asks both the same made-up questions and compares.

    python -m benchmarks.differential [--json] [--n 100000] [--spoiled 0.1] [--seed 1]

A share of the questions is spoiled: a value of another type, or none. No door lets one through, and on those the two
engines may word a refusal differently: the embedded one holds more things to be errors. Whole questions must be
answered alike to the last character, and on no question at all may the embedded engine open more than OPA.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any

from benchmarks.cases import questions, spoiled, world
from benchmarks.measure import Row, parser, report
from broker.access.engines import PolicyEngine
from broker.access.engines.embedded import EmbeddedEngine
from broker.access.engines.opa_http import OpaEngine
from broker.errors import EngineUnclear
from broker.vocabulary import Sensitivity
from tests.access.engines.opa_server import find_opa, running_opa

DEADLINE = timedelta(seconds=30)
AGREEMENTS = 200
WORLDS = 10  # as many different sets of agreements, each asked about in an equal share of the questions
SHOWN = 3  # differences kept whole, to be looked into

ALIKE, DIFFERENT, WIDER = "alike", "whole, and different", "more permissive"
REFUSED_OTHERWISE = "spoiled, and refused otherwise"


@dataclass
class Found:
    """How often what was seen. ``examples`` are questions answered differently, with both answers."""

    counted: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def different(self) -> int:
        return self.counted[DIFFERENT] + self.counted[WIDER]


def compare(
    embedded: PolicyEngine, opa: PolicyEngine, asked: Iterator[tuple[dict[str, Any], bool]], found: Found
) -> None:
    for question, whole in asked:
        ours, theirs = _answer(embedded, question), _answer(opa, question)
        verdict = _verdict(ours, theirs, whole=whole)
        found.counted[verdict] += 1
        found.counted["questions permitted"] += bool(_permitted(theirs))
        found.counted["pairs permitted"] += sum(label == "" for _, _, label in _permitted(theirs))
        found.counted["pairs asked"] += len(theirs["pairs"]) if theirs else 0
        if verdict in (DIFFERENT, WIDER) and len(found.examples) < SHOWN:
            found.examples.append({"question": question, "embedded": ours, "opa": theirs})


def _answer(engine: PolicyEngine, question: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What it answers; None where that is unclear, which is a refusal of everything."""
    try:
        return engine.decide(question, deadline=DEADLINE)
    except EngineUnclear:
        return None


def _verdict(ours: Mapping[str, Any] | None, theirs: Mapping[str, Any] | None, *, whole: bool) -> str:
    if _text(ours) == _text(theirs):
        return ALIKE
    if not _permitted(ours) <= _permitted(theirs):
        return WIDER
    return DIFFERENT if whole else REFUSED_OTHERWISE


def _text(answer: Mapping[str, Any] | None) -> str:
    return json.dumps(answer, sort_keys=True)


def _permitted(answer: Mapping[str, Any] | None) -> set[tuple[str, str, str]]:
    """What an answer opens, down to each sensitivity not withheld; the empty one is what is not sensitive."""
    opened = [pair for pair in answer["pairs"] if not pair["reasons"]] if answer else []
    return {
        (str(pair["section"]), str(pair["source"]), label)
        for pair in opened
        for label in {"", *Sensitivity} - set(pair["withheld_labels"])
    }


def run(count: int, *, share_spoiled: float, seed: int, worlds: int = WORLDS) -> Found:
    found = Found()
    for number in range(worlds):
        bundle = world(AGREEMENTS, seed=seed + number, tidy=number % 2 == 0)
        embedded = EmbeddedEngine()
        with ExitStack() as held:
            opa = OpaEngine(held.enter_context(running_opa(bundle)), patience=DEADLINE)
            held.callback(opa.close)
            held.callback(embedded.close)
            embedded.load(bundle)
            opa.load(bundle)
            compare(embedded, opa, asked(count // worlds, share_spoiled, seed + number), found)
    return found


def asked(count: int, share_spoiled: float, seed: int) -> Iterator[tuple[dict[str, Any], bool]]:
    """Questions, each with whether it is whole. Every so many is spoiled, evenly spread."""
    due = 0.0
    for number, question in enumerate(islice(questions(AGREEMENTS, seed=seed, ordinary=False), count)):
        due += share_spoiled
        whole = due < 1
        due -= 0 if whole else 1
        yield (question if whole else spoiled(question, seed=number)), whole


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--n", type=int, default=10_000, help="how many questions")
    options.add_argument("--spoiled", type=float, default=0.1, help="the share of them that is spoiled")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    if not find_opa():
        sys.exit("This needs an OPA program: put it on the PATH, or set OPA.")
    found = run(given.n, share_spoiled=given.spoiled, seed=given.seed)
    names = (ALIKE, REFUSED_OTHERWISE, DIFFERENT, WIDER, "pairs asked", "pairs permitted")
    report("Embedded engine and OPA", [Row(name, found.counted[name], "") for name in names], as_json=given.json)
    for example in found.examples:
        print(json.dumps(example), file=sys.stderr)
    sys.exit(1 if found.different else 0)


if __name__ == "__main__":
    main()
