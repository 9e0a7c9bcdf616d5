"""One change between two versions of an agreement, what it does, and all of them together. Compares nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from broker.vocabulary import Coded

AGAIN = "permissions already given will be asked for again."


class ChangeKind(Coded):
    """What a change does. Narrower bites at once; wider may have to wait for those who gave permission."""

    WIDER = "wider", "Opens more"
    NARROWER = "narrower", "Opens less"
    COMPATIBLE = "compatible", "Opens neither more nor less"


@dataclass(frozen=True)
class Change:
    """One change. ``asks_again``: it widens something no permission names, so that standing permissions run out."""

    kind: ChangeKind
    field: str
    sentence: str
    asks_again: bool = False
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """Every change between two versions, in the order an agreement is written."""

    changes: tuple[Change, ...]

    @property
    def wider(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.kind is ChangeKind.WIDER)

    @property
    def narrower(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.kind is ChangeKind.NARROWER)

    @property
    def asks_again(self) -> bool:
        """Whether permissions given under the version before must be asked for again."""
        return any(change.asks_again for change in self.changes)

    @property
    def same(self) -> bool:
        return not self.changes


def wider(field: str, sentence: str, *, codes: Iterable[str] = (), again: bool = False) -> Change:
    said = f"{sentence.rstrip('.')}: {AGAIN}" if again else sentence
    return Change(ChangeKind.WIDER, field, said, again, tuple(codes))


def narrower(field: str, sentence: str, *, codes: Iterable[str] = ()) -> Change:
    return Change(ChangeKind.NARROWER, field, sentence, False, tuple(codes))


def compatible(field: str, sentence: str, *, codes: Iterable[str] = ()) -> Change:
    return Change(ChangeKind.COMPATIBLE, field, sentence, False, tuple(codes))
