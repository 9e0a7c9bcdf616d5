"""From a resident's stop to the first refusal: no read that starts after the stop is acknowledged may succeed.

    python -m benchmarks.revoke [--json] [--trials 60] [--workers 4] [--readers 6]

Real gunicorn with several worker processes on loopback; readers are processes of their own that ask without pause,
each time with a DPoP proof of its own, whether a section may be shared. A resident's choice is what changes: they
withhold everything from the organisation that reads. Then that is taken back, reading goes on, and the next trial
begins. Times are of one clock of this machine, which every process reads. A read counts as after the acknowledgement
when it was sent later than the acknowledgement had come back.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from typing import Any
from urllib.parse import urlsplit

from benchmarks.load import _free_port, serving
from benchmarks.measure import Row, parser, percentile, report
from benchmarks.measured import CLINICIAN, PRACTICE, Measured, measured
from benchmarks.partner import Partner, bound_token, registered
from benchmarks.tokens import NOBODY
from broker.oauth.scopes import RESIDENT_SCOPES
from broker.settings import Settings
from broker.vocabulary import Role

P99_MS, MOST_MS = 250.0, 1000.0
PATH = "/access/v1/evaluation"
SETTLED = 3  # refusals, and then permissions, in a row from every reader before the next change


@dataclass(frozen=True)
class Read:
    """One read: when it was sent and answered (seconds of the one clock), and whether it was permitted."""

    reader: int
    sent: float
    answered: float
    permitted: bool
    wrong: str = ""


@dataclass
class Trial:
    """One stop: when it was sent, when it was acknowledged, and the reads around it."""

    sent: float
    acknowledged: float
    reads: list[Read] = field(default_factory=list)

    @property
    def late(self) -> int:
        """Reads that started after the acknowledgement and succeeded. Must be none."""
        return sum(read.permitted for read in self.reads if read.sent > self.acknowledged)

    @property
    def to_deny(self) -> float:
        """Milliseconds from the acknowledgement to the first refusal; 0 where one came before it."""
        refused = [read.answered for read in self.reads if not read.permitted]
        return max(0.0, (min(refused) - self.acknowledged) * 1000) if refused else float("inf")

    @property
    def last_success(self) -> float:
        """Milliseconds from the stop being sent to the last answer that still permitted."""
        permitted = [read.answered for read in self.reads if read.permitted and read.answered > self.sent]
        return max([(at - self.sent) * 1000 for at in permitted], default=0.0)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--trials", type=int, default=60)
    options.add_argument("--workers", type=int, default=4)
    options.add_argument("--readers", type=int, default=6)
    options.add_argument("--seconds", type=float, default=600, help="stop after so long, whatever is left")
    given = options.parse_args()
    settings = Settings(bind=f"127.0.0.1:{_free_port()}", workers=given.workers, token_seconds=3600)
    with measured([NOBODY], residents=1, settings=settings) as broker, serving(broker):
        partner = registered(broker)
        with reading(broker, partner, given.readers) as reads:
            trials, wrong = _trials(broker, partner, reads, given)
    _say(trials, wrong, given)


def _trials(broker: Measured, partner: Partner, reads: Queue[Read], given: Any) -> tuple[list[Trial], int]:
    resident = _Resident(broker, partner)
    trials: list[Trial] = []
    wrong, until = 0, time.monotonic() + given.seconds
    _settle(reads, given.readers, permitted=True)
    while len(trials) < given.trials and time.monotonic() < until:
        _take(reads)
        sent = time.monotonic()
        choice = resident.post("/api/my/withholdings", {"organisation": PRACTICE, "sections": None, "labels": None})
        trial = Trial(sent=sent, acknowledged=time.monotonic())
        trial.reads = _settle(reads, given.readers, permitted=False)
        wrong += sum(bool(read.wrong) for read in trial.reads)
        trials.append(trial)
        resident.post(f"/api/my/consents/{choice['id']}/withdraw", None)
        _settle(reads, given.readers, permitted=True)
    return trials, wrong


def _say(trials: list[Trial], wrong: int, given: Any) -> None:
    reads = [read for trial in trials for read in trial.reads]
    after = sum(read.sent > trial.acknowledged for trial in trials for read in trial.reads)
    to_deny = [trial.to_deny for trial in trials]
    report(
        f"Stop to refusal, {given.workers} workers, {given.readers} readers, {len(trials)} stops",
        [
            Row("stops", len(trials), "", given.trials, floor=True),
            Row("reads around them", len(reads), ""),
            Row("reads that started after an acknowledgement", after, ""),
            Row("of those, reads that succeeded", sum(trial.late for trial in trials), "", 0),
            Row("acknowledgement to first refusal, p50", percentile(to_deny, 50), "ms"),
            Row("acknowledgement to first refusal, p99", percentile(to_deny, 99), "ms", P99_MS),
            Row("acknowledgement to first refusal, most", max(to_deny), "ms", MOST_MS),
            Row("the stop itself, p50", percentile([(t.acknowledged - t.sent) * 1000 for t in trials], 50), "ms"),
            Row("last success after the stop was sent, most", max(t.last_success for t in trials), "ms"),
            Row("reads not answered as they should be", wrong, "", 0),
        ],
        as_json=given.json,
    )
    if any(trial.late for trial in trials) or wrong:
        raise SystemExit("the promise does not hold")


class _Resident:
    """The resident, at the API with a bound token of their own."""

    def __init__(self, broker: Measured, partner: Partner) -> None:
        self.partner, self.issuer = partner, broker.settings.issuer
        whose = {"role": Role.RESIDENT, "organisation": None, "resident": broker.residents[0]}
        more = {"scopes": " ".join(RESIDENT_SCOPES), "authenticated_at": datetime.now(UTC)}
        self.token = bound_token(broker, partner, **whose, **more)
        self.connection = http.client.HTTPConnection(urlsplit(self.issuer).netloc, timeout=30)

    def post(self, path: str, body: dict[str, Any] | None) -> Any:
        headers = self.partner.presenting(self.token, "POST", f"{self.issuer}{path}")
        text = None if body is None else json.dumps(body)
        self.connection.request("POST", path, text, {**headers, "Content-Type": "application/json"})
        answer = self.connection.getresponse()
        said = json.loads(answer.read())
        if answer.status not in (200, 201):
            raise RuntimeError(f"{path} was answered {answer.status}: {said}")
        return said


@contextmanager
def reading(broker: Measured, partner: Partner, readers: int) -> Iterator[Queue[Read]]:
    """So many processes that read without pause; each read is put on the queue."""
    context = multiprocessing.get_context("fork")
    reads: Queue[Read] = context.Queue()
    over = context.Event()
    token = bound_token(broker, partner, person=CLINICIAN)
    body = _question(broker.handles[0])
    processes = [
        context.Process(target=_read, args=(number, broker.settings.issuer, partner, token, body, reads, over))
        for number in range(readers)
    ]
    for process in processes:
        process.start()
    try:
        yield reads
    finally:
        over.set()
        for process in processes:
            process.terminate()
            process.join(10)


def _question(handle: str) -> str:
    resource = {"type": "record-section", "id": "allergies-and-adverse-reaction", "properties": {"resident": handle}}
    action = {"name": "share", "properties": {"purpose": "direct-care"}}
    return json.dumps({"subject": {"type": "person", "id": CLINICIAN}, "action": action, "resource": resource})


def _read(number: int, issuer: str, partner: Partner, token: str, body: str, reads: Queue[Read], over: Event) -> None:
    connection = http.client.HTTPConnection(urlsplit(issuer).netloc, timeout=30)
    while not over.is_set():
        headers = {**partner.presenting(token, "POST", f"{issuer}{PATH}"), "Content-Type": "application/json"}
        read = Read(number, time.monotonic(), 0.0, False)
        try:
            connection.request("POST", PATH, body, headers)
            answer = connection.getresponse()
            said = json.loads(answer.read())
            wrong = "" if answer.status == 200 else f"{answer.status} {said}"
            permitted = said.get("decision") is True
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            wrong, permitted = type(error).__name__, False
        reads.put(replace(read, answered=time.monotonic(), permitted=permitted, wrong=wrong))


def _settle(reads: Queue[Read], readers: int, *, permitted: bool) -> list[Read]:
    """Every read until each reader has had the same answer so often in a row."""
    seen: list[Read] = []
    row = dict.fromkeys(range(readers), 0)
    while min(row.values()) < SETTLED:
        read = reads.get(timeout=60)
        seen.append(read)
        row[read.reader] = row[read.reader] + 1 if read.permitted is permitted and not read.wrong else 0
    return seen


def _take(reads: Queue[Read]) -> None:
    while not reads.empty():
        reads.get()


if __name__ == "__main__":
    main()
