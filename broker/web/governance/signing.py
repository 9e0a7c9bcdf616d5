"""Signing: exactly which text, what it changes, what it would do, and one button for one organisation."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from broker.agreements import actions
from broker.agreements.difference import difference
from broker.agreements.models import SharingAgreement
from broker.doors import now, parts, session
from broker.errors import Conflict, InvalidInput
from broker.governance import changes, impact
from broker.web.access import GOVERNORS, proven_lately, who
from broker.web.forms import Form
from broker.web.governance import governance
from broker.web.governance.acting import SIGNATORIES, name_of_actor, names_of, own_organisation, signatory, why_not_sign
from broker.web.governance.differences import grouped
from broker.web.governance.editor import live_text
from broker.web.governance.reports import shown

# What was read is no longer what there is: each of these is a page of its own, and nothing is signed.
MOVED_ON = frozenset({"agreement-changed", "impact-changed", "agreement-not-in-review", "impact-missing"})


@governance.get("/agreements/<agreement_id>/<int:version>/sign")
@who(*GOVERNORS)
def sign(agreement_id: str, version: int) -> str:
    """Everything that whoever signs must have read."""
    return _page(actions.version(session(), agreement_id, version), errors={})


@governance.post("/agreements/<agreement_id>/<int:version>/sign")
@who(*SIGNATORIES)
@proven_lately
def signed(agreement_id: str, version: int) -> Response | str | tuple[str, int]:
    """Sign for one's own organisation the text and the report that the form names."""
    found = actions.version(session(), agreement_id, version)
    form = Form()
    reason = form.sent.get("reason", "").strip()
    report = impact.latest(session(), found)
    if report is not None and report.report["sensitive"]:
        reason = form.text("reason", missing="Say why this sensitive information is needed.")
    if form.errors:
        return _page(found, errors=form.errors), 422
    try:
        changes.approve(
            parts(),
            session(),
            found,
            signatory=signatory(),
            digest=form.sent.get("digest", ""),
            impact_digest=form.sent.get("impact", ""),
            reason=reason or None,
            now=now(),
        )
    except InvalidInput as refusal:
        session().rollback()
        return _page(found, errors={refusal.field or "reason": refusal.detail}), 422
    except Conflict as refusal:
        session().rollback()
        if refusal.code not in MOVED_ON:
            raise
        return render_template("governance/moved_on.jinja", agreement=found, words=refusal.detail), 409
    return redirect(url_for("governance.version", agreement_id=found.id, version=found.number, done="signed"), code=303)


def _page(agreement: SharingAgreement, *, errors: dict[str, str]) -> str:
    report = impact.latest(session(), agreement)
    new = changes.written(agreement)
    old = live_text(agreement.id)
    return render_template(
        "governance/sign.jinja",
        agreement=agreement,
        document=new.document,
        own=own_organisation(),
        author=", ".join(map(name_of_actor, agreement.authors)),
        names=names_of(*actions.parties_of(agreement)),
        groups=grouped(difference(old, new)),
        first=old is None,
        report=report,
        shown=shown(report.report) if report else None,
        stands=report is not None and impact.stands(session(), report),
        why_not=why_not_sign(agreement),
        waiting_for=actions.waiting_for(agreement),
        errors=errors,
        reason=request.form.get("reason", ""),
    )
