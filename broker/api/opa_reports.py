"""Where OPA servers report: what each enforces (status API), and which decisions it gave (decision log API).

The token is the one that fetches the bundle. What is posted is read within limits, before and after it is unpacked,
and nothing that says who was asked about is kept or logged.
"""

from __future__ import annotations

import zlib
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from broker.api.bundles import check_token
from broker.doors import now, session
from broker.doors.body import json_of
from broker.errors import InvalidInput
from broker.governance import engines

LARGEST = 8 * 1024 * 1024  # bytes, unpacked
_GZIP = 16 + zlib.MAX_WBITS


def register(app: Flask) -> None:
    for name, view in (("status", status), ("logs", logs)):
        for place, path in (("", f"/opa/{name}"), ("_of", f"/opa/{name}/<part>")):
            app.add_url_rule(path, f"opa_{name}{place}", view, methods=["POST"])


def status(part: str = "") -> Response:
    """Keep what an OPA server says of itself."""
    check_token()
    report = _read()
    if not isinstance(report, dict):
        raise InvalidInput("report-malformed", "A status is an object.")
    engines.take_status(session(), report, now=now())
    return Response(status=204)


def logs(part: str = "") -> Response:
    """Keep what is new of an OPA server's decision log."""
    check_token()
    lines = _read()
    if not isinstance(lines, list):
        raise InvalidInput("log-malformed", "A decision log is a list.")
    engines.take_decisions(session(), lines, now=now())
    return Response(status=204)


status.audience = "opa-server"  # type: ignore[attr-defined]
logs.audience = "opa-server"  # type: ignore[attr-defined]


def _read() -> Any:
    if request.mimetype != "application/json":
        raise UnsupportedMediaType
    content = request.get_data()
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding == "gzip":
        return json_of(_unpacked(content))
    if encoding != "identity":
        raise UnsupportedMediaType
    return json_of(content)


def _unpacked(content: bytes) -> bytes:
    """``content`` unpacked, never more of it than is allowed: a small post can hold a very large one."""
    unpacking = zlib.decompressobj(_GZIP)
    try:
        found = unpacking.decompress(content, LARGEST)
    except zlib.error as error:
        raise InvalidInput("not-gzip", "The body is not what its encoding says.") from error
    if unpacking.unconsumed_tail:
        raise RequestEntityTooLarge
    if not unpacking.eof or unpacking.unused_data:
        raise InvalidInput("not-gzip", "The body is cut off, or more follows it.")
    return found
