"""A real OPA server, set up as ``docs/run-in-production.md`` says: it verifies, follows, reports and masks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from ruamel.yaml import YAML
from sqlalchemy import select, update
from werkzeug.serving import WSGIRequestHandler, make_server

from broker.access.engines.bundle_file import bundle_files, pack
from broker.access.engines.opa_http import OpaEngine
from broker.access.engines.signing import BundleKeys
from broker.access.policy import published_bundle
from broker.agreements.canonical import canonical
from broker.agreements.models import PolicyRevision
from broker.governance import engines, signing_keys
from broker.governance.models import DecisionRecord, EngineDecision
from broker.governance.publishing import publish
from broker.settings import Settings
from tests.access.engines.opa_server import free_port
from tests.doors.conftest import BY, House, build_house
from tests.doors.test_records import codes, find, titles, view
from tests.house import machine
from tests.house.tree import ROOT

pytestmark = [pytest.mark.needs("opa"), pytest.mark.slow]

PAGE = ROOT / "docs" / "run-in-production.md"
TOKEN = "let-me-in"
PATIENCE = 30.0  # seconds; a busy machine takes a few


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: Any) -> None: ...


@pytest.fixture
def house(settings: Settings, sqlite_template: Path) -> Iterator[House]:
    configured = replace(settings, demonstration=True, lookups_per_minute=50, bundle_token=TOKEN)
    configured = replace(configured, decision_deadline_ms=5000)  # a busy machine is not a stale one
    yield from build_house(configured, template=sqlite_template)


@pytest.fixture
def url(house: House) -> Iterator[str]:
    """The broker, served on this machine."""
    server = make_server("127.0.0.1", 0, house.app, threaded=True, request_handler=Quiet)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    serving.join()
    server.server_close()


def documented(url: str, signing: BundleKeys) -> dict[str, Any]:
    """The configuration on the page, for the broker at ``url``."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [found for found in blocks if "bundles:" in found]
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(block)
    assert found["keys"] == {}  # the page says where they come from
    found["services"]["broker"]["url"] = f"{url}/opa"
    found["decision_logs"]["console"] = True  # so that a test can read what leaves
    return found | {"keys": signing.opa_keys()}


@dataclass(frozen=True)
class Opa:
    """A running OPA server that was told where the broker is."""

    url: str
    port: int

    def revision(self) -> str | None:
        """The revision it answers from; None where it has none."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("POST", "/v1/data/sharing/revision", "{}", {"Content-Type": "application/json"})
            found = json.loads(connection.getresponse().read())
            revision: str | None = found.get("result")
            return revision
        except OSError:
            return None
        finally:
            connection.close()


@contextmanager
def running(configuration: dict[str, Any], folder: Path, *, key: str = "") -> Iterator[Opa]:
    program, port = machine.opa(), free_port()
    assert program
    file = folder / "opa.json"
    file.write_text(json.dumps(configuration))
    command = [str(program), "run", "--server", "--addr", f"127.0.0.1:{port}", "--config-file", str(file)]
    environment = {"PATH": os.defpath, "HOME": str(folder), "BROKER_BUNDLE_TOKEN": TOKEN}
    environment["OPA_BUNDLE_KEY"] = key or next(iter(configuration["keys"]))
    with (folder / "opa.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--skip-version-check"], stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=folder
        )
    try:
        yield Opa(f"http://127.0.0.1:{port}", port)
    finally:
        process.terminate()
        process.wait(timeout=10)


def until(happens: Callable[[], Any]) -> Any:
    """What ``happens`` gives as soon as it is true. Asks again and again: another program is at work."""
    end = monotonic() + PATIENCE
    while not (found := happens()) and monotonic() < end:
        sleep(0.02)
    return found


def in_force(house: House) -> str:
    with house.session() as session:
        return published_bundle(session).revision


def test_it_takes_the_signed_bundle_and_follows_every_change(house: House, url: str, tmp_path: Path) -> None:
    with running(documented(url, house.broker.signing), tmp_path) as opa:
        assert until(lambda: opa.revision() == in_force(house))
        for _ in range(3):
            with house.session() as session:
                revision = publish(house.broker, session, by=BY, now=house.time[0]).revision
            assert until(lambda: opa.revision() == revision)  # noqa: B023


def test_the_main_job_runs_on_it_and_it_reports_what_it_did_without_naming_anybody(
    house: House, url: str, tmp_path: Path
) -> None:
    with running(documented(url, house.broker.signing), tmp_path) as opa:
        assert until(lambda: opa.revision() == in_force(house))
        house.broker.policy.engine = OpaEngine(opa.url)
        gp = house.token(person="gp")
        handle = find(house, gp)
        answer = view(house, gp, handle, purpose="direct-care", sections=["problems"])
        assert sorted(titles(answer)["problems"]) == ["Asthma", "Diabetes"]
        assert codes(view(house, house.token(person="adviser"), find(house, house.token(person="adviser"))))
        found = until(lambda: logged(house, 3))  # two requests, and what the first may read for its labels
        with house.session() as session:
            (standing,) = until(lambda: [each for each in engines.fleet(session, house.time[0]) if each.current])
    assert {each.revision for each in found} == {in_force(house)}
    assert all(each.request and each.result_hash for each in found)
    with house.session() as session:
        recorded = set(session.scalars(select(DecisionRecord.result_hash)))
    assert recorded < {each.result_hash for each in found}
    assert (standing.version, standing.fault) == ("1.20.2", None)
    log = (tmp_path / "opa.log").read_text()
    lines = [json.loads(line) for line in log.splitlines() if '"decision_id"' in line and "decision/result" in line]
    assert lines
    for line in lines:
        assert line["input"].keys() == {"request"}
        assert line["input"]["request"].keys() == {"id"}
        assert line["result"].keys() == {"revision", "sha256"}
    assert not any(word in log for word in ("adviser", "XX9T01", "TB-CARE", "problems", "consent"))


def logged(house: House, count: int) -> list[EngineDecision]:
    with house.session() as session:
        found = [each for each in session.scalars(select(EngineDecision)) if each.request != "probe"]
    return found if len(found) >= count else []


def test_in_the_moment_after_a_publication_a_decision_waits_for_it_to_follow(
    house: House, url: str, tmp_path: Path
) -> None:
    with running(documented(url, house.broker.signing), tmp_path) as opa:
        assert until(lambda: opa.revision() == in_force(house))
        house.broker.policy.engine = OpaEngine(opa.url)
        gp = house.token(person="gp")
        handle = find(house, gp)
        with house.session() as session:
            publish(house.broker, session, by=BY, now=house.time[0])
        answer = view(house, gp, handle, purpose="direct-care", sections=["problems"])
        assert answer.status_code == 200


@pytest.mark.parametrize("what", ["data", "key", "scope", "unsigned"])
def test_it_refuses_what_is_not_signed_for_it(house: House, url: str, tmp_path: Path, what: str) -> None:
    """Nothing the broker would serve is wrong, so what it checks before it serves is gone round."""
    configuration = documented(url, house.broker.signing)
    if what == "key":
        other = Settings(data_folder=tmp_path / "other")
        (forged,) = BundleKeys.of(other).opa_keys().values()
        configuration["keys"] = dict.fromkeys(configuration["keys"], forged)
    if what == "scope":
        configuration["bundles"]["sharing"]["signing"]["scope"] = "other"
    with running(configuration, tmp_path) as opa:
        if what in ("data", "unsigned"):
            assert until(lambda: opa.revision() == in_force(house))
            good = in_force(house)
            house.app.extensions["bundles-waiting"].packed = lambda *_: spoilt(house, what)
            with house.session() as session:
                publish(house.broker, session, by=BY, now=house.time[0])
            faults = until(lambda: [each for each in fleet(house) if each.fault])
            assert opa.revision() == good  # it goes on with what it had, which decisions refuse as stale
        else:
            faults = until(lambda: [each for each in fleet(house) if each.fault])
            assert opa.revision() is None
    assert faults
    assert not any(each.current for each in faults)


def fleet(house: House) -> list[engines.EngineStanding]:
    with house.session() as session:
        return engines.fleet(session, house.time[0])


def spoilt(house: House, what: str) -> tuple[str, bytes]:
    with house.session() as session:
        row = session.scalars(select(PolicyRevision).order_by(PolicyRevision.id.desc()).limit(1)).one()
        files = bundle_files(published_bundle(session))
    if what == "unsigned":
        return "spoilt", pack(files)
    data = json.loads(files["sharing/data.json"])
    data["agreements"]["TB-CARE"]["break_glass"] = False
    files["sharing/data.json"] = canonical(data)
    return "spoilt", pack({**files, ".signatures.json": row.signatures.encode()})


def test_two_servers_that_know_different_keys_follow_all_through_a_change(
    house: House, url: str, tmp_path: Path
) -> None:
    signing = house.broker.signing
    old = signing.keyring.signing()[0]
    before = documented(url, signing)
    with house.session() as session:
        new = signing_keys.announce(house.broker, session, by=BY, now=house.time[0])
    (tmp_path / "other").mkdir()
    with (
        running(before, tmp_path, key=old) as one,
        running(documented(url, signing), tmp_path / "other", key=new) as two,
    ):
        with house.session() as session:
            for change in (lambda: None, lambda: signing_keys.rotate(house.broker, session, by=BY, now=house.time[0])):
                change()
                revision = publish(house.broker, session, by=BY, now=house.time[0]).revision
                assert until(lambda: one.revision() == two.revision() == revision)  # noqa: B023
            signing_keys.retire(house.broker, session, old, by=BY, now=house.time[0])
            revision = publish(house.broker, session, by=BY, now=house.time[0]).revision
        assert until(lambda: two.revision() == revision)
        assert one.revision() != revision


def test_an_older_bundle_put_back_is_seen_in_the_fleet(house: House, url: str, tmp_path: Path) -> None:
    """OPA verifies who signed and not when: the broker refuses its answers, and the fleet shows it."""
    with running(documented(url, house.broker.signing), tmp_path) as opa:
        assert until(lambda: opa.revision() == in_force(house))
        (older,) = house.app.extensions["bundles-waiting"]._packed.values()
        with house.session() as session:
            newer = publish(house.broker, session, by=BY, now=house.time[0]).revision
        assert until(lambda: opa.revision() == newer)
        house.app.extensions["bundles-waiting"].packed = lambda *_: older
        with house.session() as session:
            session.execute(update(PolicyRevision).where(PolicyRevision.revision == newer).values(signatures="x"))
            session.commit()
        assert until(lambda: [each for each in fleet(house) if not each.current and each.behind is not None])
