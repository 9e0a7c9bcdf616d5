"""A hundred thousand requests that nobody would send, in this process: none may be answered with a fault of ours.

    python -m benchmarks.fuzz [--json] [--requests 100000] [--seed 1]

The same requests as tests/attacks/test_fuzz.py makes, and many more of them. What the process holds is measured after a
tenth and at the end, so that a leak shows.
"""

from __future__ import annotations

import gc
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.engine_alone import resident_mb
from benchmarks.measure import Row, parser, report
from broker import migrations
from broker.database import open_engine
from tests.attacks.fuzzing import Found, Fuzzer
from tests.attacks.town import built

GROWTH_MB = 50.0


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--requests", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    began = time.monotonic()
    held: dict[str, float] = {}

    def say(number: int) -> None:
        if number in (max(1000, given.requests // 10_000 * 1000), 1000):
            gc.collect()
            held.setdefault("before", resident_mb("self"))
        print(f"  {number} requests, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)

    with TemporaryDirectory(prefix="broker-fuzz-") as folder, built(Path(folder), _template(Path(folder))) as town:
        found = Fuzzer(town, given.seed).run(given.requests, say=say)
        gc.collect()
        grown = resident_mb("self") - held.get("before", resident_mb("self"))
    seconds = time.monotonic() - began
    report(f"Fuzzed requests, seed {given.seed}", rows(found, seconds, grown), as_json=given.json)
    for line in [*found.broken[:20], *found.hung[:20]]:
        print(f"  {line}", file=sys.stderr)
    if found.broken or found.hung:
        raise SystemExit("a request was answered with a fault of ours, or hung")


def rows(found: Found, seconds: float, grown: float) -> list[Row]:
    kinds = Counter[int]()
    for status, count in found.statuses.items():
        kinds[status // 100] += count
    return [
        Row("requests answered", sum(found.statuses.values()), ""),
        Row("routes reached", len(found.routes), ""),
        *(Row(f"answered {kind}xx", kinds[kind], "") for kind in (2, 3, 4)),
        Row("answered 5xx", kinds[5], "", 0),
        Row("took more than two seconds of the processor", len(found.hung), "", 0),
        Row("requests a second", sum(found.statuses.values()) / seconds, "/s"),
        Row("memory grown by", grown, "MB", GROWTH_MB),
    ]


def _template(folder: Path) -> Path:
    path = folder / "template.sqlite3"
    engine = open_engine(f"sqlite:///{path}")
    migrations.upgrade(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


if __name__ == "__main__":
    main()
