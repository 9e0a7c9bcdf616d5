"""Prove the policy: what `make test` tries a few hundred times, tried a hundred thousand times on every processor.

    python -m benchmarks.prove [--n 100000] [--seed 1] [--processes 2] [--only reference|engines|mutation]

Three proofs, one line each, and an exit status that is not zero where any of them fails: the policy and an independent
model of its README give one answer; the embedded engine and a real OPA server give one answer; and no rule or condition
can be taken out or turned round without something noticing.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from benchmarks import cases, differential
from broker.access.engines.embedded import EmbeddedEngine
from tests.house import machine
from tests.policies import mutation, reference
from tests.policies.comparing import Conditions, differences
from tests.policies.questions import questions
from tests.policies.world import the_bundle

AGREEMENTS = 100
WORLDS = 20  # as many different sets of agreements, each asked about in an equal share of the questions
OF_THE_PLACE = 0.1  # the share of questions that are about the place's own agreements and their variations
SHOWN = 5
SPOILT = 0.1


@dataclass
class Proved:
    """How much was tried, how much of it permitted something, and what failed, in words."""

    tried: int = 0
    permitted: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, other: Proved) -> None:
        self.tried += other.tried
        self.permitted += other.permitted
        self.failures += other.failures


# ---- the policy and the reference model ------------------------------------------------------------------------------


def compare_with_reference(job: tuple[int, int]) -> Proved:
    """``count`` questions of the made-up world of ``seed``, and a share about the place's own agreements."""
    seed, count = job
    found = Proved()
    own = int(count * OF_THE_PLACE)
    engine = EmbeddedEngine()
    try:
        _compare(engine, cases.world(AGREEMENTS, seed=seed, tidy=seed % 2 == 0), _made_up(seed, count - own), found)
        _compare(engine, the_bundle(), _of_the_place(seed, own), found)
    finally:
        engine.close()
    return found


def _compare(engine: EmbeddedEngine, bundle: cases.Bundle, asked: Sequence[dict[str, object]], found: Proved) -> None:
    engine.load(bundle)
    conditions = Conditions(bundle)
    for question in asked:
        answer = engine.decide(question, deadline=differential.DEADLINE)
        model = reference.decide(question, bundle.data["sharing"], conditions.of(question))
        found.tried += 1
        found.permitted += any(not pair["reasons"] for pair in answer["pairs"])
        found.failures += [f"{question['request']}: {each}" for each in differences(answer, model)]


def _made_up(seed: int, count: int) -> list[dict[str, object]]:
    return list(islice(cases.questions(AGREEMENTS, seed=seed), count))


def _of_the_place(seed: int, count: int) -> list[dict[str, object]]:
    """Drawn as the property tests draw them, from a seed."""
    drawn: list[dict[str, object]] = []

    def keep(question: dict[str, object]) -> None:
        drawn.append(question)

    settled = {
        "database": None,
        "deadline": None,
        "phases": [Phase.generate],
        "suppress_health_check": list(HealthCheck),
    }
    seeded(seed)(settings(max_examples=count, **settled)(given(questions())(keep)))()
    return drawn


# ---- the two engines -------------------------------------------------------------------------------------------------


def compare_engines(job: tuple[int, int]) -> Proved:
    seed, count = job
    found = differential.run(count, share_spoiled=SPOILT, seed=seed, worlds=1)
    failures = [f"{name}: {found.counted[name]}" for name in (differential.DIFFERENT, differential.WIDER)]
    wrong = [each for each in failures if not each.endswith(": 0")]
    return Proved(count, found.counted["questions permitted"], wrong + [str(each) for each in found.examples])


# ---- mutants ---------------------------------------------------------------------------------------------------------


def try_mutants(mutants: Sequence[mutation.Mutant]) -> Proved:
    """A mutant that survives is a failure, but where tests/policies/mutation.py says why it changes nothing."""
    if not mutation.survives(mutation.untouched(mutants[0].module)):
        return Proved(len(mutants), 0, ["the policy as it is fails its own tests: nothing can be said of its mutants"])
    alive = [mutant for mutant in mutants if mutation.survives(mutant)]
    return Proved(len(mutants), 0, [str(mutant) for mutant in alive if mutant.key not in mutation.EQUIVALENT])


# ---- all of it -------------------------------------------------------------------------------------------------------


def worlds(count: int, seed: int) -> list[tuple[int, int]]:
    return [(seed + number, count // WORLDS) for number in range(WORLDS)]


def shares(mutants: Sequence[mutation.Mutant], of: int = 40) -> list[Sequence[mutation.Mutant]]:
    return [mutants[number::of] for number in range(of)]


def prove(name: str, act: Callable[..., Proved], jobs: Sequence[object], *, pool: ProcessPoolExecutor) -> Proved:
    began, found = time.monotonic(), Proved()
    for part in pool.map(act, jobs):
        found.add(part)
    outcome = f"{len(found.failures)} FAILED" if found.failures else "none failed"
    permitted = f", {100 * found.permitted // max(1, found.tried)} % permitted something" if found.permitted else ""
    print(f"{name}: {found.tried:,} tried{permitted}, {outcome}, {time.monotonic() - began:.0f} s", flush=True)
    for failure in found.failures[:SHOWN]:
        print(f"  {failure[:2000]}", file=sys.stderr)
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--n", type=int, default=100_000, help="how many questions, of each comparison")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--only", choices=("reference", "engines", "mutation"))
    given = options.parse_args()
    if not machine.opa():
        sys.exit("This needs an OPA program: put it on the PATH, or set OPA.")
    proofs: dict[str, tuple[str, Callable[..., Proved], Sequence[object]]] = {
        "reference": ("policy and reference model", compare_with_reference, worlds(given.n, given.seed)),
        "engines": ("embedded engine and OPA", compare_engines, worlds(given.n, given.seed)),
        "mutation": ("mutants of the policy", try_mutants, []),
    }
    failed = False
    with ProcessPoolExecutor(given.processes) as pool:
        for code, (name, act, jobs) in proofs.items():
            if given.only in (None, code):
                failed |= bool(prove(name, act, jobs or shares(mutation.every()), pool=pool).failures)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
