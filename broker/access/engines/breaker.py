"""A circuit breaker: after several failures in a row, refuse at once instead of letting every caller wait.

Never turns a failure into an answer; it only makes the refusal quick.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from time import monotonic

from broker.errors import EngineUnavailable


class Breaker:
    """Opens after ``failures`` in a row; after ``rest`` lets one caller try, and closes if that one succeeds."""

    def __init__(self, *, failures: int, rest: timedelta, clock: Callable[[], float] = monotonic) -> None:
        self._most, self._rest, self._clock = failures, rest.total_seconds(), clock
        self.renew()

    def renew(self) -> None:
        """Begin closed, with a lock of this process's own."""
        self._lock = threading.Lock()
        self._failed = 0
        self._try_again_at = 0.0

    def enter(self) -> None:
        """Raises EngineUnavailable while open. Each caller let in must then say ``succeeded`` or ``failed``."""
        with self._lock:
            if self._failed < self._most:
                return
            if self._clock() < self._try_again_at:
                raise EngineUnavailable("the policy engine has failed repeatedly, so it is not being asked")
            # Half open: this caller tries. If it dies without a word, the next may try after another rest.
            self._try_again_at = self._clock() + self._rest

    def succeeded(self) -> None:
        with self._lock:
            self._failed = 0

    def failed(self) -> None:
        with self._lock:
            self._failed += 1
            self._try_again_at = self._clock() + self._rest
