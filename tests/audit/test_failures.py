"""Where the trail cannot be written there is one answer, TrailUnavailable, and nothing half written."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session, sessionmaker

from broker.audit.export import verify_database
from broker.audit.queue import CommitQueue
from broker.audit.signed_note import Signer
from broker.audit.trail import Trail
from broker.database import open_engine, session_factory
from broker.errors import TrailUnavailable
from tests.audit.conftest import KEY, NOW, looked


def test_a_read_only_database_cannot_take_an_entry(
    engine: Engine, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    engine.dispose()
    read_only = open_engine(f"sqlite:///file:{tmp_path / 'trail.sqlite3'}?mode=ro&uri=true")
    try:
        trail = Trail(session_factory(read_only), key=KEY)
        with pytest.raises(TrailUnavailable):
            trail.record(looked(), now=NOW)
        with session_factory(read_only)() as session, pytest.raises(TrailUnavailable):
            trail.append(session, looked(), now=NOW)
    finally:
        read_only.dispose()


def test_a_full_database_cannot_take_an_entry_and_keeps_what_it_has(
    engine: Engine, sessions: sessionmaker[Session], trail: Trail, signer: Signer
) -> None:
    trail.record(looked(), now=NOW)
    with engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()

    @event.listens_for(engine, "checkout")
    def _no_more_pages(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(TrailUnavailable):
        _fill(trail)
    event.remove(engine, "checkout", _no_more_pages)
    with engine.connect() as connection:
        connection.execute(text("PRAGMA max_page_count = 1000000"))
    with sessions() as session:
        report = verify_database(session, str(signer.verifier), key=KEY)
    assert report.ok, report.fault
    assert trail.record(looked(), now=NOW) == report.size


def test_a_database_that_is_not_there_cannot_take_an_entry(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'no-folder' / 'trail.sqlite3'}")
    with pytest.raises(TrailUnavailable):
        Trail(session_factory(engine), key=KEY).record(looked(), now=NOW)


def test_a_database_without_the_tables_cannot_take_an_entry(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    trail = Trail(session_factory(engine), key=KEY)
    with pytest.raises(TrailUnavailable):
        trail.record(looked(), now=NOW)
    with session_factory(engine)() as session, pytest.raises(TrailUnavailable):
        trail.entries(session)
    engine.dispose()


def test_a_head_that_makes_no_sense_takes_no_entry(
    engine: Engine, trail: Trail, sessions: sessionmaker[Session]
) -> None:
    trail.record(looked(), now=NOW)
    with engine.begin() as connection:
        connection.execute(text("UPDATE audit_head SET edge = X'00'"))
    with pytest.raises(TrailUnavailable):
        trail.record(looked(), now=NOW)
    with sessions() as session, pytest.raises(TrailUnavailable):
        trail.head(session)


def test_one_fault_is_the_answer_to_all_who_shared_the_commit() -> None:
    begun, go_on = threading.Event(), threading.Event()
    batches: list[list[int]] = []

    def commit(what: list[int]) -> list[int]:
        batches.append(list(what))
        if len(batches) == 1:
            begun.set()
            go_on.wait(5)
            return what
        raise TrailUnavailable("no")

    queue: CommitQueue[int] = CommitQueue(commit)  # type: ignore[arg-type]
    answers: list[int | str] = []

    def submit(what: int) -> None:
        try:
            answers.append(queue.submit(what))
        except TrailUnavailable:
            answers.append("unavailable")

    threads = [threading.Thread(target=submit, args=(i,)) for i in range(5)]
    threads[0].start()
    assert begun.wait(5)
    for thread in threads[1:]:
        thread.start()
    while len(queue._line.waiting) < 4:
        pass
    go_on.set()
    for thread in threads:
        thread.join()
    assert batches == [[0], [1, 2, 3, 4]]
    assert answers.count("unavailable") == 4
    assert 0 in answers


def test_a_child_process_does_not_wait_for_its_parents_turn(trail: Trail, engine: Engine, url: str) -> None:
    """The server forks its workers; a lock held by a thread that was not copied would never be released."""
    trail._queue._line.turn.acquire()
    engine.dispose(close=False)
    child = os.fork()
    if child == 0:
        try:
            trail.record(looked(), now=NOW)
        except BaseException:
            os._exit(1)
        os._exit(0)
    trail._queue._line.turn.release()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert trail.record(looked(), now=NOW) == 1


def _fill(trail: Trail) -> None:
    for _ in range(100):
        trail.record(looked(note="x" * 4000), now=NOW)
