"""What can be made to go wrong at a source, on purpose and the same way each time. Changes answers, never records."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web

from sandbox.partners.holdings import NHS_NUMBER
from sandbox.partners.outcome import FHIR_JSON, Refused

# Nobody's: both have a valid check digit in the range that is never issued.
STRANGERS = ("9990000018", "9990000026")
STRANGER_BORN = "1901-01-01"
BLOCK = b" " * 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """How one source misbehaves. Several together are fine; the default misbehaves in no way.

    ``delay_ms`` is waited before the answer; ``drip`` is the milliseconds between its single bytes; ``status`` is
    answered instead; ``malformed`` cuts the JSON in half; ``oversized`` is how many bytes to pad it with;
    ``wrong_patient`` answers about somebody else; ``drop_revinclude`` ignores ``_revinclude`` even where strict
    handling is asked, and only the self link tells: /metadata still promises it.
    """

    delay_ms: int = 0
    drip: int = 0
    status: int = 0
    malformed: bool = False
    oversized: int = 0
    wrong_patient: bool = False
    drop_revinclude: bool = False


NONE = Fault()
_LIMITS = {"delay_ms": 120_000, "drip": 60_000, "status": 599, "oversized": 1 << 30}


def read_fault(given: Mapping[str, Any]) -> Fault:
    """The fault that ``given`` describes. Raises Refused for a name, type or number that makes no sense."""
    known = asdict(NONE)
    for name, value in given.items():
        if name not in known or type(value) is not type(known[name]):
            raise Refused(400, "value", f"A fault has {', '.join(known)}; not {name[:40]!r} with that value.")
        if name in _LIMITS and not 0 <= value <= _LIMITS[name]:
            raise Refused(400, "value", f"{name} is from 0 to {_LIMITS[name]}.")
    if 0 < given.get("status", 0) < 400:
        raise Refused(400, "value", "status is 0 or from 400 to 599.")
    return Fault(**given)


class FaultBoard:
    """Which sources misbehave now. One for a whole process, whatever the number of sources it serves."""

    def __init__(self, sources: Mapping[str, Fault] | None = None) -> None:
        self._faults = dict(sources or {})

    def at(self, source: str) -> Fault:
        return self._faults.get(source, NONE)

    def set(self, source: str, fault: Fault) -> None:
        self._faults[source] = fault

    def clear(self, source: str | None = None) -> None:
        if source is None:
            self._faults.clear()
        else:
            self._faults.pop(source, None)

    def shown(self) -> dict[str, dict[str, Any]]:
        return {source: asdict(fault) for source, fault in sorted(self._faults.items())}


def somebody_else(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    """A Patient with another's NHS number and date of birth, all else the same; anything else as it was."""
    if resource.get("resourceType") != "Patient":
        return resource
    identifiers = [
        {**i, "value": _stranger(i.get("value"))} if i.get("system") == NHS_NUMBER else i
        for i in resource.get("identifier", ())
    ]
    return {**resource, "identifier": identifiers, "birthDate": STRANGER_BORN}


def _stranger(value: Any) -> str:
    return STRANGERS[1] if value == STRANGERS[0] else STRANGERS[0]


async def spoil(request: web.Request, response: web.Response, fault: Fault) -> web.StreamResponse:
    """``response`` as ``fault`` would have it sent; untouched where there is nothing to spoil."""
    body = response.body if isinstance(response.body, bytes) else b""
    if fault.malformed:
        body = body[: max(1, len(body) // 2)]
    if fault.drip or fault.oversized:
        return await _stream(request, response, body, fault)
    if fault.malformed:
        response.body = body
    return response


async def _stream(request: web.Request, response: web.Response, body: bytes, fault: Fault) -> web.StreamResponse:
    """Without a stated length, so that a client which trusts one learns nothing from it."""
    stream = web.StreamResponse(status=response.status)
    stream.content_type = FHIR_JSON
    await stream.prepare(request)
    try:
        for padded in range(0, fault.oversized, len(BLOCK)):  # white space before the JSON: well formed, only large
            await stream.write(BLOCK[: fault.oversized - padded])
        for piece in _pieces(body, fault.drip):
            await stream.write(piece)
            await asyncio.sleep(fault.drip / 1000)
    except ConnectionError:
        pass  # the client had enough, as it should
    return stream


def _pieces(body: bytes, drip: int) -> list[bytes]:
    return [body[n : n + 1] for n in range(len(body))] if drip else [body]


def control(app: web.Application, board: FaultBoard, sources: Mapping[str, str]) -> None:
    """Add ``/_sandbox/faults`` to ``app``: read, set and clear. ``sources`` is what may be named."""

    async def show(request: web.Request) -> web.Response:
        return web.json_response({"sources": dict(sources), "faults": board.shown()})

    async def set_one(request: web.Request) -> web.Response:
        try:
            source, fault = _asked(await request.read(), sources)
        except Refused as refused:
            return web.json_response({"error": refused.diagnostics}, status=refused.status)
        board.set(source, fault)
        return web.json_response({"faults": board.shown()})

    async def clear(request: web.Request) -> web.Response:
        board.clear(request.query.get("source"))
        return web.json_response({"faults": board.shown()})

    app.router.add_get("/_sandbox/faults", show)
    app.router.add_post("/_sandbox/faults", set_one)
    app.router.add_delete("/_sandbox/faults", clear)


def _asked(body: bytes, sources: Mapping[str, str]) -> tuple[str, Fault]:
    try:
        given = json.loads(body)
    except ValueError:
        given = None
    if not isinstance(given, dict) or given.get("source") not in sources:
        raise Refused(400, "value", f"Send a JSON object with a source: one of {', '.join(sorted(sources))}.")
    return given.pop("source"), read_fault(given)
