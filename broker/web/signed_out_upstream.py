"""Where a provider says that somebody has signed out there (OpenID Connect Back-Channel Logout 1.0 §2.5).

Their sessions end at once, and with them what they had let partners' systems do (RFC 9700 §4.14.2). For machines:
no cookie is read, and a token that does not hold gets one answer, whatever is wrong with it.
"""

from __future__ import annotations

from flask import Blueprint, jsonify, make_response, request
from sqlalchemy import select
from werkzeug.wrappers import Response

from broker import logs
from broker.audit.trail import Event
from broker.doors import now, parts, session
from broker.errors import NotAuthenticated, NotFound
from broker.federation import logout, providers
from broker.federation.logout import SignedOut
from broker.federation.models import IdentityProvider
from broker.grants import actions as grants
from broker.identity import sessions
from broker.identity.models import SignedInSession
from broker.vocabulary import AuditAction
from broker.web.access import PUBLIC, who

signed_out_upstream = Blueprint("signed_out_upstream", __name__)
log = logs.logger(__name__)


@signed_out_upstream.post("/sign-in/with/<provider_id>/back-channel-logout")
@who(PUBLIC)
def take(provider_id: str) -> Response:
    """End what the provider says is over. 200 also where nothing was left; 400 for a token that does not hold."""
    try:
        provider = providers.connected(session(), provider_id, now=now())
        tokens = request.form.getlist("logout_token")
        if len(tokens) != 1:
            raise NotFound("logout-token-missing", "There is no logout token.")
        over = logout.take(session(), provider, tokens[0], now=now())
    except (NotAuthenticated, NotFound) as refusal:
        session().rollback()
        log.warning("logout-refused", provider=provider_id[:40], why=refusal.code)
        return _answer(400)
    _end(provider, over)
    return _answer(200)


def _end(provider: IdentityProvider, over: SignedOut) -> None:
    """Every session that the token names, and every grant of whose sessions they were. Commits."""
    theirs = _whose(provider, over)
    sessions.end_upstream(session(), means=provider.id, subject=over.subject, upstream_session=over.session, now=now())
    for person, resident in theirs:
        actor = f"person:{person}" if person else f"resident:{resident}"
        trail, at = parts().trail, now()
        grants.end_every(
            session(), by=actor, why="signed-out-upstream", trail=trail, person=person, resident=resident, now=at
        )
        body = {"provider": provider.id, "why": "signed-out-upstream"}
        trail.append(session(), Event(AuditAction.SIGNED_OUT, actor, resident=resident, body=body), now=at)
    session().commit()


def _whose(provider: IdentityProvider, over: SignedOut) -> list[tuple[str | None, str | None]]:
    """Whose sessions with the provider these are, still open or not: their grants outlive a session."""
    named = [
        column == value
        for column, value in (
            (SignedInSession.upstream_subject, over.subject),
            (SignedInSession.upstream_session, over.session),
        )
        if value is not None
    ]
    found = session().execute(
        select(SignedInSession.person_id, SignedInSession.resident_id)
        .where(SignedInSession.means == provider.id, *named)
        .distinct()
    )
    return [(row.person_id, row.resident_id) for row in found]


def _answer(status: int) -> Response:
    answer = make_response(jsonify({"error": "invalid_request"}) if status == 400 else "", status)
    answer.headers["Cache-Control"] = "no-store"
    return answer
