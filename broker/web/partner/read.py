"""The record a worker may read, as the answer to a form: never at an address of its own, never kept.

Everything comes through ``access.release``; this only lays out what it released, or says in words why it did not.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from flask import render_template
from flask import request as sent
from werkzeug.wrappers import Response

from broker.access import explain, looks
from broker.access.release import Refused, Release, release_record
from broker.access.request import AccessRequest, Decision
from broker.access.restricted import wants_fresh_sign_in
from broker.doors import parts, session
from broker.identity.actions import NOBODY
from broker.identity.models import Organisation, Person, Resident
from broker.records import arrangement
from broker.vocabulary import DenialReason, Layer, Obligation, Route, Section
from broker.web.access import prove_first
from broker.web.reasons import furthest

# How many entries of a section are shown before the rest is folded away.
SHOWN_AT_ONCE = 5


@dataclass(frozen=True)
class Why:
    """One reason in words, the sections it holds for, and what would change it."""

    words: str
    sections: tuple[str, ...]  # none where it holds for everything that was asked for
    remedy: str


def read(handle: str, request: AccessRequest, *, route: Route, agreed: bool = False) -> tuple[str, int] | Response:
    """The page for one reading of the record, and its status. ``agreed``: the resident once said yes to just this.

    What is guarded most is read only by somebody who proved lately who they are, and sends others to do so first.
    The same form with ``summary`` gives the page to print: a reading like any other, decided and written down again.
    """
    if wants_fresh_sign_in(request) and (first := prove_first()) is not None:
        return first
    try:
        release = release_record(parts(), session(), request)
    except Refused as refused:
        if _no_relationship(refused.decision):
            why = _permission_over() if agreed else _nobody_there()
            return _refused_page(handle, request, why, requestable=True)
        why = _why(refused.decision, request)
        requestable, settled = refused.decision.requestable, _settled(refused.decision, request)
        return _refused_page(handle, request, why, requestable=requestable, settled=settled)
    if request.resident == NOBODY:
        return _refused_page(handle, request, _nobody_known(), requestable=False)
    if sent.form.get("summary"):
        return _one_page(handle, release, route=route), 200
    return _record_page(handle, release, route=route), 200


def _record_page(handle: str, release: Release, *, route: Route) -> str:
    view, clinical = release.view, release.request.requester.role.clinical
    sections = arrangement.in_order(view.sections, role=release.request.requester.role, tier=release.tier)
    return render_template(
        "partner/record.jinja",
        **_heading(handle, release, route),
        changes=looks.since_last(parts(), release),
        spoken=[section for section in sections if section.entries],
        disputed=[
            (section.section, joined.entry.title)
            for section in sections
            for joined in section.entries
            if joined.contradictions
        ],
        at_once=SHOWN_AT_ONCE,
        silent=[(section, furthest(section.reasons)) for section in sections if not section.entries],
        kept_back=frozenset(section.section for section in sections if _kept_back(section.reasons)),
        outside=_outside(release.decision, clinical=clinical),
        told=any(d.obligation is Obligation.NOTIFY_RESIDENT for d in release.decision.duties),
        # What was sent, to be sent again for the page to print; an emergency is declared again by hand or not at all.
        sent_again=[] if release.request.break_glass else _fields(),
    )


def _one_page(handle: str, release: Release, *, route: Route) -> str:
    """What this reader needs first, on one sheet of paper that says it is not the whole record."""
    asker = release.request.requester
    return render_template(
        "partner/summary.jinja",
        **_heading(handle, release, route),
        page=arrangement.one_page(release.view.sections, role=asker.role, tier=release.tier),
        reader=session().get_one(Person, asker.person).name if asker.person else "",
        unread=[source for source in release.view.sources if source.state == "unavailable"],
    )


def _heading(handle: str, release: Release, route: Route) -> dict[str, Any]:
    """What every page of a record says of itself: of whom, for whom, what for, from where."""
    view, asker = release.view, release.request.requester
    resident = session().get(Resident, release.request.resident)
    assert resident is not None, "a record was released for somebody"
    return {
        "handle": handle,
        "route": route,
        "resident": resident,
        "request_made": release.request,
        "view": view,
        "source_labels": {source.source: source.label for source in view.sources},
        "source_owners": {source.source: source.organisation for source in view.sources},
        "organisations": _names({source.organisation for source in view.sources}),
        "requester_name": _names({asker.organisation})[asker.organisation],
        "not_passed_on": any(d.obligation is Obligation.NO_ONWARD_SHARING for d in release.decision.duties),
    }


def _fields() -> list[tuple[str, str]]:
    return [(name, value) for name, values in sent.form.lists() for value in values if name != "csrf_token"]


def _refused_page(
    handle: str,
    request: AccessRequest,
    why: list[Why],
    *,
    requestable: bool,
    settled: frozenset[Section] = frozenset(),
) -> tuple[str, int]:
    """``settled``: what the resident has said no to already, and is not to be asked for again by habit."""
    page = render_template(
        "partner/refused.jinja",
        handle=handle,
        purpose=request.purpose,
        sections=[section.value for section in Section if section in request.sections - settled],
        emergency=request.break_glass is not None,
        why=why,
        requestable=requestable,
    )
    return page, 403


def _nobody_there() -> list[Why]:
    """The one answer for somebody not known here and somebody this worker has no relationship with."""
    reason = DenialReason.NO_RELATIONSHIP
    remedy = f"Check the NHS number and the date of birth. {explain.hint(reason)}"
    return [_because(reason.label, (), remedy)]


def _nobody_known() -> list[Why]:
    """What an emergency must know at once: that there is nobody to see. No other route ever says so."""
    remedy = "Check the NHS number and the date of birth. The privacy officer is told that you used emergency access."
    return [_because("Nobody with these details is known here.", (), remedy)]


def _permission_over() -> list[Why]:
    """Permission was the relationship, and it has ended. Whether it was stopped or ran out is the resident's to say."""
    remedy = "They may have stopped it, or its time has run out. You can ask again."
    return [_because("The permission you were given has ended.", (), remedy)]


def _no_relationship(decision: Decision) -> bool:
    reasons = {*decision.reasons, *(reason for pair in decision.pairs for reason in pair.reasons)}
    return DenialReason.NO_RELATIONSHIP in reasons


def _why(decision: Decision, request: AccessRequest) -> list[Why]:
    """Each reason that may be told once, with every section it holds for.

    Where the answer to it is to ask the resident, the page's button says so already.
    """
    by_section: dict[Section | None, list[DenialReason]] = {}
    for item in explain.for_requester(decision, clinical=request.requester.role.clinical):
        by_section.setdefault(item.section, []).append(item.reason)
    told: dict[DenialReason, set[Section]] = {}
    for section, reasons in by_section.items():
        for reason in furthest(reasons):
            told.setdefault(reason, set()).update({section} if section else ())
    return [
        _because(
            reason.label,
            () if sections >= request.sections else sections,
            "" if decision.requestable and reason is DenialReason.CONSENT_NEEDED else explain.hint(reason),
        )
        for reason, sections in told.items()
    ]


def _settled(decision: Decision, request: AccessRequest) -> frozenset[Section]:
    """The sections that this worker may know the resident took back or keeps closed."""
    items = explain.for_requester(decision, clinical=request.requester.role.clinical)
    said_no = (DenialReason.CONSENT_WITHDRAWN, DenialReason.CONSENT_WITHHELD)
    return frozenset(item.section for item in items if item.section is not None and item.reason in said_no)


def _kept_back(reasons: Collection[DenialReason]) -> bool:
    """Whether what is missing was kept back from this worker, and is not merely outside the agreement."""
    return any(reason.layer is not Layer.AGREEMENT for reason in reasons)


def _outside(decision: Decision, *, clinical: bool) -> frozenset[str]:
    """Sources that the agreement alone keeps closed, as far as this worker may know."""
    layers: dict[str, set[Layer]] = {}
    for item in explain.for_requester(decision, clinical=clinical):
        for source in item.sources:
            layers.setdefault(source, set()).add(item.reason.layer)
    permitted = {pair.source for pair in decision.pairs if pair.permitted}
    return frozenset(source for source, found in layers.items() if found == {Layer.AGREEMENT}) - permitted


def _because(words: str, sections: Collection[Section], remedy: str) -> Why:
    labels = tuple(section.label for section in Section if section in sections)
    return Why(words=words, sections=labels, remedy=remedy)


def _names(codes: set[str]) -> dict[str, str]:
    """Organisations' names by code; a code nobody registered stands for itself."""
    found = {code: session().get(Organisation, code) for code in codes}
    return {code: organisation.name if organisation else code for code, organisation in found.items()}
