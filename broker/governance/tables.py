"""The tables of an impact report: what each line counts, and how much of it may be said. Pure; names nobody.

A count of residents counts pseudonyms, and is only ever shown as ``small_numbers`` lets it be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from broker.governance.replay import Question
from broker.governance.small_numbers import shown, shown_total
from broker.identity.actions import NOBODY


@dataclass
class Cell:
    """What one line of a table counts."""

    requests: int = 0
    made_up: int = 0
    residents: set[str] = field(default_factory=set)

    def count(self, question: Question, *, made_up: bool) -> None:
        if made_up:
            self.made_up += 1
            return
        self.requests += 1
        resident = question["resident"]["id"]
        if resident != NOBODY:
            self.residents.add(resident)

    def as_shown(self) -> dict[str, Any]:
        return {"requests": shown(self.requests), "residents": shown(len(self.residents)), "synthetic": self.made_up}


Table = dict[tuple[str, ...], Cell]


def rows(table: Table, columns: Sequence[str]) -> list[dict[str, Any]]:
    return [{**dict(zip(columns, key, strict=True)), **table[key].as_shown()} for key in sorted(table)]


def total(cell: Cell, of: Sequence[Cell]) -> dict[str, Any]:
    return {
        "requests": shown_total(cell.requests, (each.requests for each in of)),
        "residents": shown_total(len(cell.residents), (len(each.residents) for each in of)),
        "synthetic": cell.made_up,
    }
