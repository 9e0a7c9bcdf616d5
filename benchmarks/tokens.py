"""What proving who asks costs: tokens a second, and decisions a second under a bound token, on the whole broker.

    python -m benchmarks.tokens [--json] [--seconds 8]

Real gunicorn, real HTTP over kept connections. Every token request is authenticated by private_key_jwt and carries a
DPoP proof; every decision carries a proof of its own. All are signed before the clock starts, so that the client's
signing is not measured; server and client share this machine, and what the client does to send and read still counts.
The load is closed-loop: so many connections, each sending as soon as it is answered.

Beside it, where Node is there, the same token requests to a certified OpenID provider (npm oidc-provider) in as many
processes: it keeps what it gives in memory, and the broker in a database with an entry on its trail, so that the two
are not the same work; the ratio says how far apart they are.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import aiohttp

from benchmarks.load import ROOT, _free_port, serving, workers
from benchmarks.measure import Row, parser, percentile, report
from benchmarks.measured import CLINICIAN, Measured, measured
from benchmarks.partner import CLIENT, Partner, bound_token, registered
from broker.settings import Settings
from tests.house import machine

TOKENS, DECISIONS, P99_MS = 200.0, 300.0, 100.0
SCOPE = "records.read"
NOBODY = "http://127.0.0.1:9"  # a source that is registered, and that deciding never asks
Request = tuple[str, bytes, dict[str, str]]  # address, body, headers


@dataclass
class Answers:
    """Milliseconds of each good answer, what else came, and over how many seconds."""

    taken: list[float] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    worked: float = 0.0  # processor seconds of the server's processes

    @property
    def rate(self) -> float:
        return len(self.taken) / self.seconds if self.seconds else 0.0


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--seconds", type=float, default=8, help="seconds of each measurement")
    options.add_argument("--connections", type=int, default=16)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--most", type=int, default=600, help="requests signed for each second")
    given = options.parse_args()
    count, settings = (
        round(given.seconds * given.most),
        Settings(bind=f"127.0.0.1:{_free_port()}", workers=given.workers, token_seconds=3600),
    )
    found: dict[str, Answers] = {}
    with measured([NOBODY], residents=20, settings=settings) as broker, serving(broker) as gunicorn:
        partner = registered(broker)
        for name, make in (("tokens", token_requests), ("decisions", decision_requests)):
            asyncio.run(load(make(broker, partner, 60), given.connections, 10))
            found[name] = _run(lambda make=make: make(broker, partner, count), given, pid=gunicorn.pid)  # type: ignore[misc]
    if not (missing := machine.missing("node")):
        found["peer"] = _of_the_peer(given, count)
    title = f"Bound tokens, {given.workers} workers, {given.connections} connections, {given.seconds:g} s each"
    report(title, rows(found), as_json=given.json)
    if missing:
        print(f"  without the other provider: {missing}", file=sys.stderr)
    for name, answers in found.items():
        for wrong, times in answers.wrong.most_common(5):
            print(f"  {name}: {times} × {wrong}", file=sys.stderr)
    if any(answers.wrong for answers in found.values()):
        raise SystemExit("some requests were not answered as they should be")


def rows(found: dict[str, Answers]) -> list[Row]:
    made = _rows("tokens", found["tokens"], TOKENS) + _rows("decisions with a proof", found["decisions"], DECISIONS)
    if "peer" in found:
        made += [Row("tokens of oidc-provider a second", found["peer"].rate, "/s")]
        made += [Row("its p99", percentile(found["peer"].taken or [float("inf")], 99), "ms")]
        made += [Row("broker's tokens over oidc-provider's", found["tokens"].rate / max(found["peer"].rate, 1e-9), "×")]
    return made


def _rows(name: str, answers: Answers, floor: float) -> list[Row]:
    taken = answers.taken or [float("inf")]
    return [
        Row(f"{name} a second", answers.rate, "/s", floor, floor=True),
        Row(f"{name}, p50", percentile(taken, 50), "ms"),
        Row(f"{name}, p99", percentile(taken, 99), "ms", P99_MS),
        # Unlike the rows above, hardly changed by what else this machine is doing.
        Row(f"{name}, processor time each", answers.worked * 1000 / max(len(answers.taken), 1), "ms"),
        Row(f"{name} not answered as they should be", sum(answers.wrong.values()), "", 0),
    ]


def token_requests(broker: Measured, partner: Partner, count: int) -> list[Request]:
    issuer = broker.settings.issuer
    url = f"{issuer}/oauth/token"
    return [(url, *partner.token_request(url, audience=issuer, scope=SCOPE)) for _ in range(count)]


def decision_requests(broker: Measured, partner: Partner, count: int) -> list[Request]:
    """AuthZEN evaluations of one section of one resident after another, by the policy in force."""
    token = bound_token(broker, partner, person=CLINICIAN)
    url = f"{broker.settings.issuer}/access/v1/evaluation"
    asked = [_question(handle) for handle in broker.handles]
    made = []
    for number in range(count):
        headers = {**partner.presenting(token, "POST", url), "Content-Type": "application/json"}
        made.append((url, asked[number % len(asked)], headers))
    return made


def _question(handle: str) -> bytes:
    resource = {"type": "record-section", "id": "allergies-and-adverse-reaction", "properties": {"resident": handle}}
    body = {
        "subject": {"type": "person", "id": CLINICIAN},
        "action": {"name": "share", "properties": {"purpose": "direct-care"}},
        "resource": resource,
    }
    return json.dumps(body).encode()


def _run(make: Callable[[], Sequence[Request]], given: object, *, pid: int) -> Answers:
    requests = make()
    before = sum(worker.worked for worker in workers(pid))
    answers = asyncio.run(load(requests, given.connections, given.seconds))  # type: ignore[attr-defined]
    answers.worked = sum(worker.worked for worker in workers(pid)) - before
    return answers


async def load(requests: Sequence[Request], connections: int, seconds: float) -> Answers:
    """Send ``requests`` over so many connections, each as soon as the one before it is answered."""
    answers, waiting = Answers(), iter(requests)
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector) as session:
        began = time.perf_counter()

        async def one() -> None:
            for url, body, headers in waiting:
                if time.perf_counter() - began > seconds:
                    return
                await _send(session, url, body, headers, answers)

        await asyncio.gather(*(one() for _ in range(connections)))
        answers.seconds = time.perf_counter() - began
    return answers


async def _send(
    session: aiohttp.ClientSession, url: str, body: bytes, headers: dict[str, str], answers: Answers
) -> None:
    sent = time.perf_counter()
    try:
        async with session.post(url, data=body, headers=headers) as response:
            text = await response.text()
            if response.status != 200:
                answers.wrong[f"{response.status} {text[:120]}"] += 1
                return
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        answers.wrong[type(error).__name__] += 1
        return
    answers.taken.append((time.perf_counter() - sent) * 1000)


def _of_the_peer(given: object, count: int) -> Answers:
    partner = Partner()
    with peer(partner, processes=given.workers) as (issuer, pid):  # type: ignore[attr-defined]
        url = f"{issuer}/token"

        def made(number: int) -> list[Request]:
            return [(url, *partner.token_request(url, audience=issuer, scope=SCOPE)) for _ in range(number)]

        asyncio.run(load(made(60), given.connections, 10))  # type: ignore[attr-defined]
        return _run(lambda: made(3 * count), given, pid=pid)


@contextmanager
def peer(partner: Partner, *, processes: int) -> Iterator[tuple[str, int]]:
    """The other provider, with the partner's client registered; its address and its process."""
    config = {"client": CLIENT, "jwks": partner.jwks, "scope": SCOPE, "port": _free_port()}
    environment = {**os.environ, "PEER_CONFIG": json.dumps(config), "WORKERS": str(processes), "NODE_ENV": "production"}
    command = ["node", str(ROOT / "tests/peers/token_endpoint.mjs")]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("the other provider did not start")
        yield json.loads(line)["issuer"], process.pid
    finally:
        process.terminate()
        process.wait(15)


if __name__ == "__main__":
    main()
