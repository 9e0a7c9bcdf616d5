"""What is kept here as a world: a store that holds something, with items in it that somebody damaged."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from adapters.hosted.keeping import Hosting
from adapters.hosted.store import HostedStore, Item
from broker.records.source import Provenance, RecordEntry, ResidentIdentity
from broker.vocabulary import Section
from tests.adapters.conformance.worlds import FileWorld, Holding
from tests.people import NOON

MASTER = bytes(range(32))


def hosting(folder: Path) -> Hosting:
    return Hosting(folder / "hosted", lambda: [MASTER])


class HostedWorld(FileWorld):
    """Written to by its own door, and not by a file that is put into a folder."""

    kind, section = "hosted", Section.MONEY

    def configuration(self, folder: Path) -> dict[str, Any]:
        return {"sections": ["money-and-benefits", "housing"]}

    def parts(self, folder: Path) -> dict[str, Any]:
        return {"hosting": hosting(folder)}

    def write(self, holding: Holding, folder: Path) -> None:
        store = hosting(folder).store("the-source")
        store.delete_everything()
        store.add_batch(
            [_item(holding.person, number) for number in range(holding.items)], by="test", what="form", now=NOON
        )
        if holding.unknown:
            damaged = [_item(holding.person, number) for number in range(9000, 9000 + holding.unknown)]
            damage(store, store.add_batch(damaged, by="test", what="form", now=NOON).id)


def damage(store: HostedStore, batch: str) -> None:
    """Change one byte of everything in a batch, as somebody might who can write the file and knows no key."""
    with sqlite3.connect(store.path) as db:
        for number, sealed in db.execute("SELECT number, sealed FROM item WHERE batch = ?", (batch,)).fetchall():
            db.execute("UPDATE item SET sealed = ? WHERE number = ?", (sealed[:-1] + bytes([sealed[-1] ^ 1]), number))
    db.close()


def _item(person: ResidentIdentity, number: int) -> Item:
    title = f"Matter {number}"
    entry = RecordEntry(id="", section=Section.MONEY, title=title, provenance=Provenance("", NOON))
    return Item(key=f"test:{number:05}", nhs_number=person.nhs_number, born_on=person.born_on, entry=entry)
