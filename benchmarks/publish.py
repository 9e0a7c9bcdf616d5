"""How long a change to an agreement takes to be in force: in this process, and on an OPA server that follows.

    python -m benchmarks.publish [--json] [--changes 20] [--sizes 10,1000,10000]

In this process: everything from asking to publish, in a process that has published before, to the first decision under
the new revision. Reading what changed, working it out, signing, the commit, reading it back, checking the signature,
the engine, the decision. OPA fetches over loopback HTTP by long poll, as ``docs/run-in-production.md`` sets it up: from
the commit until OPA answers from the new revision. Without an OPA program that part is left out, and the report says
so. On a busy machine trust the processor's time.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter, process_time, sleep
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from benchmarks.measure import Row, parser, percentile, report
from broker import migrations
from broker.access.engines import probe
from broker.access.parts import Broker
from broker.agreements import actions
from broker.agreements.document import AgreementDocument, Written
from broker.agreements.models import SharingAgreement, Signature
from broker.app import create_app
from broker.database import open_engine
from broker.governance.publishing import publish
from broker.identity.models import Organisation
from broker.settings import Settings
from broker.vocabulary import AgreementState, OrganisationKind
from tests import texts
from tests.access.engines.opa_server import find_opa, free_port
from tests.people import settle

BY = "operator:benchmark"
TOKEN = "benchmark"
EACH = 5  # agreements under which one organisation receives
CHANGED = "BM-00000"
PATIENCE = 60.0  # seconds
TARGET_MS, SIZE = 100.0, 1000
FOLLOWED_MS = 1000.0


@dataclass
class Measured:
    """One size. ``published`` is milliseconds to be in force here, ``followed`` to be in force on OPA."""

    agreements: int
    first: float = 0.0
    published: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    followed: list[float] = field(default_factory=list)
    unchanged: list[float] = field(default_factory=list)  # processor milliseconds of one 304


@contextmanager
def governed(agreements: int) -> Iterator[Any]:
    """An application with so many agreements in force, in a folder that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="broker-benchmark-") as folder:
        settings = Settings(data_folder=Path(folder), bundle_token=TOKEN, log_level="ERROR")
        engine = open_engine(settings.sqlalchemy_url)
        migrations.upgrade(engine)
        engine.dispose()
        app = create_app(settings)
        _fill(app.extensions["broker"], agreements)
        yield app
        app.extensions["broker"].policy.engine.close()


def _fill(broker: Broker, agreements: int) -> None:
    now = datetime.now(UTC) - timedelta(hours=1)
    codes = [f"XX9{number:05d}" for number in range(agreements // EACH + 2)]
    with broker.sessions() as session:
        settle(session)
        session.add_all(
            Organisation(code=code, name=code, kind=OrganisationKind.VCFSE, service="", joined_at=now) for code in codes
        )
        session.flush()
        session.add_all(_agreement(framework, now) for framework in texts.frameworks())
        session.flush()
        for number in range(agreements):
            receives, gives = codes[number // EACH], codes[number // EACH + 1]
            parties = [texts.party(receives, receives=True), texts.party(gives)]
            session.add(_agreement(replace(texts.advice(parties=parties), id=f"BM-{number:05d}"), now))
        session.commit()


def _agreement(document: AgreementDocument, now: datetime) -> SharingAgreement:
    """In force, and signed by every party, without the ceremony: that is measured nowhere here."""
    written = Written(document, "")
    row = SharingAgreement(
        id=document.id,
        number=1,
        title=document.title,
        level=document.level,
        place_code=document.place,
        under=document.under,
        state=AgreementState.IN_FORCE,
        document=document.as_mapping(),
        text=written.text,
        digest=written.digest,
        author=BY,
        from_at=document.from_at,
        until_at=document.until_at,
        changed_at=now,
    )
    row.signatures = [
        Signature(organisation_code=each.organisation, digest=row.digest, signed_by=each.organisation, signed_at=now)
        for each in document.parties
    ]
    return row


@dataclass(frozen=True)
class Change:
    """A revision, when it was committed, and the milliseconds until a decision was made under it."""

    revision: str
    committed: float
    took: float
    processor: float


def change(broker: Broker) -> Change:
    """Suspend an agreement or resume it."""
    with broker.sessions() as session:
        agreement = actions.called(session, CHANGED)
        live = agreement.state is AgreementState.IN_FORCE
        to = AgreementState.SUSPENDED if live else AgreementState.IN_FORCE
        actions.move(session, agreement, to=to, by=BY, trail=broker.trail, now=datetime.now(UTC))
        began, worked = perf_counter(), process_time()
        publish(broker, session, by=BY, now=datetime.now(UTC))
    committed = perf_counter()
    with broker.sessions() as session:
        revision = broker.policy.revision(session)
    answer = broker.policy.engine.decide(dict(probe.QUESTION), deadline=timedelta(seconds=PATIENCE))
    assert answer["revision"] == revision
    return Change(revision, committed, (perf_counter() - began) * 1000, (process_time() - worked) * 1000)


# ---- OPA -----------------------------------------------------------------------------------------------------------


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: Any) -> None: ...


@contextmanager
def following(app: Any) -> Iterator[HTTPConnection]:
    """A connection to an OPA server that fetches from ``app``, once it has fetched."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    broker: Broker = app.extensions["broker"]
    kid, port = broker.signing.keyring.signing()[0], free_port()
    configuration = {
        "services": {
            "broker": {
                "url": f"http://127.0.0.1:{server.port}/opa",
                "credentials": {"bearer": {"token": TOKEN}},
            }
        },
        "keys": broker.signing.opa_keys(),
        "bundles": {
            "sharing": {
                "service": "broker",
                "resource": f"bundles/{kid}/sharing.tar.gz",
                "signing": {"keyid": kid, "scope": "sharing"},
                "polling": {"min_delay_seconds": 1, "max_delay_seconds": 5, "long_polling_timeout_seconds": 10},
            }
        },
        "status": {"service": "broker"},
    }
    with tempfile.TemporaryDirectory(prefix="opa-benchmark-") as folder:
        file = Path(folder) / "opa.json"
        file.write_text(json.dumps(configuration))
        command = [str(find_opa()), "run", "--server", "--addr", f"127.0.0.1:{port}", "--config-file", str(file)]
        process = subprocess.Popen(
            [*command, "--log-level", "error", "--skip-version-check"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.defpath, "HOME": folder},
        )
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            with broker.sessions() as session:
                wait_for(connection, broker.policy.revision(session), since=perf_counter())
            yield connection
        finally:
            process.terminate()
            process.wait()
            server.shutdown()


def wait_for(connection: HTTPConnection, revision: str, *, since: float) -> float:
    """Milliseconds from ``since`` until OPA answers from ``revision``."""
    while (perf_counter() - since) < PATIENCE:
        try:
            connection.request("POST", "/v1/data/sharing/revision", "{}", {"Content-Type": "application/json"})
            if json.loads(connection.getresponse().read()).get("result") == revision:
                return (perf_counter() - since) * 1000
        except OSError:
            connection.close()
        sleep(0.005)
    raise SystemExit("OPA did not follow")


# ---- the report ----------------------------------------------------------------------------------------------------


def measure(agreements: int, changes: int) -> Measured:
    found = Measured(agreements)
    with governed(agreements) as app:
        broker: Broker = app.extensions["broker"]
        found.first = change(broker).took
        made = [change(broker) for _ in range(changes)]
        found.published, found.processor = [each.took for each in made], [each.processor for each in made]
        found.unchanged = _unchanged(app)
        if find_opa() and agreements <= SIZE:
            with following(app) as connection:
                for _ in range(changes):
                    sleep(0.2)  # so that OPA is waiting again
                    made_now = change(broker)
                    found.followed.append(wait_for(connection, made_now.revision, since=made_now.committed))
    return found


def _unchanged(app: Any) -> list[float]:
    client = app.test_client()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    headers["If-None-Match"] = client.get("/opa/bundles/sharing.tar.gz", headers=headers).headers["ETag"]
    took = []
    for _ in range(200):
        began = process_time()
        assert client.get("/opa/bundles/sharing.tar.gz", headers=headers).status_code == 304
        took.append((process_time() - began) * 1000)
    return took


def rows(measured: Sequence[Measured]) -> Iterator[Row]:
    for each in measured:
        size = f"{each.agreements:,} agreements"
        target = TARGET_MS if each.agreements == SIZE else None
        yield Row(f"published to decided here, {size}, p50", percentile(each.published, 50), "ms", target)
        yield Row(f"published to decided here, {size}, processor p50", percentile(each.processor, 50), "ms", target)
        yield Row(f"published to decided here, {size}, the process's first", each.first, "ms")
        if each.followed:
            yield Row(f"published to decided on OPA, {size}, p50", percentile(each.followed, 50), "ms")
            yield Row(f"published to decided on OPA, {size}, p95", percentile(each.followed, 95), "ms", FOLLOWED_MS)
        yield Row(f"nothing new for OPA (304), processor, {size}, p50", percentile(each.unchanged, 50), "ms")


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--changes", type=int, default=20, help="changes of each size")
    arguments.add_argument("--sizes", default="10,1000,10000", help="numbers of agreements")
    given = arguments.parse_args()
    measured = [measure(int(size), given.changes) for size in given.sizes.split(",")]
    if not find_opa() and not given.json:
        print("No OPA program here, so nothing was followed.")
    report("From published to in force", list(rows(measured)), as_json=given.json)


if __name__ == "__main__":
    main()
