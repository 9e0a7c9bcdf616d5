"""What it costs to keep every decision so that it can be made again, and to make ten thousand of them again.

    python -m benchmarks.replay [--json] [--decisions 10000] [--agreements 1000]

Recorded decisions are drawn as a service brings them: different residents, organisations, purposes and sections, most
asked for more than once over the days a decision is kept. They are opened from a database of their own, and asked of
the real rules in two child processes: once with alike questions asked once, and once with each asked by itself.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import insert

from benchmarks.cases import DAY, NOW, questions, world
from benchmarks.measure import Row, parser, percentile, report
from benchmarks.measured import BY, Measured, measured
from broker.access.facts import gather
from broker.access.release import _decide, _decided
from broker.agreements.canonical import canonical
from broker.governance import recorded
from broker.governance.recorded import decisions, without_names
from broker.governance.replay import WORKERS, Replayed, replay
from broker.governance.sealed import Keys

ADDED_MS = 0.5  # of the processor, to one view
SECONDS = 15.0  # for ten thousand decisions
AGAIN = 0.6  # how likely a question is asked once more: 2.5 times in the mean
KEPT_DAYS = 180


def main() -> None:
    options = parser(__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--decisions", type=int, default=10_000)
    options.add_argument("--agreements", type=int, default=1_000)
    given = options.parse_args()
    with measured(("http://127.0.0.1:1", "http://127.0.0.1:2"), residents=50) as broker:
        rows = [*recording(broker), *replaying(broker, given.decisions, given.agreements)]
    title = (
        f"Decisions kept and made again: {given.decisions:,}, {given.agreements:,} agreements, {os.cpu_count()} cores"
    )
    report(title, rows, as_json=given.json)


def recording(measured: Measured, times: int = 300) -> list[Row]:
    """Processor time of one thread: what writing a decision's record adds to writing its entry."""
    broker, made, plain, beside, sizes = measured.broker, [], [], [], []
    for number in range(times):
        request = measured.request(number)
        with broker.sessions() as session:
            registered = broker.sources.registered(session)
            facts = gather(session, request, registered.systems, registered.kinds)
            decision = _decide(broker, session, request, facts)
        began = time.thread_time()
        rows = broker.recorder(request, facts, decision)
        made.append(time.thread_time() - began)
        sizes.append(len(dict(rows[0][1])["sealed"]))
        event = _decided(request, decision)
        began = time.thread_time()
        broker.trail.record(event, now=request.made_at)
        plain.append(time.thread_time() - began)
        began = time.thread_time()
        broker.trail.record(event, now=request.made_at, beside=rows)
        beside.append(time.thread_time() - began)
    writing = percentile(beside, 50) - percentile(plain, 50)
    added = (percentile(made, 50) + writing) * 1000
    return [
        Row("making a record, of the processor, p50", percentile(made, 50) * 1000, "ms"),
        Row("writing it with its entry, of the processor, p50", writing * 1000, "ms"),
        Row("added to a view, of the processor, p50", added, "ms", ADDED_MS),
        Row("a record of 5 sections of 2 sources, p50", percentile(sizes, 50), "bytes"),
    ]


def replaying(measured: Measured, count: int, agreements: int) -> list[Row]:
    rules, keys = world(agreements), Keys.of(measured.settings)
    drawn = list(mixture(count, agreements))
    sizes = keep(measured, keys, drawn)
    began = time.perf_counter()
    with measured.broker.sessions() as session:
        now = datetime.fromtimestamp(NOW, UTC)
        found = [each.question for each in decisions(measured.broker, session, by=BY, now=now, limit=count)]
    opened = time.perf_counter() - began
    once, took, worked = timed(lambda: replay(rules, found))
    each, plainly, worked_plainly = timed(lambda: replay(rules, found, alike_once=False))
    target = SECONDS * count / 10_000
    differing = sum(one != other for one, other in zip(once.answers, each.answers, strict=True))
    return [
        Row("a record, p50", percentile(sizes, 50), "bytes"),
        Row("a record, p95", percentile(sizes, 95), "bytes"),
        Row("opening them", opened, "s"),
        Row("alike questions asked once: that were asked", once.asked, ""),
        Row("alike questions asked once: opened and replayed", opened + took, "s", target),
        Row("alike questions asked once: of the processor", worked, "s"),
        Row(f"each by itself, {WORKERS} processes: opened and replayed", opened + plainly, "s", target),
        Row("each by itself: of the processor", worked_plainly, "s"),
        Row("answers that differ between the two", differing, "", 0),
    ]


def timed(act: Callable[[], Replayed]) -> tuple[Replayed, float, float]:
    """What ``act`` returns, the seconds it took, and the processor seconds that it and its children used."""
    began, worked = time.perf_counter(), sum(os.times()[:4])
    found = act()
    return found, time.perf_counter() - began, sum(os.times()[:4]) - worked


def mixture(count: int, agreements: int, *, seed: int = 7) -> Iterator[dict[str, Any]]:
    """``count`` questions over the days they are kept for, each about somebody; facts are as old as they were."""
    chance = random.Random(seed)
    drawn = questions(agreements, seed=seed, ordinary=True)
    made = 0
    while made < count:
        question = next(drawn)
        times = 1
        while chance.random() < AGAIN:
            times += 1
        for _ in range(min(times, count - made)):
            made += 1
            request = {**question["request"], "id": f"r{made}", "time": NOW - chance.randrange(KEPT_DAYS * DAY)}
            yield {
                **question,
                "request": request,
                "resident": {**question["resident"], "id": f"resident-{made % 4000}"},
            }


def keep(measured: Measured, keys: Keys, drawn: Sequence[dict[str, Any]]) -> list[int]:
    """Write the questions down as a broker does, each with an answer of the usual size. Returns the sizes in bytes."""
    rules = world(10)
    answers = replay(rules, [{**each} for each in islice(drawn, 50)]).answers
    rows = []
    for number, question in enumerate(drawn):
        answer = answers[number % len(answers)]
        row: dict[str, Any] = {
            "decision": f"d{number}",
            "made_at": datetime.fromtimestamp(question["request"]["time"], UTC),
            "kept_until": datetime.fromtimestamp(NOW, UTC) + timedelta(days=1),
            "organisation_code": question["subject"]["organisation"],
            "revision": rules.revision,
            "engine": "regorus 0",
            "result_hash": recorded.hash_of(answer),
        }
        sealed = recorded.sealed_with(row, keys, without_names(question, keys), canonical(answer))
        rows.append(row | {"sealed": sealed})
    with measured.broker.sessions.begin() as session:
        session.execute(insert(recorded._TABLE), rows)
    return [len(row["sealed"]) for row in rows]


if __name__ == "__main__":
    main()
