"""Which things belong together, when belonging passes from one to the next. Knows positions, and no record."""

from __future__ import annotations

from collections.abc import Iterable


class Groups:
    """Positions 0 to ``count`` - 1, each alone until joined (union-find)."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def join(self, positions: Iterable[int]) -> None:
        first: int | None = None
        for position in positions:
            root = self.of(position)
            if first is not None and root != first:
                # The smallest stands for the group, so that the order of joining does not matter.
                root, other = (root, first) if root < first else (first, root)
                self._parent[other] = root
            first = root

    def of(self, position: int) -> int:
        """The position that stands for the whole group."""
        while self._parent[position] != position:
            self._parent[position] = self._parent[self._parent[position]]
            position = self._parent[position]
        return position
