"""A decision as an AuthZEN answer: one boolean, and as much of the why as this requester may be told. Decides nothing.

``true`` is exactly what the record door would answer with a view: where it would show an empty section in place of one
the requester may not know is withheld, so does this. The two can be compared for ever and betray nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from broker.access.explain import Told, for_requester, may_be_told
from broker.access.release import CONCEALED_LAYERS
from broker.access.request import AccessRequest, Decision, Pair
from broker.api.problems import told_as_json, way_to_ask
from broker.errors import InvalidInput, NotFound
from broker.vocabulary import OWN, DenialReason, Section

# What a resident who is asked could change: the record door refuses these openly, as an invitation to ask.
ASKABLE = frozenset({DenialReason.CONSENT_NEEDED, DenialReason.CONSENT_WITHDRAWN, DenialReason.CONSENT_EXPIRED})


def answer(request: AccessRequest, decision: Decision, *, assurance: int | None = None) -> dict[str, Any]:
    """``{"decision", "context"}``. ``assurance`` is the least that would do, where the sign-in was not strong enough.

    The boolean is true where every section asked for would be shown from at least one source.
    """
    shown = sections_shown(request, decision)
    return {"decision": all(shown.values()), "context": _context(request, decision, shown, assurance)}


def sections_shown(request: AccessRequest, decision: Decision) -> dict[Section, bool]:
    """Of each section asked for, in the record's order, whether it would be shown, were it asked for alone."""
    told = may_be_told(decision, clinical=request.requester.role.clinical)
    by_section: dict[Section, list[Pair]] = {section: [] for section in Section if section in request.sections}
    for pair in decision.pairs:
        by_section[pair.section].append(pair)
    return {section: _shown(pairs, told=told) for section, pairs in by_section.items()}


def not_answered(refusal: NotFound | InvalidInput) -> dict[str, Any]:
    """The answer to a question that could not be put to the policy: no (AuthZEN, errors in individual evaluations)."""
    status = 404 if isinstance(refusal, NotFound) else 400
    error = {"status": status, "code": refusal.code, "message": refusal.detail, "field": refusal.field}
    return {"decision": False, "context": {"error": error}}


def needs_step_up(request: AccessRequest, decision: Decision) -> bool:
    """Whether a stronger sign-in is part of what is missing."""
    told = for_requester(decision, clinical=request.requester.role.clinical)
    return any(item.reason is DenialReason.ASSURANCE_TOO_LOW for item in told)


def _shown(pairs: list[Pair], *, told: bool) -> bool:
    if any(pair.permitted for pair in pairs):
        return True
    if told or any(reason in ASKABLE for pair in pairs for reason in pair.reasons):
        return False
    return any(all(reason.layer in CONCEALED_LAYERS for reason in pair.reasons) for pair in pairs)


def _context(
    request: AccessRequest, decision: Decision, shown: Mapping[Section, bool], assurance: int | None
) -> dict[str, Any]:
    clinical = request.requester.role.clinical
    told = may_be_told(decision, clinical=clinical)
    context: dict[str, Any] = {
        "decision_id": decision.id,
        "revision": decision.revision,
        "sections": [_section(section, shown[section], decision, told=told) for section in shown],
        "reasons": [_reason(item) for item in for_requester(decision, clinical=clinical)],
        "obligations": [
            {"code": duty.obligation.value, "label": duty.obligation.label, **duty.parameters}
            for duty in decision.duties
        ],
        # Those relied on are fewer where something is withheld, so they are named only to whoever may be told that.
        "agreements": list(decision.agreements) if told else [],
        "valid_until": _valid_until(request, decision) if told else None,
        "requestable": decision.requestable,
        **way_to_ask(request, decision),
    }
    if assurance is not None:
        context["acr_values"] = f"{OWN}:assurance:{assurance}"
    return context


def _valid_until(request: AccessRequest, decision: Decision) -> str | None:
    """Until when a yes holds. Of a no, or in an emergency, it would tell somebody with choices from nobody at all."""
    holds = decision.permitted and request.break_glass is None
    return decision.valid_until.isoformat() if holds and decision.valid_until else None


def _section(section: Section, shown: bool, decision: Decision, *, told: bool) -> dict[str, Any]:
    pairs = [pair for pair in decision.pairs if pair.section is section]
    said: dict[str, Any] = {"section": section.value, "decision": shown, "held": bool(pairs)}
    if told:
        permitted = sum(pair.permitted for pair in pairs)
        said["sources"] = {"permitted": permitted, "withheld": len(pairs) - permitted}
    return said


def _reason(item: Told) -> dict[str, Any]:
    return {**told_as_json(item), "layer": item.reason.layer.value}
