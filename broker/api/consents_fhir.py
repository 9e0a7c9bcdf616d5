"""A resident's choices as FHIR R4 Consents, for apps of their own: to read, to bring one, and to withdraw one.

To bring one that permits somebody needs a sign-in from the last few minutes; to refuse or withdraw never does. What
cannot be read safely is refused in words, and nothing of it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Flask, Response, json, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import selectinload
from werkzeug.exceptions import UnsupportedMediaType

from broker.access import fhir_consents
from broker.api.fhir_read.asking import ME, own_handle
from broker.consent import actions, fhir
from broker.consent.fhir_in import from_fhir
from broker.consent.models import Consent
from broker.consent.taking import take_in
from broker.doors import now, parts, session
from broker.doors.body import json_of
from broker.errors import InvalidInput, NotFound
from broker.identity.models import Organisation, Resident
from broker.oauth.guard import acting, by_whom, must_be_fresh, needs_scope, presenting_resident
from broker.proxies.shield import shield
from broker.vocabulary import NHS_NUMBER, AccessLevel

# What this module answers, for the server's own description of itself.
INTERACTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "Consent": {
        "interactions": ("read", "search-type", "create", "update"),
        "search": ("patient", "status"),
    }
}
MEDIA_TYPE = "application/fhir+json"
MOST = 200
Json = dict[str, Any]

routes = Blueprint("api_consents_fhir", __name__, url_prefix="/fhir/Consent")


def register(app: Flask) -> None:
    app.register_blueprint(routes)


@routes.get("")
@needs_scope("own.read")
def search() -> Response:
    """Every choice of the resident's, newest first: what is in use, and what was."""
    resident = presenting_resident(AccessLevel.SEE_SHARING)
    if unknown := sorted(request.args.keys() - {"patient", "status", "_format"}):
        raise InvalidInput("parameter-unknown", "This search does not know one of its parameters.", field=unknown[0])
    _must_be_own(request.args.get("patient", ""))
    statuses = set(filter(None, request.args.get("status", "").split(",")))
    found = session().scalars(
        select(Consent)
        .where(Consent.resident_id == resident)
        .options(selectinload(Consent.provisions))
        .order_by(Consent.given_at.desc(), Consent.id)
        .limit(MOST)
    )
    hides = _hides()
    shown = [_told(each) for each in found if not hides(each)]
    entries = [
        {"fullUrl": _address(each["id"]), "resource": each, "search": {"mode": "match"}}
        for each in shown
        if not statuses or each["status"] in statuses
    ]
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    return _said({**bundle, "entry": entries} if entries else bundle)


@routes.get("/<consent_id>")
@needs_scope("own.read")
def read(consent_id: str) -> Response:
    """One choice."""
    return _said(_told(_own(consent_id, AccessLevel.SEE_SHARING)))


@routes.post("")
@needs_scope("own.change")
def create() -> Response:
    """Bring a consent. The very next request is held to it."""
    resident = presenting_resident(AccessLevel.CHANGE_SHARING)
    resource = _resource()
    if "contained" in resource:
        raise InvalidInput("contained-not-kept", "Name organisations by identifier, not inside.", field="contained")
    patient = f"Patient/{own_handle()}"
    theirs = {**resource, "patient": _recognised(resource.get("patient"), patient, resident)}
    fhir_consents.check(theirs, patient=patient, now=now())
    taken = from_fhir(theirs, known=_known, now=now())
    if taken.document is not None:
        fhir_consents.check_beside(session(), resident, taken.document)
    if taken.widens:
        must_be_fresh()
    kept = take_in(session(), taken, resident=resident, trail=parts().trail, now=now(), **by_whom())
    answer = _said(_told(kept), status=201)
    answer.headers["Location"] = _address(kept.id)
    return answer


@routes.put("/<consent_id>")
@needs_scope("own.change")
def withdraw(consent_id: str) -> Response:
    """Withdraw a choice: the one change that can be made to it. Give another instead of rewriting what was given."""
    kept = _own(consent_id, AccessLevel.CHANGE_SHARING)
    resource = _resource()
    if resource.get("id", consent_id) != consent_id:
        raise InvalidInput("id-differs", "The consent's id is not the one in the address.", field="id")
    if resource.get("status") != "inactive":
        raise InvalidInput("only-to-withdraw", "A consent is only ever changed to inactive.", field="status")
    return _said(_told(actions.withdraw(session(), kept, trail=parts().trail, now=now(), **by_whom())))


def _own(consent_id: str, level: AccessLevel) -> Consent:
    resident = presenting_resident(level)
    kept = session().get(Consent, consent_id)
    if kept is None or kept.resident_id != resident or _hides()(kept):
        raise NotFound("consent-unknown", "There is no such choice of yours.")
    return kept


def _hides() -> Any:
    """What says which choices are not shown to whoever acts for another; none is hidden from residents themselves."""
    return shield(session()).hides_consent if acting() else lambda _: False


def _must_be_own(patient: str) -> None:
    named = patient.removeprefix("Patient/")
    if not named:
        raise InvalidInput("patient-missing", "Say whose consents: patient=me.", field="patient")
    if named not in (ME, own_handle()):
        raise NotFound("resident-unknown", "There is no such resident, or none that is you.", field="patient")


def _recognised(named: Any, patient: str, resident: str) -> Any:
    """The reference by which the rules know the resident, where ``named`` is them by any of the ways they have."""
    if isinstance(named, dict):
        identifier = named.get("identifier")
        number = session().get_one(Resident, resident).nhs_number
        told = identifier if isinstance(identifier, dict) and "reference" not in named else {}
        if number is not None and (told.get("system"), told.get("value")) == (NHS_NUMBER, number):
            return {"reference": patient}
        if named.get("reference") == f"Patient/{ME}":
            return {"reference": patient}
    return named


def _known(code: str) -> bool:
    return session().get(Organisation, code) is not None


def _resource() -> Json:
    if request.mimetype not in (MEDIA_TYPE, "application/json"):
        raise UnsupportedMediaType
    resource = json_of(request.get_data())
    if not isinstance(resource, dict) or resource.get("resourceType") != "Consent":
        raise InvalidInput("not-a-consent", "The body is not a FHIR Consent.", field="resourceType")
    return resource


def _told(kept: Consent) -> Json:
    return fhir.to_fhir(kept, now=now(), patient=own_handle())


def _address(consent_id: str) -> str:
    return f"{parts().settings.issuer}{url_for('api_consents_fhir.read', consent_id=consent_id)}"


def _said(resource: Json, *, status: int = 200) -> Response:
    answer = Response(json.dumps(resource), status=status, mimetype=MEDIA_TYPE)
    answer.headers["Cache-Control"] = "no-store"
    return answer
