"""The processes of a demonstration: partner systems and the broker. Whatever is started here is stopped here."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from broker.cli.serve import arguments
from broker.errors import Misconfigured
from broker.settings import Settings

ROOT = Path(__file__).parents[2]
STOPPING_SECONDS = 5.0


@dataclass(frozen=True)
class Partners:
    """Where the sandbox's partner systems are: base URLs and dropped files, by source id."""

    urls: Mapping[str, str]
    files: Mapping[str, str]

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(sorted(url.split("/")[2] for url in self.urls.values()))


@contextmanager
def partners(folder: Path, *, residents: int, seed: int, base_port: int, log: Path) -> Iterator[Partners]:
    """The sandbox's partner systems, serving. ``base_port`` 0 takes any free ports."""
    command = [sys.executable, "-m", "sandbox.partners", "all", "--folder", str(folder)]
    command += ["--residents", str(residents), "--seed", str(seed), "--base-port", str(base_port)]
    with started(command, log=log, environment={}, keep_stdout=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise Misconfigured(f"the partner systems did not start: {last_line(log)}")
        facts: dict[str, Any] = json.loads(line)
        yield Partners(urls=facts["sources"], files=facts.get("files", {}))


@contextmanager
def serving(settings: Settings, *, log: Path) -> Iterator[None]:
    """The broker under gunicorn, ready to decide."""
    environment = {
        "BROKER_DATA_FOLDER": str(settings.data_folder.absolute()),
        "BROKER_BIND": settings.bind,
        "BROKER_DEMONSTRATION": "yes",
        "BROKER_EGRESS_HOSTS": ",".join(settings.egress_hosts),
        "BROKER_LOOKUPS_PER_MINUTE": str(settings.lookups_per_minute),
    }
    command = [sys.executable, "-m", "gunicorn", *arguments(settings)]
    with started(command, log=log, environment=environment) as process:
        wait_until_ready(f"http://{settings.bind}/ready", process, log=log)
        yield


@contextmanager
def started(
    command: list[str], *, log: Path, environment: Mapping[str, str], keep_stdout: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """One process in a group of its own, ended with everything it started when the block ends."""
    with ExitStack() as stack:
        sink = stack.enter_context(log.open("a", encoding="utf-8"))
        process = subprocess.Popen(  # our own words, no shell
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE if keep_stdout else sink,
            stderr=sink,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            stop(process)


def stop(process: subprocess.Popen[str]) -> None:
    """Ask a process and its children to end; insist after a few seconds."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
        except ProcessLookupError:
            return
        try:
            process.wait(STOPPING_SECONDS)
            return
        except subprocess.TimeoutExpired:
            continue


def wait_until_ready(url: str, process: subprocess.Popen[str], *, log: Path, seconds: float = 30) -> None:
    """Return when ``url`` answers 200. Raises Misconfigured where the process ends or takes too long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise Misconfigured(f"the broker did not start: {last_line(log)}")
        try:
            with urlopen(url, timeout=2) as answer:  # our own loopback address
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.1)
    raise Misconfigured(f"the broker was not ready within {seconds:.0f} seconds; see {log}")


def must_be_free(bind: str) -> None:
    """Raises Misconfigured, in one line, where an address is already in use."""
    host, _, port = bind.rpartition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            raise Misconfigured(
                f"{bind} is taken ({error.strerror}); choose another port: make run PORT=8081"
            ) from error


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else f"see {log}"
