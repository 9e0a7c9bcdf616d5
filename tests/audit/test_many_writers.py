"""Several processes write one trail: no index is taken twice, and what was acknowledged outlives a kill."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from broker.audit.export import verify_database
from broker.audit.models import TABLES
from broker.audit.signed_note import Signer
from broker.audit.trail import Trail
from broker.database import Base, open_engine, session_factory
from tests.audit.conftest import KEY, NOW, looked

ROOT = Path(__file__).parents[2]
KILLS = 15


def writer(url: str, *, threads: int, each: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.audit.writer", url, str(threads), str(each)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def assert_whole(engine: Engine, signer: Signer, acknowledged: list[int]) -> int:
    assert len(acknowledged) == len(set(acknowledged))
    with Session(engine) as session:
        report = verify_database(session, str(signer.verifier), key=KEY)
    assert report.ok, report.fault
    assert set(acknowledged) <= set(range(report.size))
    return report.size


def two_processes(engine: Engine, url: str, signer: Signer, *, threads: int, each: int) -> None:
    processes = [writer(url, threads=threads, each=each) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    acknowledged = [int(line) for text in said for line in text.split()]
    assert assert_whole(engine, signer, acknowledged) == len(acknowledged) == 2 * threads * each


def test_two_processes_of_eight_threads_leave_no_gap(engine: Engine, url: str, signer: Signer) -> None:
    two_processes(engine, url, signer, threads=8, each=15)


@pytest.mark.needs("postgresql")
def test_two_processes_of_eight_threads_leave_no_gap_on_postgresql(empty_postgresql_url: str, signer: Signer) -> None:
    engine = open_engine(empty_postgresql_url)
    try:
        Base.metadata.create_all(engine, tables=list(TABLES))
        two_processes(engine, empty_postgresql_url, signer, threads=8, each=10)
    finally:
        engine.dispose()


def test_callers_and_recorders_share_one_sequence(engine: Engine, url: str, trail: Trail, signer: Signer) -> None:
    sessions = session_factory(engine)
    process = writer(url, threads=4, each=25)
    mine = []
    for i in range(40):
        with sessions() as session:
            mine.append(trail.append(session, looked(), now=NOW))
            if i % 4 == 3:
                session.rollback()
                mine.pop()
            else:
                session.commit()
    theirs = [int(line) for line in process.communicate(timeout=60)[0].split()]
    assert assert_whole(engine, signer, mine + theirs) == 130


@pytest.mark.slow
def test_what_was_acknowledged_outlives_a_killed_writer(engine: Engine, url: str, signer: Signer) -> None:
    chance, acknowledged = random.Random(15), []
    for _ in range(KILLS):
        process = writer(url, threads=4, each=100_000)
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(chance.uniform(0, 0.05))
        process.kill()
        rest, _ = process.communicate(timeout=30)
        # The last line may be cut off in the middle of its digits: it then acknowledges nothing.
        acknowledged += [int(line) for line in (first + rest).splitlines(keepends=True) if line.endswith("\n")]
    assert len(acknowledged) > KILLS
    size = assert_whole(engine, signer, acknowledged)
    assert size - len(acknowledged) <= KILLS * 2 * 64, "only what was on its way may be there unacknowledged"
