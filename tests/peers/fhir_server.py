"""A FHIR R4 server that other people wrote (sekmet-fhir), started on a port of this machine while a test needs it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from tests.house import machine

_READY_WITHIN = 60.0  # seconds, on a machine that is busy with other tests


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The server's base address. Everything it keeps is in ``folder``. Mark the test ``needs("fhir_server")``."""
    program = machine.fhir_server()
    assert program is not None, "mark the test needs('fhir_server')"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}/fhir"
    # JSON is YAML, and its settings are a YAML file.
    (folder / "settings.yaml").write_text(json.dumps({"base_url": base, "host": "127.0.0.1", "port": port}))
    command = [program, "serve", "--config", "settings.yaml", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "said.log").open("wb") as said:
        process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said, env={**os.environ, "NO_COLOR": "1"})
    try:
        _wait_for(f"{base}/metadata", process)
        yield base
    finally:
        process.terminate()
        process.wait()


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    last = time.monotonic() + _READY_WITHIN
    while time.monotonic() < last:
        assert process.poll() is None, "the server ended before it answered"
        try:
            urllib.request.urlopen(address).close()
        except URLError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server did not answer in time")
