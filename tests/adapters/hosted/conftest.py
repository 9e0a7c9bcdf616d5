"""A store of the test's own, and things to put into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from adapters.hosted.keeping import Hosting
from adapters.hosted.store import HostedStore, Item
from broker.records.source import Coding, Provenance, RecordEntry
from broker.vocabulary import Section, Sensitivity
from tests.people import ADA_BORN, ADA_NUMBER, NOON

Make = Callable[..., Item]


@dataclass
class Masters:
    """The master secrets in use, which a test may change."""

    present: list[bytes] = field(default_factory=lambda: [b"m" * 32])

    def __call__(self) -> list[bytes]:
        return self.present


@pytest.fixture
def masters() -> Masters:
    return Masters()


@pytest.fixture
def hosting(tmp_path: Path, masters: Masters) -> Hosting:
    return Hosting(tmp_path / "hosted", masters)


@pytest.fixture
def store(hosting: Hosting) -> HostedStore:
    return hosting.store("pantry")


def an_item(
    key: str = "test:1",
    title: str = "Rent arrears",
    *,
    number: str | None = ADA_NUMBER,
    born_on: date = ADA_BORN,
    local: str | None = None,
) -> Item:
    entry = RecordEntry(
        id=key,
        section=Section.HOUSING,
        title=title,
        provenance=Provenance("", NOON, organisation="The Pantry", recorded_by="Jo Reed"),
        at=date(2026, 1, 12),
        status="open",
        codes=(Coding("http://codes.example", "c-1", "Arrears"),),
        details=(("Note", "Two months behind"),),
        linked=("test:2",),
        stated_labels=frozenset({Sensitivity.THIRD_PARTY}),
    )
    return Item(key=key, nhs_number=number, born_on=born_on, entry=entry, local_id=local)


def add(store: HostedStore, *items: Item) -> str:
    return store.add_batch(items, by="person:jo", what="csv", now=NOON).id


def titles(store: HostedStore, number: str = ADA_NUMBER) -> list[str]:
    return [kept.item.entry.title for kept in store.about(nhs_numbers=[number]).items if kept.item.entry]
