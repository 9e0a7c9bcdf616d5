"""Large records: the processor time of a view of 500 entries, and time and memory of one of 5,000, beside HAPI FHIR.

Measured at the function that releases a record, in a process of its own for each size, with four loopback sources.
Where the machine has them (tests/peers/hapi), HAPI FHIR's own server stack answers `$everything` with as many entries
from its memory, in the same run: it decides, labels, joins and withholds nothing, so this is a scale and no contest.
"""

from __future__ import annotations

import http.client
import json
import resource
import subprocess
import sys
import time
from typing import Any
from urllib.parse import urlsplit

from benchmarks import stubs
from benchmarks.measure import Row, parser, percentile, report
from benchmarks.measured import SECTIONS, Measured, measured
from broker.access.release import release_record
from broker.api import render
from broker.records import view
from broker.records.collect import SourceOutcome
from broker.settings import Settings
from tests.house.machine import PEERS, hapi

SOURCES = 4
PROCESSOR_MS, LARGE_MS, LARGE_MB = 15.0, 400.0, 60.0


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--views", type=int, default=20)
    options.add_argument("--only", type=int, help="measure one size, in this process, and print it")
    given = options.parse_args()
    if given.only:
        print(json.dumps(one_size(given.only, given.views)))
        return
    small, large = (_alone(size, given.views) for size in (500, 5000))
    rows = [
        Row("500 entries: of the processor, p50, whole view", small["worked"], "ms", PROCESSOR_MS),
        Row("500 entries: … of which to assemble, label, join and withhold", small["assembled"], "ms"),
        Row("500 entries: view p50", small["taken"], "ms"),
        Row("5,000 entries: view p50", large["taken"], "ms", LARGE_MS),
        Row("5,000 entries: … of which to assemble, label, join and withhold", large["assembled"], "ms"),
        Row("5,000 entries: … as JSON, added", large["rendered"], "ms"),
        Row("5,000 entries: memory at its highest, above a view of none", large["grown"], "MB", LARGE_MB),
    ]
    rows += [Row(f"HAPI FHIR, $everything of {size:,}, p50", taken, "ms") for size, taken in _beside(given.views)]
    report(f"Large records ({SOURCES} sources, {given.views} views)", rows, as_json=given.json)
    if hapi() is None:
        print("  HAPI FHIR is not here to be measured beside (tests/peers/hapi)", file=sys.stderr)


def _alone(size: int, views: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.record", f"--only={size}", f"--views={views}"]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def one_size(size: int, views: int) -> dict[str, float]:
    each = size // SOURCES
    with stubs.serving(SOURCES, delay_ms=0, results=4) as served, measured(served.urls, residents=1) as broker:
        _timed(broker, 3)
    before = _peak()
    results = each - len(stubs.record("9990000018", stubs.BORN, 0))
    with (
        stubs.serving(SOURCES, delay_ms=0, results=results) as served,
        measured(served.urls, residents=1, settings=Settings(source_deadline_ms=30_000)) as broker,
    ):
        _timed(broker, 2)
        taken, worked, assembled, rendered = _timed(broker, views)
    return {
        "taken": percentile(taken, 50),
        "worked": percentile(worked, 50),
        "assembled": percentile(assembled, 50),
        "rendered": percentile(rendered, 50),
        "grown": _peak() - before,
    }


def _peak() -> float:
    """Megabytes of memory this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _timed(broker: Measured, views: int) -> tuple[list[float], list[float], list[float], list[float]]:
    taken, worked, rendered = [], [], []
    assembling = _Assembling()
    for number in range(views):
        request = broker.request(number)
        began, processor = time.perf_counter(), time.process_time()
        with broker.broker.sessions() as session:
            release = release_record(broker.broker, session, request)
        taken.append((time.perf_counter() - began) * 1000)
        worked.append((time.process_time() - processor) * 1000)
        assert {part.section for part in release.view.sections if part.entries} == SECTIONS, "a view that is not whole"
        began = time.perf_counter()
        json.dumps(render.release(release))
        rendered.append((time.perf_counter() - began) * 1000)
    assembling.end()
    return taken, worked, assembling.taken, rendered


class _Assembling:
    """Times ``view.assemble`` where it stands, for as long as it is not ended."""

    def __init__(self) -> None:
        self.taken: list[float] = []
        self._assemble = view.assemble
        view.assemble = self._timed  # type: ignore[assignment]

    def _timed(self, *, outcomes: list[SourceOutcome], **given: Any) -> view.RecordView:
        began = time.process_time()
        made = self._assemble(outcomes=outcomes, **given)
        self.taken.append((time.process_time() - began) * 1000)
        return made

    def end(self) -> None:
        view.assemble = self._assemble


def _beside(views: int) -> list[tuple[int, float]]:
    """Milliseconds of HAPI FHIR's answers, by how many entries each has; empty where it is not installed."""
    library = hapi()
    if library is None:
        return []
    return [(size, _hapi(str(library), size, views)) for size in (500, 5000)]


def _hapi(library: str, size: int, views: int) -> float:
    command = ["java", "-cp", f"{library}/*", str(PEERS / "hapi" / "Everything.java")]
    record = stubs.record("9990000018", stubs.BORN, size - len(stubs.record("9990000018", stubs.BORN, 0)))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
        assert peer.stdin is not None
        assert peer.stdout is not None
        try:
            peer.stdin.write(json.dumps(record) + "\n")
            peer.stdin.flush()
            place = urlsplit(peer.stdout.readline().strip())
            connection = http.client.HTTPConnection(place.netloc)
            taken = []
            for _ in range(views + 30):  # the first ones are compiled while they run
                began = time.perf_counter()
                connection.request(
                    "GET", f"{place.path}/Patient/stub/$everything", headers={"Accept": "application/fhir+json"}
                )
                body = connection.getresponse().read()
                taken.append((time.perf_counter() - began) * 1000)
            assert len(json.loads(body)["entry"]) == size, "not as many entries"
            return percentile(taken[30:], 50)
        finally:
            peer.terminate()


if __name__ == "__main__":
    main()
