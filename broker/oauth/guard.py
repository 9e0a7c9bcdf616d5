"""Who may use a route. Every route says so; the token is checked for its life, its audience and its scope."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import g, request

from broker.doors import now, parts, session
from broker.errors import NotAuthenticated, NotPermitted
from broker.oauth import tokens
from broker.oauth.standing import stands
from broker.oauth.tokens import PresentedToken
from broker.vocabulary import Role

View = TypeVar("View", bound=Callable[..., Any])


def public(view: View) -> View:
    """Anybody may use this route, and says so."""
    view.audience = "public"  # type: ignore[attr-defined]
    return view


def needs_scope(scope: str) -> Callable[[View], View]:
    """Only a live token for this audience with ``scope`` may use the route. Others are refused in words."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            g.token = _present(scope)
            return view(*args, **kwargs)

        guarded.audience = f"scope:{scope}"  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return decorate


def presented() -> PresentedToken:
    token: PresentedToken = g.token
    return token


def presenting_resident() -> str:
    """The resident who presents the token. Raises NotPermitted for anybody else."""
    token = presented().token
    if token.resident_id is None or token.role is not Role.RESIDENT:
        raise NotPermitted("residents-only", "Only a resident may do this, for their own record.")
    return token.resident_id


def _present(scope: str) -> PresentedToken:
    # Read from the header alone: a token in a URL would be kept in logs (RFC 9700 §4.3.2).
    headers = request.headers.getlist("Authorization")
    kind, _, text = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
    if kind.lower() != "bearer" or not text.strip():
        raise NotAuthenticated("token-missing", "Present an access token.")
    kept = tokens.kept(session(), text.strip())
    if kept is None:
        raise NotAuthenticated("token-invalid", "The access token is not valid.")
    token = PresentedToken(kept, now=now())
    if token.is_expired() or token.is_revoked() or not stands(session(), kept, now=token.now):
        raise NotAuthenticated("token-invalid", "The access token is not valid.")
    if kept.audience != tokens.audience(parts().settings):
        raise NotAuthenticated("token-audience", "The access token is for something else.")
    if scope not in token.get_scope().split():
        raise NotPermitted("scope-missing", f"The access token does not have the scope {scope}.")
    return token
