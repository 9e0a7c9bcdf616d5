"""What every test may ask for: settings, a database of its own, and the machine's other programs.

No test opens a socket beyond this machine, and the end of each run says plainly what was not tried.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session, sessionmaker

from broker import migrations
from broker.database import open_engine, session_factory
from broker.settings import Settings
from tests.house import machine, postgres

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


# ---- what a test needs ---------------------------------------------------------------------------------------------


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        for name in marker.args:
            if why := machine.missing(name):
                if IN_CI and machine.NEEDS[name].in_ci:
                    pytest.fail(why, pytrace=False)
                pytest.skip(why)


# Thorough rather than quick: left out of `make quick`, as a test marked slow is.
SLOW = (
    "tests/accounts/",
    "tests/attacks/",
    "tests/consent/test_asking.py",
    "tests/doors/test_authzen",
    "tests/doors/test_bundles.py",
    "tests/doors/test_concealed.py",
    "tests/doors/test_opa_reports.py",
    "tests/doors/test_proxies.py",
    "tests/doors/test_records.py",
    "tests/doors/test_standing.py",
    "tests/agreements/test_difference.py",
    "tests/audit/test_failures.py",
    "tests/cli/test_keys.py",
    "tests/cli/test_proxies.py",
    "tests/governance/",
    "tests/policies/test_invariants.py",
    "tests/policies/test_portability.py",
    "tests/policies/test_reference.py",
    "tests/web/test_access.py",
    "tests/web/test_csrf.py",
    "tests/web/test_headers.py",
    "tests/web/test_refusals.py",
    "tests/web/test_sign_in.py",
    "tests/cli/test_partners.py",
    "tests/cli/test_providers.py",
    "tests/cli/test_try.py",
    "tests/federation/",
    "tests/joining/",
    "tests/oauth/",
    "tests/proxies/",
    "tests/web/federated/",
    "tests/web/practice/",
    "tests/web/test_accounts.py",
    "tests/web/test_administration.py",
    "tests/web/test_joining.py",
    "tests/web/test_step_up.py",
    "tests/access/engines/test_differential.py",
    "tests/access/engines/test_every_engine.py",
    "tests/adapters/conformance/",
    "tests/audit/test_many_writers.py",
    "tests/doors/test_bad_input.py",
    "tests/doors/test_openapi.py",
    "tests/doors/test_tokens.py",
    "tests/journeys/",
    "tests/policies/test_properties.py",
    "tests/records/test_concealment.py",
)


# Of those, what says soonest that something is wrong.
QUICK = (
    "tests/federation/test_id_tokens.py",
    "tests/oauth/test_details.py",
    "tests/oauth/test_whole_way.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(SLOW) and not item.nodeid.startswith(QUICK):
            item.add_marker("slow")


def pytest_make_parametrize_id(val: Any, argname: str) -> str | None:
    """Bytes may hold the time (gzip does), and a test must have the same name in every process that runs it."""
    return argname if isinstance(val, bytes) else None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was not tested on this machine, and how to have it tested."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped if report.longrepr)
    terminalreporter.section("what was not tested")
    for name, need in machine.NEEDS.items():
        if count := reasons.pop(machine.missing(name) or "", 0):
            line = f"{need.label}: {count} tests did not run, of {need.covers}. To run them, {need.enable}."
            terminalreporter.line(line)
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"{count} × {reason}")
    if not skipped:
        terminalreporter.line("Nothing was left out of this run.")


# ---- no socket beyond this machine ---------------------------------------------------------------------------------


class WentOutside(AssertionError):
    """A test tried to reach another machine."""


def _is_outside(address: Any) -> bool:
    if not isinstance(address, tuple):
        return False  # a Unix socket
    host = str(address[0])
    if host in ("", "localhost"):
        return False
    try:
        return not ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return True


@pytest.fixture(scope="session", autouse=True)
def nothing_leaves_this_machine() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _staying_inside(getattr(socket.socket, name)))
        yield


def _staying_inside(connect: Any) -> Any:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and _is_outside(address):
            raise WentOutside(f"a test may not connect to {address}")
        return connect(self, address)

    return guarded


# ---- settings and databases ----------------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with everything kept in this test's own folder. A busy machine is not an engine that gives no answer."""
    return Settings(data_folder=tmp_path / "var", decision_deadline_ms=60_000)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file to copy: a copy takes far less time than a migration."""
    path = tmp_path_factory.mktemp("template") / "broker.sqlite3"
    with _migrated(f"sqlite:///{path}") as engine, engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def engine(sqlite_template: Path, tmp_path: Path) -> Iterator[Engine]:
    """A migrated SQLite database of this test's own."""
    copy = shutil.copy(sqlite_template, tmp_path / "broker.sqlite3")
    engine = open_engine(f"sqlite:///{copy}")
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> sessionmaker[Session]:
    return session_factory(engine)


@pytest.fixture
def session(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """A session on this test's own database. What is not committed is rolled back."""
    with sessions() as session:
        yield session


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[URL]:
    """A PostgreSQL server for this test process: TEST_DATABASE_URL, else a private one. Mark tests ``needs``."""
    if given := postgres.server_from_environment():
        yield given
        return
    programs = machine.postgresql()
    if programs is None:
        pytest.skip(machine.missing("postgresql") or "")
    with postgres.cluster(programs) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: URL) -> Iterator[str]:
    """The name of a migrated, empty database to copy: a copy takes far less time than a migration."""
    with postgres.database(postgresql_server) as url:
        with _migrated(url.render_as_string(hide_password=False)):
            pass
        assert url.database
        yield url.database


@pytest.fixture
def postgresql_url(postgresql_server: URL, postgresql_template: str) -> Iterator[str]:
    """The URL of a migrated PostgreSQL database of this test's own."""
    with postgres.database(postgresql_server, template=postgresql_template) as url:
        yield url.render_as_string(hide_password=False)


@pytest.fixture
def empty_postgresql_url(postgresql_server: URL) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of this test's own."""
    with postgres.database(postgresql_server) as url:
        yield url.render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))])
def each_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A migrated database of this test's own, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("engine")
        return
    engine = open_engine(request.getfixturevalue("postgresql_url"))
    yield engine
    engine.dispose()


@contextmanager
def _migrated(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    try:
        migrations.upgrade(engine)
        yield engine
    finally:
        engine.dispose()
