"""The systems that somebody lets act as them, and ending that at once. What a resident shares is shown elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, redirect, render_template, url_for
from sqlalchemy import ColumnElement, select
from werkzeug.wrappers import Response

from broker.doors import now, parts, session
from broker.errors import NotFound
from broker.grants import actions as grants
from broker.grants.models import Grant
from broker.identity.models import Client, Organisation
from broker.identity.sessions import actor_of
from broker.oauth.scopes import SCOPES
from broker.vocabulary import Role
from broker.web.access import signed_in, who

connected = Blueprint("connected", __name__)

ANYBODY = tuple(role for role in Role if role is not Role.OPERATOR)


@dataclass(frozen=True, slots=True)
class Connection:
    """One system that may act for whoever looks, until it is ended."""

    grant: str
    system: str
    organisation: str
    may: tuple[str, ...]
    since: datetime
    until: datetime


@connected.get("/connected-systems")
@who(*ANYBODY)
def systems() -> str:
    return render_template("connected.jinja", connections=[_shown(each) for each in _theirs()])


@connected.post("/connected-systems/<grant_id>/end")
@who(*ANYBODY)
def end(grant_id: str) -> Response:
    """End one, at once. Needs no second proof: taking back is never harder than giving."""
    found = next((each for each in _theirs() if each.id == grant_id), None)
    if found is None:
        raise NotFound("grant-unknown", "There is no such system of yours.")
    by = actor_of(signed_in())
    grants.end(session(), found, by=by, why="ended-by-its-giver", trail=parts().trail, now=now())
    session().commit()
    return redirect(url_for("connected.systems"), code=303)


def _theirs() -> list[Grant]:
    """What whoever is signed in gave and has not ended, newest first."""
    query = select(Grant).where(_givers(), Grant.ended_at.is_(None), Grant.ends_at > now())
    return list(session().scalars(query.order_by(Grant.made_at.desc(), Grant.id)))


def _givers() -> ColumnElement[bool]:
    found = signed_in()
    if found.person_id is not None:
        return (Grant.person_id == found.person_id) & (Grant.organisation_code == found.organisation_code)
    if found.acting_for_id is not None:  # what they gave for somebody else, and nothing that the other gave
        return (Grant.resident_id == found.acting_for_id) & (Grant.acting == actor_of(found))
    return Grant.resident_id == found.resident_id


def _shown(grant: Grant) -> Connection:
    client = session().get(Client, grant.client_id)
    organisation = session().get(Organisation, client.organisation_code) if client else None
    return Connection(
        grant=grant.id,
        system=client.name if client else grant.client_id,
        organisation=organisation.name if organisation else "",
        may=tuple(SCOPES.get(scope, scope) for scope in grant.scopes.split()),
        since=grant.made_at,
        until=grant.ends_at,
    )
