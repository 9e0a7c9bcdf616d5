"""OperationOutcome: every cause the broker gives, as a FHIR R4 issue with a code that is stable.

``details.coding`` is our own code for what happened, ``code`` the nearest that FHIR has, ``diagnostics`` words that are
safe to show. What may not be told is not told here either: the caller says what may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Response, json, request

from broker.access.explain import for_requester
from broker.access.release import Refused, Release
from broker.vocabulary import OWN, DenialReason, GapCause, Layer

Json = dict[str, Any]
MEDIA_TYPE = "application/fhir+json"
SYSTEM = f"{OWN}:outcome"
WITHHELD = "withheld"
WITHHELD_SAID = "Some information was not shared, by agreement or by the resident's choice."

# FHIR R4 issue-type for each way a source gives no usable answer.
OF_GAPS: Mapping[GapCause, str] = {
    GapCause.LATE: "timeout",
    GapCause.UNREACHABLE: "transient",
    GapCause.REFUSED: "security",
    GapCause.FAULT: "exception",
    GapCause.BUSY: "throttled",
    GapCause.MALFORMED: "structure",
    GapCause.TOO_LARGE: "too-long",
    GapCause.WRONG_PERSON: "conflict",
    GapCause.NOT_LINKED: "not-found",
    GapCause.NOT_ALLOWED: "security",
    GapCause.RESTING: "transient",
}
_OF_LAYERS: Mapping[Layer, str] = {
    Layer.LEGAL_BAR: "suppressed",
    Layer.IDENTITY: "forbidden",
    Layer.RELATIONSHIP: "forbidden",
    Layer.AGREEMENT: "forbidden",
    Layer.CHOICES: "suppressed",
    Layer.SENSITIVITY: "suppressed",
    Layer.ENGINE: "transient",
}
_OF_SOME: Mapping[DenialReason, str] = {
    DenialReason.ASSURANCE_TOO_LOW: "login",
    DenialReason.PURPOSE_UNKNOWN: "value",
    DenialReason.PURPOSE_TOO_BROAD: "value",
    DenialReason.SECTION_UNKNOWN: "value",
    DenialReason.AGREEMENT_EXPIRED: "expired",
    DenialReason.CONSENT_EXPIRED: "expired",
    DenialReason.BREAK_GLASS_NO_REASON: "required",
    DenialReason.POLICY_UNCLEAR: "exception",
    DenialReason.OBLIGATION_UNMET: "business-rule",
}
OF_DENIALS: Mapping[DenialReason, str] = {each: _OF_SOME.get(each, _OF_LAYERS[each.layer]) for each in DenialReason}
_OF_STATUS: Mapping[int, str] = {
    400: "structure",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    409: "conflict",
    410: "not-found",
    413: "too-long",
    415: "not-supported",
    422: "value",
    429: "throttled",
    500: "exception",
    501: "not-supported",
    503: "transient",
}
# Codes of ours for what is wrong with a request, where FHIR has a nearer word than "value".
OF_CODES: Mapping[str, str] = {
    "purpose-missing": "required",
    "patient-missing": "required",
    "identifier-missing": "required",
    "parameter-unknown": "not-supported",
    "modifier-unknown": "not-supported",
    "format-unknown": "not-supported",
    "not-fresh": "login",
}


def issue(code: str, *, kind: str, text: str, severity: str = "error", said: str = "") -> Json:
    """One issue. ``code`` is ours, ``kind`` FHIR's issue-type, ``text`` plain words, ``said`` what else is safe."""
    made: Json = {
        "severity": severity,
        "code": kind,
        "details": {"coding": [{"system": SYSTEM, "code": code}], "text": text},
    }
    return {**made, "diagnostics": said} if said else made


def of_gap(cause: GapCause, *, label: str, section: str, detail: str = "") -> Json:
    """A source that could not be read: stated wherever its answer would have been."""
    text = f"{section}: {label} {cause.label}"
    return issue(cause.value, kind=OF_GAPS[cause], text=text, severity="warning", said=detail)


def of_denial(reason: DenialReason, *, section: str = "", hint: str = "", severity: str = "error") -> Json:
    """A reason that this requester may be told."""
    text = f"{section}: {reason.label}" if section else reason.label
    return issue(reason.value, kind=OF_DENIALS[reason], text=text, severity=severity, said=hint)


def withheld() -> Json:
    """That something is not shown, said once, and only to those who may know it."""
    return issue(WITHHELD, kind="suppressed", text=WITHHELD_SAID, severity="information")


def of_release(released: Release) -> list[Json]:
    """What a view does not hold and why, as far as may be told: gaps in the record's order, then the rest."""
    gaps = [
        of_gap(gap.cause, label=gap.label, section=section.section.label, detail=gap.detail)
        for section in released.view.sections
        for gap in section.gaps
    ]
    return [*gaps, *([withheld()] if released.view.withheld_told else [])]


def outcome(issues: Iterable[Json]) -> Json:
    return {"resourceType": "OperationOutcome", "issue": list(issues)}


def answer(status: int, issues: Iterable[Json], headers: Mapping[str, str] | None = None) -> Response:
    made = Response(json.dumps(outcome(issues)), status=status, mimetype=MEDIA_TYPE)
    made.headers["Cache-Control"] = "no-store"
    for name, value in (headers or {}).items():
        made.headers[name] = value
    return made


def instead_of(problem: Response, error: Exception) -> Response:
    """``problem``, a problem document, said as FHIR has it: the same refusal, with the same headers."""
    said: Mapping[str, Any] = problem.get_json()
    status = 400 if problem.status_code == 422 else problem.status_code
    code, text = str(said["code"]), str(said["title"])
    if code == "not-found" and "_history" in request.path.split("/"):
        status, code, text = 501, "not-supported", "Nothing is kept here, so nothing has a history."
    if isinstance(error, Refused):
        issues = _of_refused(error)
    else:
        kind = OF_CODES.get(code, _OF_STATUS.get(problem.status_code if status == 400 else status, "invalid"))
        reference = f"reference {said['reference']}" if "reference" in said else ""
        severity = "fatal" if status >= 500 and status != 501 else "error"
        issues = [issue(code, kind=kind, text=text, severity=severity, said=reference)]
    kept = {n: v for n, v in problem.headers.items() if n.lower() not in ("content-type", "content-length")}
    return answer(status, issues, kept)


def _of_refused(error: Refused) -> list[Json]:
    """That nothing is released, and why, as far as this requester may be told: each reason once."""
    whole = issue(error.code, kind="forbidden", text=error.detail, said=f"decision {error.decision.id}")
    held: dict[DenialReason, list[str]] = {}
    hints: dict[DenialReason, str] = {}
    for each in for_requester(error.decision, clinical=error.request.requester.role.clinical):
        hints[each.reason] = each.hint
        held.setdefault(each.reason, []).extend([each.section.label] if each.section else [])
    return [whole, *(of_denial(reason, section=", ".join(held[reason]), hint=hints[reason]) for reason in held)]
