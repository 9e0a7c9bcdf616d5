"""The one way to a policy engine: what every engine is, and how the one that is set is opened.

Knows nothing of consent, records or HTTP doors, and never turns a fault into an answer: an engine that cannot
answer raises, and whoever asked refuses.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from broker.settings import Settings

DATA_ROOT = "sharing"
DECISION = "broker.decision.result"  # the one document ever asked for, always under ``data``


@dataclass(frozen=True)
class Bundle:
    """Everything a decision depends on, beside its question.

    ``revision`` names the content; ``modules`` maps a path to Rego text (no tests); ``data`` is ``{"sharing": …}``.
    ``own`` is text that an OPA server reads of itself (how it masks its log), and no decision depends on. ``written``
    is ``data["sharing"]`` as canonical JSON, where it is already written.
    """

    revision: str
    modules: Mapping[str, str] = field(repr=False)
    data: Mapping[str, Any] = field(repr=False)
    own: Mapping[str, str] = field(default_factory=dict, repr=False)
    written: bytes | None = field(default=None, repr=False, compare=False)


class Unread(Mapping[str, Any]):
    """A bundle's data as canonical JSON, read only when somebody looks into it: most that load one never do."""

    def __init__(self, written: bytes) -> None:
        self._written = written
        self._read: Mapping[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:
        if name != DATA_ROOT:
            raise KeyError(name)
        if self._read is None:
            self._read = json.loads(self._written)
        return self._read

    def __iter__(self) -> Iterator[str]:
        return iter((DATA_ROOT,))

    def __len__(self) -> int:
        return 1


class PolicyEngine(Protocol):
    """Evaluates the policy. ``name`` and ``version`` say what did so, for the trail. Safe to use from many threads."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...

    def load(self, bundle: Bundle) -> None:
        """Serve ``bundle`` from now on, or raise EngineUnavailable or EngineUnclear and go on serving the old one."""
        ...

    def decide(self, question: Mapping[str, Any], *, deadline: timedelta) -> Mapping[str, Any]:
        """The value of ``data.broker.decision.result`` for ``question``, as the policy gave it.

        Raises EngineUnavailable where no answer came within ``deadline``, EngineUnclear where one came that is
        undefined, null or not an object. Raises nothing else.
        """
        ...

    def revision(self) -> str | None:
        """The revision last known to be served here, or None where none is."""
        ...

    def close(self) -> None:
        """Let go of threads and connections. Every later call raises EngineUnavailable."""
        ...


def open_engine(settings: Settings) -> PolicyEngine:
    """The engine ``settings`` names, loaded with nothing yet. Imported late: each brings in a library of its own."""
    if settings.policy_engine == "opa":
        from broker.access.engines.opa_http import OpaEngine

        return OpaEngine(settings.opa_url, ca=settings.opa_ca, connections=settings.threads)
    from broker.access.engines.embedded import EmbeddedEngine
    from broker.access.engines.remembered import Remembering

    return Remembering(EmbeddedEngine())
