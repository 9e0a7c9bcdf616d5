"""Chance that can be asked again: the same seed and topic always fall the same way. Not for keys or secrets."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")

_REFILL = 1 << 64  # below this, too little chance is left for an even draw


class Dice:
    """Draws for one topic, such as (seed, "person", index). Each draw depends on the ones before it, in order."""

    __slots__ = ("_bits", "_key")

    def __init__(self, *topic: int | str) -> None:
        self._key = blake2b(repr(topic).encode(), digest_size=64).digest()
        self._bits = int.from_bytes(self._key, "big")

    def below(self, limit: int) -> int:
        """A whole number from 0 to ``limit`` - 1."""
        if self._bits < _REFILL:
            self._key = blake2b(self._key, digest_size=64).digest()
            self._bits = int.from_bytes(self._key, "big")
        self._bits, drawn = divmod(self._bits, limit)
        return drawn

    def between(self, least: int, most: int) -> int:
        """A whole number from ``least`` to ``most``, both possible."""
        return least + self.below(most - least + 1)

    def many(self, count: int) -> list[int]:
        """``count`` whole numbers from 0 to 1023, at most 51 at once: what a long row of chances is thrown against."""
        self._key = blake2b(self._key, digest_size=64).digest()
        drawn = int.from_bytes(self._key, "big")
        return [drawn >> shift & 1023 for shift in range(0, count * 10, 10)]

    def chance(self, per_mille: int) -> bool:
        return self.below(1000) < per_mille

    def pick(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]
