"""Problem documents (RFC 9457): the one place where a refusal or a fault becomes an answer to a machine."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Response, json, request
from werkzeug.exceptions import HTTPException

from broker import logs
from broker.access.explain import Told, for_requester
from broker.access.release import Refused
from broker.access.request import AccessRequest, Decision
from broker.api import outcomes
from broker.errors import (
    Conflict,
    Fault,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    Refusal,
    TooMany,
)
from broker.oauth import ciba
from broker.oauth.challenges import Challenge

log = logs.logger(__name__)

STATUS: dict[type[Refusal], int] = {
    InvalidInput: 422,
    NotAuthenticated: 401,
    NotPermitted: 403,
    NotFound: 404,
    Conflict: 409,
    TooMany: 429,
}
# Of what people see, only the page that asks them is under /oauth.
PEOPLES_PATHS = ("/oauth/authorize",)
FHIR_PATHS, NOT_FHIR_PATHS = ("/fhir",), ("/fhir/.well-known",)
MACHINE_PATHS = (
    *("/api", "/oauth", "/smart", "/fhir", "/access", "/opa"),
    *("/demo/token", "/.well-known", "/health", "/ready"),
)


def for_machines() -> bool:
    """Whether this request came through a door whose answers are read by machines."""
    return _under(MACHINE_PATHS) and not _under(PEOPLES_PATHS)


def _under(paths: tuple[str, ...]) -> bool:
    return any(request.path == path or request.path.startswith(f"{path}/") for path in paths)


def problem_for(error: Exception) -> Response:
    """The problem document for ``error``, or the OperationOutcome where FHIR is spoken.

    A fault is logged with its cause and shown as a reference alone.
    """
    made = _document_for(error)
    return outcomes.instead_of(made, error) if _under(FHIR_PATHS) and not _under(NOT_FHIR_PATHS) else made


def _document_for(error: Exception) -> Response:
    if isinstance(error, Refused):
        return _refused(error)
    if isinstance(error, Refusal):
        return _refusal(error)
    if isinstance(error, HTTPException):
        return _http(error)
    if isinstance(error, RecursionError):
        return problem(400, "too-deep", "The body is nested too deeply.")
    reference = secrets.token_hex(6)
    log.error("fault", reference=reference, kind=type(error).__name__, exc_info=error)
    if isinstance(error, Fault):
        return problem(
            503, "unavailable", "Something the broker needs is not working, so nothing was shared.", reference=reference
        )
    return problem(500, "fault", "Something went wrong here. Nothing was shared.", reference=reference)


def problem(status: int, code: str, detail: str, **more: Any) -> Response:
    body = {"type": f"urn:neighbourhood-broker:problem:{code}", "title": detail, "status": status, "code": code, **more}
    answer = Response(json.dumps(body), status=status, mimetype="application/problem+json")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _refusal(error: Refusal) -> Response:
    status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
    more = {"field": error.field} if error.field else {}
    answer = problem(status, error.code, error.detail, **more)
    if isinstance(error, NotAuthenticated):
        answer.headers["WWW-Authenticate"] = error.header if isinstance(error, Challenge) else 'Bearer realm="broker"'
    if isinstance(error, Challenge) and error.nonce is not None:
        answer.headers["DPoP-Nonce"] = error.nonce
    if isinstance(error, TooMany):
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _refused(error: Refused) -> Response:
    decision = error.decision
    told = for_requester(decision, clinical=error.request.requester.role.clinical)
    return problem(
        403,
        error.code,
        error.detail,
        decision=decision.id,
        requestable=decision.requestable,
        reasons=[told_as_json(item) for item in told],
        **way_to_ask(error.request, decision),
    )


def way_to_ask(asked: AccessRequest, decision: Decision) -> dict[str, Any]:
    """How to ask the resident, exactly where the answer says already that it could help."""
    return {"request": ciba.template(asked.purpose, asked.sections)} if decision.requestable else {}


def told_as_json(item: Told) -> dict[str, Any]:
    return {
        "section": item.section.value if item.section else None,
        "code": item.reason.value,
        "detail": item.sentence,
        "hint": item.hint,
        "sources": list(item.sources),
    }


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    codes = {
        400: "malformed",
        404: "not-found",
        405: "method-not-allowed",
        406: "format-unknown",
        413: "too-large",
        415: "media-type",
    }
    data = getattr(error, "data", None) or {}
    more: dict[str, Any] = {}
    if messages := data.get("messages") or data.get("errors"):
        more["errors"] = messages.get("json", messages) if isinstance(messages, dict) else messages
    detail = {
        404: "There is nothing at this address.",
        405: "This address does not take that method.",
        406: "What is asked for (Accept) is not served here: this server speaks JSON alone.",
        413: "The body is larger than the broker accepts.",
        415: "The body is not of a type this address takes.",
        422: "The request does not say what it must, or says it wrongly.",
    }.get(status, "The request could not be understood.")
    answer = problem(status, codes.get(status, "invalid-request"), detail, **more)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            answer.headers[name] = value
    return answer
