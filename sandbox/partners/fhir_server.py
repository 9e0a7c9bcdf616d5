"""A FHIR R4 server for one source system of the sandbox: read, search, page, load; every error an OperationOutcome.

Serves synthetic records, on loopback, from memory. Never writes to a disk, a log or a database.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from aiohttp import web

from sandbox.partners.bundles import load_bundle, read_json
from sandbox.partners.capability import capability_statement
from sandbox.partners.faults import FaultBoard, somebody_else, spoil
from sandbox.partners.holdings import Holdings
from sandbox.partners.outcome import FHIR_JSON, Refused, fhir_response, operation_outcome, refusal_response
from sandbox.partners.paging import Pages, first_page, searchset
from sandbox.partners.parameters import TABLE
from sandbox.partners.query import Query, read_query, strict_handling
from sandbox.partners.search import Found, search

JSON_TYPES = frozenset({FHIR_JSON, "application/json", "json"})
_ISSUES = {401: "login", 403: "forbidden", 404: "not-found", 410: "deleted", 429: "throttled", 503: "transient"}
_HTTP_ISSUES = {404: "not-found", 405: "not-supported", 413: "too-long"}

Answer = Callable[[web.Request], Awaitable[web.Response]]


class FhirServer:
    """One source's FHIR door. ``base`` is the path below which everything is; ``token`` None asks for none."""

    def __init__(
        self, source: str, holdings: Holdings, *, base: str, board: FaultBoard, token: str | None = None
    ) -> None:
        self.source = source
        self.holdings = holdings
        self.base = base.rstrip("/")
        self.board = board
        self.pages = Pages()
        self.started_at = datetime.now(UTC)
        self._token = token

    def add_to(self, app: web.Application) -> None:
        app.router.add_route("*", self.base + "{tail:(/.*)?}", self.answer)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Every request comes through here, so that no fault and no error can be passed by."""
        fault = self.board.at(self.source)
        if fault.delay_ms:
            await asyncio.sleep(fault.delay_ms / 1000)
        try:
            if fault.status:
                raise _pretended(fault.status)
            response = await self._route(request)
        except Refused as refused:
            response = refusal_response(refused)
        except web.HTTPException as error:
            outcome = operation_outcome(_HTTP_ISSUES.get(error.status, "processing"), error.reason)
            response = fhir_response(outcome, status=error.status)
        return await spoil(request, response, fault)

    async def _route(self, request: web.Request) -> web.Response:
        path = [part for part in request.match_info["tail"].split("/") if part]
        _negotiate(request)
        if path != ["metadata"]:
            self._authorise(request)
        method, answer = self._door(path)
        if request.method != method and not (method == "GET" and request.method == "HEAD"):
            allow = {"Allow": "GET, HEAD" if method == "GET" else method}
            raise Refused(405, "not-supported", f"{request.method} is not supported here.", headers=allow)
        return await answer(request)

    def _door(self, path: list[str]) -> tuple[str, Answer]:
        """The one method a path takes, and what answers it."""
        match path:
            case []:
                return "POST", self._load
            case ["metadata"]:
                return "GET", self._metadata
            case [kind]:
                return "GET", lambda request: self._search(request, self._known(kind))
            case [kind, "_search"]:
                return "POST", lambda request: self._search(request, self._known(kind))
            case [kind, id]:
                return "GET", lambda request: self._read(self._known(kind), id)
            case ["Patient", id, "$everything"]:
                return "GET", lambda request: self._everything(request, id)
        raise Refused(404, "not-supported", "There is nothing at this address.")

    def _known(self, kind: str) -> str:
        if kind not in TABLE and kind not in self.holdings.loaded_kinds():
            raise Refused(404, "not-supported", "This resource type is not known here.")
        return kind

    def _authorise(self, request: web.Request) -> None:
        if self._token is None:
            return
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            raise Refused(401, "login", "A bearer token is needed.", headers={"WWW-Authenticate": "Bearer"})

    async def _metadata(self, request: web.Request) -> web.Response:
        loaded = self.holdings.loaded_kinds()
        statement = capability_statement(
            self.source,
            self._url(request),
            loaded,
            started_at=self.started_at,
            authorised=self._token is not None,
        )
        return fhir_response(statement)

    async def _read(self, kind: str, id: str) -> web.Response:
        resource = self.holdings.read((kind, id))
        if resource is None and self.holdings.is_gone((kind, id)):
            raise Refused(410, "deleted", "This resource has been deleted.")
        if resource is None:
            raise Refused(404, "not-found", "There is no such resource here.")
        if self.board.at(self.source).wrong_patient:
            resource = somebody_else(resource)
        version = resource.get("meta", {}).get("versionId", "1")
        return fhir_response(resource, headers={"ETag": f'W/"{version}"'})

    async def _search(self, request: web.Request, kind: str) -> web.Response:
        if "_page" in request.query:
            return self._page(request, kind)
        query = await self._query(request, kind)
        page = first_page(query, search(self.holdings, query), self._url(request))
        return fhir_response(searchset(page, self.pages, self._url(request), fault=self.board.at(self.source)))

    async def _query(self, request: web.Request, kind: str) -> Query:
        """URL and form together are the search (R4 §3.1.1.2)."""
        given = list(request.query.items())
        if request.method == "POST":
            if request.content_type != "application/x-www-form-urlencoded":
                raise Refused(415, "not-supported", "A search by POST is a form.")
            given += [(name, value) for name, value in (await request.post()).items() if isinstance(value, str)]
        strict = strict_handling(request.headers)
        if self.board.at(self.source).drop_revinclude:
            given = [(name, value) for name, value in given if name != "_revinclude"]
        return read_query(kind, given, strict=strict, reverse_kinds={*TABLE, *self.holdings.loaded_kinds()})

    def _page(self, request: web.Request, kind: str) -> web.Response:
        page = self.pages.page(kind, request.query["_page"])
        return fhir_response(searchset(page, self.pages, self._url(request), fault=self.board.at(self.source)))

    async def _everything(self, request: web.Request, id: str) -> web.Response:
        """R4 Patient/$everything, without its parameters but ``_count``."""
        found = [Found(resource) for resource in self.holdings.of_patient(id)]
        if not any(f.match["resourceType"] == "Patient" for f in found):
            raise Refused(404, "not-found", "There is no such resource here.")
        counted = [(name, value) for name, value in request.query.items() if name == "_count"]
        query = read_query("Patient", counted, strict=False, reverse_kinds=())
        page = first_page(query, found, self._url(request))
        return fhir_response(searchset(page, self.pages, self._url(request), fault=self.board.at(self.source)))

    async def _load(self, request: web.Request) -> web.Response:
        if request.content_type not in JSON_TYPES:
            raise Refused(415, "not-supported", f"Send {FHIR_JSON}.")
        bundle = read_json(await request.read())
        return fhir_response(load_bundle(self.holdings, bundle, now=datetime.now(UTC)))

    def _url(self, request: web.Request) -> str:
        return f"{request.scheme}://{request.host}{self.base}"


def _pretended(status: int) -> Refused:
    headers = {"Retry-After": "1"} if status in (429, 503) else {}
    return Refused(status, _ISSUES.get(status, "exception"), "This source was told to fail.", headers=headers)


def _negotiate(request: web.Request) -> None:
    """JSON is all there is: ``_format`` outranks Accept (R4 §3.1.0.1.11)."""
    if "_format" in request.query:
        wanted = [request.query["_format"].replace(" ", "+")]
    else:
        wanted = request.headers.get("Accept", "*/*").split(",")
    if not any(_acceptable(media.strip().lower()) for media in wanted):
        raise Refused(406, "not-supported", f"Only {FHIR_JSON}, FHIR 4.0, is served.")


def _acceptable(media: str) -> bool:
    kind, *parameters = (part.strip() for part in media.split(";"))
    version = next((p.removeprefix("fhirversion=") for p in parameters if p.startswith("fhirversion=")), "4.0")
    refused = any(p in ("q=0", "q=0.0") for p in parameters)
    return version == "4.0" and not refused and (kind in JSON_TYPES or kind in ("*/*", "application/*"))
