"""A real OPA server for a test, on this machine alone, with one bundle, stopped at the end.

Which program it is, ``tests/house/machine`` says: mark a test that needs it ``@pytest.mark.needs("opa")``.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from broker.access.engines import Bundle
from broker.access.engines.bundle_file import bundle_file
from tests.house import machine

STARTING = 20  # seconds; a busy machine takes a few


def find_opa() -> Path | None:
    """The OPA program, or None."""
    return machine.opa()


@contextmanager
def running_opa(bundle: Bundle) -> Iterator[str]:
    """The URL of an OPA server that serves ``bundle``."""
    with serving_opa(bundle) as server:
        yield server.url


@dataclass(frozen=True)
class OpaServer:
    """A running OPA server that watches ``file``."""

    url: str
    file: Path
    pid: int

    def put(self, bundle: bytes) -> None:
        """Offer OPA another bundle. It takes it a moment later, or keeps the old one where this one does not load."""
        draft = self.file.with_name("draft")
        draft.write_bytes(bundle)
        draft.replace(self.file)  # whole or not at all, because OPA reads while this writes


@contextmanager
def serving_opa(bundle: Bundle) -> Iterator[OpaServer]:
    """An OPA server that serves ``bundle`` and takes changes to it."""
    program = find_opa()
    assert program, machine.missing("opa")
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "bundle.tar.gz"
        file.write_bytes(bundle_file(bundle))
        process, port = _start(program, file)
        try:
            yield OpaServer(f"http://127.0.0.1:{port}", file, process.pid)
        finally:
            process.terminate()
            process.wait(timeout=5)


def _start(program: Path, file: Path) -> tuple[subprocess.Popen[bytes], int]:
    """A server that answers, and its port. Another program may take the port first, so it is tried again."""
    for _ in range(3):
        port = free_port()
        log = (file.parent / "log").open("wb")
        command = [str(program), "run", "--server", "--addr", f"127.0.0.1:{port}", "--log-level", "error"]
        command += ["--skip-version-check", "--watch", "--bundle", str(file)]
        environment = {"PATH": os.defpath, "HOME": str(file.parent)}
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
        log.close()
        if _answers(process, port):
            return process, port
        process.kill()
        process.wait()
    raise RuntimeError((file.parent / "log").read_text())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    until = time.monotonic() + STARTING
    while process.poll() is None and time.monotonic() < until:
        connection = HTTPConnection("127.0.0.1", port, timeout=1)
        with suppress(OSError, HTTPException):
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return True
        connection.close()
        time.sleep(0.02)
    return False
