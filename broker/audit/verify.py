"""Check an exported trail from outside: with nothing but its lines and the log's public key.

Reads no database and trusts nothing the export says of itself: every leaf, the whole tree and every signature is
worked out again. What it cannot show is that something was never written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

from broker.audit.leaf import FIELDS, VERSION, hash_of, note_commitment
from broker.audit.log import Edge
from broker.audit.signed_note import NoteInvalid, Verifier, open_checkpoint


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. ``fault`` names the first thing wrong, in words; ``index`` the entry it is at, if any."""

    size: int
    root: str  # hexadecimal
    checkpoints: int
    notes: int
    fault: str | None = None
    index: int | None = None

    @property
    def ok(self) -> bool:
        return self.fault is None


class FaultFound(Exception):
    """Ends the check at the first fault."""

    def __init__(self, fault: str, *, index: int | None = None) -> None:
        super().__init__(fault)
        self.fault = fault
        self.index = index


def verify_export(lines: Iterable[str], public_key: str, *, witnessed: Iterable[str] = ()) -> Report:
    """Check an export: a head line, the checkpoints, then every entry in order (see ``export``).

    ``public_key`` is the log's C2SP verifier key. ``witnessed`` are signed checkpoints kept elsewhere: an export
    cannot be shortened below one, nor changed under it, even by whoever holds the database and the key. Never raises.
    """
    check = _Check()
    try:
        check.run(lines, public_key, witnessed)
    except FaultFound as found:
        return check.report(found)
    return check.report()


class _Check:
    """One pass over an export, in the order of its lines."""

    def __init__(self) -> None:
        self.edge = Edge()
        self.notes = 0
        self.roots: dict[int, bytes] = {}  # by size: what signed checkpoints say

    def report(self, found: FaultFound | None = None) -> Report:
        return Report(
            size=self.edge.size,
            root=self.edge.root.hex(),
            checkpoints=len(self.roots),
            notes=self.notes,
            fault=found.fault if found else None,
            index=found.index if found else None,
        )

    def run(self, lines: Iterable[str], public_key: str, witnessed: Iterable[str]) -> None:
        try:
            verifier = Verifier.parse(public_key)
        except NoteInvalid as error:
            raise FaultFound(f"the public key cannot be used: {error}") from error
        items = _items(lines)
        head = next(items, None)
        if head is None or head.get("kind") != "head":
            raise FaultFound("the export does not begin with its head")
        for note in witnessed:
            self._checkpoint(note, verifier)
        for item in items:
            if item.get("kind") == "checkpoint" and not self.edge.size:
                self._checkpoint(item.get("note"), verifier)
            elif item.get("kind") == "entry":
                self._entry(item)
            else:
                raise FaultFound("a line is neither a checkpoint nor an entry in its place")
        self._ends_as(head)

    def _checkpoint(self, note: Any, verifier: Verifier) -> None:
        try:
            checkpoint = open_checkpoint(str(note), verifier)
        except NoteInvalid as error:
            raise FaultFound(f"a checkpoint does not hold: {error}") from error
        if self.roots.setdefault(checkpoint.size, checkpoint.root) != checkpoint.root:
            raise FaultFound(f"two checkpoints of size {checkpoint.size} differ: the log has shown two histories")
        if checkpoint.size == 0:
            self._compare_with_checkpoint()

    def _entry(self, item: dict[str, Any]) -> None:
        index = self.edge.size
        computed = _computed_hash(item, index)
        if item.get("leaf_hash") != computed.hex():
            raise FaultFound("an entry is not what its leaf hash commits to", index=index)
        self._note(item, index)
        self.edge, _ = self.edge.append(computed)
        self._compare_with_checkpoint()

    def _note(self, item: dict[str, Any], index: int) -> None:
        if "note" not in item:
            return
        commitment, note, salt = item["leaf"]["note_commitment"], item["note"], item.get("note_salt")
        if commitment is None and note is None and salt is None:
            return
        if not isinstance(note, str) or not isinstance(salt, str):
            raise FaultFound("an entry's note or its salt is missing", index=index)
        try:
            found = note_commitment(bytes.fromhex(salt), note)
        except ValueError as error:
            raise FaultFound("an entry's note or its salt cannot be read", index=index) from error
        if not isinstance(commitment, str) or not compare_digest(found, commitment):
            raise FaultFound("an entry's note is not what its leaf commits to", index=index)
        self.notes += 1

    def _compare_with_checkpoint(self) -> None:
        signed = self.roots.get(self.edge.size)
        if signed is not None and signed != self.edge.root:
            raise FaultFound(f"the tree of size {self.edge.size} is not the one its checkpoint signed")

    def _ends_as(self, head: dict[str, Any]) -> None:
        longest = max(self.roots, default=0)
        if longest > self.edge.size:
            raise FaultFound(f"the trail is cut short: {longest} entries were signed, {self.edge.size} are here")
        if head.get("size") != self.edge.size:
            raise FaultFound(f"the head says {head.get('size')} entries, {self.edge.size} are here")
        if head.get("root") != self.edge.root.hex():
            raise FaultFound("the head's root is not the root of these entries")


def _computed_hash(item: dict[str, Any], index: int) -> bytes:
    leaf = item.get("leaf")
    if not isinstance(leaf, dict) or set(leaf) != set(FIELDS):
        raise FaultFound("an entry's leaf does not have the fields it must", index=index)
    if leaf["v"] != VERSION or type(leaf["index"]) is not int:
        raise FaultFound("an entry's leaf is of an unknown version or form", index=index)
    if leaf["index"] != index:
        raise FaultFound(f"entry {index} is missing or out of order: {leaf['index']} stands in its place", index=index)
    try:
        return hash_of(leaf)
    except (ValueError, RecursionError) as error:
        raise FaultFound("an entry's leaf is not canonical JSON", index=index) from error


def _items(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            item = json.loads(line, object_pairs_hook=_without_repeats)
        except (ValueError, RecursionError) as error:
            raise FaultFound(f"line {number} of the export is not JSON") from error
        if not isinstance(item, dict):
            raise FaultFound(f"line {number} of the export is not an object")
        yield item


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # A repeated name reads differently in different tools, so one line could tell two stories.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is repeated")
    return found
