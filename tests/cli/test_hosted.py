"""What is kept here for an organisation, as the operator types it."""

from __future__ import annotations

import asyncio
import json
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from broker.app import source_maker
from broker.audit.models import AuditEntry
from broker.cli.listening import _bound
from broker.database import open_engine, session_factory
from broker.identity.models import Source, SourceLink
from broker.logs import REMOVED_NUMBER
from broker.records.source import ResidentIdentity
from broker.settings import Settings
from broker.vocabulary import GapCause, Section
from tests.adapters.hosted import test_collecting as collecting
from tests.cli.conftest import Run, written
from tests.people import ADA_BORN, ADA_NUMBER, FOOD_BANK, NOON

HEADER = "NHS number,Date of birth,Section,Title,Date,Note,Status,Recorded by,Reference\n"
ROW = f"{ADA_NUMBER},14/03/1964,Housing,Rent arrears,12/01/2026,Two months,Open,Jo,A-1\n"
WRONG = "9990000019,14/03/1964,Housing,Damp,12/01/2026,,,,A-2\n"


@pytest.fixture
def pantry(ready: Run, tmp_path: Path) -> Run:
    register(tmp_path, "pantry", {"sections": "housing"})
    return ready


def register(folder: Path, id: str, configuration: dict[str, Any]) -> None:
    registered = {"kind": "hosted", "organisation_code": FOOD_BANK, "configuration": configuration}
    engine = open_engine(Settings(data_folder=folder / "var").sqlalchemy_url)
    with session_factory(engine).begin() as session:
        session.add(Source(id=id, label="The pantry", added_at=NOON, **registered))
    engine.dispose()


@contextmanager
def sftp(folder: Path) -> Iterator[int]:
    """A server on a thread of its own that shows ``folder``, and on which port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    serving = collecting.serving(folder)
    try:
        yield asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result(10)
        asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def on_the_trail(folder: Path) -> list[dict[str, object]]:
    engine = open_engine(Settings(data_folder=folder / "var").sqlalchemy_url)
    with session_factory(engine)() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "hosted-changed")).all()
        said = [json.loads(entry.body) for entry in entries]
    engine.dispose()
    return said


def linked(folder: Path) -> int:
    engine = open_engine(Settings(data_folder=folder / "var").sqlalchemy_url)
    with session_factory(engine)() as session:
        found = len(session.scalars(select(SourceLink).where(SourceLink.source_id == "pantry")).all())
    engine.dispose()
    return found


@pytest.mark.slow
def test_a_table_is_looked_at_kept_taken_back_and_taken_away(pantry: Run, tmp_path: Path) -> None:
    table = written(tmp_path, "clients.csv", HEADER + ROW)
    code, said, _ = pantry("hosted", "import", table, "--source", "pantry", "--preview")
    assert code == 0
    assert "1 row would become 1 entry" in said
    assert on_the_trail(tmp_path) == []
    code, said, complaint = pantry("hosted", "import", table, "--source", "pantry")
    assert code == 0, complaint
    batch = said.split("undo ")[1].split()[0]
    assert linked(tmp_path) == 1
    assert pantry("hosted", "import", table, "--source", "pantry")[1].startswith("1 item is kept, 1 in place")
    assert pantry("sources", "check", "pantry")[0] == 0
    code, _, complaint = pantry("hosted", "export", "--source", "pantry", "--to", str(tmp_path / "out.jsonl"))
    assert code == 0, complaint
    assert json.loads((tmp_path / "out.jsonl").read_text())["nhs_number"] == ADA_NUMBER
    assert stat.S_IMODE((tmp_path / "out.jsonl").stat().st_mode) == 0o600
    assert pantry("hosted", "undo", batch, "--source", "pantry")[0] == 0
    listed = pantry("hosted", "batches", "--source", "pantry")[1]
    assert ("undone" in listed, "1 item is in use" in listed) == (True, True)
    acts = [entry["act"] for entry in on_the_trail(tmp_path)]
    assert acts == ["added", "added", "exported", "undone"]
    assert ADA_NUMBER not in json.dumps(on_the_trail(tmp_path))


def test_what_was_brought_in_is_what_the_broker_reads(pantry: Run, tmp_path: Path) -> None:
    table = written(tmp_path, "clients.csv", HEADER + ROW)
    assert pantry("hosted", "import", table, "--source", "pantry")[0] == 0
    registered = Source(id="pantry", label="", kind="hosted", organisation_code=FOOD_BANK)
    registered.configuration = {"sections": "housing"}
    system = source_maker(Settings(data_folder=tmp_path / "var"))(registered)
    ada, other = ResidentIdentity(ADA_NUMBER, ADA_BORN), ResidentIdentity(ADA_NUMBER, NOON.date())
    answer = asyncio.run(system.fetch(ada, frozenset({Section.HOUSING})))
    assert [entry.title for entry in answer.entries] == ["Rent arrears"]
    (gap,) = asyncio.run(system.fetch(other, frozenset({Section.HOUSING}))).gaps
    assert gap.cause is GapCause.WRONG_PERSON


def test_a_wrong_row_refuses_the_table_unless_the_good_ones_are_accepted(pantry: Run, tmp_path: Path) -> None:
    table = written(tmp_path, "clients.csv", HEADER + ROW + WRONG)
    code, _, complaint = pantry("hosted", "import", table, "--source", "pantry")
    assert code == 1
    assert "row 3, NHS number" in complaint
    assert "9990000019" not in complaint
    assert on_the_trail(tmp_path) == []
    code, said, _ = pantry("hosted", "import", table, "--source", "pantry", "--accept-good-rows")
    assert (code, said.startswith("1 item is kept, 0 in place of earlier ones. Rows that are not: 1.")) == (0, True)


def test_a_table_with_columns_of_its_own_is_read_by_a_mapping(pantry: Run, tmp_path: Path) -> None:
    table = written(tmp_path, "own.csv", f"No,Born,What\n{ADA_NUMBER},14/03/1964,Damp\n")
    mapping = {
        "nhs_number_column": "No",
        "born_on_column": "Born",
        "entries": [{"section": "housing", "title_column": "What"}],
    }
    said = written(tmp_path, "own.json", json.dumps(mapping))
    assert pantry("hosted", "import", table, "--source", "pantry")[0] == 1
    assert pantry("hosted", "import", table, "--source", "pantry", "--mapping", said)[0] == 0


def test_a_mapping_that_is_no_text_is_refused_by_its_own_name(pantry: Run, tmp_path: Path) -> None:
    table, mapping = written(tmp_path, "own.csv", HEADER + ROW), tmp_path / "own.yaml"
    for data in (b"entries: caf\xe9\n", b"[1]", b"a: [", b"1: x"):
        mapping.write_bytes(data)
        code, _, complaint = pantry("hosted", "import", table, "--source", "pantry", "--mapping", str(mapping))
        assert (code, complaint.count("\n")) == (1, 1)
        assert "configuration-malformed" in complaint
        assert complaint.endswith("[--mapping]\n")


def test_the_empty_table_has_headings_alone_and_nothing_is_written_over(pantry: Run, tmp_path: Path) -> None:
    code, said, _ = pantry("hosted", "template", "--source", "pantry")
    assert (code, said.strip("\ufeff").splitlines()) == (0, [HEADER.strip()])
    there = written(tmp_path, "out.jsonl", "mine")
    code, _, complaint = pantry("hosted", "export", "--source", "pantry", "--to", there)
    assert (code, "file-exists" in complaint) == (1, True)
    assert Path(there).read_text() == "mine"
    assert on_the_trail(tmp_path) == []


def test_deleting_a_person_takes_their_link_with_them(pantry: Run, tmp_path: Path) -> None:
    table = written(tmp_path, "clients.csv", HEADER + ROW)
    assert pantry("hosted", "import", table, "--source", "pantry")[0] == 0
    code, _, complaint = pantry("hosted", "delete-person", "--source", "pantry")
    assert (code, "person-missing" in complaint) == (1, True)
    assert "0 items" in pantry("hosted", "delete-person", "--source", "pantry", "--nhs-number", "9990000034")[1]
    assert linked(tmp_path) == 1
    assert "1 item " in pantry("hosted", "delete-person", "--source", "pantry", "--nhs-number", ADA_NUMBER)[1]
    assert linked(tmp_path) == 0


def test_everything_is_deleted_only_where_it_is_meant(pantry: Run, tmp_path: Path) -> None:
    table = written(tmp_path, "clients.csv", HEADER + ROW)
    assert pantry("hosted", "import", table, "--source", "pantry")[0] == 0
    code, _, complaint = pantry("hosted", "delete-everything", "--source", "pantry")
    assert (code, "not-meant" in complaint) == (1, True)
    code, said, _ = pantry("hosted", "delete-everything", "--source", "pantry", "--yes-delete", "pantry")
    assert (code, said) == (0, "1 item was deleted.\n")
    assert linked(tmp_path) == 0


@pytest.mark.slow
def test_a_new_secret_opens_what_was_kept_and_the_former_is_gone(pantry: Run, tmp_path: Path) -> None:
    table = written(tmp_path, "clients.csv", HEADER + ROW)
    assert pantry("hosted", "import", table, "--source", "pantry")[0] == 0
    before = (tmp_path / "var" / "secrets" / "hosted-sources").read_text()
    code, said, complaint = pantry("hosted", "rekey")
    assert (code, "Sources sealed anew: 1." in said) == (0, True), complaint
    assert (tmp_path / "var" / "secrets" / "hosted-sources").read_text() != before
    assert not (tmp_path / "var" / "secrets" / "hosted-sources-former").exists()
    assert pantry("sources", "check", "pantry")[0] == 0
    assert "1 in place of" in pantry("hosted", "import", table, "--source", "pantry")[1]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("batches", "--source", "nobody"), "hosted-source-unknown"),
        (("undo", "nothing", "--source", "pantry"), "hosted-batch-unknown"),
        (("collect", "--source", "pantry"), "hosted-no-folder"),
    ],
)
def test_what_is_not_there_is_refused_in_a_line(pantry: Run, words: tuple[str, ...], code: str) -> None:
    exit_code, _, complaint = pantry("hosted", *words)
    assert (exit_code, code in complaint) == (1, True), complaint


def test_no_number_of_anybody_is_told_with_a_files_name(ready: Run, tmp_path: Path) -> None:
    """Folders stand for tables here: a folder is told by its name, and never read."""
    for name in ("july.csv", f"ada {ADA_NUMBER}.csv", "ada_999-000-0018\x1b[2J.csv"):
        (tmp_path / "sftp" / "drop" / name).mkdir(parents=True)
    written(tmp_path, "var/secrets/sources/drop-key", collecting.SECRETS["drop-key"])
    with sftp(tmp_path / "sftp") as port:
        folder = {
            "sections": "housing",
            "sftp_host": "127.0.0.1",
            "sftp_port": port,
            "sftp_folder": "/drop",
            "sftp_user": "broker",
            "sftp_host_key": collecting.HOST_KEY.export_public_key().decode().strip(),
            "sftp_key_secret": "drop-key",
        }
        register(tmp_path, "drop", folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BROKER_EGRESS_HOSTS", f"127.0.0.1:{port}")
            code, said, complaint = ready("hosted", "collect", "--source", "drop")
    assert (code, complaint) == (0, "")
    named = [line.partition(": ")[0] for line in said.splitlines()[:-1]]
    assert named == [f"ada {REMOVED_NUMBER}.csv", f"ada_{REMOVED_NUMBER}[2J.csv", "july.csv"]


def test_a_facility_may_be_bound_to_a_certificate(pantry: Run) -> None:
    assert _bound(["RIVERSIDE=mllp.riverside.example", "LAB"]) == {
        "facilities": frozenset({"RIVERSIDE", "LAB"}),
        "proven_by": {"RIVERSIDE": "mllp.riverside.example"},
    }
    words = ("sources", "listen", "pantry", "--port", "0", "--facility", "RIVERSIDE=mllp.riverside.example")
    assert "listener-anybody" in pantry(*words)[2]


def test_the_template_is_the_table_that_is_read(pantry: Run) -> None:
    code, said, _ = pantry("hosted", "template", "--source", "pantry")
    assert (code, said.lstrip("\ufeff").splitlines()[0]) == (0, HEADER.strip())
