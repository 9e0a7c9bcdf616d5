"""Explain one decision to the three it concerns, with what came near and what would have made it allowed.

Everything said of the rules comes from the rules, asked again in a child process: nothing is listed as a way to be
allowed unless they then allow it. Never betrays to a requester what the resident chose, nor what the law protects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from broker.access import explain as words
from broker.access.engines import Bundle
from broker.access.engines.child import evaluate_cases
from broker.access.explain import Finding
from broker.access.request import Decision
from broker.errors import EngineUnavailable, EngineUnclear
from broker.governance.searching import Counterfactual, Search, alike
from broker.governance.tracing import (
    Evaluate,
    NearMiss,
    Trace,
    decision_of,
    in_words,
    layer_of,
    near_misses,
    trace,
)
from broker.governance.worlds import World
from broker.vocabulary import DenialReason, Layer, Role, Section, Sensitivity

_YOURS_AGAIN = "You can share it again."
_YOURS_TO_GIVE = "You can give them permission."


@dataclass(frozen=True)
class Row:
    """One section from one source: the layer that refused, None where it is permitted, and why."""

    section: Section
    source: str
    layer: Layer | None
    reasons: tuple[DenialReason, ...]
    agreements: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """One decision in three registers, from one trace.

    ``for_resident`` and ``for_requester`` are sentences; ``for_ig_lead``, ``rows``, ``near_misses`` and ``would_allow``
    are an IG lead's alone. ``same`` says whether the rules, asked again, answer as they did, if they did; ``problem``
    says why they could not be asked, and then only what the answer itself says is here.
    """

    decision: Decision
    for_resident: tuple[str, ...]
    for_requester: tuple[str, ...]
    for_ig_lead: tuple[Finding, ...]
    rows: tuple[Row, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()
    would_allow: tuple[Counterfactual, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)  # each sensitivity's label, and why it is left out
    same: bool = True
    problem: str | None = None


def explain(
    bundle: Bundle,
    question: Mapping[str, Any],
    answer: Mapping[str, Any] | None,
    *,
    evaluate: Evaluate = evaluate_cases,
) -> Explanation:
    """Explain ``answer`` to ``question`` by the very rules of ``bundle``.

    ``answer`` is None where the broker refused because no engine answered. A pure function of these and of what
    ``evaluate`` gives back; never raises for what is in them.
    """
    decision = decision_of(question, answer)
    try:
        return _explained(bundle, question, answer, decision, evaluate)
    except (EngineUnavailable, EngineUnclear) as fault:
        return _unasked(decision, question, str(fault))


def _unasked(decision: Decision, question: Mapping[str, Any], problem: str) -> Explanation:
    return Explanation(
        decision=decision,
        for_resident=tuple(words.for_resident(decision)),
        for_requester=tuple(_to_requester(decision, question, ())),
        for_ig_lead=tuple(words.for_ig_lead(decision)),
        rows=_rows(decision),
        problem=problem,
    )


def _explained(
    bundle: Bundle,
    question: Mapping[str, Any],
    answer: Mapping[str, Any] | None,
    decision: Decision,
    evaluate: Evaluate,
) -> Explanation:
    whole = World(question, bundle.data["sharing"])
    (found,) = trace(bundle.modules, [whole], evaluate=evaluate)
    if not found.result or found.codes("unreadable"):
        return _unasked(decision, question, "The question cannot be read by the rules.")
    search = Search(bundle.modules, whole, found, evaluate)
    allowing = search.ways()
    return Explanation(
        decision=decision,
        for_resident=tuple(_to_resident(decision, found, allowing.resident)),
        for_requester=tuple(_to_requester(decision, question, allowing.requester)),
        for_ig_lead=tuple(words.for_ig_lead(decision)),
        rows=_rows(decision),
        near_misses=tuple(near_misses(found)),
        would_allow=allowing.ig_lead,
        left_out=_left_out(decision, found),
        same=answer is None or alike(found.result, answer),
    )


def _rows(decision: Decision) -> tuple[Row, ...]:
    return tuple(
        Row(pair.section, pair.source, layer_of(pair), pair.reasons, pair.agreements) for pair in decision.pairs
    )


def _left_out(decision: Decision, found: Trace) -> dict[str, str]:
    """Why each sensitivity is left out of what is permitted: the law, the resident, or that nobody agreed to it."""
    permitted = [pair for pair in decision.pairs if pair.permitted]
    kept_back = {label for pair in permitted for label in found.under("withheld_labels", pair.section.value)}
    relied = in_words(decision.agreements)
    return {
        label.label: _why_left_out(label, label.value in kept_back, relied)
        for label in Sensitivity
        if any(label in pair.withheld_labels for pair in permitted)
    }


def _why_left_out(label: Sensitivity, kept_back: bool, relied: str) -> str:
    if label.in_law:
        return "The law protects it."
    return "The resident keeps it back." if kept_back else f"Not agreed at every level of {relied}."


# ---- to whom what is said --------------------------------------------------------------------------------------------


def _to_resident(decision: Decision, found: Trace, ways: Sequence[Counterfactual]) -> list[str]:
    """What was shared and what was not, said to the person it is about, with what is theirs to change."""
    kept_back = {
        label
        for pair in decision.pairs
        if pair.permitted
        for label in found.under("withheld_labels", pair.section.value)
    }
    said = words.for_resident(decision, theirs=_theirs(decision, ways))
    if labels := [label.label for label in Sensitivity if label.value in kept_back]:
        said.append(f"Left out, because you keep it back: {', '.join(labels)}. {_YOURS_AGAIN}")
    return said


def _theirs(decision: Decision, ways: Sequence[Counterfactual]) -> dict[DenialReason, str]:
    """For each reason, what the resident can do of it, where doing that alone would be enough."""
    opened = {pair for way in ways for pair in way.pairs}
    again = {DenialReason.CONSENT_WITHHELD, DenialReason.CONSENT_WITHDRAWN}
    said = {}
    for pair in decision.pairs:
        if (pair.section, pair.source) in opened:
            for reason in pair.reasons:
                said[reason] = _YOURS_AGAIN if reason in again else _YOURS_TO_GIVE
    return said


def _to_requester(decision: Decision, question: Mapping[str, Any], ways: Sequence[Counterfactual]) -> list[str]:
    """What this requester may be told, and what they could do; nothing of choices they may not know of."""
    said = []
    for told in words.for_requester(decision, clinical=_clinical(question)):
        where = f"{told.section.label}: " if told.section else ""
        said.append(f"{where}{told.sentence} {told.hint}".rstrip())
    return [*said, *map(str, ways)]


def _clinical(question: Mapping[str, Any]) -> bool:
    subject = question.get("subject")
    role = subject.get("role") if isinstance(subject, Mapping) else None
    return role in list(Role) and Role(role).clinical
