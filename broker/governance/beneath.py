"""Which other agreements open more because of a change: those under what changed, or narrowed by it. Changes nothing.

An agreement opens what all of its chain opens, less what its place narrows. So a framework that grows, or a narrowing
that ends, may widen an agreement whose own text stands as it was, and permissions under it never spoke of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from broker.agreements import actions, bundle
from broker.agreements.canonical import canonical
from broker.agreements.document import AgreementDocument, from_stored
from broker.agreements.models import LIVE, SharingAgreement
from broker.vocabulary import Disclosure

_STRICTNESS = [Disclosure.TELL, Disclosure.CLINICIANS, Disclosure.NEVER]


@dataclass(frozen=True)
class Widened:
    """An agreement that opens more than it did; only for residents of ``place``, where that is not None."""

    text: AgreementDocument
    place: str | None


def widened(session: Session, agreement: SharingAgreement, *, ending: bool = False) -> list[Widened]:
    """The live agreements that open more, in ways no permission names, once ``agreement`` is in force, or has ended."""
    document = from_stored(agreement.document)
    place = document.place if document.narrows else None
    present = actions.every(session)
    others = [row for row in present if row.id != agreement.id]
    before = bundle.build_data(present)
    after = bundle.build_data(others if ending else [*others, agreement])
    texts = {row.id: row for row in others}
    return [
        Widened(from_stored(texts[id].document), place)
        for id in _reached(before, agreement.id, place)
        if id in after["chains"] and _opens_more(_opened(before, id, place), _opened(after, id, place))
    ]


def _reached(data: Mapping[str, Any], changed: str, place: str | None) -> list[str]:
    """The live agreements under ``changed`` or, where it narrows a place, those that it narrows there."""
    found = []
    for id, entry in data["agreements"].items():
        reaches = entry["narrowed_by"].get(place, []) if place else entry["ancestors"]
        if changed in reaches and id in data["chains"] and entry["state"] in LIVE:
            found.append(id)
    return found


@dataclass(frozen=True)
class _Opened:
    """What an agreement opens of what no permission names."""

    roles: frozenset[str]
    labels: frozenset[str]
    sources: frozenset[bytes]  # all of which must be met
    conditions: frozenset[str]
    strictness: int


def _opened(data: Mapping[str, Any], id: str, place: str | None) -> _Opened:
    chain = data["chains"][id]
    narrowing = [data["agreements"][each] for each in chain["narrowed_by"].get(place, [])] if place else []
    bounds = [chain, *narrowing]
    disclosures = [*chain["disclosures"], *(each["disclosure"] for each in narrowing)]
    named = [*chain["sources"], *(each["sources"] for each in narrowing)]
    own = {each for each in chain["narrowed_by"].get(place, []) if data["agreements"][each]["conditions"]}
    return _Opened(
        roles=_in_all(bounds, "roles"),
        labels=_in_all(bounds, "labels"),
        sources=frozenset(canonical(each) for each in named),
        conditions=frozenset(chain["conditions"]) | own,
        strictness=max((_STRICTNESS.index(Disclosure(each)) for each in disclosures), default=0),
    )


def _in_all(bounds: Iterable[Mapping[str, Any]], name: str) -> frozenset[str]:
    return frozenset.intersection(*(frozenset(each[name]) for each in bounds))


def _opens_more(before: _Opened, after: _Opened) -> bool:
    return bool(
        after.roles - before.roles
        or after.labels - before.labels
        or after.sources != before.sources  # which of two lists is the wider is not weighed: it is asked again
        or before.conditions - after.conditions
        or after.strictness < before.strictness
    )
