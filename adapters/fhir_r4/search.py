"""One FHIR R4 search, followed to its last page. Puts no identifier in an address unless an operator asked for GET."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

from yarl import URL

from adapters.answering import Allowance, Unanswered
from adapters.credentials import Credentials
from adapters.egress import barred, parse
from adapters.http import Http, same_origin
from broker.vocabulary import GapCause

from .values import Json

_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")  # FHIR R4 id
MEDIA = frozenset({"application/fhir+json", "application/json"})
Parameters = Sequence[tuple[str, str]]


@dataclass
class Found:
    """What a search gave: resources with their full URL and whether they matched, issues, and what the server did.

    ``echoed`` is the ``_revinclude`` values of the self link, which states the parameters a server really used
    (FHIR R4 §3.1.1.7); ``states`` is whether it states any. ``broken`` is why a later page could not be had; what
    came before it is still good.
    """

    resources: list[tuple[Json, str, bool]] = field(default_factory=list)
    issues: list[Json] = field(default_factory=list)
    echoed: frozenset[str] = frozenset()
    states: bool = False
    total: int | None = None
    broken: Unanswered | None = None

    @property
    def overlooked(self) -> bool:
        """Whether the server said that it passed over a parameter of the search."""
        return any(map(of_a_parameter, self.issues))

    @property
    def incomplete(self) -> bool:
        """Whether the server counted more matches than it sent."""
        return self.total is not None and self.total > sum(1 for _, _, matched in self.resources if matched)


def of_a_parameter(issue: object) -> bool:
    """Whether an OperationOutcome issue is about a parameter, not about what was found (FHIR R4 issue-type)."""
    return isinstance(issue, dict) and issue.get("code") in ("not-supported", "invalid", "code-invalid", "value")


@dataclass(frozen=True)
class Search:
    """How to search one server for one resident. ``unspoken`` are identifiers that may stand in no address."""

    base: str
    http: Http
    credentials: Credentials
    allowance: Allowance
    by_get: bool
    unspoken: tuple[str, ...]

    async def run(self, type_name: str, parameters: Parameters) -> Found:
        """Raises Unanswered where not even the first page could be read."""
        return await self._follow(type_name, *self._first(type_name, parameters))

    async def everything(self, patient_id: str, parameters: Parameters) -> Found:
        """All that the server keeps with one Patient (FHIR R4 Patient/$everything). Raises as ``run``.

        By GET, as a server need offer it no other way: its address has the server's own number for the Patient, and
        nothing else. See ``may_name``.
        """
        return await self._follow(
            "Patient", f"{self.base}/Patient/{patient_id}/$everything?{urlencode(parameters)}", None
        )

    def may_name(self, patient_id: str) -> bool:
        """Whether the server's own id for a Patient may stand in an address: not where it is their NHS number."""
        return _ID.fullmatch(patient_id) is not None and not any(word in patient_id for word in self.unspoken)

    async def _follow(self, type_name: str, address: str, form: Parameters | None) -> Found:
        found = Found()
        seen: set[tuple[str, str]] = set()
        for page in range(self.http.limits.pages):
            try:
                following = await self._page(type_name, address, form, found, first=page == 0)
                if following is None:
                    return found
                address, form = self._next(type_name, following)
                step = (address, urlencode(form or ()))
                if step in seen:
                    raise Unanswered(GapCause.MALFORMED, "its pages go round in a circle")
                seen.add(step)
            except Unanswered as error:
                if page == 0 and not found.resources:
                    raise
                found.broken = error
                return found
        found.broken = Unanswered(GapCause.TOO_LARGE, f"has more than {self.http.limits.pages} pages")
        return found

    def _first(self, type_name: str, parameters: Parameters) -> tuple[str, Parameters | None]:
        if self.by_get:
            return f"{self.base}/{type_name}?{urlencode(parameters)}", None
        return f"{self.base}/{type_name}/_search", parameters

    async def _page(
        self, type_name: str, address: str, form: Parameters | None, found: Found, *, first: bool
    ) -> str | None:
        """Read one page into ``found``; the address of the next page, or None after the last."""
        bundle = await self.http.ask(
            address, credentials=self.credentials, allowance=self.allowance, form=form, media=MEDIA
        )
        try:
            if bundle["resourceType"] == "OperationOutcome":
                raise Unanswered(GapCause.FAULT, "answered that it could not do what was asked")
            if bundle["resourceType"] != "Bundle" or bundle.get("type") != "searchset":
                raise Unanswered(GapCause.MALFORMED, "answered with something other than a search result")
            _collect(type_name, bundle, found)
            links = {link["relation"]: link["url"] for link in bundle.get("link") or ()}
            if first:
                found.echoed = _echoed(links.get("self", ""))
                found.states = bool(parse_qsl(links.get("self", "").partition("?")[2]))
                total = bundle.get("total")
                found.total = total if type(total) is int else None
            following = links.get("next")
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise Unanswered(GapCause.MALFORMED, "answered with a search result that cannot be read") from error
        return str(following) if following else None

    def _next(self, type_name: str, link: str) -> tuple[str, Parameters | None]:
        """How to ask for the next page: same origin only, and by POST where its address would name the resident."""
        base = parse(self.base)
        address = link if "://" in link.partition("?")[0] else str(base.join(URL(link, encoded=True)))
        url = parse(address)
        if not same_origin(base, url):
            raise barred("the next page is at another address")
        spoken = unquote_plus(address)
        if self.by_get or not any(word in spoken for word in self.unspoken):
            return address, None
        path, _, query = address.partition("?")
        if any(word in unquote_plus(path) for word in self.unspoken):
            raise Unanswered(GapCause.FAULT, "gives a next page whose address names the resident")
        path = path if path.endswith("/_search") else f"{path.rstrip('/')}/_search"
        if not path.endswith(f"/{type_name}/_search"):
            raise Unanswered(GapCause.FAULT, "gives a next page whose address names the resident")
        return path, parse_qsl(query, keep_blank_values=True)


def _collect(type_name: str, bundle: Json, found: Found) -> None:
    for entry in bundle.get("entry") or ():
        resource = entry["resource"]
        kind = resource["resourceType"]
        if kind == "OperationOutcome":
            found.issues.extend(resource.get("issue") or ())
            continue
        mode = (entry.get("search") or {}).get("mode")
        matched = mode == "match" if mode else kind == type_name
        found.resources.append((resource, entry.get("fullUrl") or "", matched))


def _echoed(link: Any) -> frozenset[str]:
    query = link.partition("?")[2]
    given = [value for name, value in parse_qsl(query) if name.partition(":")[0] == "_revinclude"]
    return frozenset(part for value in given for part in value.split(","))
