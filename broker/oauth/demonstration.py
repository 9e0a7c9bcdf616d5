"""Tokens for a demonstration's cast, without proof of who they are. Exists only where a demonstration is on."""

from __future__ import annotations

from datetime import datetime

from flask import Flask, Response, jsonify
from sqlalchemy import or_, select

from broker.audit.trail import Event
from broker.doors import now, parts, session
from broker.doors.body import read_json
from broker.errors import InvalidInput, NotFound
from broker.identity.models import Membership, Resident
from broker.oauth import tokens
from broker.oauth.guard import public
from broker.oauth.scopes import PARTNER_SCOPES, RESIDENT_SCOPES
from broker.vocabulary import AuditAction, Role


def register(app: Flask) -> None:
    app.add_url_rule("/demo/token", "demonstration_token", token, methods=["POST"])


@public
def token() -> Response:
    """``{"person": id}`` or ``{"resident": id}`` becomes a token for exactly that person."""
    wanted = read_json()
    if not isinstance(wanted, dict) or set(wanted) not in ({"person"}, {"resident"}):
        raise InvalidInput("cast-member-missing", "Name one person or one resident.")
    at = now()
    text = _for_resident(wanted["resident"], at) if "resident" in wanted else _for_person(wanted["person"], at)
    session().commit()
    answer = jsonify(access_token=text, token_type="Bearer", expires_in=parts().settings.token_seconds)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _for_resident(resident_id: object, at: datetime) -> str:
    resident = session().get(Resident, str(resident_id))
    if resident is None:
        raise NotFound("cast-member-unknown", "There is nobody of that id.")
    _entry(f"resident:{resident.id}", None, resident.id, at)
    return tokens.issue(
        session(),
        role=Role.RESIDENT,
        scopes=" ".join(RESIDENT_SCOPES),
        settings=parts().settings,
        now=at,
        resident=resident.id,
        assurance=3,  # as a resident's sign-in is, everywhere
    )


def _for_person(person_id: object, at: datetime) -> str:
    membership = session().scalar(
        select(Membership)
        .where(Membership.person_id == str(person_id), Membership.started_at <= at)
        .where(or_(Membership.ended_at.is_(None), Membership.ended_at > at))
    )
    if membership is None:
        raise NotFound("cast-member-unknown", "There is nobody of that id.")
    membership.used_at = at  # as a sign-in would
    _entry(f"person:{membership.person_id}", membership.organisation_code, None, at)
    return tokens.issue(
        session(),
        role=membership.role,
        scopes=" ".join(PARTNER_SCOPES),
        settings=parts().settings,
        now=at,
        person=membership.person_id,
        organisation=membership.organisation_code,
    )


def _entry(actor: str, organisation: str | None, resident: str | None, at: datetime) -> None:
    event = Event(
        action=AuditAction.TOKEN_ISSUED,
        actor=actor,
        organisation=organisation,
        resident=resident,
        body={"demonstration": True},
    )
    parts().trail.append(session(), event, now=at)
