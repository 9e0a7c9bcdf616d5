"""``broker residents`` at a terminal: who a resident is, asked of a register, and two who are one person."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from broker.database import open_engine, session_factory
from broker.identity.models import Resident
from broker.records.source import ResidentIdentity
from broker.settings import Settings
from tests.adapters.listener import Listener, Reply, Request, as_json
from tests.adapters.national_people import FHIR, person, refused
from tests.cli.conftest import Run
from tests.people import ADA_BORN, ADA_NUMBER, BEN_NUMBER, STRANGER_NUMBER, SURGERY


@contextmanager
def listening(answer: Any) -> Iterator[Listener]:
    """A register on its own thread, for a command that asks it from another."""
    source, started, loop = Listener(answer), threading.Event(), asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        async with source:
            started.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert started.wait(5)
    try:
        yield source
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


@contextmanager
def registered(run: Run, monkeypatch: pytest.MonkeyPatch, answer: Any) -> Iterator[Listener]:
    with listening(answer) as source:
        monkeypatch.setenv("BROKER_EGRESS_HOSTS", source.place)
        about = ("--kind", "pds-fhir", "--label", "Register", "--organisation", SURGERY)
        assert run("sources", "add", "register", *about, "--set", f"base_url={source.url}")[0] == 0
        yield source


def kept(tmp_path: Path, resident: str) -> Resident:
    engine = open_engine(Settings(data_folder=tmp_path / "var").sqlalchemy_url)
    with session_factory(engine)() as session:
        found = session.get_one(Resident, resident)
        session.expunge(found)
    engine.dispose()
    return found


def has(number: str, family: str = "Okoro") -> Any:
    said = {
        **person(ResidentIdentity(number, ADA_BORN)),
        "name": [{"use": "usual", "family": family, "given": ["Ada"]}],
    }
    return lambda request: as_json(said, media=FHIR)


def test_a_resident_is_traced_and_no_number_is_shown(ready: Run, tmp_path: Path, monkeypatch: Any) -> None:
    with registered(ready, monkeypatch, has(STRANGER_NUMBER)) as source:
        code, said, complained = ready("residents", "trace", "ada")
        assert (code, said) == (0, "ada is traced. Changed: a new NHS number.\n"), complained
        assert [r.path for r in source.requests] == [f"/base/Patient/{ADA_NUMBER}"]
        assert ready("residents", "trace", "ada")[1] == "ada is traced. Changed: nothing.\n"
        assert source.requests[1].path == f"/base/Patient/{STRANGER_NUMBER}"
    assert kept(tmp_path, "ada").nhs_number == STRANGER_NUMBER


def test_a_register_that_is_not_sure_changes_nothing(ready: Run, tmp_path: Path, monkeypatch: Any) -> None:
    def not_found(request: Request) -> Reply:
        return refused("RESOURCE_NOT_FOUND", status=404)

    with registered(ready, monkeypatch, not_found):
        code, _, complained = ready("residents", "trace", "ada")
    assert code != 0
    assert "not-traced" in complained
    assert kept(tmp_path, "ada").traced_at is None


def test_anothers_number_is_refused_with_the_way_on(ready: Run, tmp_path: Path, monkeypatch: Any) -> None:
    with registered(ready, monkeypatch, has(BEN_NUMBER)):
        code, said, complained = ready("residents", "trace", "ada")
    assert code != 0
    assert "identity-merge-needed" in complained
    assert BEN_NUMBER not in said + complained
    assert kept(tmp_path, "ada").nhs_number == ADA_NUMBER


def test_another_number_of_somebody_with_another_name_is_not_taken(
    ready: Run, tmp_path: Path, monkeypatch: Any
) -> None:
    with registered(ready, monkeypatch, has(STRANGER_NUMBER, family="Bright")):
        code, _, complained = ready("residents", "trace", "ada")
    assert code != 0
    assert "not-traced" in complained
    assert kept(tmp_path, "ada").nhs_number == ADA_NUMBER


def test_a_resident_is_found_by_both_identifiers_and_by_no_other(ready: Run) -> None:
    pair = ("--nhs-number", ADA_NUMBER, "--born-on")
    assert ready("residents", "find", *pair, ADA_BORN.isoformat())[:2] == (0, "ada\n")
    code, said, complaint = ready("residents", "find", *pair, "1971-09-02")
    assert (code, said, "resident-unknown" in complaint) == (1, "", True)


def test_without_a_register_nobody_is_traced(ready: Run) -> None:
    assert "register-unknown" in ready("residents", "trace", "ada")[2]
    complaint = ready("residents", "trace", "ada", "--source", "nowhere")[2]
    assert "There is no source nowhere." in complaint
    assert "resident-unknown" in ready("residents", "trace", "nobody")[2]


def test_two_who_are_one_person_are_merged_and_others_are_not(ready: Run, tmp_path: Path) -> None:
    assert "identity-differs" in ready("residents", "merge", "ben", "--into", "ada", "--yes")[2]
    enrolled = ("--born-on", ADA_BORN.isoformat(), "--given-name", "Ada", "--family-name", "Okoro")
    number = ("--nhs-number", STRANGER_NUMBER, "--neighbourhood", "TB-1")
    twin = ready("residents", "enrol", *number, *enrolled)[1].strip()
    code, said, complained = ready("residents", "merge", twin, "--into", "ada", "--yes")
    assert (code, complained) == (0, "")
    assert f"{twin} is kept as ada." in said
    assert kept(tmp_path, twin).merged_into_id == "ada"
    assert "resident-exists" in ready("residents", "enrol", *number, *enrolled)[2], "a former number is somebody's"
    assert "identity-merged" in ready("residents", "trace", twin)[2]
