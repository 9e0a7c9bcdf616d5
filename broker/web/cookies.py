"""The two cookies the broker sets, and nothing else: a session's secret id, and a visit's before anybody signs in.

Both are strictly necessary, read by no script, and gone when the browser closes.
"""

from __future__ import annotations

import secrets
from typing import cast

from flask import g, request
from werkzeug.wrappers import Response

from broker.doors import now, parts, session
from broker.identity import sessions
from broker.identity.models import SignedInSession
from broker.web.headers import https


def session_cookie() -> str:
    """The cookie's name. ``__Host-`` binds it to this host and to https (RFC 6265bis §4.1.3.2)."""
    return "__Host-broker-session" if https() else "broker-session"


def visit_cookie() -> str:
    return "__Host-broker-visit" if https() else "broker-visit"


def whoever_is_signed_in() -> SignedInSession | None:
    """The session whose secret id the browser brought, looked up once for each request."""
    if "signed_in" not in g:
        secret = request.cookies.get(session_cookie(), "")
        settings = parts().settings
        g.signed_in = sessions.find(session(), secret, settings=settings, now=now()) if secret else None
    return cast(SignedInSession | None, g.signed_in)


def secret_of_this_visit() -> str:
    """What a form's token is bound to: the session's secret id, or before signing in the visit's."""
    if whoever_is_signed_in() is not None:
        return request.cookies[session_cookie()]
    if "visit" not in g:
        g.visit = request.cookies.get(visit_cookie(), "")
    if not g.visit:
        g.visit = g.new_visit = secrets.token_urlsafe(32)
    return cast(str, g.visit)


def keep_visit(response: Response) -> Response:
    """Set the visit's cookie on the answer that first needed it."""
    if "new_visit" in g:
        _set(response, visit_cookie(), g.new_visit)
    return response


def keep_session(response: Response, secret: str) -> None:
    """Carry a new session in the browser, and drop the visit's cookie: nothing from before signing in lives on."""
    _set(response, session_cookie(), secret)
    g.pop("new_visit", None)
    response.delete_cookie(visit_cookie(), secure=https(), httponly=True, samesite="Lax")


def forget_session(response: Response) -> None:
    response.delete_cookie(session_cookie(), secure=https(), httponly=True, samesite="Lax")
    # What a browser kept for this site goes too, where it understands (W3C Clear Site Data).
    response.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'


def _set(response: Response, name: str, value: str) -> None:
    response.set_cookie(name, value, path="/", secure=https(), httponly=True, samesite="Lax")
