"""What FHIR consents say of a request and of items: the shipped rules (``policies/broker/fhir_consent``), asked alone.

The one module that reads a FHIR Consent's provisions, for the operator's command and for a release alike. It needs no
table and no agreement, so it is asked of its text and of nothing published. Never turns a fault into an answer.

One thread owns the engine, which no other may touch. Rego has no time limit here, and nothing else in the process runs
while it does: so how much is asked is bounded before (``Weight`` of what consents say, ``MOST_ITEMS`` at once, and
``LARGEST`` bytes), others run between one turn and the next, and what has taken too long is neither waited for nor
begun.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

import regorus

from broker.access.engines import strict
from broker.agreements.bundle import POLICIES
from broker.errors import EngineUnavailable, EngineUnclear, Fault

DOCUMENT = "broker.fhir_consent.result"
SCHEMA = "fhir-consent-decision/1"
MODULE = POLICIES / "broker" / "fhir_consent" / "fhir_consent.rego"
MOST_ITEMS = 100  # in one question; more are asked in turns
LARGEST = 4 * 1024 * 1024  # bytes of one question

_FIELDS = frozenset({"schema", "decision", "reasons", "decided_by", "residuals", "consents", "items"})
_DECISIONS = frozenset({"permit", "deny", "not-applicable"})


@dataclass(frozen=True)
class Weight:
    """How much consents say, which is what reading them costs: rules, values (each text, number, list and object), and
    characters."""

    provisions: int = 0
    values: int = 0
    characters: int = 0

    def __add__(self, other: Weight) -> Weight:
        return Weight(
            self.provisions + other.provisions, self.values + other.values, self.characters + other.characters
        )

    def __le__(self, most: Weight) -> bool:
        return self.provisions <= most.provisions and self.values <= most.values and self.characters <= most.characters


MOST = Weight(provisions=24, values=800, characters=48 * 1024)  # with 500 items to judge, some 0.2 s
TOO_COMPLEX = (
    f"Consents may have {MOST.provisions} provisions, {MOST.values} values and {MOST.characters // 1024} KiB of text,"
    " those already kept counted in: list codes in one provision, or withdraw what is no longer needed."
)


def weight_of(consent: Any) -> Weight:
    """How much one consent says, or its provisions. Stops counting once it is more than is read."""
    provisions, values, characters = int(isinstance(consent, Mapping) and "provision" in consent), 0, 0
    left = [consent]
    while left and values <= MOST.values:
        value = left.pop()
        values += 1
        if isinstance(value, Mapping):
            nested = value.get("provision")
            provisions += len(nested) if isinstance(nested, list) else 0
            characters += sum(map(len, value))
            left += value.values()
        elif isinstance(value, list):
            left += value
        elif isinstance(value, str):
            characters += len(value)
    return Weight(provisions, values, characters)


def decide(question: Mapping[str, Any], *, deadline: timedelta) -> dict[str, Any]:
    """The rules' answer to ``question`` (docs/kit-consents.md), however many items it has.

    Raises EngineUnavailable where no answer came in time, EngineUnclear where one came that cannot be relied on.
    """
    answer: dict[str, Any] = {}
    until = monotonic() + deadline.total_seconds()
    for number, part in enumerate(_turns(question)):
        found = _checked(_asked(strict.to_json(part), until), part)
        if not number:
            answer = found
            continue
        shift = number * MOST_ITEMS
        answer["items"] += [{**judged, "item": judged["item"] + shift} for judged in found["items"]]
    return answer


def _turns(question: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    items = question.get("items")
    if not isinstance(items, list) or len(items) <= MOST_ITEMS:
        yield question
        return
    for first in range(0, len(items), MOST_ITEMS):
        yield {**question, "items": items[first : first + MOST_ITEMS]}


def _asked(text: str, until: float) -> str:
    if len(text) > LARGEST:
        raise EngineUnclear("the question about consents is too large to be asked")
    ask = _Ask(text, until, SimpleQueue())
    _owner(os.getpid()).asks.put(ask)
    try:
        said = ask.answer.get(timeout=max(0.0, until - monotonic()))
    except Empty:
        raise EngineUnavailable("the consents' rules gave no answer in time") from None
    if isinstance(said, Fault):
        raise said
    return said


@dataclass(frozen=True)
class _Ask:
    """A question on its way to the owner, and where its answer goes."""

    question: str
    until: float
    answer: SimpleQueue[str | Fault]


class _Owner(threading.Thread):
    """The one thread that makes, asks and ends the engine."""

    def __init__(self) -> None:
        super().__init__(name="consents", daemon=True)
        self.asks: SimpleQueue[_Ask] = SimpleQueue()

    def run(self) -> None:
        engine: Any = None
        while True:
            ask = self.asks.get()
            if monotonic() >= ask.until:
                continue  # nobody waits for it
            try:
                engine = engine or _engine()
                engine.set_input_json(ask.question)
                ask.answer.put(str(engine.eval_rule_as_json(f"data.{DOCUMENT}")))
            except Exception as error:  # whatever it is, it is no answer
                ask.answer.put(EngineUnclear(f"the consents' rules could not be evaluated: {strict.brief(error)}"))
            except BaseException as panic:  # a Rust panic is no Exception; nothing is known of the engine after one
                engine = None
                ask.answer.put(EngineUnavailable(f"the consents' rules failed: {strict.brief(panic)}"))


@cache  # one for each process: the thread of a parent's is not in a forked one
def _owner(_process: int) -> _Owner:
    owner = _Owner()
    owner.start()
    return owner


def _engine() -> Any:
    engine = regorus.Engine()
    text = MODULE.read_text(encoding="utf-8")
    strict.check_module(MODULE.name, text)
    strict.check_package(MODULE.name, engine.add_policy(MODULE.name, text))
    return engine


def _checked(text: str, question: Mapping[str, Any]) -> dict[str, Any]:
    """The answer, if it is one to this question. Raises EngineUnclear."""
    answer = dict(strict.result_of(strict.from_json(text)))
    judged: Any = answer.get("items")
    items: Sequence[Any] = question.get("items") or ()
    whole = answer.keys() == _FIELDS and answer["schema"] == SCHEMA and isinstance(judged, list)
    if not whole or answer["decision"] not in _DECISIONS:
        raise EngineUnclear("the consents' rules answered with something that is no decision")
    if isinstance(items, list) and [each.get("item") for each in judged] != list(range(len(items))):
        raise EngineUnclear("the consents' rules did not answer for every item")
    if any(each.get("decision") not in _DECISIONS for each in judged):
        raise EngineUnclear("the consents' rules answered with something that is no decision")
    return answer
