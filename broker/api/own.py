"""Routes for residents: what is shared, what they are asked, who looked; and giving, narrowing and stopping."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint
from sqlalchemy import select

from broker.api import render
from broker.api.schemas import (
    AnswerSchema,
    ConsentSchema,
    GiveSchema,
    LookSchema,
    NarrowSchema,
    RequestSchema,
    WithholdSchema,
)
from broker.consent import actions
from broker.consent.models import AccessRequestRecord, Consent
from broker.doors import now, parts, session
from broker.doors.body import StrictParser
from broker.errors import NotFound
from broker.identity.actions import organisation_called
from broker.identity.models import Organisation
from broker.oauth.guard import needs_scope, presenting_resident
from broker.vocabulary import AuditAction

routes = Blueprint("api_own", __name__, url_prefix="/api/my", description="For residents, about their own record.")
routes.ARGUMENTS_PARSER = StrictParser()
SECURED: list[dict[str, list[str]]] = [{"token": []}]
# Everything others did about them, and every choice of theirs; their own comings and goings are left out.
SHOWN = tuple(
    action
    for action in AuditAction
    if action not in (AuditAction.SIGNED_IN, AuditAction.SIGNED_OUT, AuditAction.TOKEN_ISSUED)
)


def _by() -> str:
    return f"resident:{presenting_resident()}"


def _own_consent(consent_id: str) -> Consent:
    consent = session().get(Consent, consent_id)
    if consent is None or consent.resident_id != presenting_resident():
        raise NotFound("consent-unknown", "There is no such choice of yours.")
    return consent


@routes.route("/consents", methods=["GET"])
@routes.doc(security=SECURED)
@needs_scope("own.read")
@routes.response(200, ConsentSchema(many=True), description="The choices in use, newest first.")
def consents() -> list[dict[str, Any]]:
    """What you share and withhold, by your own choice."""
    return [render.consent(kept) for kept in actions.in_use(session(), presenting_resident(), now=now())]


@routes.route("/consents", methods=["POST"])
@routes.doc(security=SECURED)
@needs_scope("own.change")
@routes.arguments(GiveSchema)
@routes.response(201, ConsentSchema, description="The permission given.")
def give(body: dict[str, Any]) -> dict[str, Any]:
    """Share with an organisation."""
    kept = actions.give(
        session(),
        resident=presenting_resident(),
        organisation=organisation_called(session(), body["organisation"]).code,
        purposes=frozenset(body["purposes"]),
        sections=frozenset(body["sections"]),
        until=body["until"],
        by=_by(),
        trail=parts().trail,
        now=now(),
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
        resident=presenting_resident(),
        organisation=organisation_called(session(), body["organisation"]).code if body["organisation"] else None,
        sections=None if body["sections"] is None else frozenset(body["sections"]),
        labels=None if body["labels"] is None else frozenset(body["labels"]),
        by=_by(),
        trail=parts().trail,
        now=now(),
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
        by=_by(),
        trail=parts().trail,
        now=now(),
    )
    return render.consent(kept)


@routes.route("/consents/<consent_id>/withdraw", methods=["POST"])
@routes.doc(security=SECURED)
@needs_scope("own.change")
@routes.response(200, ConsentSchema, description="The choice, ended.")
def withdraw(consent_id: str) -> dict[str, Any]:
    """Stop sharing. The very next request obeys."""
    kept = actions.withdraw(session(), _own_consent(consent_id), by=_by(), trail=parts().trail, now=now())
    return render.consent(kept)


@routes.route("/access-requests", methods=["GET"])
@routes.doc(security=SECURED)
@needs_scope("own.read")
@routes.response(200, RequestSchema(many=True), description="Requests waiting for your answer, oldest first.")
def requests() -> list[dict[str, Any]]:
    """Who is asking you."""
    waiting = actions.requests_to(session(), presenting_resident(), now=now())
    return [render.access_request(record, now=now()) for record in waiting]


@routes.route("/access-requests/<request_id>/answer", methods=["POST"])
@routes.doc(security=SECURED)
@needs_scope("own.change")
@routes.arguments(AnswerSchema)
@routes.response(200, RequestSchema, description="The request, answered.")
def answer(body: dict[str, Any], request_id: str) -> dict[str, Any]:
    """Say yes, yes to less, or no."""
    record = session().get(AccessRequestRecord, request_id)
    if record is None or record.resident_id != presenting_resident():
        raise NotFound("request-unknown", "There is no such request.")
    actions.answer(
        session(),
        record,
        agree=body["agree"],
        sections=None if body["sections"] is None else frozenset(body["sections"]),
        until=body["until"],
        by=_by(),
        trail=parts().trail,
        now=now(),
    )
    return render.access_request(record, now=now())


@routes.route("/activity", methods=["GET"])
@routes.doc(security=SECURED)
@needs_scope("own.read")
@routes.response(200, LookSchema(many=True), description="Newest first.")
def activity() -> list[dict[str, Any]]:
    """Who looked, at what, why, and what was refused."""
    entries = parts().trail.entries(session(), resident=presenting_resident(), actions=SHOWN, limit=200)
    codes = {entry.organisation for entry in entries if entry.organisation}
    organisations = session().scalars(select(Organisation).where(Organisation.code.in_(codes)))
    names = {organisation.code: organisation.name for organisation in organisations}
    return [render.look(entry, names) for entry in entries]
