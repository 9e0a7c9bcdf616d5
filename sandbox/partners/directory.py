"""A directory of local services over Open Referral UK 3.0 (the UK profile of HSDS). Asked about nobody, open to all.

Serves what it is given, from memory; changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from sandbox.partners.faults import FaultBoard, spoil
from sandbox.partners.matching import elements, span
from sandbox.partners.outcome import Refused

VERSION = "HSDS-UK-3.0"
PROFILE = "https://docs.openreferraluk.org/en/latest/"
OPENAPI = "https://raw.githubusercontent.com/openreferral/specification/3.0/schema/openapi.json"
PER_PAGE = 50
MOST_PER_PAGE = 500
OPEN_TO_ALL = {"Access-Control-Allow-Origin": "*"}

Item = Mapping[str, Any]


Listings = Mapping[str, Sequence[Item]]  # by endpoint: objects as Open Referral UK has them, each with an ``id``
REQUIRED = ("services", "taxonomies", "service_at_locations")


class DirectoryServer:
    """The endpoints of Open Referral UK below ``base``: the required ones, and those it is given a list for."""

    def __init__(self, source: str, listings: Listings, *, base: str, board: FaultBoard) -> None:
        self.source = source
        self.base = base.rstrip("/")
        self.board = board
        self._lists: Listings = {**dict.fromkeys(REQUIRED, ()), **listings}
        self._services = {service["id"]: service for service in self._lists["services"]}

    def add_to(self, app: web.Application) -> None:
        app.router.add_get(self.base + "/", self._answer(lambda request: self._about()))
        for name, items in self._lists.items():
            app.router.add_get(f"{self.base}/{name}", self._answer(self._listing(items)))
            app.router.add_get(f"{self.base}/{name}/{{id}}", self._answer(self._one(items)))

    def _answer(self, answer: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
        async def answered(request: web.Request) -> web.StreamResponse:
            fault = self.board.at(self.source)
            await asyncio.sleep(fault.delay_ms / 1000)
            try:
                if fault.status:
                    raise Refused(fault.status, "exception", "This source was told to fail.")
                response = web.json_response(answer(request), headers=OPEN_TO_ALL)
            except Refused as refused:
                problem = {"status": refused.status, "detail": refused.diagnostics}
                response = web.json_response(problem, status=refused.status, headers=OPEN_TO_ALL)
            return await spoil(request, response, fault)

        return answered

    def _about(self) -> dict[str, str]:
        return {"version": VERSION, "profile": PROFILE, "openapi_url": OPENAPI}

    def _listing(self, items: Sequence[Item]) -> Callable[[web.Request], dict[str, Any]]:
        def listing(request: web.Request) -> dict[str, Any]:
            found = [item for item in items if _wanted(item, self._services.get(item.get("service_id")), request.query)]
            return page_of(found, request.query)

        return listing

    def _one(self, items: Sequence[Item]) -> Callable[[web.Request], Item]:
        by_id = {item["id"]: item for item in items}

        def one(request: web.Request) -> Item:
            found = by_id.get(request.match_info["id"])
            if found is None:
                raise Refused(404, "not-found", "There is nothing with this id.")
            return found

        return one


def page_of(items: Sequence[Item], asked: Mapping[str, str]) -> dict[str, Any]:
    """One page in the wrapper of Open Referral UK. Pages count from 1; one past the last is empty."""
    number, size = _number(asked, "page", 1), min(_number(asked, "per_page", PER_PAGE), MOST_PER_PAGE)
    pages = -(-len(items) // size)
    contents = items[(number - 1) * size : number * size]
    return {
        "total_items": len(items),
        "total_pages": pages,
        "page_number": number,
        "size": len(contents),
        "first_page": number == 1,
        "last_page": number >= pages,
        "empty": not contents,
        "contents": list(contents),
    }


def _number(asked: Mapping[str, str], name: str, default: int) -> int:
    text = asked.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) > 0):
        raise Refused(400, "value", f"{name} is a whole number from 1.")
    return int(text)


def _wanted(item: Item, service: Item | None, asked: Mapping[str, str]) -> bool:
    """Filters are AND-ed. ``service`` is the one an item belongs to: what is said of it counts for the item."""
    about = [item, *([service] if service else [])]
    for name, paths in _FILTERS.items():
        if name in asked and asked[name] not in (value for path in paths for value in elements(about, path)):
            return False
    return "modified_after" not in asked or _modified(about, asked["modified_after"])


_TERM = "attributes.taxonomy_term"
_FILTERS = {
    "taxonomy_id": (f"{_TERM}.taxonomy_detail.id", f"{_TERM}.taxonomy_id", "taxonomy_detail.id"),
    "taxonomy_term_id": (f"{_TERM}.id",),
    "organization_id": ("organization.id", "organization_id"),
}


def _modified(about: Sequence[Item], after: str) -> bool:
    """Whether any of ``about`` says it changed after the instant (or the day) ``after``."""
    since = span(after)
    if since is None:
        raise Refused(400, "value", "modified_after is a date or a date and time.")
    changes = (span(str(text)) for text in elements(list(about), "last_modified"))
    return any(changed.start >= since.end for changed in changes if changed is not None)
