"""What the OpenAPI description says of refusals: every route's, in one shape, so that none is left unsaid."""

from __future__ import annotations

from typing import Any

from apispec import BasePlugin

PROBLEM = {
    "type": "object",
    "description": "A problem document (RFC 9457).",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable, and in words."},
        "field": {"type": "string"},
        "errors": {"type": "object"},
        "reference": {"type": "string"},
    },
}
ALWAYS = {
    "400": "The request cannot be read.",
    "404": "There is no such thing, or none that you may know of.",
    "405": "This address does not take that method.",
    "413": "The body is too large.",
    "503": "Something the broker needs is not working, so nothing was shared.",
}
WITH_A_TOKEN = {"401": "No valid token.", "403": "Known, and not allowed."}
WITH_A_BODY = {
    "409": "The present state does not allow this.",
    "415": "The body is not JSON.",
    "422": "The request does not say what it must, or says it wrongly.",
    "429": "Asked too often.",
}


class Refusals(BasePlugin):
    """Adds to every operation the refusals it can give."""

    def operation_helper(
        self, path: str | None = None, operations: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        for method, operation in (operations or {}).items():
            if method == "parameters" or not isinstance(operation, dict):
                continue
            answers = operation.setdefault("responses", {})
            answers.pop("default", None)
            statuses = {**ALWAYS, **(WITH_A_TOKEN if operation.get("security") else {})}
            statuses |= WITH_A_BODY if method == "post" else {}
            for status, meaning in statuses.items():
                answers[status] = {"description": meaning, "content": {"application/problem+json": {"schema": PROBLEM}}}
