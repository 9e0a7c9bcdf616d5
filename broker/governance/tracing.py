"""What each layer of the rules said of one question: the documents behind an answer, read once. Decides nothing.

The rules are asked for their own intermediate documents, so a trace cannot tell another story than the decision.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from broker.access.engines import DECISION
from broker.access.engines.child import PROBLEMS, Case, evaluate_cases
from broker.access.request import Decision, Pair
from broker.governance.worlds import World
from broker.vocabulary import DenialReason, Disclosure, Layer, Section, Sensitivity

# Every document a trace is made of, by the name it has here. The one place that knows what the rules call them.
DOCUMENTS = {
    "unreadable": "broker.question.reasons",
    "identity": "broker.identity.reasons",
    "relationship": "broker.relationship.reasons",
    "standing": "broker.agreement.standing",
    "section_faults": "broker.agreement.section_faults",
    "source_faults": "broker.agreement.source_faults",
    "refusals": "broker.condition.refusals",
    "withheld": "broker.choices.withheld",
    "withheld_labels": "broker.choices.withheld_labels",
    "missing": "broker.choices.missing",
    "result": DECISION,
}

Evaluate = Callable[..., list[dict[str, Any]]]  # ``child.evaluate_cases``, or what stands in for it

_REASONS = {reason.value: reason for reason in DenialReason}
_LABELS = {label.value: label for label in Sensitivity}
_SECTIONS = {section.value: section for section in Section}


@dataclass(frozen=True)
class NearMiss:
    """An agreement that names this organisation and purpose and yet opens nothing here: exactly what it lacks."""

    agreement: str
    faults: tuple[DenialReason, ...]
    pairs: tuple[tuple[Section, str], ...]  # (section, source)
    sentence: str

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class Trace:
    """The documents of one evaluation, by their names in ``DOCUMENTS``; ``problems`` are those it could not have."""

    found: Mapping[str, Any] = field(repr=False)
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def result(self) -> Mapping[str, Any]:
        return self.found.get("result") or {}

    def codes(self, name: str) -> tuple[str, ...]:
        """A document that is a set, in order; empty where it is undefined."""
        value = self.found.get(name)
        return tuple(sorted(map(str, value))) if isinstance(value, list) else ()

    def under(self, name: str, *path: str) -> Any:
        """What a document holds under ``path``; an empty list where it holds nothing there."""
        value = self.found.get(name)
        for part in path:
            value = value.get(part) if isinstance(value, Mapping) else None
        return [] if value is None else value

    def faults(self, agreement: str, section: str, source: str) -> tuple[str, ...]:
        """Why ``agreement`` does not open ``section`` from ``source``; empty where it does."""
        of_section = self.third("section_faults", agreement, section)
        return tuple(
            sorted({*self.under("standing", agreement), *of_section, *self.third("source_faults", agreement, source)})
        )

    def third(self, name: str, first: str, second: str) -> list[str]:
        """Where a document is a set of triples: the last of those that begin with these two."""
        rows = self.found.get(name) or ()
        return [last for one, two, last in rows if (one, two) == (first, second)]

    @property
    def agreements(self) -> tuple[str, ...]:
        """Every agreement that names this organisation and purpose."""
        return tuple(sorted(self.found.get("standing") or ()))

    @property
    def refused(self) -> frozenset[tuple[str, str]]:
        """Each (section, source) that is not permitted."""
        return frozenset((pair["section"], pair["source"]) for pair in self.result.get("pairs", ()) if pair["reasons"])


def trace(
    modules: Mapping[str, str],
    worlds: Sequence[World],
    *,
    names: Iterable[str] = tuple(DOCUMENTS),
    evaluate: Evaluate = evaluate_cases,
) -> list[Trace]:
    """One trace for each of ``worlds``, by the same rules, with the documents in ``names``. Raises as ``evaluate``."""
    wanted = {name: DOCUMENTS[name] for name in names}
    cases = [Case(world.question, {"sharing": world.sharing}) for world in worlds]
    answers = evaluate(modules, cases, documents=tuple(wanted.values()))
    return [_trace(answer, wanted) for answer in answers]


def _trace(answer: Mapping[str, Any], wanted: Mapping[str, str]) -> Trace:
    found = {name: answer.get(document) for name, document in wanted.items()}
    return Trace(found, dict(answer.get(PROBLEMS, {})))


# ---- the agreements that came nearest --------------------------------------------------------------------------------

MOST_NEAR = 5  # agreements that are worth showing

# What an agreement lacks, in words that complete "everything fits but …".
_LACKS: dict[DenialReason, str] = {
    DenialReason.NO_AGREEMENT: "who receives and what for, in an agreement above it",
    DenialReason.AGREEMENT_NOT_SIGNED: "that not every party has signed",
    DenialReason.AGREEMENT_NOT_STARTED: "that it has not started",
    DenialReason.AGREEMENT_EXPIRED: "that it is over",
    DenialReason.AGREEMENT_SUSPENDED: "that it is suspended",
    DenialReason.OUTSIDE_PLACE: "where the resident lives",
    DenialReason.ROLE_NOT_IN_AGREEMENT: "the role",
    DenialReason.SECTION_NOT_IN_AGREEMENT: "the section",
    DenialReason.SOURCE_NOT_IN_AGREEMENT: "the source",
    DenialReason.NARROWED_BY_PLACE: "what the resident's place has narrowed",
    DenialReason.BREAK_GLASS_NOT_PERMITTED: "emergency access",
}


def lacks(reason: DenialReason, conditioned: bool = False) -> str:
    """``the role``: what an agreement with this fault lacks, or, where ``conditioned``, what its conditions refuse."""
    if conditioned or reason not in _LACKS:
        return f"what its conditions refuse ({reason.value})"
    return _LACKS[reason]


def near_misses(trace: Trace) -> list[NearMiss]:
    """The agreements that nearly opened what is refused for want of one, nearest first, with each one's faults."""
    held: dict[tuple[str, tuple[str, ...]], list[tuple[str, str]]] = {}
    for pair in trace.result.get("pairs", ()):
        section, source = pair["section"], pair["source"]
        faulty = {agreement: trace.faults(agreement, section, source) for agreement in trace.agreements}
        if any(set(pair["reasons"]) & set(faults) for faults in faulty.values()):
            for agreement, faults in faulty.items():
                held.setdefault((agreement, faults), []).append((section, source))
    conditioned = {code for _, code in trace.found.get("refusals") or ()}
    misses = [_near_miss(agreement, faults, pairs, conditioned) for (agreement, faults), pairs in held.items()]
    misses.sort(key=lambda miss: (len(miss.faults), miss.agreement, -len(miss.pairs)))
    return misses[:MOST_NEAR]


def _near_miss(
    agreement: str, codes: Iterable[str], pairs: Iterable[tuple[str, str]], conditioned: Collection[str]
) -> NearMiss:
    faults = in_vocabulary(codes)
    return NearMiss(
        agreement,
        faults,
        tuple((_SECTIONS[section], source) for section, source in pairs if section in _SECTIONS),
        f"{agreement}: everything fits but {in_words(lacks(fault, fault in conditioned) for fault in faults)}.",
    )


def in_vocabulary(codes: Iterable[str]) -> tuple[DenialReason, ...]:
    """``codes`` as reasons, in the order of the vocabulary; one that nobody knows is unclear."""
    found = {_REASONS.get(code, DenialReason.POLICY_UNCLEAR) for code in codes}
    return tuple(reason for reason in DenialReason if reason in found)


def in_words(parts: Iterable[str], *, last: str = "and") -> str:
    """``a, b and c``, each once."""
    each = list(dict.fromkeys(parts))
    return each[0] if len(each) == 1 else f"{', '.join(each[:-1])} {last} {each[-1]}" if each else ""


# ---- the decision an answer is ---------------------------------------------------------------------------------------


def decision_of(question: Mapping[str, Any], answer: Mapping[str, Any] | None) -> Decision:
    """``answer`` as the decision it was, to be said in words. None, or what is no answer, refused everything."""
    asked = question.get("request")
    asked = asked if isinstance(asked, Mapping) else {}
    given = answer if isinstance(answer, Mapping) and "pairs" in answer else _none(asked, missing=answer is None)
    return Decision(
        id=str(given.get("request", "")),
        pairs=tuple(_pair(row) for row in sorted(given["pairs"], key=_place) if row.get("section") in _SECTIONS),
        reasons=in_vocabulary(given.get("reasons", ())),
        duties=(),
        disclosure=Disclosure(given.get("disclosure", Disclosure.NEVER)),
        requestable=given.get("requestable") is True,
        revision=str(given.get("revision", "")),
        engine="",
        decided_at=datetime.fromtimestamp(time if isinstance(time := asked.get("time"), int) else 0, UTC),
    )


def _place(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row.get("section")), str(row.get("source"))


def _none(asked: Mapping[str, Any], *, missing: bool) -> dict[str, Any]:
    reasons = [DenialReason.POLICY_UNAVAILABLE if missing else DenialReason.POLICY_UNCLEAR]
    pairs = [{**pair, "reasons": reasons} for pair in asked.get("pairs", ())]
    return {"pairs": pairs, "reasons": reasons, "disclosure": Disclosure.TELL}


def _pair(row: Mapping[str, Any]) -> Pair:
    return Pair(
        section=Section(row["section"]),
        source=row["source"],
        reasons=in_vocabulary(row["reasons"]),
        agreements=tuple(row.get("agreements", ())),
        withheld_labels=frozenset(_LABELS[label] for label in row.get("withheld_labels", _LABELS) if label in _LABELS),
    )


def layer_of(pair: Pair) -> Layer | None:
    """The layer that refused; None where it is permitted."""
    layers = [reason.layer for reason in pair.reasons]
    return min(layers, key=list(Layer).index) if layers else None
