"""A private PostgreSQL for one test process: made in a temporary folder, reached by its socket, gone at the end.

Uses the distribution's own programs. Never touches a cluster that is already there.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url

# Nothing here need survive a power cut, so nothing waits for the disk.
UNSAFE_AND_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@contextmanager
def cluster(programs: Path) -> Iterator[URL]:
    """The URL of a new cluster's maintenance database, for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="broker-postgresql-"))
    whose = _unprivileged(folder)
    log = (folder / "log").open("wb")
    try:
        _initialise(programs, folder, whose)
        options = (*UNSAFE_AND_FAST, "listen_addresses=", f"unix_socket_directories={folder}")
        command = [programs / "postgres", "-D", folder / "data", *(f"-c{option}" for option in options)]
        server = subprocess.Popen(command, stdout=log, stderr=log, **whose)
        try:
            url = URL.create("postgresql+psycopg", "tests", database="postgres", query={"host": str(folder)})
            _wait_until_ready(url, server, folder / "log")
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # a fast shutdown
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()
    finally:
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database(server: URL, *, template: str = "template1") -> Iterator[URL]:
    """The URL of a new database on ``server``, dropped when the block ends."""
    name = f"test_{os.getpid()}_{time.monotonic_ns()}"
    _run(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield server.set(database=name)
    finally:
        _run(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def server_from_environment() -> URL | None:
    """``TEST_DATABASE_URL``, with psycopg as its driver. Its user must be able to create databases."""
    text_url = os.environ.get("TEST_DATABASE_URL")
    return make_url(text_url).set(drivername="postgresql+psycopg") if text_url else None


def _unprivileged(folder: Path) -> dict[str, Any]:
    # PostgreSQL refuses to run as root; as root, run it as the account its package made.
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    account = names.get("postgres") or names["nobody"]
    os.chown(folder, account.pw_uid, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _initialise(programs: Path, folder: Path, whose: dict[str, Any]) -> None:
    command = [programs / "initdb", "-D", folder / "data", "-U", "tests", "--auth=trust", "--no-sync"]
    done = subprocess.run(
        [*command, "--encoding=UTF8", "--locale=C"], capture_output=True, text=True, cwd=folder, check=False, **whose
    )
    if done.returncode:
        raise RuntimeError(f"initdb: {done.stderr.strip()}")


def _wait_until_ready(url: URL, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            _run(url, "SELECT 1")
            return
        except Exception as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text()[-2000:]}") from error
            time.sleep(0.02)


def _run(url: URL, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()
