"""Whatever is changed on a kept trail, or in an export of it, is found and named."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session, sessionmaker

from broker.audit.checkpoints import checkpoint_if_due
from broker.audit.export import export, verify_database
from broker.audit.leaf import hash_of
from broker.audit.log import Edge, leaf_hash, root_of
from broker.audit.models import ENTRIES, AuditHead
from broker.audit.signed_note import Checkpoint, Signer
from broker.audit.trail import Event, Trail
from broker.audit.verify import Report, verify_export
from broker.vocabulary import AuditAction
from tests.audit.conftest import KEY, NOW, looked

SIZE = 11


@pytest.fixture
def kept(trail: Trail, sessions: sessionmaker[Session], signer: Signer, engine: Engine) -> Engine:
    """A trail of eleven entries with two checkpoints, at five and eleven; its owner dropped its triggers."""
    for i in range(SIZE):
        trail.record(looked(f"r{i}"), now=NOW)
        if i in (4, SIZE - 1):
            checkpoint_if_due(sessions, signer, every=timedelta(0), now=NOW)
    with engine.begin() as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
        for name in names:
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text("PRAGMA ignore_check_constraints = ON"))
    return engine


def verified(engine: Engine, signer: Signer, **more: Any) -> Report:
    with Session(engine) as session:
        return verify_database(session, str(signer.verifier), **{"key": KEY, **more})


def lines_of(engine: Engine, *, notes: bool = False) -> list[str]:
    with Session(engine) as session:
        return list(export(session, notes=notes))


def run(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("PRAGMA ignore_check_constraints = ON"))
        for statement in statements:
            connection.execute(text(statement))


def test_an_untouched_trail_verifies(kept: Engine, signer: Signer) -> None:
    report = verified(kept, signer)
    assert report.ok, report.fault
    assert (report.size, report.checkpoints, report.notes) == (SIZE, 2, SIZE)


def test_an_untouched_export_verifies_with_and_without_its_notes(kept: Engine, signer: Signer) -> None:
    assert verify_export(lines_of(kept), str(signer.verifier)).ok
    assert verify_export(lines_of(kept, notes=True), str(signer.verifier)).notes == SIZE


def test_an_empty_trail_verifies(engine: Engine, signer: Signer) -> None:
    assert verified(engine, signer).ok


CHANGES = {
    "leaf_index": ["100", "-1"],
    "id": ["'" + "0" * 32 + "'"],
    "at": ["'2026-11-21 09:30:01.000000'", "'nonsense'"],
    "action": ["'release'", "'nonsense'"],
    "actor": ["'person:p2'", "'resident:r6'"],
    "actor_ref": ["'person:p2'"],
    "organisation": ["'XX9GP2'", "NULL"],
    "resident": ["'r1'", "NULL"],
    "resident_ref": ["'" + "0" * 64 + "'", "NULL"],
    "body": ["'{}'", "replace(body, 'direct-care', 'safeguarding')", "body || ' '", "'nonsense'"],
    "note": ["'Another reason'", "NULL"],
    "note_salt": ["zeroblob(32)", "NULL"],
    "note_commitment": ["'" + "0" * 64 + "'", "NULL"],
    "leaf_hash": ["zeroblob(32)"],
}


def test_every_column_has_a_change_to_find() -> None:
    assert set(CHANGES) == {column.name for column in ENTRIES.c}


@pytest.mark.parametrize(("column", "value"), [(c, v) for c, values in CHANGES.items() for v in values])
def test_a_change_to_any_column_is_found(kept: Engine, signer: Signer, column: str, value: str) -> None:
    run(kept, f"UPDATE audit_entry SET {column} = {value} WHERE leaf_index = 6")
    report = verified(kept, signer)
    assert not report.ok
    assert report.fault


def test_the_entry_at_fault_is_named(kept: Engine, signer: Signer) -> None:
    run(kept, "UPDATE audit_entry SET organisation = 'XX9GP2' WHERE leaf_index = 6")
    assert verified(kept, signer).index == 6


@pytest.mark.parametrize(
    ("statements", "fault"),
    [
        (["DELETE FROM audit_entry WHERE leaf_index = 3"], "missing or out of order"),
        (["DELETE FROM audit_entry WHERE leaf_index = 10"], "cut short"),
        (["DELETE FROM audit_entry"], "cut short"),
        (["DELETE FROM audit_node WHERE level = 1 AND node_index = 2"], "node 2 of level 1"),
        (["UPDATE audit_node SET hash = zeroblob(32) WHERE level = 2"], "node 0 of level 2"),
        (["INSERT INTO audit_node VALUES (9, 9, zeroblob(32))"], "belong to no tree"),
        (["UPDATE audit_head SET edge = zeroblob(96)"], "head's root"),
        (["UPDATE audit_head SET size = 10"], "cannot be read"),
        (["DELETE FROM audit_head"], "cannot be read"),
        (["UPDATE audit_checkpoint SET root = zeroblob(32) WHERE size = 5"], "kept for size 5"),
        (["UPDATE audit_checkpoint SET note = replace(note, '5', '6') WHERE size = 5"], "does not hold"),
        (["UPDATE audit_checkpoint SET size = 6 WHERE size = 5"], "kept for size 6"),
        (["DROP TABLE audit_node"], "cannot be read"),
    ],
)
def test_a_change_to_the_tree_is_found(kept: Engine, signer: Signer, statements: list[str], fault: str) -> None:
    run(kept, *statements)
    assert fault in (verified(kept, signer).fault or "")


def test_swapped_entries_are_found(kept: Engine, signer: Signer) -> None:
    run(
        kept,
        *(f"UPDATE audit_entry SET leaf_index = {b} WHERE leaf_index = {a}" for a, b in ((3, 99), (4, 3), (99, 4))),
    )
    assert verified(kept, signer).index == 3


def test_an_inserted_entry_is_found(kept: Engine, signer: Signer) -> None:
    columns = ", ".join(c.name for c in ENTRIES.c if c.name not in ("leaf_index", "id"))
    run(
        kept,
        f"INSERT INTO audit_entry (leaf_index, id, {columns}) "
        f"SELECT 11, 'x', {columns} FROM audit_entry WHERE leaf_index = 2",
    )
    assert "12 entries are kept" in (verified(kept, signer).fault or "")


def rewrite(connection: Connection, size: int, leaves: list[bytes]) -> None:
    """Do what a thorough owner would: shorten the trail and make its head agree."""
    edge = Edge()
    for each in leaves[:size]:
        edge, _ = edge.append(each)
    connection.execute(text("DELETE FROM audit_entry WHERE leaf_index >= :n"), {"n": size})
    connection.execute(text("DELETE FROM audit_node WHERE (node_index + 1) << level > :n"), {"n": size})
    connection.execute(text("UPDATE audit_head SET size = :n, edge = :e"), {"n": size, "e": edge.packed()})


def test_a_trail_cut_short_behind_its_checkpoints_is_found(kept: Engine, signer: Signer) -> None:
    with kept.begin() as connection:
        leaves = list(connection.execute(text("SELECT leaf_hash FROM audit_entry ORDER BY leaf_index")).scalars())
        rewrite(connection, 8, leaves)
    assert "cut short: 11 entries were signed, 8 are here" in (verified(kept, signer).fault or "")


def test_a_trail_cut_short_with_its_checkpoints_is_found_by_one_kept_elsewhere(kept: Engine, signer: Signer) -> None:
    with kept.begin() as connection:
        leaves = list(connection.execute(text("SELECT leaf_hash FROM audit_entry ORDER BY leaf_index")).scalars())
        elsewhere = connection.execute(text("SELECT note FROM audit_checkpoint WHERE size = 11")).scalar_one()
        rewrite(connection, 8, leaves)
        connection.execute(text("DELETE FROM audit_checkpoint WHERE size > 8"))
    assert verified(kept, signer).ok, "all that is kept agrees with itself"
    assert "cut short" in (verified(kept, signer, witnessed=[elsewhere]).fault or "")


def test_two_histories_under_one_key_are_found(kept: Engine, signer: Signer) -> None:
    other = signer.sign(Checkpoint(signer.name, 5, bytes(32)).text)
    assert "two histories" in (verified(kept, signer, witnessed=[other]).fault or "")


def test_checkpoints_by_another_key_are_found(kept: Engine) -> None:
    impostor = Signer("broker.test/trail", b"x" * 32)
    assert "does not hold" in (verified(kept, impostor).fault or "")


def test_a_trail_grows_while_it_is_checked(kept: Engine, signer: Signer, trail: Trail) -> None:
    with Session(kept) as session:
        lines = export(session)
        begun = [next(lines), next(lines)]
        trail.record(looked(), now=NOW)
        assert verify_export([*begun, *lines], str(signer.verifier)).ok
    assert verified(kept, signer).size == SIZE + 1


def entry_lines(lines: list[str]) -> list[int]:
    return [i for i, line in enumerate(lines) if '"kind":"entry"' in line]


FIELD_CHANGES: dict[str, Any] = {
    "v": 2,
    "id": "x",
    "index": 9,
    "at": "2026-11-21T09:30:01.000000Z",
    "action": "release",
    "actor": "person:p2",
    "organisation": None,
    "resident": "0" * 64,
    "body": {"purpose": "safeguarding"},
    "note_commitment": None,
}


@pytest.mark.parametrize("name", FIELD_CHANGES)
@pytest.mark.parametrize("rehashed", [False, True])
def test_a_change_to_any_field_of_an_export_is_found(kept: Engine, signer: Signer, name: str, rehashed: bool) -> None:
    lines = lines_of(kept)
    at = entry_lines(lines)[4]
    item = json.loads(lines[at])
    item["leaf"][name] = FIELD_CHANGES[name]
    if rehashed:
        item["leaf_hash"] = hash_of(item["leaf"]).hex()
    lines[at] = json.dumps(item)
    report = verify_export(lines, str(signer.verifier))
    assert not report.ok


@pytest.mark.parametrize(
    "spoil", ["drop", "repeat", "swap", "drop-last", "drop-head", "blank", "list", "repeat-name", "extra"]
)
def test_lines_left_out_added_or_moved_are_found(kept: Engine, signer: Signer, spoil: str) -> None:
    lines = lines_of(kept)
    first, second = entry_lines(lines)[2:4]
    if spoil == "drop":
        del lines[first]
    elif spoil == "repeat":
        lines.insert(first, lines[first])
    elif spoil == "swap":
        lines[first], lines[second] = lines[second], lines[first]
    elif spoil == "drop-last":
        del lines[-1]
    elif spoil == "drop-head":
        del lines[0]
    elif spoil == "blank":
        lines[first] = "{}"
    elif spoil == "list":
        lines[first] = "[]"
    elif spoil == "repeat-name":
        lines[first] = lines[first].replace('{"kind"', '{"kind":"entry","kind"')
    else:
        item = json.loads(lines[first])
        item["leaf"]["name"] = "Ada"
        lines[first] = json.dumps(item)
    assert not verify_export(lines, str(signer.verifier)).ok


@settings(max_examples=150)
@given(
    st.lists(
        st.text(max_size=60)
        | st.sampled_from(['{"kind":"head","size":0,"root":""}', '{"kind":"entry"}', "null", "[" * 5000]),
        max_size=5,
    )
)
def test_nonsense_is_a_fault_and_never_an_error(lines: list[str]) -> None:
    verify_export(lines, str(Signer("broker.test/trail", b"s" * 32).verifier))
    assert not verify_export(lines, "nonsense").ok


def test_a_resident_who_acts_is_checked_with_the_key(trail: Trail, engine: Engine, signer: Signer) -> None:
    trail.record(Event(AuditAction.CONSENT_GIVEN, "resident:ada", resident="ada"), now=NOW)
    assert verified(engine, signer).ok
    assert verified(engine, signer, key=None).ok
    assert "actor" in (verified(engine, signer, key=b"another" * 5).fault or "")


def test_the_verifier_needs_no_database_library(kept: Engine, signer: Signer, tmp_path: Path) -> None:
    """An outsider installs two small packages and runs the check."""
    (tmp_path / "trail.jsonl").write_text("\n".join(lines_of(kept)))
    program = (
        "import sys\n"
        "for name in ('sqlalchemy', 'flask', 'broker.database'): sys.modules[name] = None\n"
        "from broker.audit.verify import verify_export\n"
        f"report = verify_export(open({str(tmp_path / 'trail.jsonl')!r}), {str(signer.verifier)!r})\n"
        "assert report.ok and report.size == 11, report\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2], timeout=30)


def test_the_head_is_the_root_of_the_leaves(kept: Engine) -> None:
    with Session(kept) as session:
        head = session.get(AuditHead, 1)
        assert head is not None
        leaves = [row.leaf_hash for row in session.execute(ENTRIES.select().order_by(ENTRIES.c.leaf_index))]
        assert Edge.unpack(head.size, head.edge).root == root_of(leaves)
        assert leaves[0] != leaf_hash(b"")
