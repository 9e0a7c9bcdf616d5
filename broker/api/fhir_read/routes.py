"""The FHIR side's addresses. Each says who may use it; none takes an NHS number, and none writes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotAcceptable, UnsupportedMediaType

from broker.api import partner
from broker.api.fhir_read import answers, asking, capability, looks, paging, query, table
from broker.api.fhir_read.query import Pairs, Query
from broker.doors import now, parts, session
from broker.errors import InvalidInput, NotFound, NotPermitted
from broker.identity import actions as identity
from broker.oauth.guard import needs_scope, presented, public
from broker.vocabulary import NHS_NUMBER

routes = Blueprint("api_fhir", __name__, url_prefix="/fhir")
_FORM = "application/x-www-form-urlencoded"
_JSON = ("application/fhir+json", "application/json")


@routes.before_request
def speaks_json() -> None:
    """What is asked for in another form is refused before anything is decided."""
    accepted = request.accept_mimetypes
    if accepted and not any(accepted[each] > 0 for each in _JSON):
        raise NotAcceptable


@routes.get("/metadata")
@public
def metadata() -> Response:
    """What this server can do."""
    return answers.said(capability.statement(parts().settings))


@routes.get("/<kind>")
@needs_scope("records.read", or_smart=True)
def search(kind: str) -> Response:
    """Search one type in one resident's record."""
    _check_searched(kind)
    return answers.matching_bundle(kind, _query(kind, kind, _in_address()))


@routes.post("/<kind>/_search")
@needs_scope("records.read", or_smart=True)
def search_by_body(kind: str) -> Response:
    """The same, with what is asked in the body; and looking for a resident by number and date of birth."""
    _check_searched(kind)
    if request.mimetype != _FORM:
        raise UnsupportedMediaType
    pairs = _in_address() + _pairs(request.form.items(multi=True))
    if kind == "Patient" and any(name == "identifier" for name, _ in pairs):
        return _found(dict(pairs))
    return answers.matching_bundle(kind, _query(kind, kind, pairs))


@routes.get("/<kind>/<resource_id>")
@needs_scope("records.read", or_smart=True)
def read(kind: str, resource_id: str) -> Response:
    """One resource, by its id."""
    _check_known(kind)
    _in_address()
    return answers.one(kind, resource_id)


@routes.get("/Patient/<handle>/$everything")
@needs_scope("records.read", or_smart=True)
def everything(handle: str) -> Response:
    """A resident, and all that may be shown of them."""
    path = f"Patient/{asking.own_handle() if handle == asking.ME and _is_own() else handle}/$everything"
    pairs, after = _gone_on(path, _in_address())
    return answers.everything(handle, _after(query.read_everything(pairs, strict=_strict()), after))


@routes.get("/Patient/<handle>/$document")
@needs_scope("records.read", or_smart=True)
def document(handle: str) -> Response:
    """The same as a document, by section."""
    _in_address()
    return answers.document(handle)


@routes.get("/AuditEvent")
@needs_scope("own.read", or_smart=True, or_scope="records.read")
def who_looked() -> Response:
    """Who looked, and at what."""
    pairs = _in_address()
    if _strict() and any(name not in ("patient", "_count") for name, _ in pairs):
        raise InvalidInput("parameter-unknown", "This search has the parameters patient and _count.")
    return answers.said(looks.shown(dict(pairs), base=asking.base()))


def _check_known(kind: str) -> None:
    if kind not in table.TYPES or not table.TYPES[kind].read:
        raise NotFound("type-unknown", "There is no such type of resource here.")


def _check_searched(kind: str) -> None:
    _check_known(kind)
    if not table.TYPES[kind].searched:
        raise NotFound("type-not-searched", "That type is not searched here.")


def _is_own() -> bool:
    return presented().token.resident_id is not None


def _strict() -> bool:
    return any("handling=strict" in each.replace(" ", "") for each in request.headers.getlist("Prefer"))


def _pairs(items: Iterable[tuple[str, str]]) -> Pairs:
    return tuple((name, value) for name, value in items)


def _in_address() -> Pairs:
    """The parameters of the address; one that says who somebody is is refused there, however it is written."""
    pairs = _pairs(request.args.items(multi=True))
    query.check_nothing_identifies(name for name, _ in pairs)
    return pairs


def _query(kind: str, path: str, pairs: Pairs) -> Query:
    pairs, after = _gone_on(path, pairs)
    return _after(query.read(kind, pairs, strict=_strict()), after)


def _gone_on(path: str, pairs: Pairs) -> tuple[Pairs, tuple[float, str] | None]:
    """What is asked, and where to go on from. A link to a page is the whole of the question."""
    links = [value for name, value in pairs if name == table.PAGE]
    if not links:
        return pairs, None
    if len(pairs) > 1:
        raise InvalidInput("page-unknown", "There is no such page of yours.", field=table.PAGE)
    return paging.opened(asking.sealing(), links[0], owner=(path, *asking.owner()))


def _after(asked: Query, after: tuple[float, str] | None) -> Query:
    return replace(asked, after=after) if after is not None else asked


def _found(asked: dict[str, str]) -> Response:
    """The handle for a number and a date of birth: given whether or not there is such a person."""
    if "residents.find" not in presented().token.scopes.split():
        raise NotPermitted("scope-missing", "The access token does not have the scope residents.find.")
    system, _, number = asked["identifier"].rpartition("|")
    if system not in ("", NHS_NUMBER):
        raise InvalidInput("identifier-missing", "Residents are looked for by NHS number.", field="identifier")
    try:
        born_on = date.fromisoformat(asked.get("birthdate", "").removeprefix("eq"))
    except ValueError as error:
        raise InvalidInput(
            "identifier-missing", "Say the date of birth too, in birthdate.", field="birthdate"
        ) from error
    handle = identity.find_resident(
        session(),
        asker=partner.reader(),
        nhs_number=number,
        born_on=born_on,
        trail=parts().trail,
        settings=parts().settings,
        now=now(),
    )
    resource = {"resourceType": "Patient", "id": handle}
    url = f"{asking.base()}/Patient"
    return answers.said(
        {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": 1,
            "link": [{"relation": "self", "url": url}],
            "entry": [{"fullUrl": f"{url}/{handle}", "resource": resource, "search": {"mode": "match"}}],
        }
    )
