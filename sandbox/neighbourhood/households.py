"""Who lives with whom: consecutive indices, in blocks of twelve, share homes. Knows nothing of anybody's health."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sandbox.neighbourhood import cast, names
from sandbox.neighbourhood.dice import Dice
from sandbox.neighbourhood.named import NAMED_HOUSEHOLDS

BLOCK = 12
# Ways to share twelve residents out among homes; about two to a home, as in London.
_PATTERNS = (
    (1, 2, 4, 1, 3, 1),
    (2, 2, 1, 5, 1, 1),
    (1, 1, 3, 2, 4, 1),
    (6, 1, 2, 1, 2),
    (2, 1, 1, 2, 3, 2, 1),
    (4, 2, 1, 1, 3, 1),
)


class Shape(StrEnum):
    """How the people in a home belong together."""

    ALONE = "alone"
    COUPLE = "couple"
    CARING = "caring"  # an older parent first, then the grown child who looks after them
    FAMILY = "family"
    SHARERS = "sharers"


@dataclass(frozen=True, slots=True)
class Household:
    """One home. ``ages`` are its members', from ``first`` on; ``parents`` of them are adults of a family."""

    first: int
    ages: tuple[int, ...]
    shape: Shape
    parents: int
    family_name: str
    neighbourhood: cast.Neighbourhood
    practice: str
    line: str
    postcode: str

    @property
    def id(self) -> str:
        return f"home-{self.first}"


def homes_in(seed: int, block: int) -> tuple[Household, ...]:
    """The home of each resident of one block, in the order of their indices: those who share have the same one."""
    pattern = NAMED_HOUSEHOLDS[block] if block < len(NAMED_HOUSEHOLDS) else Dice(seed, "block", block).pick(_PATTERNS)
    homes: list[Household] = []
    for size in pattern:
        homes += [_household(seed, block * BLOCK + len(homes), size)] * size
    return tuple(homes)


def _household(seed: int, first: int, size: int) -> Household:
    dice = Dice(seed, "household", first)
    shape, parents, ages = _members(dice, size)
    neighbourhood = dice.pick(cast.NEIGHBOURHOODS)
    return Household(
        first=first,
        ages=ages,
        shape=shape,
        parents=parents,
        family_name=dice.pick(names.FAMILY),
        neighbourhood=neighbourhood,
        practice=practice_near(dice, neighbourhood),
        line=f"{dice.between(1, 180)} {dice.pick(names.STREETS)}",
        postcode=postcode_in(dice, neighbourhood),
    )


def practice_near(dice: Dice, neighbourhood: cast.Neighbourhood) -> str:
    """Most people are registered nearby, some with the practice between the two neighbourhoods, a few further off."""
    near, far = cast.LOCK_KEEPERS, cast.HILLTOP_PRACTICE
    if neighbourhood is cast.HILLTOP:
        near, far = far, near
    drawn = dice.below(100)
    return (near if drawn < 85 else cast.TANNERY_ROW if drawn < 95 else far).code


def postcode_in(dice: Dice, neighbourhood: cast.Neighbourhood) -> str:
    """A postcode in shape only: no real one begins with Q, or ends in these letters."""
    letters = dice.pick(names.INWARD_LETTERS) + dice.pick(names.INWARD_LETTERS)
    return f"{neighbourhood.outward} {dice.between(1, 9)}{letters}"


def _members(dice: Dice, size: int) -> tuple[Shape, int, tuple[int, ...]]:
    """How a home of this size is made up, how many of it are a family's adults, and everybody's age."""
    if size == 1:
        return Shape.ALONE, 0, (_age_alone(dice),)
    drawn = dice.below(100)
    if size == 2 and drawn < 55:
        age = dice.between(22, 95)
        return Shape.COUPLE, 0, (age, max(18, age + dice.between(-6, 6)))
    if size == 2 and drawn < 70:
        older = dice.between(72, 101)
        return Shape.CARING, 0, (older, older - dice.between(22, 38))
    if drawn >= 90:
        return Shape.SHARERS, 0, tuple(dice.between(18, 45) for _ in range(size))
    return _family(dice, size)


def _age_alone(dice: Dice) -> int:
    drawn = dice.below(100)
    if drawn < 25:
        return dice.between(18, 29)
    return dice.between(30, 64) if drawn < 70 else dice.between(65, 102)


def _family(dice: Dice, size: int) -> tuple[Shape, int, tuple[int, ...]]:
    parents = 1 if size == 2 or dice.chance(250) else 2
    older = dice.between(20, 52)
    adults = [older, max(18, older + dice.between(-5, 5))][:parents]
    oldest_child = max(0, min(adults) - 18)
    children = [dice.below(min(oldest_child, 22) + 1) for _ in range(size - parents)]
    return Shape.FAMILY, parents, (*adults, *children)
