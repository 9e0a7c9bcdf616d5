"""Issuing: an opaque access token bound to the key that asked for it, and for a grant what it stands on.

One way for every grant type. What a token may be used for is decided at each use, live; here it is only made.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import request as http

from broker.audit.trail import Event
from broker.doors import now, parts, session
from broker.grants import actions as grants
from broker.grants.models import Grant
from broker.oauth import dpop, tokens
from broker.oauth.clients import RegisteredClient
from broker.oauth.refusals import InvalidGrantError, refuse
from broker.vocabulary import AuditAction, Role


def proven_key() -> str:
    """The thumbprint of the key that made this request's proof. Raises InvalidProof without one."""
    return dpop.check(
        http.headers.getlist("DPoP"),
        method=http.method,
        path=http.path,
        settings=parts().settings,
        session=session(),
        now=now(),
    )


def for_client(client: RegisteredClient, scopes: str, *, jkt: str) -> dict[str, Any]:
    """A token for a system that asks on nobody's behalf. Commits, with its entry."""
    kept = client.client
    text = tokens.issue(
        session(),
        role=kept.role,
        scopes=scopes,
        settings=parts().settings,
        now=now(),
        client=kept.id,
        organisation=kept.organisation_code,
        jkt=jkt,
    )
    return _answer(text, client, scopes, None, actor=f"client:{kept.id}")


def for_grant(
    client: RegisteredClient, grant: Grant, scopes: str, *, jkt: str, refresh: bool, more: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A token for what somebody let a client do; with ``refresh``, a refresh token as well. Commits, with its entry.

    Raises InvalidGrantError where the grant ended a moment ago.
    """
    if not grants.hold(session(), grant):
        refuse(InvalidGrantError, "What was agreed to has ended.")
    text = tokens.issue(
        session(),
        role=Role(grant.role),
        scopes=scopes,
        settings=parts().settings,
        now=now(),
        client=grant.client_id,
        person=grant.person_id,
        resident=grant.resident_id,
        organisation=grant.organisation_code,
        jkt=jkt,
        grant=grant.id,
        acting=grant.acting,
        assurance=grant.assurance,
        authenticated_at=grant.authenticated_at,
        no_later_than=grant.ends_at,
    )
    extra = dict(more or {})
    if refresh:
        extra["refresh_token"] = grants.new_refresh(session(), grant, jkt=jkt, now=now())
    if grant.granted is not None:
        extra["authorization_details"] = grant.granted
    return _answer(text, client, scopes, grant, actor=_actor(grant), **extra)


def lifetime(issued_at: datetime, expires_at: datetime) -> int:
    return int((expires_at - issued_at).total_seconds())


def _answer(
    text: str, client: RegisteredClient, scopes: str, grant: Grant | None, *, actor: str, **more: Any
) -> dict[str, Any]:
    seconds = parts().settings.token_seconds
    if grant is not None:
        seconds = min(seconds, lifetime(now(), grant.ends_at))
    body = {"scopes": scopes.split(), "client": client.get_client_id()} | ({"grant": grant.id} if grant else {})
    session().flush()
    parts().trail.append(
        session(),
        Event(
            action=AuditAction.TOKEN_ISSUED,
            actor=actor,
            organisation=client.client.organisation_code,
            resident=grant.resident_id if grant else None,
            body=body,
        ),
        now=now(),
    )
    session().commit()
    return {"access_token": text, "token_type": "DPoP", "expires_in": seconds, "scope": scopes, **more}


def _actor(grant: Grant) -> str:
    if grant.person_id is not None:
        return f"person:{grant.person_id}"
    return f"resident:{grant.resident_id}" if grant.resident_id is not None else f"client:{grant.client_id}"
