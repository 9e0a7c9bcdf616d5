"""An operator tries sources, and listens for a partner's messages: what is told, what is never told, what is kept."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import web
from hl7.client import MLLPClient

from broker.audit.models import AuditEntry
from broker.cli import trying
from broker.database import open_engine, session_factory
from broker.identity.models import SourceLink
from broker.settings import Settings
from broker.vocabulary import AuditAction
from sandbox.neighbourhood import cast
from sandbox.neighbourhood.named import ADA
from sandbox.neighbourhood.place import Place
from sandbox.partners.gp_connect import BASE, GpConnectServer
from tests.adapters.hl7v2.spoken import FACILITY, message, visit
from tests.cli.conftest import Run, written
from tests.people import ADA_BORN, ADA_NUMBER, FOOD_BANK, SURGERY

pytestmark = pytest.mark.slow  # each types several commands, and a command opens everything anew

PAIR = ("--nhs-number", ADA_NUMBER, "--born-on", ADA_BORN.isoformat())
HEADER = "NHS number,Date of birth,Record,Date,Summary\n"


@pytest.fixture
def prescribing(ready: Run, tmp_path: Path) -> Run:
    rows = f"{ADA_NUMBER},{ADA_BORN},Referral,2026-05-01,Lonely since she moved\n{ADA_NUMBER},{ADA_BORN},Lunch,,x\n"
    path = written(tmp_path, "export.csv", HEADER + rows)
    words = ("--kind", "social-prescribing-csv", "--label", "Link workers", "--organisation", FOOD_BANK)
    assert ready("sources", "add", "links", *words, "--set", f"path={path}")[0] == 0
    return ready


def trail(folder: Path, action: AuditAction) -> list[AuditEntry]:
    engine = open_engine(Settings(data_folder=folder / "var").sqlalchemy_url)
    with session_factory(engine)() as session:
        found = [entry for entry in session.query(AuditEntry).all() if entry.action == action]
    engine.dispose()
    return found


def test_trying_a_source_tells_counts_and_nothing_that_is_recorded(prescribing: Run, tmp_path: Path) -> None:
    code, said, _ = prescribing("sources", "try", "links", *PAIR)
    assert code == 0
    assert "1 entry; 0 with a code, 1 with a date" in said
    assert "Referrals: 1" in said
    assert "Not understood: row 3: no mapping fits it, 1" in said
    assert "Lonely" not in said
    assert ADA_NUMBER not in said
    (entry,) = trail(tmp_path, AuditAction.RESIDENT_SOUGHT)
    assert json.loads(entry.body)["act"] == "tried"


def test_trying_says_the_same_to_a_program(prescribing: Run) -> None:
    code, said, _ = prescribing("sources", "try", "links", *PAIR, "--sections", "referral-details", "--json")
    (source,) = json.loads(said)["sources"]
    assert code == 0
    assert (source["source"], source["mapped"]) == ("links", {"referral-details": 1})
    assert source["took_ms"] >= 0


def test_what_is_recorded_is_shown_in_a_demonstration_alone(prescribing: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    code, said, complaint = prescribing("sources", "try", "links", *PAIR, "--show")
    assert (code, said) == (1, "")
    assert "show-elsewhere" in complaint
    monkeypatch.setenv("BROKER_DEMONSTRATION", "true")
    code, said, _ = prescribing("sources", "try", "links", *PAIR, "--show")
    assert code == 0
    assert "Lonely since she moved" in said


def test_somebody_who_does_not_agree_with_the_source_is_a_gap(prescribing: Run) -> None:
    code, said, _ = prescribing("sources", "try", "links", "--nhs-number", ADA_NUMBER, "--born-on", "1971-09-02")
    assert code == 1
    assert "answered about somebody else" in said
    assert "0 entries" in said


def test_nobody_real_is_asked_about_without_being_enrolled_and_without_a_reason(
    prescribing: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "_FOR_TESTS", "no number begins so")
    stranger = ("--nhs-number", "9990000034", "--born-on", "1971-09-02")
    assert "resident-not-enrolled" in prescribing("sources", "try", "links", *stranger, "--why", "A test")[2]
    assert "reason-missing" in prescribing("sources", "try", "links", *PAIR)[2]
    assert trail(tmp_path, AuditAction.RESIDENT_SOUGHT) == []
    assert prescribing("sources", "try", "links", *PAIR, "--why", "Ada asked why it is empty")[0] == 0
    (entry,) = trail(tmp_path, AuditAction.RESIDENT_SOUGHT)
    assert entry.resident_ref is not None


def test_sections_and_settings_that_are_wrong_are_named(prescribing: Run, tmp_path: Path) -> None:
    code, _, complaint = prescribing("sources", "try", "links", *PAIR, "--sections", "housing,foo")
    assert (code, "There is no section 'foo'. There are: " in complaint) == (1, True)
    file = tmp_path / "odd.yaml"
    file.write_bytes(b"path: caf\xe9\n")
    words = ("--kind", "cld-csv", "--label", "x", "--organisation", FOOD_BANK, "--config", str(file))
    code, _, complaint = prescribing("sources", "add", "odd", *words)
    assert (code, complaint.count("\n")) == (1, 1)
    assert "configuration-malformed" in complaint
    assert complaint.endswith("[--config]\n")


@contextmanager
def practice() -> Iterator[str]:
    """The address of a practice that is served on another thread."""
    place, loop, started = Place(1, 60), asyncio.new_event_loop(), threading.Event()
    over, address = asyncio.Event(), []

    async def serve() -> None:
        app = web.Application()
        GpConnectServer(place, cast.LOCK_KEEPERS.code).add_to(app)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        address.append(f"127.0.0.1:{runner.addresses[0][1]}")
        started.set()
        await over.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert started.wait(10)
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


def test_a_source_that_answers_for_care_alone_can_be_tried_where_a_demonstration_runs(
    ready: Run, tmp_path: Path
) -> None:
    person = Place(1, 60).person(ADA)
    pair = ("--nhs-number", person.nhs_number, "--born-on", person.born_on.isoformat())
    words = ("--kind", "gp-connect-structured", "--label", "Practice", "--organisation", SURGERY)
    with practice() as place:
        where = ("--set", f"base_url=http://{place}{BASE}", "--set", "from_asid=1", "--set", "to_asid=2")
        assert ready("sources", "add", "gp", *words, *where)[0] == 0
        code, said, _ = ready("sources", "try", "gp", *pair)
        assert (code, "is not among the hosts" in said) == (1, True)
        elsewhere = {"hosts": ["gp.example:80"], "process": os.getpid()}
        kept = tmp_path / "var" / "demonstration.json"
        for running, asked in (
            (elsewhere, False),
            ({"hosts": [place], "process": 2**22 + 1}, False),  # no process has that number
            ({"hosts": [place], "process": os.getpid()}, True),
        ):
            kept.write_text(json.dumps({"residents": 60, "seed": 1, "running": running}))
            code, said, _ = ready("sources", "try", "gp", *pair)
            assert ("is not among the hosts" not in said) == asked, said
        assert "0 entries" not in said
        assert ready("sources", "check", "gp")[0] == 0
    entries = trail(tmp_path, AuditAction.RESIDENT_SOUGHT)
    assert len({json.loads(entry.body)["request"] for entry in entries}) == len(entries) == 4


def test_a_source_that_is_not_there_is_refused_before_anything_is_asked(prescribing: Run) -> None:
    assert "source-unknown" in prescribing("sources", "try", "nowhere", *PAIR)[2]


def send_and_stop(port: int, data: bytes, answers: list[bytes]) -> None:
    """Send once somebody listens, and then stop them as an operator's machine would."""
    for _ in range(200):
        try:
            with MLLPClient("127.0.0.1", port) as client:
                client.socket.settimeout(10)
                try:
                    answers.append(client.send_message(data))
                finally:
                    os.kill(os.getpid(), signal.SIGTERM)  # whoever answers a connection has taken that over
            return
        except ConnectionRefusedError:
            time.sleep(0.05)


def test_messages_come_into_a_source_that_is_kept_here_and_onto_the_trail(ready: Run, tmp_path: Path) -> None:
    words = ("--kind", "hosted", "--label", "Ward messages", "--organisation", SURGERY)
    assert ready("sources", "add", "ward", *words, "--set", "sections=admission-details")[0] == 0
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    data = message("ADT^A01", visit(), person=f"PID|1||{ADA_NUMBER}^^^NHS^NH||||{ADA_BORN:%Y%m%d}")
    answers: list[bytes] = []
    sending = threading.Thread(target=send_and_stop, args=(port, data, answers))
    sending.start()
    code, said, _ = ready("sources", "listen", "ward", "--port", str(port), "--facility", FACILITY)
    sending.join()
    assert code == 0
    assert b"MSA|AA|M1" in answers[0]
    assert said == f"ward listens on port {port}.\nADT^A01: AA\nward listens no longer.\n"
    (added,) = trail(tmp_path, AuditAction.HOSTED_CHANGED)
    body = json.loads(added.body)
    assert (body["way"], body["items"]) == ("hl7v2", 1)
    engine = open_engine(Settings(data_folder=tmp_path / "var").sqlalchemy_url)
    with session_factory(engine)() as session:
        assert session.query(SourceLink).filter_by(source_id="ward").count() == 1
    engine.dispose()
    said = ready("sources", "try", "ward", *PAIR)[1]
    assert "Admissions, attendances and discharges: 1" in said


def test_only_a_source_that_is_kept_here_can_be_listened_for(prescribing: Run) -> None:
    words = ("--port", "0", "--facility", FACILITY)
    assert "hosted-source-unknown" in prescribing("sources", "listen", "links", *words)[2]
    assert "listener-unprotected" in _elsewhere(prescribing)


def _elsewhere(run: Run) -> str:
    run(
        "sources",
        "add",
        "ward",
        "--kind",
        "hosted",
        "--label",
        "W",
        "--organisation",
        SURGERY,
        "--set",
        "sections=alerts",
    )
    return run("sources", "listen", "ward", "--port", "0", "--facility", FACILITY, "--host", "0.0.0.0")[2]
