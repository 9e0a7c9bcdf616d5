"""Find what is sensitive in a record: by what a source states, by codes, by words, and by what an entry is linked to.

Decides nothing about who may see it. Errs on the side of labelling, and never removes a label a source stated. Every
label says how it is known (``LabelSource``), and so how surely. What one entry betrays by itself, and what a resident
may say of it, is ``own_labels``; how that spreads to others is ``spreading``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from broker.records.own_labels import Choices, Reader
from broker.records.source import RecordEntry
from broker.records.spreading import spread


def label(
    entries: Iterable[RecordEntry],
    *,
    together: Iterable[Collection[int]] = (),
    age: int | None = None,
    choices: Choices | None = None,
) -> tuple[RecordEntry, ...]:
    """The same entries, in the same order, each with its labels and how they are known; worked out again.

    ``together`` are positions of entries that are one thing told by several sources.
    """
    known, reader = tuple(entries), Reader(age=age, choices=choices)
    found = spread(known, [reader.own(entry) for entry in known], together=together)
    return tuple(
        replace(entry, labels=found.labels[position], label_basis=found.basis(position))
        for position, entry in enumerate(known)
    )
