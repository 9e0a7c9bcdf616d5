"""Who may use a route. Every route says so; the token is checked for its key, its life, its audience and its scope.

Nothing is allowed here that policy refuses: what a token may have of a record is decided in ``access``, each time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar

from flask import g, request

from broker.doors import now, parts, session
from broker.errors import NotPermitted
from broker.oauth import dpop, tokens
from broker.oauth.challenges import Challenge, StepUp
from broker.oauth.refusals import InvalidProof, UseNonce
from broker.oauth.smart_scopes import is_resource_scope
from broker.oauth.standing import proxy_behind, stands
from broker.oauth.tokens import KeptToken, PresentedToken
from broker.proxies.limits import behalf
from broker.proxies.models import Proxy
from broker.vocabulary import AccessLevel, Role

View = TypeVar("View", bound=Callable[..., Any])


def public(view: View) -> View:
    """Anybody may use this route, and says so."""
    view.audience = "public"  # type: ignore[attr-defined]
    return view


def needs_scope(scope: str, *, or_smart: bool = False, or_scope: str = "") -> Callable[[View], View]:
    """Only a live token for this audience with ``scope`` may use the route. Others are refused in words.

    With ``or_smart``, one with a SMART resource scope as well: the route itself then keeps to it (``limits``). With
    ``or_scope``, one with that scope: the route tells the two apart.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            g.token = _present(scope, or_smart=or_smart, or_scope=or_scope)
            return view(*args, **kwargs)

        guarded.audience = f"scope:{scope}"  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return decorate


def presented() -> PresentedToken:
    token: PresentedToken = g.token
    return token


def presenting_resident(level: AccessLevel | None = None) -> str:
    """The resident whose the token is: their own, or one by which a proxy acts for them who was given ``level``.

    Without a level only the resident themself. Raises NotPermitted for anybody else; a proxy who may act no longer was
    refused with the token, before this.
    """
    token = presented().token
    if token.resident_id is None or token.role not in (Role.RESIDENT, Role.PROXY):
        raise NotPermitted("residents-only", "Only a resident may do this, for their own record.")
    if token.role is Role.PROXY and (level is None or (proxy := acting()) is None or level not in proxy.levels):
        raise NotPermitted("proxy-not-permitted", "You may not do this for somebody else.")
    return token.resident_id


def acting() -> Proxy | None:
    """By what whoever presents the token acts for its resident now; None for a resident's own token."""
    token = presented()
    return proxy_behind(session(), token.token, now=token.now) if token.token.role is Role.PROXY else None


def by_whom() -> dict[str, Any]:
    """For a choice that is made with the token: who makes it, and for whom, where that is somebody else."""
    proxy = acting()
    by = f"resident:{proxy.proxy_resident_id if proxy else presented().token.resident_id}"
    return {"by": by, "acting": behalf(proxy) if proxy else None}


def must_be_fresh(*, assurance: int = 2) -> None:
    """Raise StepUp unless the token's person proved who they are lately, and so surely. A system has no person."""
    token, seconds = presented().token, parts().settings.fresh_seconds
    at = token.authenticated_at
    if token.jkt is None:
        return  # a demonstration's own token is made for somebody who was chosen just now
    if at is None or token.assurance < assurance or now() - at > timedelta(seconds=seconds):
        raise StepUp(assurance=assurance, max_age=seconds)


def _present(scope: str, *, or_smart: bool, or_scope: str) -> PresentedToken:
    # Read from the header alone: a token in a URL would be kept in logs (RFC 9700 §4.3.2).
    headers = request.headers.getlist("Authorization")
    kind, _, text = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
    text = text.strip()
    if kind.lower() not in ("dpop", "bearer") or not text:
        raise Challenge("token-missing", "Present an access token.")
    kept = tokens.kept(session(), text)
    if kept is None:
        raise _invalid()
    _must_be_theirs(kept, kind.lower(), text)
    token = PresentedToken(kept, now=now())
    if token.is_expired() or token.is_revoked() or not stands(session(), kept, now=token.now):
        raise _invalid()
    if kept.audience != tokens.audience(parts().settings):
        raise Challenge("token-audience", "The access token is for something else.", error="invalid_token")
    held = token.get_scope().split()
    if scope not in held and or_scope not in held and not (or_smart and any(map(is_resource_scope, held))):
        raise NotPermitted("scope-missing", f"The access token does not have the scope {scope}.")
    return token


def _must_be_theirs(kept: KeptToken, kind: str, text: str) -> None:
    """Raises Challenge unless whoever presents the token has the key it is bound to.

    Only a demonstration's own tokens are bound to none. A bound one presented as a bearer token is refused, however
    good it is otherwise (RFC 9449 §7.2).
    """
    if kept.jkt is None:
        if kind != "bearer" or not parts().settings.demonstration:
            raise _invalid()
        return
    if kind != "dpop":
        raise _invalid()
    try:
        proven = dpop.check(
            request.headers.getlist("DPoP"),
            method=request.method,
            path=request.path,
            settings=parts().settings,
            session=session(),
            now=now(),
            token=text,
        )
    except UseNonce as error:
        raise Challenge("dpop-nonce", error.description, error=error.error, nonce=error.nonce) from error
    except InvalidProof as error:
        raise Challenge("dpop-proof-invalid", error.description, error=error.error) from error
    if proven != kept.jkt:
        raise _invalid()


def _invalid() -> Challenge:
    return Challenge("token-invalid", "The access token is not valid.", error="invalid_token")
