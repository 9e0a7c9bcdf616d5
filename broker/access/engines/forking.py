"""Keep an engine usable after a fork: a child process inherits neither threads nor the right to a parent's sockets.

gunicorn forks its workers after the application is built, so each child begins with an engine that has to start over.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Renewable(Protocol):
    def renew(self) -> None:
        """Forget, in a new process, every lock, thread and connection of the old one."""
        ...


_living: WeakSet[Renewable] = WeakSet()


def renew_after_fork(thing: Renewable) -> None:
    """Call ``thing.renew()`` in every child process forked while ``thing`` lives."""
    _living.add(thing)


def _renew_all() -> None:
    for thing in list(_living):
        thing.renew()


os.register_at_fork(after_in_child=_renew_all)
