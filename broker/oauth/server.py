"""The authorization server's endpoints, on Authlib's: each proves who the client is before it does anything."""

from __future__ import annotations

import logging
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from flask import Flask, Response

from broker.oauth import jwks, metadata, smart
from broker.oauth.assertion import SMART_TOKEN, PrivateKeyJWT
from broker.oauth.ciba import PATH as BACKCHANNEL
from broker.oauth.ciba import Backchannel, Ciba
from broker.oauth.clients import client_called
from broker.oauth.exchange import TokenExchange
from broker.oauth.form import offer_nonce, takes_a_form
from broker.oauth.introspection import Introspection, Revocation
from broker.oauth.pushed import Par
from broker.oauth.token_grants import ClientCredentials, Code, Refresh

GRANTS = (ClientCredentials, Code, Refresh, Ciba, TokenExchange)
ENDPOINTS: dict[str, Any] = {
    "/oauth/par": Par,
    "/oauth/introspect": Introspection,
    "/oauth/revoke": Revocation,
    BACKCHANNEL: Backchannel,
}


def register(app: Flask) -> None:
    """Add the endpoints. Shared secrets, implicit and password cannot be reached: no endpoint names them."""
    logging.getLogger("authlib").setLevel(logging.WARNING)  # at DEBUG it writes whole tokens
    server = AuthorizationServer(app, query_client=client_called, save_token=_kept_already)
    server.register_client_auth_method(PrivateKeyJWT.CLIENT_AUTH_METHOD, PrivateKeyJWT())
    for grant in GRANTS:
        server.register_grant(grant)

    def token() -> Response:
        return offer_nonce(server.create_token_response())

    app.add_url_rule("/oauth/token", view_func=takes_a_form(token, name="oauth_token"), methods=["POST"])
    app.add_url_rule(SMART_TOKEN, view_func=takes_a_form(token, name="smart_token"), methods=["POST"])
    for path, endpoint in ENDPOINTS.items():
        server.register_endpoint(endpoint)
        _add(app, server, path, endpoint.ENDPOINT_NAME)
    app.add_url_rule("/.well-known/oauth-authorization-server", "oauth_metadata", metadata.authorization_server)
    app.add_url_rule("/.well-known/oauth-protected-resource", "oauth_resource", metadata.protected_resource)
    app.add_url_rule("/oauth/jwks", "oauth_jwks", jwks.jwks)
    app.add_url_rule("/fhir/.well-known/smart-configuration", "smart_configuration", smart.configuration)
    app.add_url_rule("/.well-known/oauth-protected-resource/api", "oauth_resource_api", metadata.protected_resource)


def _add(app: Flask, server: Any, path: str, name: str) -> None:
    def respond() -> Response:
        answer: Response = server.create_endpoint_response(name)
        return answer

    app.add_url_rule(path, view_func=takes_a_form(respond, name=f"oauth_{name}"), methods=["POST"])


def _kept_already(token: dict[str, Any], request: Any) -> None:
    """Authlib's own way to keep a token is not used: ``issuing`` keeps one with its entry, in one transaction."""
