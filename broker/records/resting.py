"""Leave alone, for a moment, a source that keeps failing: a circuit breaker for each source of this process.

A source that failed for several residents in a row is not asked for a while; then one request finds out whether it
answers again. What was said of one resident says nothing of the source: only being late, away or at fault counts, and a
record that fails however often it is looked at counts once. That no connection can be made is nobody's record's fault,
and counts each time. An emergency asks whatever happened before. Holds no record and no number, and each worker process
learns for itself.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from hashlib import blake2b
from itertools import count
from time import monotonic

from broker.records.source import ResidentIdentity, SourceAnswer
from broker.vocabulary import GapCause, Section

FAILURES = 5  # in a row
REST_SECONDS = 30.0
_ITS_OWN_FAULT = frozenset({GapCause.LATE, GapCause.UNREACHABLE, GapCause.FAULT, GapCause.BUSY})
Whose = bytes | int  # a resident, told apart and no more; or one time that no connection could be made


class Resting:
    """Which sources are being left alone. Safe to use from several threads."""

    def __init__(
        self, *, failures: int = FAILURES, seconds: float = REST_SECONDS, clock: Callable[[], float] = monotonic
    ):
        self._failures, self._seconds, self._clock = failures, seconds, clock
        self._lock = threading.Lock()
        self._key = secrets.token_bytes(32)  # of this process alone: what it makes is of no use anywhere else
        self._connecting = count()
        self._failed: dict[str, dict[Whose, None]] = {}  # in a row, the latest of them
        self._until: dict[str, float] = {}
        self._finding_out: set[str] = set()  # sources whose rest is over, and that one request was let through to

    def rests(self, source: str) -> bool:
        """Whether it is to be left alone. Once its rest is over, whoever asks first finds out for the others."""
        with self._lock:
            until = self._until.get(source)
            if until is None:
                return False
            if self._clock() < until:
                return True
            self._until[source] = self._clock() + self._seconds
            self._finding_out.add(source)
            return False

    def note(self, source: str, answer: SourceAnswer, asked: frozenset[Section], resident: ResidentIdentity) -> None:
        """Remember how it went. Anything read at all shows that the source works."""
        causes = {gap.section: gap.cause for gap in answer.gaps if gap.cause in _ITS_OWN_FAULT}
        failed = causes.keys() >= asked and not answer.entries
        away = GapCause.UNREACHABLE in causes.values()
        with self._lock:
            if not failed:
                self._failed.pop(source, None)
                self._until.pop(source, None)
                self._finding_out.discard(source)
                return
            whose = next(self._connecting) if away else self._told_apart(resident)
            self._count(source, whose)

    def _count(self, source: str, whose: Whose) -> None:
        known = self._failed.setdefault(source, {})
        again = whose in known
        known[whose] = None
        if len(known) > self._failures:
            del known[next(iter(known))]
        if len(known) < self._failures:
            return
        if not again:
            self._until[source] = self._clock() + self._seconds
        elif source in self._finding_out:  # and found out nothing: they failed before. The next to ask does.
            self._until[source] = self._clock()
        self._finding_out.discard(source)

    def _told_apart(self, resident: ResidentIdentity) -> bytes:
        who = (resident.nhs_number, resident.born_on.isoformat(), sorted(resident.local_ids.items()))
        return blake2b(repr(who).encode(), key=self._key, digest_size=16).digest()
