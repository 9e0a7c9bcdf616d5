"""Show counts without showing anybody in them: fewer than five is never said, nor what would give it away. Pure."""

from __future__ import annotations

from collections.abc import Iterable

SMALLEST = 5
FEW = f"<{SMALLEST}"


def shown(count: int) -> int | str:
    """``count``, or "<5" for one to four. Nought is said: it is nobody."""
    return FEW if 0 < count < SMALLEST else count


def shown_total(total: int, of: Iterable[int]) -> int | str:
    """A total beside the counts it is made of. Where one of them is not said, neither is it: it would be the rest.

    It is then "5 or more", or as many as the largest count that is said, which tells nothing new.
    """
    counts = list(of)
    if total < SMALLEST or all(isinstance(shown(count), int) for count in counts):
        return shown(total)
    return f"{max(SMALLEST, *counts)} or more"
