"""A signed answer to what a token is (RFC 9701), for a resource server that must show later what it was told.

Says nothing that the plain answer does not, and to nobody but the resource server that asked.
"""

from __future__ import annotations

from typing import Any

from flask import request as http

from broker.doors import now, parts
from broker.oauth.clients import RegisteredClient
from broker.oauth.jwks import TokenKeys
from broker.oauth.refusals import UnauthorizedClientError, refuse

KIND = "token-introspection+jwt"
MEDIA_TYPE = f"application/{KIND}"


def wanted() -> bool:
    """Whether the caller asks for the signed answer by name (RFC 9701 §4); ``*/*`` asks for no such thing."""
    return any(str(kind).lower() == MEDIA_TYPE and quality > 0 for kind, quality in http.accept_mimetypes)


def signed(client: RegisteredClient, said: dict[str, Any]) -> str:
    """``said`` as a JWT for ``client`` alone (RFC 9701 §5). Raises UnauthorizedClientError for no resource server."""
    if not client.client.resource_server:
        refuse(UnauthorizedClientError, "Only a resource server is given a signed answer.")
    settings = parts().settings
    claims = {
        "iss": settings.issuer,
        "aud": client.get_client_id(),
        "iat": int(now().timestamp()),
        "token_introspection": said,
    }
    return TokenKeys.of(settings).sign(claims, kind=KIND)
