"""What a read, a search, ``$everything`` and ``$document`` answer: all of it made from what is shown, after deciding.

Totals, order, links, ETags and what is brought along know only the resources that may be told, so that none of them can
tell of another. Nothing is kept between two pages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import format_datetime
from math import inf
from typing import Any
from urllib.parse import urlencode

from flask import Response, json, request

from broker.api import fhir, outcomes
from broker.api.fhir import Told
from broker.api.fhir_read import asking, matching, paging, table
from broker.api.fhir_read.query import Query
from broker.api.naming import handle_in
from broker.errors import InvalidInput, NotFound
from broker.records.occasions import instant

Json = dict[str, Any]
SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}


def one(kind: str, resource_id: str) -> Response:
    """A resource by its id. Whatever may not be told, is another's or never was is one answer, byte for byte."""
    handle = resource_id if kind == "Patient" and handle_in(resource_id) is None else handle_in(resource_id)
    if handle is None:
        raise not_there()
    try:
        found = asking.record(handle, frozenset({kind}))
    except NotFound as error:
        raise not_there() from error
    whole = (found.told.resident, *found.told.things) if kind == "Patient" else found.told.things
    wanted = found.told.resident.named.id if resource_id == asking.ME else resource_id
    told = next((each for each in whole if each.named.id == wanted), None)
    if told is None:
        raise not_there()
    return _resource(told.resource)


def not_there() -> NotFound:
    return NotFound("resource-unknown", "There is no such resource, or none that you may know of.")


def matching_bundle(kind: str, query: Query) -> Response:
    """A searchset of one type. Raises InvalidInput where it does not say whose record it is."""
    handle = _whose(kind, query)
    brought = {_target(name) for name in query.includes}
    found = asking.record(handle, frozenset({kind, *brought}))
    whole = (found.told.resident,) if kind == "Patient" else found.told.things
    matched = [each for each in whole if each.kind == kind and _matches(each, query)]
    return _searchset(found, matched, query, path=kind)


def everything(handle: str, query: Query) -> Response:
    """The resident, and all that may be shown of them."""
    found = asking.record(handle, query.kinds)
    things = [each for each in found.told.things if each.kind in query.kinds]
    first = [found.told.resident] if "Patient" in query.kinds else []
    return _searchset(found, [*first, *things], query, path=f"Patient/{found.told.resident.named.id}/$everything")


def document(handle: str) -> Response:
    """A document Bundle: a Composition by PRSB section, and what it is made of."""
    found = asking.record(handle, frozenset(table.TYPES), whole=True)
    return said(fhir.document(found.released, found.told))


def said(made: Json, *, status: int = 200) -> Response:
    answer = Response(json.dumps(made), status=status, mimetype=outcomes.MEDIA_TYPE)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _resource(resource: Json) -> Response:
    """With a weak ETag, which is of these bytes and so of what is shown alone (RFC 9110 §8.8.3)."""
    tag = hashlib.sha256(json.dumps(resource, sort_keys=True).encode()).hexdigest()[:32]
    unchanged = tag in request.if_none_match.as_set(include_weak=True)
    answer = Response(status=304) if unchanged else said(resource)
    answer.headers["Cache-Control"] = "no-store"
    answer.set_etag(tag, weak=True)
    if changed := _changed(resource):
        answer.headers["Last-Modified"] = changed
    return answer


def _changed(resource: Json) -> str | None:
    """When its source says that it last changed it; never when we fetched it."""
    try:
        at = datetime.fromisoformat(str(resource.get("meta", {}).get("lastUpdated")))
    except ValueError:
        return None
    return None if at.tzinfo is None else format_datetime(at, usegmt=False)


def _whose(kind: str, query: Query) -> str:
    if kind == "Patient":
        if query.ids is None or len(query.ids) != 1:
            raise InvalidInput("patient-missing", "Say whose record: _id, with the resident's handle.", field="_id")
        return next(iter(query.ids))
    if query.patient is None:
        raise InvalidInput("patient-missing", "Say whose record: patient, with the resident's handle.", field="patient")
    return query.patient


def _target(include: str) -> str:
    return {"patient": "Patient", "encounter": "Encounter"}[include]


def _matches(told: Told, query: Query) -> bool:
    if query.ids is not None and told.named.id not in query.ids and told.kind != "Patient":
        return False
    parameters = table.TYPES[told.kind].parameters
    return all(matching.matches(told.resource, parameters[name], value) for name, value in query.tests)


def _place(told: Told, *, ascending: bool) -> tuple[float, str]:
    """By date, newest first unless asked otherwise, the undated last; by id where that says nothing. Total, and so
    stable from one page to the next, whatever else comes or goes."""
    at = told.entry.at if told.entry is not None else None
    if told.entry is None or (told.kind == "Patient" and "." not in told.named.id):
        return -inf, ""  # the resident comes first
    if at is None:
        return inf, told.named.id
    seconds = instant(at).timestamp()
    return (seconds if ascending else -seconds), told.named.id


def _searchset(found: asking.Answer, matched: Sequence[Told], query: Query, *, path: str) -> Response:
    ordered = sorted(matched, key=lambda each: _place(each, ascending=query.ascending))
    made: Json = {"resourceType": "Bundle", "type": "searchset"}
    if query.total:
        made["total"] = len(ordered)
    made["link"] = [{"relation": "self", "url": _address(path, query)}]
    if query.summary == "count":
        made["total"] = len(ordered)
        if found.issues:  # a count of what could not be read in whole says so too
            made["entry"] = [fhir.outcome_entry(found.issues)]
        return said(made)
    left = [each for each in ordered if query.after is None or _place(each, ascending=query.ascending) > query.after]
    page, more = left[: query.count], left[query.count :]
    if more:
        place = _place(page[-1], ascending=query.ascending)
        link = paging.seal(asking.sealing(), owner=(path, *asking.owner()), pairs=query.honoured, after=place)
        made["link"].append({"relation": "next", "url": f"{asking.base()}/{path}?{urlencode({table.PAGE: link})}"})
    along = _along(found, page, query)
    entries = [_entry(each.named.url, each.resource, "match", query) for each in page]
    entries += [_entry(each.named.url, each.resource, "include", query) for each in along]
    if query.provenance:
        provenances = fhir.provenances((*page, *along))
        entries += [_entry(url, resource, "include", query) for url, resource in provenances]
    if found.issues:
        entries.append(fhir.outcome_entry(found.issues))
    if entries:
        made["entry"] = entries
    return said(made)


def _along(found: asking.Answer, page: Iterable[Told], query: Query) -> list[Told]:
    """What is brought along: only what is shown, and only what something on this page points to."""
    shown = {each.named.reference: each for each in found.told}
    wanted: dict[str, None] = {}
    for each in page:
        for name in query.includes:
            pointed = each.resource.get(table.TYPES[each.kind].includes[name])
            if isinstance(pointed, dict) and isinstance(reference := pointed.get("reference"), str):
                wanted[reference] = None
    here = {each.named.reference for each in page}
    return [shown[reference] for reference in wanted if reference in shown and reference not in here]


def _entry(url: str, resource: Json, mode: str, query: Query) -> Json:
    if query.summary == "data" and mode != "outcome":
        without = {name: value for name, value in resource.items() if name != "text"}
        meta = dict(without.get("meta", {}))
        meta["tag"] = [*meta.get("tag", []), SUBSETTED]
        resource = {**without, "meta": meta}
    return {"fullUrl": url, "resource": resource, "search": {"mode": mode}}


def _address(path: str, query: Query) -> str:
    """What was asked and honoured, so that a client can see what was not (FHIR R4 §3.1.1.6)."""
    honoured = urlencode(query.honoured, safe="/|:,")
    return f"{asking.base()}/{path}" + (f"?{honoured}" if honoured else "")
