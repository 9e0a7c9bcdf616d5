"""Take a FHIR R4 Bundle apart into resources to keep, and say what became of each entry (R4 §3.1.0.11).

Any resource type is kept as it came. References between entries (``urn:uuid:…``) become the ids they were given.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sandbox.partners.holdings import Holdings
from sandbox.partners.outcome import Refused

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_KIND = re.compile(r"[A-Z][A-Za-z]{1,63}")
_RESPONSE = {"batch": "batch-response", "transaction": "transaction-response"}


def load_bundle(holdings: Holdings, bundle: Any, *, now: datetime) -> dict[str, Any]:
    """Keep every entry of ``bundle`` in ``holdings``; the response Bundle, one entry for each. All or nothing."""
    entries = _entries(bundle)
    steps = [_step(entry, number) for number, entry in enumerate(entries)]
    ids = {full_url: f"{step[1]}/{step[2]}" for full_url, step in _named(entries, steps)}
    answers = [_apply(holdings, step, entry, ids, now) for step, entry in zip(steps, entries, strict=True)]
    return {"resourceType": "Bundle", "type": _RESPONSE.get(bundle["type"], "batch-response"), "entry": answers}


def read_json(body: bytes) -> Any:
    """``body`` as JSON. Raises Refused where it is not."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "structure", "The body is not JSON.") from None


def _entries(bundle: Any) -> list[dict[str, Any]]:
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise Refused(400, "structure", "The body is not a FHIR Bundle.")
    entries = bundle.get("entry", [])
    if not isinstance(bundle.get("type"), str) or not isinstance(entries, list):
        raise Refused(400, "structure", "The Bundle has no type, or its entries are not a list.")
    if not all(isinstance(entry, dict) for entry in entries):
        raise Refused(400, "structure", "An entry of the Bundle is not an object.")
    return entries


def _step(entry: Mapping[str, Any], number: int) -> tuple[str, str, str]:
    """(method, type, id) that an entry asks for; an entry without a request is kept under its own id."""
    request, resource = entry.get("request") or {}, entry.get("resource")
    method = request.get("method", "PUT") if isinstance(request, dict) else "?"
    if method == "DELETE":
        kind, _, id = str(request.get("url", "")).rpartition("/")
        return _checked(method, kind, id, number)
    if method not in ("PUT", "POST") or not isinstance(resource, dict):
        raise Refused(400, "not-supported", f"Entry {number} is neither a resource to keep nor one to delete.")
    kind = str(resource.get("resourceType", ""))
    if method == "POST":  # the server names what is created (R4 §3.1.0.8)
        return _checked(method, kind, _new_id(entry), number)
    return _checked(method, kind, str(resource.get("id") or _new_id(entry)), number)


def _checked(method: str, kind: str, id: str, number: int) -> tuple[str, str, str]:
    if not _KIND.fullmatch(kind) or not _ID.fullmatch(id):
        raise Refused(400, "structure", f"Entry {number} names no resource type, or its id is not a FHIR id.")
    return method, kind, id


def _new_id(entry: Mapping[str, Any]) -> str:
    """The UUID of the entry's own URL where it has one, so that loading a file twice keeps it once."""
    own = str(entry.get("fullUrl", "")).removeprefix("urn:uuid:")
    return own if _ID.fullmatch(own) else uuid.uuid4().hex


def _named(
    entries: list[dict[str, Any]], steps: list[tuple[str, str, str]]
) -> Iterator[tuple[str, tuple[str, str, str]]]:
    for entry, step in zip(entries, steps, strict=True):
        if isinstance(entry.get("fullUrl"), str):
            yield entry["fullUrl"], step


def _apply(
    holdings: Holdings, step: tuple[str, str, str], entry: Mapping[str, Any], ids: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    method, kind, id = step
    if method == "DELETE":
        holdings.remove((kind, id))
        return {"response": {"status": "204 No Content"}}
    resource = _pointed(entry["resource"], ids)
    meta = resource.get("meta") if isinstance(resource.get("meta"), dict) else {}
    instant = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    kept = {**resource, "id": id, "meta": {"lastUpdated": instant, "versionId": "1", **meta}}
    new = holdings.put(kept)
    status = "201 Created" if new else "200 OK"
    location = f"{kind}/{id}/_history/{kept['meta']['versionId']}"
    return {"response": {"status": status, "location": location, "lastModified": kept["meta"]["lastUpdated"]}}


def _pointed(node: Any, ids: Mapping[str, str]) -> Any:
    """``node`` with every literal reference to an entry of the same Bundle naming where that entry is now kept."""
    if isinstance(node, list):
        return [_pointed(item, ids) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        name: ids.get(value, value) if name == "reference" and isinstance(value, str) else _pointed(value, ids)
        for name, value in node.items()
    }
