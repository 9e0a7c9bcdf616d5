"""Deleting everything about somebody that an organisation keeps here, by whichever of their numbers is typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from adapters.hosted.source import HostedSource
from adapters.hosted.store import HostedStore, Item
from broker.access import hosted
from broker.access.hosted import Keeper
from broker.audit.trail import Trail
from broker.identity.models import FormerNumber, Source, SourceLink
from broker.records.source import Provenance, RecordEntry
from broker.vocabulary import Section
from tests.people import ADA_BORN, ADA_NUMBER, BEN_BORN, BEN_NUMBER, FOOD_BANK, NOON, settle

FORMER_NUMBER, OLDEST_NUMBER = "9990000042", "9990000050"
LOCAL_ID = "LP-17"


@pytest.fixture
def store(tmp_path: Path) -> HostedStore:
    return HostedStore(tmp_path / "hosted", "pantry", lambda: [b"m" * 32])


@pytest.fixture
def keeper(session: Session, sessions: sessionmaker[Session], store: HostedStore) -> Keeper:
    """The food bank, which has kept something about Ada under each number she has had, and something about Ben."""
    settle(session)
    said = {"kind": "hosted", "organisation_code": FOOD_BANK, "configuration": {"sections": "housing"}}
    source = Source(id="pantry", label="The pantry", added_at=NOON, **said)
    session.add(source)
    session.flush()
    for number in (FORMER_NUMBER, OLDEST_NUMBER):
        session.add(FormerNumber(nhs_number=number, resident_id="ada", superseded_at=NOON, told_by="pds"))
    for resident, local in (("ada", LOCAL_ID), ("ben", None)):
        session.add(SourceLink(resident_id=resident, source_id="pantry", local_id=local, linked_at=NOON))
    session.commit()
    items = [an_item(number) for number in (ADA_NUMBER, FORMER_NUMBER, OLDEST_NUMBER)]
    items += [an_item(None, local=LOCAL_ID), an_item(BEN_NUMBER)]
    store.add_batch(items, by="person:jo", what="csv", now=NOON)
    kept = HostedSource(id="pantry", sections=[Section.HOUSING], columns=None, store=store)
    return Keeper(source, kept, "person:jo", Trail(sessions, key=b"k" * 32), NOON)


def an_item(number: str | None, *, local: str | None = None) -> Item:
    name = f"{number}/{local}"
    entry = RecordEntry(id=name, section=Section.HOUSING, title="Rent arrears", provenance=Provenance("", NOON))
    born_on = BEN_BORN if number == BEN_NUMBER else ADA_BORN
    return Item(key=name, nhs_number=number, born_on=born_on, entry=entry, local_id=local)


def left(store: HostedStore) -> set[str]:
    return {kept.item.key for kept in store.everything().items}


def linked(session: Session) -> set[str]:
    return set(session.scalars(select(SourceLink.resident_id).where(SourceLink.source_id == "pantry")))


@pytest.mark.parametrize(
    "typed",
    [
        {"nhs_number": ADA_NUMBER},
        {"nhs_number": FORMER_NUMBER},
        {"nhs_number": OLDEST_NUMBER},
        {"local_id": LOCAL_ID},
        {"local_id": "lp 17"},
    ],
)
def test_by_any_number_of_theirs_all_of_it_goes_and_the_link_and_nobody_elses(
    session: Session, keeper: Keeper, store: HostedStore, typed: dict[str, str]
) -> None:
    assert hosted.delete_person(session, keeper, **typed) == 4
    assert left(store) == {f"{BEN_NUMBER}/None"}
    assert linked(session) == {"ben"}


@pytest.mark.parametrize("typed", [{"nhs_number": "9990000069"}, {"local_id": "LP-1"}])
def test_by_a_number_that_is_nobodys_nothing_goes(
    session: Session, keeper: Keeper, store: HostedStore, typed: dict[str, str]
) -> None:
    assert hosted.delete_person(session, keeper, **typed) == 0
    assert (len(left(store)), linked(session)) == (5, {"ada", "ben"})


def test_an_item_that_states_another_number_is_deleted_by_a_local_id_only_where_that_was_typed(
    session: Session, keeper: Keeper, store: HostedStore
) -> None:
    store.add_batch([an_item(BEN_NUMBER, local=LOCAL_ID)], by="person:jo", what="csv", now=NOON)
    hosted.delete_person(session, keeper, nhs_number=ADA_NUMBER)
    assert left(store) == {f"{BEN_NUMBER}/None", f"{BEN_NUMBER}/{LOCAL_ID}"}
    hosted.delete_person(session, keeper, local_id=LOCAL_ID)
    assert left(store) == {f"{BEN_NUMBER}/None"}


def test_somebody_who_is_not_enrolled_is_deleted_under_the_local_id_that_goes_with_their_number(
    session: Session, keeper: Keeper, store: HostedStore
) -> None:
    items = [an_item("9990000069", local="LP-2"), an_item(None, local="LP-2"), an_item(None, local="LP-3")]
    store.add_batch(items, by="person:jo", what="csv", now=NOON)
    assert hosted.delete_person(session, keeper, nhs_number="9990000069") == 2
    assert "None/LP-3" in left(store)
    assert linked(session) == {"ada", "ben"}
