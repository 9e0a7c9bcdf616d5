"""How long a decision takes, on the embedded engine and on a real OPA server, as agreements grow in number.

    python -m benchmarks.decision [--json] [--decisions 400] [--sizes 10,1000,10000]

Each size is served at the same time and asked in turn, so that what else the machine does falls on all alike: trust
the ratios. Questions are about random organisations; each has as many agreements of its own at every size. Without an
OPA program only the embedded engine is measured, and the report says so.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time

from benchmarks.cases import questions, world
from benchmarks.measure import Row, parser, percentile, report
from broker.access.engines import PolicyEngine
from broker.access.engines.bundle_file import bundle_file
from broker.access.engines.embedded import EmbeddedEngine
from broker.access.engines.opa_http import OpaEngine
from tests.access.engines.opa_server import OpaServer, find_opa, serving_opa

PATIENCE = timedelta(seconds=60)
FLAT = 1.2  # p50 with the most agreements over p50 with the fewest
WARMING = 20  # decisions before any is counted


@dataclass
class Served:
    """One engine with one number of agreements, and what was measured of it."""

    engine: PolicyEngine
    agreements: int
    load_seconds: float
    memory_mb: float
    seconds: list[float] = field(default_factory=list)
    processor_seconds: list[float] = field(default_factory=list)

    def row_name(self, what: str) -> str:
        return f"{self.engine.name} {what}, {self.agreements:,} agreements"


def embedded(agreements: int) -> Served:
    bundle = world(agreements)
    engine = EmbeddedEngine()
    started = perf_counter()
    engine.load(bundle)
    took = perf_counter() - started
    return Served(engine, agreements, took, memory_of_embedded(agreements))


def opa(agreements: int, held: ExitStack) -> Served:
    """``load`` here is from a new bundle lying in OPA's folder until OPA answers with it."""
    server: OpaServer = held.enter_context(serving_opa(world(agreements, seed=3)))
    engine = OpaEngine(server.url, patience=PATIENCE)
    bundle = world(agreements)
    packed = bundle_file(bundle)
    started = perf_counter()
    server.put(packed)
    engine.load(bundle)
    return Served(engine, agreements, perf_counter() - started, _resident_mb(server.pid))


def ask_in_turn(served: Sequence[Served], decisions: int) -> None:
    asked = [(one, questions(one.agreements, ordinary=True)) for one in served]
    for one, stream in asked:
        for question in islice(stream, WARMING):
            one.engine.decide(question, deadline=PATIENCE)
    gc.collect()
    for _ in range(decisions):
        for one, stream in asked:
            question = next(stream)
            started, busy = perf_counter(), process_time()
            one.engine.decide(question, deadline=PATIENCE)
            one.seconds.append(perf_counter() - started)
            one.processor_seconds.append(process_time() - busy)


def memory_of_embedded(agreements: int) -> float:
    """Megabytes a new process grows by when its engine loads, measured in one."""
    with multiprocessing.get_context("spawn").Pool(1) as alone:
        return alone.apply(_grown_mb, (agreements,))


def _grown_mb(agreements: int) -> float:
    bundle = world(agreements)
    engine = EmbeddedEngine()
    gc.collect()
    before = _resident_mb("self")
    engine.load(bundle)
    return _resident_mb("self") - before


def _resident_mb(process: int | str) -> float:
    status = Path(f"/proc/{process}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)


def rows(served: Sequence[Served]) -> Iterator[Row]:
    for one in served:
        yield Row(one.row_name("p50"), percentile(one.seconds, 50) * 1000, "ms")
        yield Row(one.row_name("p99"), percentile(one.seconds, 99) * 1000, "ms")
        yield Row(one.row_name("broker's processor time"), percentile(one.processor_seconds, 50) * 1000, "ms")
        yield Row(one.row_name("load"), one.load_seconds * 1000, "ms")
        yield Row(one.row_name("memory"), one.memory_mb, "MB")
    fewest, most = served[0], served[-1]
    name = f"{fewest.engine.name} p50 at {most.agreements:,} over p50 at {fewest.agreements:,}"
    ratio = percentile(most.seconds, 50) / percentile(fewest.seconds, 50)
    yield Row(name, ratio, "×", FLAT if fewest.engine.name == EmbeddedEngine.name else None)


def measure(sizes: Sequence[int], decisions: int) -> list[Row]:
    measured: list[Row] = []
    with ExitStack() as held:
        inside = [embedded(size) for size in sizes]
        ask_in_turn(inside, decisions)
        measured += rows(inside)
        for one in inside:
            one.engine.close()
        if find_opa():
            outside = [opa(size, held) for size in sizes]
            ask_in_turn(outside, decisions)
            measured += rows(outside)
    return measured


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--decisions", type=int, default=400, help="how many are measured for each size")
    options.add_argument("--sizes", default="10,1000,10000", help="numbers of agreements, fewest first")
    given = options.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    without = "" if find_opa() else " (embedded engine only: no OPA program here)"
    report(f"One decision{without}", measure(sizes, given.decisions), as_json=given.json)


if __name__ == "__main__":
    main()
