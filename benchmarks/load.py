"""Views per second that a broker sustains: real gunicorn, real HTTP, bound tokens, four loopback sources.

Every request carries a DPoP proof of its own, signed before the clock starts. The load is open-loop (``arrivals``).
Server, sources and load share this machine, so a busier machine measures less.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import aiohttp

from benchmarks import stubs
from benchmarks.arrivals import Arrivals, arrive
from benchmarks.measure import Row, parser, percentile, report
from benchmarks.measured import CLINICIAN, SECTIONS, Measured, measured
from benchmarks.partner import Partner, bound_token, registered
from broker.cli.serve import arguments
from broker.settings import Settings
from broker.vocabulary import Purpose

ROOT = Path(__file__).parents[1]
RATE, P95_MS, RSS_MB = 150.0, 300.0, 150.0
CHECKED_EVERY = 10  # every so many answers is read through; all are checked for their status


@dataclass(frozen=True)
class Worker:
    """One worker process: megabytes of all it has mapped and of its fair share, and processor seconds so far."""

    rss: float
    pss: float
    worked: float


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rate", type=float, default=RATE, help="views a second")
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--warm-up", type=float, default=3, help="seconds before measuring")
    options.add_argument("--sources", type=int, default=4)
    options.add_argument("--delay-ms", type=float, default=0)
    options.add_argument("--residents", type=int, default=500)
    options.add_argument("--workers", type=int, default=Settings.workers)
    options.add_argument("--threads", type=int, default=Settings.threads)
    given = options.parse_args()
    settings = Settings(
        bind=f"127.0.0.1:{_free_port()}", workers=given.workers, threads=given.threads, token_seconds=3600
    )
    with (
        stubs.serving(given.sources, delay_ms=given.delay_ms) as served,
        measured(served.urls, residents=given.residents, settings=settings) as broker,
        serving(broker) as gunicorn,
    ):
        partner = registered(broker)
        asyncio.run(load(broker, partner, rate=given.rate / 2, seconds=given.warm_up))
        before = workers(gunicorn.pid)
        arrivals = asyncio.run(load(broker, partner, rate=given.rate, seconds=given.seconds))
        after = workers(gunicorn.pid)
    title = f"{given.rate:g} views/s for {given.seconds:g} s, {given.sources} sources of {given.delay_ms:g} ms"
    report(
        f"{title}, {given.workers} workers × {given.threads} threads", rows(arrivals, before, after), as_json=given.json
    )
    for wrong, count in arrivals.errors.most_common():
        print(f"  {count} × {wrong}", file=sys.stderr)


def rows(arrivals: Arrivals, before: Sequence[Worker], after: Sequence[Worker]) -> list[Row]:
    taken = arrivals.taken or [float("inf")]
    answered = len(arrivals.taken) + sum(arrivals.errors.values())
    worked = sum(worker.worked for worker in after) - sum(worker.worked for worker in before)
    return [
        Row("good views a second", arrivals.achieved, "/s", arrivals.offered * 0.98, floor=True),
        Row("view p50", percentile(taken, 50), "ms"),
        Row("view p95", percentile(taken, 95), "ms", P95_MS),
        Row("view p99", percentile(taken, 99), "ms"),
        Row("slowest view", max(taken), "ms"),
        Row("errors", sum(arrivals.errors.values()), "", 0),
        # Unlike the rows above, hardly changed by what else this machine is doing.
        Row("processor time of the workers, each view", worked * 1000 / answered, "ms"),
        Row("generator late by, p99", percentile(arrivals.lag or [0.0], 99), "ms"),
        Row("largest worker, RSS", max((worker.rss for worker in after), default=0.0), "MB", RSS_MB),
        Row("largest worker, PSS", max((worker.pss for worker in after), default=0.0), "MB"),
    ]


async def load(broker: Measured, partner: Partner, *, rate: float, seconds: float) -> Arrivals:
    """Ask the serving broker for ``rate`` views a second, one resident after another."""
    url = f"{broker.settings.issuer}/api/records/view"
    token = bound_token(broker, partner, person=CLINICIAN)
    proofs = [partner.presenting(token, "POST", url) for _ in range(round(rate * seconds))]
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def send(number: int) -> str:
            return await _view(session, url, broker, number, proofs[number])

        return await arrive(send, rate=rate, seconds=seconds)


async def _view(
    session: aiohttp.ClientSession, url: str, broker: Measured, number: int, headers: Mapping[str, str]
) -> str:
    body = {
        "resident": broker.handles[number % len(broker.handles)],
        "purpose": Purpose.DIRECT_CARE.value,
        "sections": sorted(section.value for section in SECTIONS),
        "reason": "Benchmark",
    }
    try:
        async with session.post(url, json=body, headers=headers) as response:
            await response.read()
            if response.status != 200:
                return f"{response.status} {_why(await response.text())}"
            return _incomplete(await response.json()) if number % CHECKED_EVERY == 0 else ""
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return type(error).__name__


def _why(text: str) -> str:
    """The codes of a problem document; the start of anything else."""
    try:
        problem = json.loads(text)
        codes = sorted({reason["code"] for reason in problem.get("reasons", ())})
        return " ".join([problem["code"], *codes])
    except (ValueError, KeyError, TypeError):
        return text[:200]


def _incomplete(view: Mapping[str, Any]) -> str:
    """What a view lacks; "" where every section has entries and every source answered."""
    if any(source["state"] != "answered" for source in view["sources"]):
        return "a source did not answer"
    return "" if all(section["entries"] for section in view["sections"]) else "a section came back empty"


@contextmanager
def serving(broker: Measured) -> Iterator[subprocess.Popen[bytes]]:
    """The broker under gunicorn, as ``broker serve`` starts it."""
    settings = broker.settings
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("BROKER_")},
        "BROKER_DATA_FOLDER": str(settings.data_folder),
        "BROKER_BIND": settings.bind,
        "BROKER_EGRESS_HOSTS": ",".join(settings.egress_hosts),
        "BROKER_LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "-m", "gunicorn", *arguments(settings)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait_until_ready(f"{settings.issuer}/ready", process)
        yield process
    finally:
        process.terminate()
        process.wait(15)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], *, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            with urlopen(url, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError("the broker did not become ready")


def workers(parent: int) -> list[Worker]:
    """The worker processes of ``parent``; none where this machine has no /proc."""
    children = Path(f"/proc/{parent}/task/{parent}/children")
    return [_worker(Path("/proc") / pid) for pid in children.read_text().split()] if children.exists() else []


def _worker(process: Path) -> Worker:
    memory = {line.split(":")[0]: line.split() for line in (process / "smaps_rollup").read_text().splitlines()[1:]}
    ticks = (process / "stat").read_text().rpartition(")")[2].split()[11:13]  # utime and stime, proc(5)
    return Worker(
        rss=int(memory["Rss"][1]) / 1024,
        pss=int(memory["Pss"][1]) / 1024,
        worked=sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"),
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
