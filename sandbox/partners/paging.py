"""Searchset Bundles, page by page. A next link names a kept page by an opaque token, never by what was asked."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from sandbox.partners.faults import Fault, somebody_else
from sandbox.partners.holdings import Resource
from sandbox.partners.outcome import Refused
from sandbox.partners.query import Query
from sandbox.partners.search import Found

MOST_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """What is left of one search's answer, in order, and how much of it a page shows."""

    kind: str
    left: tuple[Found, ...]
    total: int
    count: int
    self_link: str


class Pages:
    """The pages not yet fetched. The oldest are forgotten first; asking for one of those is 410 Gone."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Page] = OrderedDict()

    def keep(self, page: Page) -> str:
        token = secrets.token_urlsafe(24)
        self._kept[token] = page
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return token

    def page(self, kind: str, token: str) -> Page:
        """The page kept under ``token``; it may be fetched again, as a client that lost an answer would."""
        found = self._kept.get(token)
        if found is None or found.kind != kind:
            raise Refused(410, "expired", "This page is no longer kept. Search again.")
        return found


def first_page(query: Query, found: Sequence[Found], base: str) -> Page:
    echoed = urlencode(query.understood, quote_via=quote, safe=":|,/")
    link = f"{base}/{query.kind}" + (f"?{echoed}" if echoed else "")
    return Page(query.kind, tuple(found), len(found), query.count, link)


def searchset(page: Page, pages: Pages, base: str, *, fault: Fault) -> dict[str, Any]:
    """The Bundle for ``page``. With ``_count=0`` it counts only (R4 §3.1.1.5.2)."""
    shown, left = page.left[: page.count], page.left[page.count :]
    links = [{"relation": "self", "url": page.self_link}]
    if left and page.count:
        token = pages.keep(Page(page.kind, left, page.total, page.count, page.self_link))
        links.append({"relation": "next", "url": f"{base}/{page.kind}?_page={token}"})
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": page.total, "link": links}
    entries = _entries(shown, base, fault)
    return {**bundle, "entry": entries} if entries else bundle


def _entries(shown: Sequence[Found], base: str, fault: Fault) -> list[dict[str, Any]]:
    """Matches, then what they bring, each once on the page (R4 §3.1.1.5.4)."""
    matches = {(f.match["resourceType"], f.match["id"]): f.match for f in shown}
    brought = {(r["resourceType"], r["id"]): r for f in shown for r in f.included}
    modes = [(r, "match") for r in matches.values()]
    modes += [(r, "include") for key, r in brought.items() if key not in matches]
    return [entry(somebody_else(r) if fault.wrong_patient else r, base, mode) for r, mode in modes]


def entry(resource: Resource, base: str, mode: str) -> dict[str, Any]:
    full_url = f"{base}/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": full_url, "resource": resource, "search": {"mode": mode}}
