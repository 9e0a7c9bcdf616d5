"""Sending a draft for review, calling it back, and working out what it would do. Signs nothing."""

from __future__ import annotations

import rfc8785
from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from broker.agreements import actions
from broker.agreements.models import SharingAgreement
from broker.doors import now, parts, session
from broker.errors import EngineUnavailable, EngineUnclear, InvalidInput, NotFound
from broker.governance import changes, impact
from broker.governance.models import ImpactReport
from broker.web.access import GOVERNORS, who
from broker.web.governance import governance
from broker.web.governance.acting import (
    WRITERS,
    actor,
    may_write,
    must_write,
    name_of_actor,
    oversees,
    own_organisation,
)
from broker.web.governance.documents import taken_away
from broker.web.governance.reports import shown


@governance.post("/agreements/<agreement_id>/<int:version>/submit")
@who(*WRITERS)
def submit(agreement_id: str, version: int) -> Response:
    """Send a draft to its parties."""
    found = _ours(agreement_id, version)
    changes.submit(parts(), session(), found, by=actor(), now=now())
    return _back_to(found, done="submitted")


@governance.post("/agreements/<agreement_id>/<int:version>/call-back")
@who(*WRITERS)
def call_back(agreement_id: str, version: int) -> Response:
    """Make a version in review a draft again."""
    found = _ours(agreement_id, version)
    changes.call_back(parts(), session(), found, by=actor(), now=now())
    return _back_to(found, done="called-back")


@governance.get("/agreements/<agreement_id>/<int:version>/impact")
@who(*GOVERNORS)
def impact_report(agreement_id: str, version: int) -> str:
    """What this text would do to real requests, as it was last worked out; or the button to work it out."""
    return _page(actions.version(session(), agreement_id, version))


@governance.post("/agreements/<agreement_id>/<int:version>/impact")
@who(*WRITERS)
def work_out(agreement_id: str, version: int) -> Response | tuple[str, int]:
    """Work it out, against the rules in force now and the requests of the last weeks."""
    found = _ours(agreement_id, version)
    try:
        changes.work_out(parts(), session(), found, by=actor(), now=now())
    except InvalidInput as refusal:
        return _page(found, problem=refusal.detail), 422
    except (EngineUnavailable, EngineUnclear) as fault:
        text = str(fault)
        return _page(found, problem=f"{text[:1].upper()}{text[1:]}."), 503
    return redirect(url_for("governance.impact_report", agreement_id=found.id, version=found.number), code=303)


@governance.get("/agreements/<agreement_id>/<int:version>/impact/report.json")
@who(*GOVERNORS)
def impact_json(agreement_id: str, version: int) -> Response:
    """The report exactly as it was signed: canonical JSON (RFC 8785)."""
    report = _report(agreement_id, version)
    name = f"{report.agreement_id}-version-{report.agreement_number}-impact.json"
    return taken_away(rfc8785.dumps(report.report), name=name, kind="application/json")


@governance.get("/agreements/<agreement_id>/<int:version>/impact/report.jws")
@who(*GOVERNORS)
def impact_signature(agreement_id: str, version: int) -> Response:
    """The signature on that JSON: a detached JWS (RFC 7515 App. F)."""
    report = _report(agreement_id, version)
    name = f"{report.agreement_id}-version-{report.agreement_number}-impact.jws"
    return taken_away(report.signature, name=name, kind="application/jose")


def _page(agreement: SharingAgreement, *, problem: str = "") -> str:
    """The report there is. ``problem`` says why it could not be worked out just now."""
    report = impact.latest(session(), agreement)
    return render_template(
        "governance/impact.jinja",
        agreement=agreement,
        report=report,
        problem=problem,
        shown=shown(report.report) if report else None,
        stands=report is not None and impact.stands(session(), report),
        made_by=name_of_actor(report.made_by) if report else "",
        may_work_out=may_write(agreement) and not actions.standing_signatures(agreement),
        own="" if oversees() else own_organisation().code,
    )


def _report(agreement_id: str, version: int) -> ImpactReport:
    report = impact.latest(session(), actions.version(session(), agreement_id, version))
    if report is None:
        raise NotFound("impact-missing", "What this text would do has not been worked out.", field="impact")
    return report


def _ours(agreement_id: str, version: int) -> SharingAgreement:
    found = actions.version(session(), agreement_id, version)
    must_write(found)
    return found


def _back_to(agreement: SharingAgreement, *, done: str) -> Response:
    path = url_for("governance.version", agreement_id=agreement.id, version=agreement.number, done=done)
    return redirect(path, code=303)
