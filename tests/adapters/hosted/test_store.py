"""What the sealed store promises: nothing readable, nothing lost, nothing that comes back after it was deleted."""

from __future__ import annotations

import sqlite3
import stat
import threading
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest

from adapters.hosted.keeping import Hosting
from adapters.hosted.store import VERSIONS, HostedStore, Item, StoreLost
from broker.errors import Conflict, InvalidInput, NotFound
from tests.adapters.hosted.conftest import Masters, add, an_item, titles
from tests.people import ADA_BORN, ADA_NUMBER, BEN_BORN, BEN_NUMBER, NOON


def everything_written(store: HostedStore) -> bytes:
    return b"".join(path.read_bytes() for path in store.path.parent.iterdir())


def changed(store: HostedStore, statement: str, *values: object) -> None:
    db = sqlite3.connect(store.path)
    db.execute(statement, values)
    db.commit()
    db.close()


def test_what_is_kept_comes_back_as_it_was(store: HostedStore) -> None:
    add(store, an_item())
    (kept,) = store.about(nhs_numbers=[ADA_NUMBER]).items
    assert kept.item == an_item()
    assert kept.added_at == NOON


def test_nothing_personal_is_readable_in_the_file_or_its_name(store: HostedStore) -> None:
    add(store, an_item(local="CLIENT-77"))
    store.wait(b"a table with " + ADA_NUMBER.encode(), by="person:jo", until=NOON)
    written = everything_written(store)
    told = (ADA_NUMBER, ADA_BORN.isoformat(), "CLIENT-77", "Rent", "Two months", "Jo Reed", "housing", "test:1")
    assert [word for word in told if word.encode() in written] == []
    assert b"csv" in written, "the way it came is no secret: the file was looked at"


def test_only_its_owner_may_read_the_file(store: HostedStore) -> None:
    add(store, an_item())
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_a_person_is_found_by_either_number_however_it_is_spaced(store: HostedStore) -> None:
    add(store, an_item(local="c 77"))
    assert len(store.about(nhs_numbers=["999 000 0018"]).items) == 1
    assert len(store.about(local_id="C77").items) == 1
    assert store.about(nhs_numbers=[BEN_NUMBER], local_id="C78").items == ()


def test_a_later_item_of_one_key_replaces_and_undoing_it_restores(store: HostedStore) -> None:
    add(store, an_item(title="First"))
    later = store.add_batch([an_item(title="Second")], by="person:jo", what="csv", now=NOON)
    assert (later.replaced, titles(store), store.count()) == (1, ["Second"], 1)
    store.undo(later.id)
    assert titles(store) == ["First"]
    with pytest.raises(NotFound):
        store.undo(later.id)


def test_undoing_the_earlier_of_two_leaves_the_later_in_use(store: HostedStore) -> None:
    first = add(store, an_item(title="First"))
    add(store, an_item(title="Second"))
    store.undo(first)
    assert titles(store) == ["Second"]


def test_no_more_versions_are_kept_than_undoing_may_need(store: HostedStore) -> None:
    batches = [add(store, an_item(title=f"Version {number}")) for number in range(VERSIONS + 2)]
    for batch in reversed(batches):
        store.undo(batch)
    assert titles(store) == []
    assert store.count() == 0


def test_what_is_withdrawn_stands_in_place_of_what_was_said(store: HostedStore) -> None:
    add(store, an_item())
    withdrawn = add(store, Item(key="test:1", nhs_number=ADA_NUMBER, born_on=ADA_BORN, entry=None))
    assert titles(store) == []
    store.undo(withdrawn)
    assert titles(store) == ["Rent arrears"]


def test_a_batch_is_kept_whole_or_not_at_all(store: HostedStore) -> None:
    with pytest.raises(InvalidInput):
        add(store, an_item(), an_item("test:2", number=None))
    assert (store.count(), store.batches()) == (0, [])


def test_deleting_a_person_leaves_nothing_of_them_and_brings_no_mistake_back(store: HostedStore) -> None:
    add(store, an_item("test:1", "Ben's by mistake", number=BEN_NUMBER, born_on=BEN_BORN))
    add(store, an_item("test:1", "Ada's, corrected"), an_item("test:2", "Ben's own", number=BEN_NUMBER))
    assert store.delete_person(nhs_numbers=[ADA_NUMBER]) == 1
    assert titles(store) == []
    assert titles(store, BEN_NUMBER) == ["Ben's own"]


def test_nothing_is_deleted_or_taken_back_that_could_not_be_stated(store: HostedStore) -> None:
    batch = add(store, an_item())

    def unstated(items: int) -> None:
        assert items == 1
        raise ConnectionError("the trail cannot be written")

    for act in (
        lambda: store.undo(batch, stated=unstated),
        lambda: store.delete_person(nhs_numbers=[ADA_NUMBER], stated=unstated),
        lambda: store.delete_everything(stated=unstated),
    ):
        with pytest.raises(ConnectionError):
            act()
        assert titles(store) == ["Rent arrears"]


def test_what_is_deleted_is_gone_from_the_disk(store: HostedStore) -> None:
    add(store, an_item())
    db = sqlite3.connect(store.path)
    sealed = db.execute("SELECT sealed FROM item").fetchone()[0]
    db.close()
    assert sealed in everything_written(store)
    store.delete_person(nhs_numbers=[ADA_NUMBER])
    assert sealed not in everything_written(store)


def test_after_deleting_everything_a_copy_of_an_item_cannot_be_put_back(store: HostedStore) -> None:
    add(store, an_item())
    db = sqlite3.connect(store.path)
    row = db.execute("SELECT id, batch, key, person, local, sealed FROM item").fetchone()
    db.close()
    assert store.delete_everything() == 1
    assert (store.count(), store.batches()) == (0, [])
    add(store, an_item("test:9", "New"))
    changed(store, "INSERT INTO batch VALUES (99, ?, ?, 'x', 'csv', 1, 0, 0, 'in-use')", row[1], NOON.isoformat())
    changed(store, "INSERT INTO item VALUES (99, ?, ?, ?, ?, ?, ?)", *row)
    assert titles(store) == ["New"]
    assert store.everything().spoiled == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE item SET sealed = zeroblob(60)",
        "UPDATE item SET sealed = 'text'",
        "UPDATE item SET id = 'another'",
        "UPDATE item SET local = x'00'",
    ],
)
def test_an_item_that_was_changed_is_counted_and_never_shown(store: HostedStore, statement: str) -> None:
    add(store, an_item())
    changed(store, statement)
    held = store.about(nhs_numbers=[ADA_NUMBER])
    assert (held.items, held.spoiled) == ((), 1)


def test_an_item_given_to_another_person_does_not_open(store: HostedStore) -> None:
    add(store, an_item("test:1"), an_item("test:2", number=BEN_NUMBER, born_on=BEN_BORN))
    changed(store, "UPDATE item SET person = (SELECT person FROM item WHERE number = 1) WHERE number = 2")
    held = store.about(nhs_numbers=[ADA_NUMBER])
    assert (len(held.items), held.spoiled) == (1, 1)


def test_a_file_of_another_source_does_not_open(store: HostedStore, hosting: Hosting) -> None:
    add(store, an_item())
    other = hosting.store("shed")
    other.path.write_bytes(store.path.read_bytes())
    held = other.everything()
    assert (held.items, held.spoiled) == ((), 1)


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 400])
def test_a_file_that_is_no_store_is_lost_and_not_empty(store: HostedStore, content: bytes) -> None:
    add(store, an_item())
    store.path.write_bytes(content)
    with pytest.raises(StoreLost):
        store.about(nhs_numbers=[ADA_NUMBER])


def test_without_its_secret_a_store_is_lost(store: HostedStore, masters: Masters) -> None:
    add(store, an_item())
    masters.present = [b"x" * 32]
    with pytest.raises(StoreLost):
        store.everything()


@pytest.mark.parametrize("name", ["../pantry", "a/b", ".hidden", "", "pan try"])
def test_a_name_that_leads_elsewhere_is_no_store(hosting: Hosting, name: str) -> None:
    with pytest.raises(InvalidInput):
        hosting.store(name)


class Renewing:
    """An operator who changes the master secret as ``broker hosted rekey`` does."""

    def __init__(self, masters: Masters) -> None:
        self.masters = masters

    def renew(self) -> None:
        if len(self.masters.present) == 1:
            self.masters.present = [b"n" * 32, *self.masters.present]

    def retire(self) -> None:
        del self.masters.present[1:]


def test_a_new_secret_opens_everything_and_the_former_opens_nothing(
    hosting: Hosting, store: HostedStore, masters: Masters
) -> None:
    add(store, an_item())
    add(hosting.store("shed"), an_item())
    (name,) = store.names_for(["a row without a name"])
    before, renewing = everything_written(store), Renewing(masters)
    assert hosting.rekey(renewing.renew, renewing.retire).stores == 2
    assert masters.present == [b"n" * 32]
    assert titles(store) == ["Rent arrears"]
    assert store.names_for(["a row without a name"]) == [name]
    assert everything_written(store) != before
    masters.present = [b"m" * 32]
    with pytest.raises(StoreLost):
        store.everything()


def test_a_spoiled_item_stops_rekeying_until_somebody_says_that_it_may_be_lost(
    hosting: Hosting, store: HostedStore, masters: Masters
) -> None:
    add(store, an_item("test:1"), an_item("test:2", "Whole"))
    changed(store, "UPDATE item SET sealed = zeroblob(60) WHERE number = 1")
    renewing = Renewing(masters)
    with pytest.raises(Conflict):
        hosting.rekey(renewing.renew, renewing.retire)
    assert len(masters.present) == 2
    held = store.about(nhs_numbers=[ADA_NUMBER])
    assert (len(held.items), held.spoiled) == (1, 1)
    done = hosting.rekey(renewing.renew, renewing.retire, drop_spoiled=True)
    assert (done.stores, done.dropped, titles(store)) == (1, 1, ["Whole"])


def test_a_table_waits_for_whoever_sent_it_and_is_forgotten(store: HostedStore) -> None:
    id = store.wait(b"the table", by="person:jo", until=NOON + timedelta(minutes=20))
    assert store.waiting(id, by="person:jo", now=NOON) == b"the table"
    assert store.waiting(id, by="person:somebody-else", now=NOON) is None
    assert store.waiting(id, by="person:jo", now=NOON + timedelta(minutes=20)) is None
    assert store.waiting(id, by="person:jo", now=NOON) is None


def test_two_threads_that_add_at_once_lose_nothing(store: HostedStore) -> None:
    def many(thread: int) -> None:
        for number in range(6):
            add(store, an_item(f"test:{thread}-{number}"))

    threads = [threading.Thread(target=many, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.count() == 24


def _add_in_a_process(folder: str, number: int) -> None:
    hosting = Hosting(Path(folder), lambda: [b"m" * 32])
    for each in range(5):
        add(hosting.store("pantry"), an_item(f"test:{number}-{each}"))


@pytest.mark.slow
def test_two_processes_that_begin_a_store_at_once_lose_nothing(store: HostedStore) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        list(pool.map(_add_in_a_process, [str(store.path.parent)] * 2, range(2)))
    assert store.count() == 10
