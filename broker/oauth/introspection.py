"""Saying what a token is, and giving one back (RFC 7662, RFC 7009). Tells nobody anything of another's token."""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749 import TokenEndpoint

from broker.audit.trail import Event
from broker.doors import now, parts, session
from broker.grants import actions as grants
from broker.grants.models import Grant
from broker.identity.models import AccessToken
from broker.oauth import signed_introspection, smart, tokens
from broker.oauth.assurance import acr
from broker.oauth.clients import METHODS, RegisteredClient
from broker.oauth.refusals import InvalidRequestError, refuse
from broker.oauth.standing import stands
from broker.vocabulary import AuditAction

Answer = tuple[int, Any, list[tuple[str, str]]]


class _TokenEndpoint(TokenEndpoint):  # type: ignore[misc]  # Authlib is untyped
    CLIENT_AUTH_METHODS = METHODS

    def asked(self, request: Any) -> tuple[RegisteredClient, str]:
        """Who asks, and of which token. Raises InvalidClientError and InvalidRequestError."""
        client: RegisteredClient = self.authenticate_endpoint_client(request)
        text: str = request.form.get("token", "")
        if not text:
            refuse(InvalidRequestError, "Say which token.")
        return client, text


class Introspection(_TokenEndpoint):
    ENDPOINT_NAME = "introspection"

    def create_endpoint_response(self, request: Any) -> Answer:
        client, text = self.asked(request)
        said = said_of(client, text)
        if signed_introspection.wanted():
            signed = signed_introspection.signed(client, said)
            return 200, signed, [("Content-Type", signed_introspection.MEDIA_TYPE)]
        return 200, said, [("Content-Type", "application/json")]


def said_of(client: RegisteredClient, text: str) -> dict[str, Any]:
    """RFC 7662 §2.2: of a live token of its own, or any where it is a resource server; else only that it is not."""
    token = session().get(AccessToken, tokens.digest(text))
    if token is None or not (client.client.resource_server or token.client_id == client.get_client_id()):
        return {"active": False}
    if token.revoked_at is not None or now() >= token.expires_at or not stands(session(), token, now=now()):
        return {"active": False}
    grant = session().get(Grant, token.grant_id) if token.grant_id else None
    organisation = client.client.organisation_code
    said: dict[str, Any] = {
        "active": True,
        "scope": token.scopes,
        "client_id": token.client_id,
        "token_type": "DPoP",
        "exp": int(token.expires_at.timestamp()),
        "iat": int(token.issued_at.timestamp()),
        "iss": parts().settings.issuer,
        "aud": token.audience,
        "sub": tokens.subject(token, settings=parts().settings, organisation=organisation),
        "role": token.role.value,
        "acr": acr(token.assurance),
    }
    if token.jkt is not None:
        said["cnf"] = {"jkt": token.jkt}
    if token.authenticated_at is not None:
        said["auth_time"] = int(token.authenticated_at.timestamp())
    if grant is not None and grant.granted is not None:
        said["authorization_details"] = grant.granted
    said |= smart.context_told(client, grant)
    if token.acting is not None:
        said["act"] = {"sub": tokens.actor(token, settings=parts().settings, organisation=organisation)}
    if token.organisation_code is not None:
        said["organisation"] = token.organisation_code
    return said


class Revocation(_TokenEndpoint):
    ENDPOINT_NAME = "revocation"

    def create_endpoint_response(self, request: Any) -> Answer:
        """Give back a token; a refresh token takes its whole grant with it. Unknown ones are answered alike (§2.2)."""
        client, text = self.asked(request)
        token = session().get(AccessToken, tokens.digest(text))
        if token is not None and token.client_id == client.get_client_id():
            _revoke(token, client)
        found = grants.refresh_behind(session(), text)
        if found is not None and found[1].client_id == client.get_client_id():
            by = f"client:{client.get_client_id()}"
            grants.end(session(), found[1], by=by, why="given-back", trail=parts().trail, now=now())
            session().commit()
        return 200, {}, [("Content-Type", "application/json")]


def _revoke(token: AccessToken, client: RegisteredClient) -> None:
    if token.revoked_at is not None:  # giving it back twice is no mistake, and no second act
        return
    token.revoked_at = now()
    session().flush()
    parts().trail.append(
        session(),
        Event(
            action=AuditAction.TOKEN_REVOKED,
            actor=f"client:{client.get_client_id()}",
            organisation=client.client.organisation_code,
            body={"scopes": token.scopes.split()},
        ),
        now=now(),
    )
    session().commit()
