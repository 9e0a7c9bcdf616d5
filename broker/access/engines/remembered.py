"""Answer the very same question again without evaluating it, for as long as its answer itself says that it holds.

Stands before an engine, and is one. Never remembers a failure, an emergency, or who asked about whom: a question is
known by its hash, under a key of this process's own. Remembers nothing under rules it cannot be sure of (``reads``),
and forgets everything when other rules are loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from broker.access.engines import Bundle, PolicyEngine, reads, strict
from broker.access.engines.forking import renew_after_fork
from broker.vocabulary import Purpose

MOST_ANSWERS = 2_048
MOST_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class _Remembered:
    """An answer as JSON, without the id of the request, from when it holds, and until when; None is for ever."""

    written: str = field(repr=False)
    since: int
    until: int | None

    def holds(self, at: int) -> bool:
        return self.since <= at and (self.until is None or at < self.until)


class Remembering:
    """``engine``, with a memory of at most ``most`` answers and ``most_bytes`` of them; the least used go first."""

    def __init__(self, engine: PolicyEngine, *, most: int = MOST_ANSWERS, most_bytes: int = MOST_BYTES) -> None:
        self._engine, self._most, self._most_bytes = engine, most, most_bytes
        self._revision: str | None = None  # the one whose answers are remembered; None: of none
        self.renew()
        renew_after_fork(self)

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def version(self) -> str:
        return self._engine.version

    def load(self, bundle: Bundle) -> None:
        self._engine.load(bundle)
        with self._lock:
            self._revision = bundle.revision if reads.hold_until_they_say(bundle.modules) else None
            self._forget()

    def decide(self, question: Mapping[str, Any], *, deadline: timedelta) -> Mapping[str, Any]:
        key = self._key_of(question) if self._revision and _may_be_remembered(question) else None
        if key is None:
            return self._engine.decide(question, deadline=deadline)
        at: int = question["request"]["time"]
        turn, found = self._found(key, at)
        if found is not None:
            return {**strict.from_json(found), "request": question["request"]["id"]}
        answer = self._engine.decide(question, deadline=deadline)
        self._remember(key, answer, at=at, turn=turn)
        return answer

    def _found(self, key: bytes, at: int) -> tuple[int, str | None]:
        """The turn that it is, and what is remembered and holds at ``at``."""
        with self._lock:
            found = self._answers.get(key)
            if found is None or not found.holds(at):
                return self._turn, None
            self._answers.move_to_end(key)
            return self._turn, found.written

    def revision(self) -> str | None:
        return self._engine.revision()

    def close(self) -> None:
        with self._lock:
            self._revision = None
            self._forget()
        self._engine.close()

    def renew(self) -> None:
        """In a new process: a lock, a key and a memory of its own."""
        self._lock = threading.Lock()
        self._secret = os.urandom(32)
        self._turn = 0
        self._forget()

    def _forget(self) -> None:
        self._turn += 1  # what was asked before is not remembered after
        self._answers: OrderedDict[bytes, _Remembered] = OrderedDict()
        self._bytes = 0

    def _key_of(self, question: Mapping[str, Any]) -> bytes | None:
        """What the question is known by, whatever its id and time; None where it is none that JSON can say."""
        request = {name: value for name, value in question["request"].items() if name not in ("id", "time")}
        try:
            same = json.dumps({**question, "request": request}, sort_keys=True, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError):
            return None
        return hashlib.blake2b(same, key=self._secret, digest_size=32).digest()

    def _remember(self, key: bytes, answer: Mapping[str, Any], *, at: int, turn: int) -> None:
        until = answer.get("valid_until", at)
        if answer.get("revision") != self._revision or not (until is None or (type(until) is int and at < until)):
            return
        kept = _Remembered(strict.to_json({**answer, "request": ""}), at, until)
        with self._lock:
            if turn != self._turn:
                return
            self._drop(key)
            self._answers[key] = kept
            self._bytes += len(kept.written)
            while len(self._answers) > self._most or self._bytes > self._most_bytes:
                self._drop(next(iter(self._answers)))

    def _drop(self, key: bytes) -> None:
        dropped = self._answers.pop(key, None)
        self._bytes -= len(dropped.written) if dropped else 0


def _may_be_remembered(question: Mapping[str, Any]) -> bool:
    """Whether the question is one that is ordinary, and says so: no emergency, and a whole second it is asked at."""
    request = question.get("request")
    return (
        isinstance(request, dict)
        and type(request.get("time")) is int
        and isinstance(request.get("id"), str)
        and isinstance(request.get("purpose"), str)
        and request["purpose"] != Purpose.EMERGENCY.value
        and request.get("break_glass", "") is None
    )
