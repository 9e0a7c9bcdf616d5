"""How long a decision takes on the embedded engine and on a real OPA server, and what each needs, as ratios.

    python -m benchmarks.decision [--json] [--decisions 200] [--sizes 10,1000,10000]

Every size is served at once by both engines, and each question is put to both in turn, a few times, the quickest of
which counts: what else the machine does then falls on all alike, so trust the ratios. Four of them have targets, and
each says whether it is met. OPA's own evaluation is what OPA says it took, without HTTP and without writing the answer.
What is asked again while its answer holds is remembered by the broker and not evaluated: that has a row of its own, and
the ratios are of decisions that nobody remembers. Memory is of new processes that have loaded one bundle and no more.
Questions are about random organisations; each has as many agreements of its own at every size. Without an OPA program
only the embedded engine is measured, and the report says so.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from benchmarks.cases import questions, world
from benchmarks.engine_alone import resident_mb
from benchmarks.measure import Row, parser, percentile, report
from broker.access.engines import DECISION, Bundle, strict
from broker.access.engines.bundle_file import bundle_file
from broker.access.engines.embedded import EmbeddedEngine
from broker.access.engines.opa_http import OpaEngine
from broker.access.engines.remembered import Remembering
from broker.agreements.canonical import canonical
from tests.access.engines.opa_server import find_opa, serving_opa

PATIENCE = timedelta(seconds=60)
WARMING = 20  # questions before any is counted
TURNS = 3  # times each question is put to each engine; the quickest counts

OF_EVALUATION = 0.6  # embedded decision over OPA's own evaluation
OF_HTTP = 0.25  # embedded decision over the whole decision by HTTP
FLAT = 1.1  # embedded decision with the most agreements over one with the fewest
OF_MEMORY = 0.25  # a process with the embedded engine over an OPA server, with the most agreements

EMBEDDED, HTTP, EVALUATION = "embedded engine", "OPA over HTTP", "OPA's own evaluation"
REMEMBERED = "embedded engine, a question answered before"  # apart from all the others, and in no ratio


@dataclass
class Asked:
    """One way of asking with one number of agreements, and the seconds each question took."""

    name: str
    agreements: int
    ask: Callable[[dict[str, Any]], float] = field(repr=False)
    seconds: list[float] = field(default_factory=list, repr=False)
    load_seconds: float = 0.0
    memory_mb: float = 0.0

    @property
    def p50(self) -> float:
        return percentile(self.seconds, 50)


# ---- the engines -----------------------------------------------------------------------------------------------------


def embedded(agreements: int, held: ExitStack) -> Asked:
    engine = EmbeddedEngine()
    held.callback(engine.close)
    bundle = world(agreements)
    took = _timed(lambda: engine.load(bundle))
    asked = Asked(EMBEDDED, agreements, lambda question: _timed(lambda: engine.decide(question, deadline=PATIENCE)))
    asked.load_seconds, asked.memory_mb = took, memory_of_embedded(bundle)
    return asked


def opa(agreements: int, held: ExitStack) -> list[Asked]:
    """Asked as the broker asks, and asked what its evaluation took. To load is until it answers with a new bundle."""
    server = held.enter_context(serving_opa(world(agreements, seed=3)))
    engine = OpaEngine(server.url, patience=PATIENCE)
    held.callback(engine.close)
    bundle = world(agreements)
    packed = bundle_file(bundle)

    def load() -> None:
        server.put(packed)
        engine.load(bundle)

    took = _timed(load)
    http = Asked(HTTP, agreements, lambda question: _timed(lambda: engine.decide(question, deadline=PATIENCE)))
    http.load_seconds, http.memory_mb = took, memory_of_opa(bundle)
    connection = HTTPConnection(urlsplit(server.url).netloc)
    held.callback(connection.close)
    return [http, Asked(EVALUATION, agreements, lambda question: _evaluation(connection, question))]


def _evaluation(connection: HTTPConnection, question: dict[str, Any]) -> float:
    """Seconds OPA says it took to read the question and evaluate the policy."""
    path = f"/v1/data/{DECISION.replace('.', '/')}?metrics"
    connection.request("POST", path, strict.to_json({"input": question}).encode())
    metrics = json.loads(connection.getresponse().read())["metrics"]
    return float(metrics["timer_rego_input_parse_ns"] + metrics["timer_rego_query_eval_ns"]) / 1e9


def remembered(agreements: int, decisions: int) -> Iterator[Row]:
    """The very same question again, while its answer holds: it is not evaluated."""
    engine = Remembering(EmbeddedEngine())
    engine.load(world(agreements))
    ordinary = (each for each in questions(agreements, ordinary=True) if each["request"]["break_glass"] is None)
    seconds = []
    for question in islice(ordinary, decisions):
        engine.decide(question, deadline=PATIENCE)
        again = partial(engine.decide, question, deadline=PATIENCE)
        seconds.append(min(_timed(again) for _ in range(TURNS)))
    engine.close()
    yield Row(f"{REMEMBERED}, {agreements:,} agreements: p50", percentile(seconds, 50) * 1000, "ms")


def _timed(act: Callable[[], object]) -> float:
    started = perf_counter()
    act()
    return perf_counter() - started


# ---- memory ----------------------------------------------------------------------------------------------------------


def memory_of_embedded(bundle: Bundle) -> float:
    """Megabytes of a new process that has loaded ``bundle`` as a worker of the broker does, and nothing else."""
    written = canonical(bundle.data[strict.DATA_ROOT]).decode()
    with TemporaryDirectory() as folder:
        kept = Path(folder) / "bundle.json"
        kept.write_text(strict.to_json([bundle.revision, dict(bundle.modules), written]), encoding="utf-8")
        command = [sys.executable, "-m", "benchmarks.engine_alone", str(kept)]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def memory_of_opa(bundle: Bundle) -> float:
    """Megabytes of a new OPA server that has loaded ``bundle`` once, and nothing else."""
    with serving_opa(bundle) as alone:
        return resident_mb(alone.pid)


# ---- asking ----------------------------------------------------------------------------------------------------------


def flatness(sizes: Sequence[Sequence[Asked]], decisions: int) -> float:
    """Of the very same questions with the fewest agreements and with the most, which hold the fewest among them."""
    few, many = sizes[0][0], sizes[-1][0]
    stream = questions(few.agreements, seed=4, ordinary=True)
    pairs: list[float] = []
    for question in islice(stream, decisions):
        turns = [(few.ask(question), many.ask(question)) for _ in range(TURNS)]
        quickest, other = map(min, zip(*turns, strict=True))
        pairs.append(other / quickest)
    return median(pairs)


def ask_in_turn(sizes: Sequence[Sequence[Asked]], decisions: int) -> None:
    """Every question to each way of asking with that number of agreements, before the next question to any."""
    streams = [(asked, questions(asked[0].agreements, ordinary=True)) for asked in sizes]
    for asked, stream in streams:
        for question in islice(stream, WARMING):
            for one in asked:
                one.ask(question)
    gc.collect()
    for _ in range(decisions):
        for asked, stream in streams:
            question = next(stream)
            turns = [[one.ask(question) for one in asked] for _ in range(TURNS)]
            for one, quickest in zip(asked, map(min, zip(*turns, strict=True)), strict=True):
                one.seconds.append(quickest)


# ---- what is said of it ----------------------------------------------------------------------------------------------


def rows(sizes: Sequence[Sequence[Asked]]) -> Iterator[Row]:
    for one in (one for asked in sizes for one in asked):
        name = f"{one.name}, {one.agreements:,} agreements"
        yield Row(f"{name}: p50", one.p50 * 1000, "ms")
        yield Row(f"{name}: p99", percentile(one.seconds, 99) * 1000, "ms")
        if one.memory_mb:
            yield Row(f"{name}: load", one.load_seconds * 1000, "ms")
            yield Row(f"{name}: memory", one.memory_mb, "MB")


def ratios(sizes: Sequence[Sequence[Asked]], flat: float) -> Iterator[Row]:
    """The four that have targets; those that need OPA, where it is."""
    fewest, most = sizes[0], sizes[-1]
    for asked in sizes:
        inside, *outside = asked
        for one, target in zip(outside, (OF_HTTP, OF_EVALUATION), strict=False):
            pairs = median(mine / theirs for mine, theirs in zip(inside.seconds, one.seconds, strict=True))
            yield Row(f"{inside.name} over {one.name}, {inside.agreements:,} agreements", pairs, "×", target)
    name = f"{EMBEDDED} with {most[0].agreements:,} agreements over {fewest[0].agreements:,}"
    yield Row(name, flat, "×", FLAT)
    if len(most) > 1:
        name = f"memory, {EMBEDDED} over OPA, {most[0].agreements:,} agreements"
        yield Row(name, most[0].memory_mb / most[1].memory_mb, "×", OF_MEMORY)


def measure(sizes: Sequence[int], decisions: int) -> list[Row]:
    with ExitStack() as held:
        served = [[embedded(size, held), *(opa(size, held) if find_opa() else [])] for size in sizes]
        ask_in_turn(served, decisions)
        return [*rows(served), *remembered(sizes[0], decisions), *ratios(served, flatness(served, decisions))]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--decisions", type=int, default=200, help="how many questions are measured for each size")
    options.add_argument("--sizes", default="10,1000,10000", help="numbers of agreements, fewest first")
    given = options.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    without = "" if find_opa() else " (embedded engine only: no OPA program here)"
    report(f"One decision{without}", measure(sizes, given.decisions), as_json=given.json)


if __name__ == "__main__":
    main()
