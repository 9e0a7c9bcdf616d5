"""Signing in and out. The demonstration sign-in asks nobody to prove anything, and exists only in a demonstration."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from broker.doors import now, parts, session
from broker.errors import NotFound
from broker.identity import sessions
from broker.identity.models import Membership, Resident, SignedInSession
from broker.web.access import ADMINISTRATORS, GOVERNORS, PUBLIC, WORKERS, who
from broker.web.cookies import forget_session, keep_session, whoever_is_signed_in
from broker.web.federated import ways_in
from broker.web.way_back import safe_way_back

sign_in = Blueprint("sign_in", __name__)
demonstration = Blueprint("demonstration", __name__)

# What NHS login and NHS Care Identity would assert: identity checked to a high level, two factors used.
DEMONSTRATION, _ASSURANCE = "demonstration", 3
MOST_RESIDENTS = 40
# Shown before the rest is folded away, so that workers are not pages further down on a phone.
RESIDENTS_AT_ONCE = 8


@sign_in.get("/sign-in")
@who(PUBLIC)
def start() -> str | Response:
    """Where somebody is sent who is not signed in."""
    way_back = request.args.get("next", "")
    if parts().settings.demonstration:
        return redirect(url_for("demonstration.people", next=way_back or None), code=303)
    return render_template("sign_in.jinja", groups=ways_in(), way_back=way_back)


@sign_in.post("/sign-out")
@who(PUBLIC)
def end() -> Response:
    """End the session at once. Pressing it twice is no mistake."""
    if (found := whoever_is_signed_in()) is not None:
        sessions.end(session(), found, trail=parts().trail, now=now())
    answer = redirect(url_for("sign_in.ended"), code=303)
    forget_session(answer)
    return answer


@sign_in.get("/signed-out")
@who(PUBLIC)
def ended() -> str:
    return render_template("signed_out.jinja")


@demonstration.get("/demo/sign-in")
@who(PUBLIC)
def people() -> str:
    """Everybody there is to be, in three plain groups."""
    working = _memberships()
    # By id: a synthetic place puts the residents with a story of their own first.
    residents = session().scalars(select(Resident).order_by(Resident.id).limit(MOST_RESIDENTS)).all()
    return render_template(
        "demo_sign_in.jinja",
        workers=[membership for membership in working if membership.role in WORKERS],
        residents=residents,
        at_once=RESIDENTS_AT_ONCE,
        governors=[membership for membership in working if membership.role in (*GOVERNORS, *ADMINISTRATORS)],
        way_back=request.args.get("next", ""),
    )


@demonstration.post("/demo/sign-in")
@who(PUBLIC)
def become() -> Response:
    """Sign in as somebody synthetic. Whoever was signed in here before is signed out first."""
    if (before := whoever_is_signed_in()) is not None:
        sessions.end(session(), before, trail=parts().trail, now=now())
    secret, begun = _begin(request.form.get("who", ""))
    answer = redirect(_after_sign_in(begun, request.form.get("next", "")), code=303)
    keep_session(answer, secret)
    return answer


def _begin(chosen: str) -> tuple[str, SignedInSession]:
    kind, _, key = chosen.partition(":")
    if kind == "resident" and (resident := session().get(Resident, key)) is not None:
        return sessions.begin_for_resident(session(), resident, proof=demonstrated(), trail=parts().trail, now=now())
    membership = next((each for each in _memberships() if kind == "membership" and each.id == key), None)
    if membership is None:
        raise NotFound("person-unknown", "There is nobody like that in this demonstration.", field="who")
    return sessions.begin_for_worker(session(), membership, proof=demonstrated(), trail=parts().trail, now=now())


def demonstrated() -> sessions.Proof:
    """The proof of whoever was chosen just now, in a demonstration."""
    return sessions.Proof(means=DEMONSTRATION, assurance=_ASSURANCE, at=now())


def _memberships() -> list[Membership]:
    """Everybody who works somewhere now, by organisation and name."""
    at = now()
    found = session().scalars(
        select(Membership)
        .where(Membership.started_at <= at, or_(Membership.ended_at.is_(None), Membership.ended_at > at))
        .options(joinedload(Membership.person), joinedload(Membership.organisation))
    )
    return sorted(found, key=lambda each: (each.organisation.name, each.person.name, each.role))


def _after_sign_in(begun: SignedInSession, way_back: str) -> str:
    """Back to the page that asked, where it is one of this person's own; else their first page."""
    return safe_way_back(way_back, begun.role)
