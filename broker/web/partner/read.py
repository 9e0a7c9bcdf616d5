"""The record a worker may read, as the answer to a form: never at an address of its own, never kept.

Everything comes through ``access.release``; this only lays out what it released, or says in words why it did not.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from flask import render_template

from broker.access import explain
from broker.access.release import Refused, Release, release_record
from broker.access.request import AccessRequest, Decision
from broker.doors import parts, session
from broker.identity.models import Organisation, Resident
from broker.vocabulary import DenialReason, Layer, Obligation, Route, Section

_LAYERS = list(Layer)

# How many entries of a section are shown before the rest is folded away.
SHOWN_AT_ONCE = 5


@dataclass(frozen=True)
class Why:
    """One reason in words, the sections it holds for, and what would change it."""

    words: str
    sections: tuple[str, ...]
    remedy: str


def read(handle: str, request: AccessRequest, *, route: Route, agreed: bool = False) -> tuple[str, int]:
    """The page for one reading of the record, and its status. ``agreed``: the resident once said yes to just this."""
    if not request.resident:
        return _refused_page(handle, request, _nobody_there(request), requestable=True)
    try:
        release = release_record(parts(), session(), request)
    except Refused as refused:
        if _no_relationship(refused.decision):
            why = _permission_over(request) if agreed else _nobody_there(request)
            return _refused_page(handle, request, why, requestable=True)
        why = _why(refused.decision, clinical=request.requester.role.clinical)
        return _refused_page(handle, request, why, requestable=refused.decision.requestable)
    return _record_page(handle, release, route=route), 200


def _record_page(handle: str, release: Release, *, route: Route) -> str:
    view = release.view
    resident = session().get(Resident, release.request.resident)
    assert resident is not None, "a record was released for somebody"
    return render_template(
        "partner/record.jinja",
        handle=handle,
        route=route,
        resident=resident,
        request_made=release.request,
        view=view,
        spoken=[section for section in view.sections if section.entries],
        at_once=SHOWN_AT_ONCE,
        silent=[section for section in view.sections if not section.entries],
        source_labels={source.source: source.label for source in view.sources},
        organisations=_names({source.organisation for source in view.sources}),
        requester_name=_names({release.request.requester.organisation})[release.request.requester.organisation],
        not_passed_on=any(d.obligation is Obligation.NO_ONWARD_SHARING for d in release.decision.duties),
        told=any(d.obligation is Obligation.NOTIFY_RESIDENT for d in release.decision.duties),
    )


def _refused_page(handle: str, request: AccessRequest, why: list[Why], *, requestable: bool) -> tuple[str, int]:
    page = render_template(
        "partner/refused.jinja",
        handle=handle,
        purpose=request.purpose,
        emergency=request.break_glass is not None,
        why=why,
        requestable=requestable,
    )
    return page, 403


def _nobody_there(request: AccessRequest) -> list[Why]:
    """The one answer for somebody not known here and somebody this worker has no relationship with."""
    reason = DenialReason.NO_RELATIONSHIP
    remedy = f"Check the NHS number and the date of birth. {explain.hint(reason)}"
    return [_because(reason.label, request.sections, remedy)]


def _permission_over(request: AccessRequest) -> list[Why]:
    """Permission was the relationship, and it has ended. Whether it was stopped or ran out is the resident's to say."""
    remedy = "They may have stopped it, or its time has run out. You can ask again."
    return [_because("The permission you were given has ended.", request.sections, remedy)]


def _no_relationship(decision: Decision) -> bool:
    reasons = {*decision.reasons, *(reason for pair in decision.pairs for reason in pair.reasons)}
    return DenialReason.NO_RELATIONSHIP in reasons


def _why(decision: Decision, *, clinical: bool) -> list[Why]:
    """Each reason that may be told once, with every section it holds for.

    A section that some source would open but for the resident's choice is refused by that choice: what kept other
    sources closed, earlier, would only send the worker to the wrong person.
    """
    items = explain.for_requester(decision, clinical=clinical)
    furthest: dict[Section | None, int] = {}
    for item in items:
        furthest[item.section] = max(furthest.get(item.section, 0), _LAYERS.index(item.reason.layer))
    told: dict[DenialReason, set[Section]] = {}
    for item in items:
        if _LAYERS.index(item.reason.layer) == furthest[item.section]:
            told.setdefault(item.reason, set()).update({item.section} if item.section else ())
    return [_because(reason.label, sections, explain.hint(reason)) for reason, sections in told.items()]


def _because(words: str, sections: Collection[Section], remedy: str) -> Why:
    labels = tuple(section.label for section in Section if section in sections)
    return Why(words=words, sections=labels, remedy=remedy)


def _names(codes: set[str]) -> dict[str, str]:
    """Organisations' names by code; a code nobody registered stands for itself."""
    found = {code: session().get(Organisation, code) for code in codes}
    return {code: organisation.name if organisation else code for code, organisation in found.items()}
