"""The embedded engine: regorus, a Rego interpreter, in this process, so that a fresh machine needs nothing else.

Never uses its virtual machine (RVM), which answers some questions differently from OPA and without an error.

One thread owns one engine, because a regorus engine may only be touched by the thread that made it. A new bundle is
built and tried on a second thread; only then do questions go there, and the old thread ends its own engine.

regorus holds the GIL while it parses and while it decides: no other Python thread of this process runs meanwhile, and
a deadline can be noticed only afterwards. A decision takes milliseconds and its cost does not grow with the number of
agreements, so this bounds throughput, not safety; more workers give more decisions. What could take minutes, deeply
nested text, is refused before it is parsed (``strict``).
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from importlib import metadata
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

import regorus

from broker.access.engines import DECISION, Bundle, conformance, probe, reads, strict
from broker.access.engines.forking import renew_after_fork
from broker.errors import EngineUnavailable, EngineUnclear, Fault

_BUILDING = timedelta(seconds=30)  # 10,000 agreements take about half a second


@dataclass(frozen=True)
class _Policy:
    """A checked bundle: what a new process, or a new engine after a panic, is built from.

    Its data is kept compressed, as JSON, without agreements that the rules never look up: it is seldom needed again.
    """

    revision: str
    modules: tuple[tuple[str, str], ...]
    kept: bytes = field(repr=False)

    @classmethod
    def of(cls, bundle: Bundle) -> _Policy:
        strict.check_bundle(bundle)
        written = strict.written_of(bundle)
        if reads.only_narrowings(bundle.modules):
            written = reads.without_others(written)
        return cls(bundle.revision, tuple(sorted(bundle.modules.items())), zlib.compress(written.encode(), 1))

    @property
    def data(self) -> str:
        return f'{{"{strict.DATA_ROOT}":{zlib.decompress(self.kept).decode()}}}'


@dataclass(frozen=True)
class _Ask:
    """A question on its way to the owner, and where its answer goes. ``until`` is on the monotonic clock."""

    question: str
    until: float
    answer: SimpleQueue[str | Fault]


class _Owner(threading.Thread):
    """The one thread that makes, asks and ends one regorus engine."""

    def __init__(self, policy: _Policy) -> None:
        super().__init__(name=f"policy {policy.revision}", daemon=True)
        self.retired = False
        self._policy = policy
        self._asks: SimpleQueue[_Ask | None] = SimpleQueue()
        self._built: SimpleQueue[Fault | None] = SimpleQueue()

    def build(self) -> None:
        """Start, and return once the engine answers. Raises EngineUnclear where the bundle cannot be served."""
        self.start()
        try:
            fault = self._built.get(timeout=_BUILDING.total_seconds())
        except Empty:
            fault = EngineUnavailable("the embedded engine could not be built in time")
        if fault:
            self.end()
            raise fault

    def put(self, ask: _Ask) -> None:
        self._asks.put(ask)

    def end(self) -> None:
        """Answer what has been asked so far, then stop."""
        self._asks.put(None)

    def run(self) -> None:
        engine, fault = _guarded(partial(_build, self._policy))
        self._built.put(fault)
        self.retired = fault is not None
        while ask := self._asks.get():
            ask.answer.put(self._answer(engine, ask))
        # ``engine`` ends here, on the thread that made it: regorus allows no other.

    def _answer(self, engine: Any, ask: _Ask) -> str | Fault:
        if self.retired:
            return EngineUnavailable("the embedded engine has been retired")
        if monotonic() > ask.until:
            return EngineUnavailable("the embedded engine was asked too late")
        answer, fault = _guarded(partial(_evaluate, engine, ask.question))
        # After a panic nothing is known about the engine's state, so it never answers again.
        self.retired = isinstance(fault, EngineUnavailable)
        return fault or answer


def _guarded(act: Any) -> tuple[Any, Fault | None]:
    """What ``act`` returns, or the fault that stands for whatever it raised. The one place where all is caught."""
    try:
        return act(), None
    except Fault as fault:
        # A new one, because a traceback keeps the engine alive and would end it on whichever thread lets go last.
        return None, type(fault)(str(fault))
    except Exception as error:  # whatever it is, it is no answer
        return None, EngineUnclear(f"the policy could not be evaluated: {strict.brief(error)}")
    except BaseException as panic:  # a Rust panic is no Exception
        return None, EngineUnavailable(f"the embedded engine failed: {strict.brief(panic)}")


def _build(policy: _Policy) -> Any:
    engine = regorus.Engine()
    for path, text in policy.modules:
        strict.check_package(path, engine.add_policy(path, text))
    engine.add_data_json(policy.data)
    answered = strict.result_of(strict.from_json(_evaluate(engine, strict.to_json(dict(probe.QUESTION)))))
    if answered.get("revision") != policy.revision:
        raise EngineUnclear(f"asked for revision {policy.revision}, the bundle answers as {answered.get('revision')}")
    return engine


def _evaluate(engine: Any, question: str, rule: str = DECISION) -> str:
    engine.set_input_json(question)
    return str(engine.eval_rule_as_json(f"data.{rule}"))


def evaluate_case(modules: Mapping[str, str], data: Mapping[str, Any], question: Any, rule: str) -> Any:
    """One answer from an engine made for it: what the start-up vectors are run with. Raises what regorus raises."""
    engine = regorus.Engine()
    for path, text in modules.items():
        engine.add_policy(path, text)
    engine.add_data_json(strict.to_json(data))
    return strict.from_json(_evaluate(engine, strict.to_json(question), rule))


class EmbeddedEngine:
    """regorus behind the engine interface. Refuses to start where this build of it does not read Rego as OPA does."""

    name = "regorus"
    version = metadata.version("gordon-to-regorus")

    def __init__(self) -> None:
        conformance.check(evaluate_case)
        self._lock = threading.Lock()
        self._policy: _Policy | None = None
        self._owner: _Owner | None = None
        self._closed = False
        renew_after_fork(self)

    def load(self, bundle: Bundle) -> None:
        policy = _Policy.of(bundle)
        owner = _Owner(policy)
        owner.build()
        with self._lock:
            if self._closed:
                owner.end()
                raise EngineUnavailable("the embedded engine is closed")
            self._policy, self._owner, old = policy, owner, self._owner
            # Under the lock, so that a question is on the old queue before its end or on the new one, never after.
            if old:
                old.end()

    def decide(self, question: Mapping[str, Any], *, deadline: timedelta) -> Mapping[str, Any]:
        until = monotonic() + deadline.total_seconds()
        ask = _Ask(strict.to_json(question), until, SimpleQueue())
        with self._lock:
            self._current_owner().put(ask)
        try:
            answer = ask.answer.get(timeout=max(0.0, until - monotonic()))
        except Empty:
            raise EngineUnavailable("the embedded engine gave no answer in time") from None
        if isinstance(answer, Fault):
            raise answer
        return strict.result_of(strict.from_json(answer))

    def _current_owner(self) -> _Owner:
        """The owner to ask, made anew in a new process or after a panic. Called with the lock held."""
        if self._closed or self._policy is None:
            raise EngineUnavailable("the embedded engine has no policy to serve")
        if self._owner is None or self._owner.retired:
            if self._owner:
                self._owner.end()
            self._owner = _Owner(self._policy)
            self._owner.start()
        return self._owner

    def revision(self) -> str | None:
        policy = self._policy
        return policy.revision if policy else None

    def close(self) -> None:
        with self._lock:
            self._closed, self._policy, old, self._owner = True, None, self._owner, None
            if old:
                old.end()

    def renew(self) -> None:
        """In a new process: the old one's thread is not here, and its lock may have been held when it forked."""
        self._lock = threading.Lock()
        self._owner = None
