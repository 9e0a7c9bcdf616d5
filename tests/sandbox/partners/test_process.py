"""The partner systems as processes: asked for explicitly, on loopback only, ready when they say so, gone when told."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.partners.process import loopback
from tests.sandbox.partners.partner import NHS, Partner

ROOT = Path(__file__).parents[3]


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "sandbox.partners", *arguments]


@contextmanager
def _started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    process = subprocess.Popen(
        _command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield process, json.loads(line)
    finally:
        process.kill()
        process.communicate()


def _bundle(tmp_path: Path) -> Path:
    patient = {"resourceType": "Patient", "id": "a", "identifier": [{"system": NHS, "value": "9990000077"}]}
    wand = {"resourceType": "WandRecord", "id": "w", "subject": {"reference": "Patient/a"}}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient}, {"resource": wand}]}
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(bundle))
    return path


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_a_loopback_address_is_served_on(host: str) -> None:
    assert loopback(host) in (host, "127.0.0.1")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "sandbox.example", ""])
def test_any_other_address_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="loopback only"):
        loopback(host)


@pytest.mark.slow
def test_the_command_refuses_to_serve_beyond_loopback() -> None:
    command = _command("fhir", "--source=lock-keepers-gp", "--port=0", "--host=0.0.0.0")
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert refused.returncode == 2
    assert "loopback only" in refused.stderr


@pytest.mark.slow
@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_every_partner_serves_from_one_process_and_goes_when_told(tmp_path: Path, told: signal.Signals) -> None:
    with _started("all", "--base-port=0", f"--folder={tmp_path}", "--residents=30", "--seed=3") as (process, ready):
        assert ready["ready"] is True
        assert ready["pid"] == process.pid
        for url in ready["sources"].values():
            about = "/metadata" if url.endswith("/fhir") else "/"
            assert Partner(url).get(about).status == 200
        assert all(Path(path).exists() for path in ready["files"].values())
        url = ready["sources"]["hilltop-gp"]
        fault = {"source": "lock-keepers-gp", "status": 503}
        Partner(url).control.post_json("/faults", fault, kind="application/json")
        assert Partner(ready["sources"]["lock-keepers-gp"]).get("/metadata").status == 503
        assert Partner(url).get("/metadata").status == 200
        began = time.monotonic()
        process.send_signal(told)
        assert process.wait(5) == 0
        assert time.monotonic() - began < 1


@pytest.mark.slow
def test_an_answer_under_way_does_not_keep_it_from_going(tmp_path: Path) -> None:
    arguments = ("fhir", "--port=0", f"--bundle={_bundle(tmp_path)}", "--fault=loaded:delay_ms=60000")
    with _started(*arguments) as (process, ready):
        host, port = ready["sources"]["loaded"].removeprefix("http://").removesuffix("/fhir").split(":")
        with socket.create_connection((host, int(port))) as waiting:
            waiting.sendall(b"GET /fhir/metadata HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            time.sleep(0.1)
            began = time.monotonic()
            process.terminate()
            process.wait(5)
            assert time.monotonic() - began < 1


@pytest.mark.slow
def test_a_bundle_file_is_served_with_what_nobody_has_heard_of(tmp_path: Path) -> None:
    with _started("fhir", "--port=0", f"--bundle={_bundle(tmp_path)}", "--token=open-sesame") as (_, ready):
        partner = Partner(ready["sources"]["loaded"])
        assert partner.find("9990000077").status == 401
        along = ("_revinclude", "WandRecord:patient")
        found = partner.find("9990000077", along, Authorization="Bearer open-sesame")
        assert found.ids() == ["a", "w"]


@pytest.mark.slow
def test_a_file_that_is_no_bundle_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "not.json"
    path.write_text("{")
    command = _command("fhir", "--port=0", f"--bundle={path}")
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert refused.returncode == 1
    assert "not JSON" in refused.stderr


@pytest.mark.slow
def test_a_source_with_a_million_residents_is_ready_at_once() -> None:
    began = time.monotonic()
    with _started("fhir", "--source=hilltop-gp", "--port=0", "--residents=1000000"):
        assert time.monotonic() - began < 5


@pytest.mark.slow
def test_it_goes_when_its_parent_does() -> None:
    """A parent that starts it, says where it is, and dies without a word."""
    parent = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'sandbox.partners', 'fhir', '--port=0'],"
        "stdout=subprocess.PIPE, text=True); print(p.stdout.readline(), flush=True)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", parent], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
    )
    pid = json.loads(ended.stdout)["pid"]
    until = time.monotonic() + 3
    while _alive(pid):
        assert time.monotonic() < until, "it outlived its parent"
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")
