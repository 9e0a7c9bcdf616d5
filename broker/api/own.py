"""Routes for residents: what is shared, what they are asked, who looked; and giving, narrowing and stopping."""

from __future__ import annotations

from typing import Any

from flask import Response, json, jsonify
from flask_smorest import Blueprint
from sqlalchemy import select

from broker.access.looks import since_last
from broker.access.release import release_record
from broker.api import fhir, render
from broker.api.schemas import (
    AnswerSchema,
    ConsentSchema,
    GiveSchema,
    LookSchema,
    NarrowSchema,
    OwnRecordSchema,
    RequestSchema,
    WithholdSchema,
)
from broker.audit.trail import Entry
from broker.consent import actions, asking
from broker.consent.models import AccessRequestRecord, Consent
from broker.doors import now, parts, session
from broker.doors.body import StrictParser
from broker.errors import NotFound
from broker.identity.actions import handle_named, organisation_called
from broker.identity.models import Client, Organisation, Resident
from broker.oauth.guard import acting, by_whom, must_be_fresh, needs_scope, presented, presenting_resident
from broker.oauth.limits import Limits, limits_of
from broker.oauth.own_reading import own_request
from broker.proxies.shield import Shield, shield
from broker.vocabulary import AccessLevel, AuditAction, RequestState, Section

routes = Blueprint("api_own", __name__, url_prefix="/api/my", description="For residents, about their own record.")
routes.ARGUMENTS_PARSER = StrictParser()
SECURED: list[dict[str, list[str]]] = [{"token": []}]
# Everything others did about them, and every choice of theirs; their own comings and goings are left out.
SHOWN = tuple(
    action
    for action in AuditAction
    if action not in (AuditAction.SIGNED_IN, AuditAction.SIGNED_OUT, AuditAction.TOKEN_ISSUED)
)


def _kept_back() -> Shield | None:
    """What is not shown to whoever acts for another; None for residents themselves."""
    return shield(session()) if acting() else None


def _own_consent(consent_id: str) -> Consent:
    kept_back, resident = _kept_back(), presenting_resident(AccessLevel.CHANGE_SHARING)
    consent = session().get(Consent, consent_id)
    if consent is None or consent.resident_id != resident:
        raise NotFound("consent-unknown", "There is no such choice of yours.")
    if kept_back is not None and kept_back.hides_consent(consent):
        raise NotFound("consent-unknown", "There is no such choice of yours.")
    return consent


@routes.route("/consents", methods=["GET"])
@routes.doc(security=SECURED)
@needs_scope("own.read")
@routes.response(200, ConsentSchema(many=True), description="The choices in use, newest first.")
def consents() -> list[dict[str, Any]]:
    """What you share and withhold, by your own choice."""
    kept_back, resident = _kept_back(), presenting_resident(AccessLevel.SEE_SHARING)
    in_use = actions.in_use(session(), resident, now=now())
    return [render.consent(kept) for kept in in_use if kept_back is None or not kept_back.hides_consent(kept)]


@routes.route("/consents", methods=["POST"])
@routes.doc(security=SECURED)
@needs_scope("own.change")
@routes.arguments(GiveSchema)
@routes.response(201, ConsentSchema, description="The permission given.")
def give(body: dict[str, Any]) -> dict[str, Any]:
    """Share with an organisation. Needs a sign-in from the last few minutes."""
    must_be_fresh()
    kept = actions.give(
        session(),
        resident=presenting_resident(AccessLevel.CHANGE_SHARING),
        organisation=organisation_called(session(), body["organisation"]).code,
        purposes=frozenset(body["purposes"]),
        sections=frozenset(body["sections"]),
        until=body["until"],
        trail=parts().trail,
        now=now(),
        **by_whom(),
    )
    return render.consent(kept)


@routes.route("/withholdings", methods=["POST"])
@routes.doc(security=SECURED)
@needs_scope("own.change")
@routes.arguments(WithholdSchema)
@routes.response(201, ConsentSchema, description="What is withheld from now on.")
def withhold(body: dict[str, Any]) -> dict[str, Any]:
    """Do not share: with one organisation or any, some sections or all, or a kind of sensitive information."""
    kept = actions.withhold(
        session(),
        resident=presenting_resident(AccessLevel.CHANGE_SHARING),
        organisation=organisation_called(session(), body["organisation"]).code if body["organisation"] else None,
        sections=None if body["sections"] is None else frozenset(body["sections"]),
        labels=None if body["labels"] is None else frozenset(body["labels"]),
        trail=parts().trail,
        now=now(),
        **by_whom(),
    )
    return render.consent(kept)


@routes.route("/consents/<consent_id>/narrow", methods=["POST"])
@routes.doc(security=SECURED)
@needs_scope("own.change")
@routes.arguments(NarrowSchema)
@routes.response(200, ConsentSchema, description="What is left.")
def narrow(body: dict[str, Any], consent_id: str) -> dict[str, Any]:
    """Stop sharing some sections. The very next request obeys."""
    kept = actions.narrow(
        session(),
        _own_consent(consent_id),
        stop_sections=frozenset(body["stop_sections"]),
        trail=parts().trail,
        now=now(),
        **by_whom(),
    )
    return render.consent(kept)


@routes.route("/consents/<consent_id>/withdraw", methods=["POST"])
@routes.doc(security=SECURED)
@needs_scope("own.change")
@routes.response(200, ConsentSchema, description="The choice, ended.")
def withdraw(consent_id: str) -> dict[str, Any]:
    """Stop sharing. The very next request obeys."""
    kept = actions.withdraw(session(), _own_consent(consent_id), trail=parts().trail, now=now(), **by_whom())
    return render.consent(kept)


@routes.route("/access-requests", methods=["GET"])
@routes.doc(security=SECURED)
@needs_scope("own.read")
@routes.response(200, RequestSchema(many=True), description="Requests waiting for your answer, oldest first.")
def requests() -> list[dict[str, Any]]:
    """Who is asking you."""
    kept_back, resident = _kept_back(), presenting_resident(AccessLevel.ANSWER_REQUESTS)
    waiting = actions.requests_to(session(), resident, now=now())
    shown = [record for record in waiting if kept_back is None or not kept_back.hides_request(record)]
    return [render.access_request(record, now=now()) for record in shown]


@routes.route("/access-requests/<request_id>/answer", methods=["POST"])
@routes.doc(security=SECURED)
@needs_scope("own.change")
@routes.arguments(AnswerSchema)
@routes.response(200, RequestSchema, description="The request, answered.")
def answer(body: dict[str, Any], request_id: str) -> dict[str, Any]:
    """Say yes, yes to less, or no. To say yes needs a sign-in from the last few minutes."""
    if body["agree"]:
        must_be_fresh()
    kept_back, resident = _kept_back(), presenting_resident(AccessLevel.ANSWER_REQUESTS)
    record = session().get(AccessRequestRecord, request_id)
    if record is None or record.resident_id != resident:
        raise NotFound("request-unknown", "There is no such request.")
    if kept_back is not None and kept_back.hides_request(record):
        raise NotFound("request-unknown", "There is no such request.")
    waits = record.state is RequestState.PENDING and now() < record.expires_at
    if waits and not asking.is_shown(session(), record, now=now()):
        raise NotFound("request-unknown", "There is no such request.")
    actions.answer(
        session(),
        record,
        agree=body["agree"],
        sections=None if body["sections"] is None else frozenset(body["sections"]),
        until=body["until"],
        assurance=presented().token.assurance,
        trail=parts().trail,
        now=now(),
        **by_whom(),
    )
    return render.access_request(record, now=now())


@routes.route("/record", methods=["POST"])
@routes.doc(
    security=SECURED,
    responses={
        200: {
            "description": "What may be read, assembled now; as the broker's view or a FHIR R4 Bundle.",
            "content": {"application/json": {}, "application/fhir+json": {}},
        }
    },
)
@needs_scope("own.read", or_smart=True)
@routes.arguments(OwnRecordSchema)
def record(body: dict[str, Any]) -> Response:
    """Your own record, or that of somebody you act for, from the partner systems that hold it."""
    token = presented().token
    limits = limits_of(token) or Limits()
    sections = frozenset(body["sections"] or limits.sections or Section)
    asked = own_request(token, sections, now=now())
    limits.check(resident=asked.resident, purpose=asked.purpose, sections=sections, form=body["format"])
    released = limits.narrowed(release_record(parts(), session(), asked))
    if body["format"] == "view":
        answer = jsonify(render.release(released, since_last(parts(), released)))
    else:
        bundle = fhir.bundle(released, kind=body["format"].removeprefix("fhir-"), handle=_named())
        answer = Response(json.dumps(bundle), mimetype="application/fhir+json")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _named() -> str:
    """The name that the resident has for the organisation whose app this is, as its launch told it."""
    token = presented().token
    client = session().get(Client, token.client_id) if token.client_id else None
    resident = session().get_one(Resident, token.resident_id)
    return handle_named(resident, organisation=client.organisation_code if client else "", settings=parts().settings)


@routes.route("/activity", methods=["GET"])
@routes.doc(security=SECURED)
@needs_scope("own.read")
@routes.response(200, LookSchema(many=True), description="Newest first.")
def activity() -> list[dict[str, Any]]:
    """Who looked, at what, why, and what was refused."""
    entries = looks()
    codes = {entry.organisation for entry in entries if entry.organisation}
    organisations = session().scalars(select(Organisation).where(Organisation.code.in_(codes)))
    names = {organisation.code: organisation.name for organisation in organisations}
    return [render.look(entry, names) for entry in entries]


def looks() -> list[Entry]:
    """Entries about the resident whose the token is that whoever presents it may see, newest first."""
    kept_back, resident = _kept_back(), presenting_resident(AccessLevel.SEE_WHO_LOOKED)
    every = parts().trail.entries(session(), resident=resident, actions=SHOWN, limit=200)
    # A change that nobody is to learn of is on the trail, and on no list that anybody can open.
    loud = [entry for entry in every if not entry.body.get("quiet")]
    return [entry for entry in loud if kept_back is None or not kept_back.hides_entry(entry)]
