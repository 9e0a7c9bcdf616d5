"""What the broker adds to a view of eight sources that take 50 ms each: decide, ask, assemble, write both to the trail.

Measured at the function that releases a record, in this process, one view at a time.
"""

from __future__ import annotations

import http.client
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from benchmarks import stubs
from benchmarks.measure import Row, parser, percentile, report
from benchmarks.measured import Measured, measured
from broker.access.release import Refused, Release, release_record

ADDED_MS, ADDED_P99_MS = 15.0, 60.0  # the most the broker may add to its slowest source


@dataclass
class Views:
    """Wall-clock and processor milliseconds of each view that was whole, and what was wrong with the others."""

    taken: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--sources", type=int, default=8)
    options.add_argument("--delay-ms", type=float, default=50)
    options.add_argument("--views", type=int, default=200)
    given = options.parse_args()
    with stubs.serving(given.sources, delay_ms=given.delay_ms) as served:
        with measured(served.urls, residents=50) as broker:
            timed_views(broker, 10)
            views = timed_views(broker, given.views)
        alone = percentile(timed_source(served.urls[0], 50), 50)
    title = f"One view of {given.sources} sources, {given.delay_ms:g} ms each ({given.views} views)"
    report(title, rows(views, slowest=alone), as_json=given.json)
    for wrong, count in views.wrong.most_common():
        print(f"  {count} × {wrong}", file=sys.stderr)


def rows(views: Views, *, slowest: float) -> list[Row]:
    taken = views.taken or [float("inf")]
    p50 = percentile(taken, 50)
    return [
        Row("slowest source, asked alone, p50", slowest, "ms"),
        Row("view p50", p50, "ms", slowest + ADDED_MS),
        Row("view p95", percentile(taken, 95), "ms"),
        Row("view p99", percentile(taken, 99), "ms", slowest + ADDED_P99_MS),
        Row("added by the broker, p50", p50 - slowest, "ms", ADDED_MS),
        # Unlike the rows above, hardly changed by what else this machine is doing.
        Row("of the processor, p50", percentile(views.worked or [float("inf")], 50), "ms"),
        Row("views not whole", sum(views.wrong.values()), "", 0),
    ]


def timed_views(broker: Measured, count: int) -> Views:
    """A view that is refused or not whole is counted as wrong, and its time is not: a fast failure is no result."""
    views = Views()
    for number in range(count):
        request = broker.request(number)
        began, worked = time.perf_counter(), time.process_time()
        try:
            with broker.broker.sessions() as session:
                release = release_record(broker.broker, session, request)
            wrong = incomplete(release)
        except Refused as refused:
            wrong = "refused: " + ", ".join(sorted({r.value for pair in refused.decision.pairs for r in pair.reasons}))
        if wrong:
            views.wrong[wrong] += 1
            continue
        views.taken.append((time.perf_counter() - began) * 1000)
        views.worked.append((time.process_time() - worked) * 1000)
    return views


def incomplete(release: Release) -> str:
    """What a release lacks; "" where every source answered and every section has entries."""
    silent = sorted(source.source for source in release.view.sources if source.state != "answered")
    if silent:
        return f"no answer of {', '.join(silent)}"
    return "" if all(part.entries for part in release.view.sections) else "a section came back empty"


def timed_source(url: str, count: int) -> list[float]:
    """Milliseconds of each answer of one source, over one kept connection, without the broker."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        connection.request("POST", f"{parts.path}/Patient/_search", "identifier=9990000018", form)
        connection.getresponse().read()
        taken.append((time.perf_counter() - began) * 1000)
    connection.close()
    return taken


if __name__ == "__main__":
    main()
