"""The policy decision point (PDP): ask the engine once, and read its answer as if it were hostile.

Never raises, and never permits what the engine did not plainly permit. No answer, half an answer, an answer to another
question, a word nobody knows, rules that are out of date: each is a refusal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NoReturn, TypeVar
from uuid import uuid4

from broker.access.engines import PolicyEngine
from broker.access.facts import Facts
from broker.access.request import AccessRequest, Decision, Duty, Pair
from broker.errors import EngineUnavailable
from broker.vocabulary import DenialReason, Disclosure, Obligation, Purpose, Section, Sensitivity

_RESULT = frozenset(
    {"revision", "request", "pairs", "reasons", "obligations", "disclosure", "requestable", "valid_until"}
)
_PAIR = frozenset({"section", "source", "reasons", "agreements", "withheld_labels"})
_ALWAYS_WITHHELD = frozenset(label for label in Sensitivity if label.in_law)
_LATEST = 253_402_300_799  # the last second of the year 9999

_Word = TypeVar("_Word", bound=str)
_Code = TypeVar("_Code", bound=StrEnum)
_KNOWN: dict[type[StrEnum], dict[str, Any]] = {
    codes: {str(code): code for code in codes} for codes in (DenialReason, Disclosure, Section, Sensitivity)
}


class _Unclear(Exception):
    """Something in the answer is not what an answer must be."""


class _Unmeetable(Exception):
    """The answer obliges the broker to do something it does not know how to do."""


class _Stale(Exception):
    """The answer comes from another revision of the rules."""


_FAULTS: dict[type[Exception], DenialReason] = {
    EngineUnavailable: DenialReason.POLICY_UNAVAILABLE,
    _Stale: DenialReason.POLICY_STALE,
    _Unmeetable: DenialReason.OBLIGATION_UNMET,
}
_ANY_FAULT = DenialReason.POLICY_UNCLEAR
_AFTER_BREAK_GLASS = frozenset({Obligation.NOTIFY_RESIDENT, Obligation.NOTIFY_PRIVACY_OFFICER, Obligation.REVIEW})


def decide(
    engine: PolicyEngine, request: AccessRequest, facts: Facts, *, revision: str, deadline: timedelta, now: datetime
) -> Decision:
    """What the policy says of every (section, source) in ``facts.pairs``. Never raises.

    ``revision`` is the one in force; an answer from any other refuses everything, as does any fault of the engine.
    """
    name = _name_of(engine)
    try:
        answer = engine.decide(question(request, facts), deadline=deadline)
        return _read(answer, request, facts, revision=revision, engine=name, now=now)
    except Exception as fault:
        # Whatever went wrong, in an engine or in reading its answer, a requester is refused and nothing escapes.
        reason = next((reason for kind, reason in _FAULTS.items() if isinstance(fault, kind)), _ANY_FAULT)
        return _refuse(request, facts, reason, revision=revision, engine=name, now=now)


def refuse_all(request: AccessRequest, facts: Facts, *, fault: Exception, engine: str, now: datetime) -> Decision:
    """The decision where there are no rules to ask: everything is refused, because they are gone or unclear."""
    unavailable = isinstance(fault, EngineUnavailable)
    reason = DenialReason.POLICY_UNAVAILABLE if unavailable else DenialReason.POLICY_UNCLEAR
    return _refuse(request, facts, reason, revision="", engine=engine, now=now)


def refuse_as(decision: Decision, failed: Decision) -> Decision:
    """``decision`` as a refusal of everything, for the fault that left ``failed`` without an answer."""
    pairs = (
        Pair(pair.section, pair.source, reasons=failed.reasons, withheld_labels=frozenset(Sensitivity))
        for pair in decision.pairs
    )
    return replace(
        decision,
        pairs=tuple(pairs),
        reasons=failed.reasons,
        duties=(),
        disclosure=Disclosure.TELL,
        requestable=False,
        valid_until=None,
        answer=None,
    )


def question(request: AccessRequest, facts: Facts) -> dict[str, Any]:
    """The policy's input (``policies/schemas/input.json``). Instants are whole seconds since 1970."""
    return {
        "request": {
            "id": request.id,
            "time": int(request.made_at.timestamp()),
            "purpose": request.purpose.value,
            "sections": sorted(section.value for section in request.sections),
            "pairs": [{"section": section.value, "source": source} for section, source in facts.pairs],
            "sources": {source: dict(described) for source, described in facts.sources.items()},
            "break_glass": None if request.break_glass is None else {"reason": request.break_glass.reason},
        },
        "subject": dict(facts.subject),
        "resident": dict(facts.resident),
        "facts": {
            "relationships": [dict(relationship) for relationship in facts.relationships],
            "provisions": [dict(provision) for provision in facts.provisions],
        },
    }


def _name_of(engine: PolicyEngine) -> str:
    return f"{getattr(engine, 'name', 'unknown')} {getattr(engine, 'version', '')}".strip()


def _refuse(
    request: AccessRequest, facts: Facts, reason: DenialReason, *, revision: str, engine: str, now: datetime
) -> Decision:
    pairs = (
        Pair(section, source, reasons=(reason,), withheld_labels=frozenset(Sensitivity))
        for section, source in sorted(set(facts.pairs))
    )
    return Decision(
        id=uuid4().hex,
        pairs=tuple(pairs),
        reasons=(reason,),
        duties=(),
        disclosure=Disclosure.TELL,  # a fault of ours betrays nothing of the resident's
        requestable=False,
        revision=revision,
        engine=engine,
        decided_at=now,
    )


# ---- reading the answer: each of these returns what it names, or raises _Unclear -----------------------------------


def _read(answer: Any, request: AccessRequest, facts: Facts, *, revision: str, engine: str, now: datetime) -> Decision:
    given = _object(answer, _RESULT)
    if given["request"] != request.id:
        _unclear("an answer to another question")
    if given["revision"] != revision:
        raise _Stale
    pairs = _pairs(given["pairs"], asked=facts.pairs, own=request.purpose is Purpose.OWN_RECORD)
    reasons = _codes(given["reasons"], DenialReason)
    permitted = any(pair.permitted for pair in pairs)
    if reasons and permitted:
        _unclear("refused as a whole, and permitted in part")
    duties = tuple(_duty(duty) for duty in _list(given["obligations"]))
    if permitted and request.break_glass and not {duty.obligation for duty in duties} >= _AFTER_BREAK_GLASS:
        _unclear("emergency access that nobody is told of")
    return Decision(
        id=uuid4().hex,
        pairs=pairs,
        reasons=reasons,
        duties=duties,
        disclosure=_code(given["disclosure"], Disclosure),
        requestable=_yes_or_no(given["requestable"]),
        revision=revision,
        engine=engine,
        decided_at=now,
        valid_until=_instant(given["valid_until"], after=request.made_at),
        answer=given,
    )


def _pairs(rows: Any, *, asked: Iterable[tuple[Section, str]], own: bool) -> tuple[Pair, ...]:
    """Exactly one Pair for each one asked about, ordered by section then source."""
    pairs = sorted((_pair(row, own=own) for row in _list(rows)), key=lambda pair: (pair.section, pair.source))
    if [(pair.section, pair.source) for pair in pairs] != sorted(set(asked)):
        _unclear("not one answer for each section and source asked about")
    return tuple(pairs)


def _pair(row: Any, *, own: bool) -> Pair:
    """``own``: one's own record is nobody's agreement to open, and every other is opened by one alone."""
    given = _object(row, _PAIR)
    pair = Pair(
        section=_code(given["section"], Section),
        source=_text(given["source"]),
        reasons=_codes(given["reasons"], DenialReason),
        agreements=_distinct(_text(agreement) for agreement in _list(given["agreements"])),
        withheld_labels=frozenset(_codes(given["withheld_labels"], Sensitivity)),
    )
    if bool(pair.agreements) != (pair.permitted and not own):
        _unclear("permitted under no agreement, or refused under one")
    if not pair.withheld_labels >= _ALWAYS_WITHHELD:
        _unclear("what the law withholds is not withheld")
    return pair


def _duty(value: Any) -> Duty:
    if not isinstance(value, dict) or "obligation" not in value:
        _unclear("an obligation is a code with its parameters")
    parameters = {_text(name): parameter for name, parameter in value.items() if name != "obligation"}
    if not all(isinstance(parameter, str | int) for parameter in parameters.values()):
        _unclear("an obligation's parameters are text, whole numbers, or yes and no")
    code = _text(value["obligation"])
    if code not in list(Obligation):
        raise _Unmeetable(code)
    return Duty(Obligation(code), parameters)


def _object(value: Any, names: frozenset[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict) or value.keys() != names:
        _unclear("an object with other fields than it should have")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        _unclear("not a list")
    return value


def _distinct(items: Iterable[_Word]) -> tuple[_Word, ...]:
    found = tuple(items)
    if len(set(found)) != len(found):
        _unclear("something is in a list twice")
    return found


def _codes(value: Any, codes: type[_Code]) -> tuple[_Code, ...]:
    return _distinct(_code(item, codes) for item in _list(value))


def _code(value: Any, codes: type[_Code]) -> _Code:
    found: _Code | None = _KNOWN[codes].get(_text(value))
    if found is None:
        _unclear(f"not a {codes.__name__} code")
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        _unclear("not text")
    return value


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        _unclear("neither true nor false")
    return value


def _instant(value: Any, *, after: datetime) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not int(after.timestamp()) < value <= _LATEST:
        _unclear("not an instant to come")
    return datetime.fromtimestamp(value, UTC)


def _unclear(why: str) -> NoReturn:
    raise _Unclear(why)
