"""Group commit: threads that write at the same moment share one transaction. Holds nothing once it has answered.

The thread whose turn it is commits what every thread has put down, its own included; the others find theirs done.
No thread of its own, so nothing to start, stop or lose in a fork.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import Generic, TypeVar

from broker.errors import TrailUnavailable

T = TypeVar("T")
_MOST_AT_ONCE = 64
_LONGEST_WAIT_SECONDS = 20.0


class _Ticket(Generic[T]):
    __slots__ = ("fault", "index", "what")

    def __init__(self, what: T) -> None:
        self.what = what
        self.index: int | None = None
        self.fault: BaseException | None = None

    @property
    def settled(self) -> bool:
        return self.fault is not None or self.index is not None


class _Line(Generic[T]):
    """The tickets of one process, and whose turn it is."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.waiting: deque[_Ticket[T]] = deque()
        self.turn = Lock()


class CommitQueue(Generic[T]):
    """``commit`` writes several at once, all or nothing, and returns an index for each; it raises TrailUnavailable."""

    def __init__(self, commit: Callable[[Sequence[T]], list[int]]) -> None:
        self._commit = commit
        self._line: _Line[T] = _Line()

    def submit(self, what: T) -> int:
        """Returns once ``what`` is committed. Raises TrailUnavailable where it is not known to be."""
        line, ticket = self._own_line(), _Ticket(what)
        line.waiting.append(ticket)
        if not line.turn.acquire(timeout=_LONGEST_WAIT_SECONDS):
            with suppress(ValueError):  # already taken up: it may yet be committed, which harms nobody
                line.waiting.remove(ticket)
            raise TrailUnavailable("the trail cannot be written: it is too busy")
        try:
            while not ticket.settled:
                self._commit_some(line)
        finally:
            line.turn.release()
        if ticket.index is None:
            raise TrailUnavailable("the trail cannot be written") from ticket.fault
        return ticket.index

    def _commit_some(self, line: _Line[T]) -> None:
        batch = [line.waiting.popleft() for _ in range(min(len(line.waiting), _MOST_AT_ONCE))]
        try:
            indexes = self._commit([ticket.what for ticket in batch])
        except BaseException as error:
            for ticket in batch:
                ticket.fault = error
            if not isinstance(error, TrailUnavailable):
                raise
            return
        for ticket, index in zip(batch, indexes, strict=True):
            ticket.index = index

    def _own_line(self) -> _Line[T]:
        # After a fork the parent's lock may be held by a thread that does not exist here.
        if self._line.process != os.getpid():
            self._line = _Line()
        return self._line
