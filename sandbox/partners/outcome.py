"""How a FHIR R4 server answers in HTTP, above all when it refuses: an OperationOutcome, with no identifier in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

FHIR_JSON = "application/fhir+json"


class Refused(Exception):
    """A request the server answers with an OperationOutcome. ``issue`` is an R4 IssueType code."""

    def __init__(self, status: int, issue: str, diagnostics: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {issue}")
        self.status = status
        self.issue = issue
        self.diagnostics = diagnostics
        self.headers = dict(headers or {})


def operation_outcome(issue: str, diagnostics: str) -> dict[str, Any]:
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": issue, "diagnostics": diagnostics}],
    }


def fhir_response(
    resource: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    body = json.dumps(resource, ensure_ascii=False, separators=(",", ":")).encode()
    return web.Response(body=body, status=status, content_type=FHIR_JSON, charset="utf-8", headers=headers)


def refusal_response(refused: Refused) -> web.Response:
    outcome = operation_outcome(refused.issue, refused.diagnostics)
    return fhir_response(outcome, status=refused.status, headers=refused.headers)
