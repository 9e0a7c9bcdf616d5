"""NHS numbers for residents, and local numbers for each source system: given from an index, and read back to one.

Only the range 999 000 0000 to 999 999 9999 is used, which is never issued. It has a million nine-digit stems, and one
in eleven has no valid check digit (Modulus 11 gives 10), so it holds 909,091 valid numbers or a few less: in a place
of a million, some residents have no NHS number. That is as in life, where somebody may not be traced.

Stems are counted off in blocks of a thousand. Whether a stem is valid depends only on (weight of its block + weight
of its last three digits) modulo 11, so eleven lists serve all the blocks, and a number is found, or its rank read
back, by one search and one look-up. The order is then shuffled by the seed with a multiplication that can be undone.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from sandbox.neighbourhood.dice import Dice

PREFIX = "999"
_MODULUS = 11
_BLOCK = 1000
# 9×10 + 9×9 + 9×8, what the three leading nines add to the Modulus 11 sum.
_PREFIX_WEIGHT = 9 * (10 + 9 + 8)


def _weight(three: int, weights: tuple[int, int, int]) -> int:
    return (three // 100) * weights[0] + (three // 10 % 10) * weights[1] + (three % 10) * weights[2]


_BLOCK_WEIGHTS = [(_PREFIX_WEIGHT + _weight(block, (7, 6, 5))) % _MODULUS for block in range(1000)]
_TAIL_WEIGHTS = [_weight(tail, (4, 3, 2)) % _MODULUS for tail in range(_BLOCK)]
# A check digit of 10 cannot be written: the sum must not leave a remainder of 1.
_TAILS = [[t for t in range(_BLOCK) if (w + _TAIL_WEIGHTS[t]) % _MODULUS != 1] for w in range(_MODULUS)]
_RANKS = [{tail: rank for rank, tail in enumerate(tails)} for tails in _TAILS]
_STARTS = list(accumulate((len(_TAILS[weight]) for weight in _BLOCK_WEIGHTS), initial=0))

VALID_NUMBERS = _STARTS[-1]


def nhs_number_at(rank: int) -> str:
    """The ``rank``-th valid number of the range, in rising order from 0. Raises IndexError past the last."""
    if not 0 <= rank < VALID_NUMBERS:
        raise IndexError(rank)
    block = bisect_right(_STARTS, rank) - 1
    weight = _BLOCK_WEIGHTS[block]
    tail = _TAILS[weight][rank - _STARTS[block]]
    check = -(weight + _TAIL_WEIGHTS[tail]) % _MODULUS
    return f"{PREFIX}{block:03d}{tail:03d}{check}"


def rank_of(nhs_number: str) -> int | None:
    """The rank of a number in the range; None where it is outside the range or its check digit is wrong."""
    if len(nhs_number) != 10 or not (nhs_number.isascii() and nhs_number.isdigit() and nhs_number.startswith(PREFIX)):
        return None
    block, tail = int(nhs_number[3:6]), int(nhs_number[6:9])
    weight = _BLOCK_WEIGHTS[block]
    rank = _RANKS[weight].get(tail)
    if rank is None or -(weight + _TAIL_WEIGHTS[tail]) % _MODULUS != int(nhs_number[9]):
        return None
    return _STARTS[block] + rank


class Shuffle:
    """A one-to-one shuffle of the whole numbers below ``size``, by a multiplication and an addition modulo it."""

    __slots__ = ("_add", "_back", "_times", "size")

    def __init__(self, size: int, dice: Dice) -> None:
        self.size = size
        self._add = dice.below(size)
        self._times, self._back = _factor(size, dice)

    def forth(self, number: int) -> int:
        return (number * self._times + self._add) % self.size

    def back(self, number: int) -> int:
        return (number - self._add) * self._back % self.size


def _factor(size: int, dice: Dice) -> tuple[int, int]:
    """A multiplier that can be undone modulo ``size``, and what undoes it."""
    while True:
        times = dice.between(size // 5, size - 1)
        try:
            return times, pow(times, -1, size)
        except ValueError:
            continue  # it shares a factor with the size: draw again


class NhsNumbers:
    """The NHS numbers of one seed's residents. ``of`` and ``index_of`` undo each other."""

    def __init__(self, seed: int) -> None:
        self._shuffle = Shuffle(VALID_NUMBERS, Dice(seed, "nhs-numbers"))

    def of(self, index: int) -> str | None:
        """The number this index is given, or None where the range has run out."""
        return nhs_number_at(self._shuffle.forth(index)) if index < VALID_NUMBERS else None

    def index_of(self, nhs_number: str) -> int | None:
        """The index a number is given to; None for anything that is not a valid number of the range."""
        rank = rank_of(nhs_number)
        return None if rank is None else self._shuffle.back(rank)


_LOCAL_SIZE = 10_000_019  # a prime a little above the most residents a place can have


class LocalNumbers:
    """One source system's own numbers for residents, such as ``LK-04830017``. Useless to any other source."""

    def __init__(self, seed: int, source: str, prefix: str) -> None:
        self._prefix = f"{prefix}-"
        self._shuffle = Shuffle(_LOCAL_SIZE, Dice(seed, "local-numbers", source))

    def of(self, index: int) -> str:
        return f"{self._prefix}{self._shuffle.forth(index):08d}"

    def index_of(self, local_id: str) -> int | None:
        """The index behind a local number; None for one that is not in this source's shape."""
        digits = local_id.removeprefix(self._prefix)
        if len(digits) != 8 or digits == local_id or not (digits.isascii() and digits.isdigit()):
            return None
        number = int(digits)
        return self._shuffle.back(number) if number < _LOCAL_SIZE else None
