"""Routes for a partner's workers and systems: find a resident, ask them, read the view."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, json, jsonify
from flask_smorest import Blueprint
from sqlalchemy import bindparam, select

from broker.access.looks import since_last
from broker.access.release import release_record
from broker.access.request import AccessRequest, BreakGlass, Requester
from broker.access.restricted import wants_fresh_sign_in
from broker.api import fhir, render
from broker.api.schemas import AskSchema, FindSchema, FoundSchema, PairSchema, RequestSchema, ViewSchema
from broker.consent import actions as consents
from broker.consent import pairing, reminding
from broker.consent.models import AccessRequestRecord
from broker.doors import now, parts, session
from broker.doors.body import StrictParser
from broker.errors import InvalidInput, NotFound, NotPermitted
from broker.identity import actions as identity
from broker.identity.models import Membership
from broker.oauth.guard import must_be_fresh, needs_scope, presented
from broker.oauth.limits import Limits, limits_of
from broker.vocabulary import Role

routes = Blueprint("api_partner", __name__, url_prefix="/api", description="For organisations that ask.")
routes.ARGUMENTS_PARSER = StrictParser()
_EVER_WORKED = (
    select(Membership.id)
    .where(Membership.person_id == bindparam("person"), Membership.organisation_code == bindparam("organisation"))
    .limit(1)
)
SECURED: list[dict[str, list[str]]] = [{"token": []}]


# Those who may ever read a record (``record_roles`` in the policy's tables); nobody else has a resident to look for.
READERS = (Role.CLINICIAN, Role.SOCIAL_WORKER, Role.CARE_COORDINATOR, Role.LINK_WORKER, Role.CASE_WORKER)


def reader() -> Requester:
    found = who_asks()
    if found.role not in READERS:
        raise NotPermitted("role-not-permitted", "This role may never read a record, so it looks for nobody.")
    return found


def who_asks() -> Requester:
    if presented().token.organisation_code is None:
        raise NotPermitted("partners-only", "Only an organisation's worker or system may do this.")
    return presented().requester()


@routes.route("/residents/find", methods=["POST"])
@routes.doc(security=SECURED)
@needs_scope("residents.find")
@routes.arguments(FindSchema)
@routes.response(200, FoundSchema, description="A handle. It is given whether or not there is such a person.")
def find(body: dict[str, Any]) -> dict[str, str]:
    """Look for a resident by NHS number and date of birth."""
    handle = identity.find_resident(
        session(),
        asker=reader(),
        nhs_number=body["nhs_number"],
        born_on=body["born_on"],
        trail=parts().trail,
        settings=parts().settings,
        now=now(),
    )
    return {"resident": handle}


@routes.route("/residents/pair", methods=["POST"])
@routes.doc(security=SECURED)
@needs_scope("residents.find")
@routes.arguments(PairSchema)
@routes.response(200, FoundSchema, description="The handle that looking for them would give.")
def pair(body: dict[str, Any]) -> dict[str, str]:
    """Use the code by which a resident names themselves to you. It lets you see nothing."""
    kept = parts()
    handle = pairing.use(session(), body["code"], asker=reader(), trail=kept.trail, settings=kept.settings, now=now())
    return {"resident": handle}


@routes.route("/access-requests", methods=["POST"])
@routes.doc(security=SECURED)
@needs_scope("access.request")
@routes.arguments(AskSchema)
@routes.response(202, RequestSchema, description="The resident is asked. Poll for their answer.")
def ask(body: dict[str, Any]) -> dict[str, Any]:
    """Ask a resident for permission."""
    record = consents.ask(
        session(),
        requester=reader(),
        handle=body["resident"],
        purpose=body["purpose"],
        sections=frozenset(body["sections"]),
        reason=body["reason"],
        share_until=body["until"],
        trail=parts().trail,
        settings=parts().settings,
        now=now(),
    )
    return render.access_request(record, now=now())


@routes.route("/access-requests/<request_id>", methods=["GET"])
@routes.doc(security=SECURED)
@needs_scope("access.request")
@routes.response(200, RequestSchema, description="Where it stands.")
def poll(request_id: str) -> dict[str, Any]:
    """Where a request stands. Another organisation's looks like one that never was."""
    return render.access_request(_own_request(request_id), now=now())


@routes.route("/access-requests/<request_id>/remind", methods=["POST"])
@routes.doc(security=SECURED)
@needs_scope("access.request")
@routes.response(200, RequestSchema, description="Where it stands, as before.")
def remind(request_id: str) -> dict[str, Any]:
    """Remind the resident, once, after half of the time to answer."""
    record = _own_request(request_id)
    reminding.remind(session(), record, asker=who_asks(), trail=parts().trail, now=now())
    return render.access_request(record, now=now())


def _own_request(request_id: str) -> AccessRequestRecord:
    record = session().get(AccessRequestRecord, request_id)
    if record is None or record.organisation_code != who_asks().organisation:
        raise NotFound("request-unknown", "There is no such request.")
    return record


@routes.route("/records/view", methods=["POST"])
@routes.doc(
    security=SECURED,
    responses={
        200: {
            "description": "What policy permits, assembled now; as the broker's view or a FHIR R4 Bundle.",
            "content": {"application/json": {}, "application/fhir+json": {}},
        }
    },
)
@needs_scope("records.read", or_smart=True)
@routes.arguments(ViewSchema)
def read_view(body: dict[str, Any]) -> Response:
    """The permitted sections of a resident's record, assembled live from the partner systems that hold them."""
    limits = limits_of(presented().token) or Limits()
    requester = for_worker(who_asks(), body.get("worker"))
    sections = frozenset(body["sections"])
    limits.check(resident=body["resident"], purpose=body["purpose"], sections=sections, form=body["format"])
    resident = identity.resident_behind(session(), body["resident"], organisation=requester.organisation)
    asked = AccessRequest(
        id=str(uuid.uuid4()),
        requester=requester,
        # A handle for nobody is decided as somebody nobody has a relationship with: the two must look alike.
        resident=resident or identity.NOBODY,
        purpose=body["purpose"],
        sections=sections,
        made_at=now(),
        break_glass=BreakGlass(body["break_glass"]["reason"]) if body.get("break_glass") else None,
        reason=body["reason"],
    )
    if wants_fresh_sign_in(asked):
        must_be_fresh()  # a worker who proved lately who they are: a system cannot say that of the one it names
    released = limits.narrowed(release_record(parts(), session(), asked))
    if body["format"] == "view":
        answer = jsonify(render.release(released, since_last(parts(), released)))
    else:
        bundle = fhir.bundle(released, kind=body["format"].removeprefix("fhir-"), handle=body["resident"])
        answer = Response(json.dumps(bundle), mimetype="application/fhir+json")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def for_worker(requester: Requester, worker: dict[str, str] | None) -> Requester:
    """A system names the worker it asks for; a worker's own token names them already."""
    if worker is None:
        return requester
    if requester.client is None:
        raise InvalidInput("worker-not-needed", "Your token already says who you are.", field="worker")
    try:
        role = Role(worker["role"])
    except ValueError as error:
        raise InvalidInput("role-unknown", "There is no such role.", field="worker.role") from error
    # Whether they work there now is decided, and written down; somebody who never did is nobody's to name.
    if session().scalar(_EVER_WORKED.params(person=worker["person"], organisation=requester.organisation)) is None:
        raise InvalidInput("worker-unknown", "Your organisation has no such worker.", field="worker.person")
    return Requester(
        organisation=requester.organisation,
        role=role,
        person=worker["person"],
        client=requester.client,
        assurance=requester.assurance,
    )
