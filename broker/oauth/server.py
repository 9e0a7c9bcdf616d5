"""The token, revocation and metadata endpoints (RFC 6749 §4.4, RFC 7009, RFC 8414). Issues nothing but short tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, InvalidRequestError, InvalidScopeError, OAuth2Error
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc7009 import RevocationEndpoint
from flask import Flask, Response, current_app, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from broker.audit.trail import Event
from broker.doors import now, parts, session
from broker.identity.models import AccessToken, Client
from broker.oauth import tokens
from broker.oauth.assertion import ALGORITHMS, PrivateKeyJWT
from broker.oauth.guard import public
from broker.oauth.scopes import SCOPES
from broker.vocabulary import AuditAction

METHODS = ["private_key_jwt"]
FORM_BYTES = 64 * 1024


class RegisteredClient(ClientMixin):  # type: ignore[misc]  # Authlib is untyped
    """A partner's system as Authlib asks about it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.jwks = client.jwks

    def get_client_id(self) -> str:
        return self.client.id

    def get_allowed_scope(self, scope: str) -> str:
        """Exactly what was asked, where all of it is allowed; asking for more is refused, never trimmed."""
        asked = scope.split()
        return " ".join(asked) if asked and set(asked) <= set(self.client.scopes.split()) else ""

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


class ClientCredentials(ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def validate_token_request(self) -> None:
        super().validate_token_request()
        client: RegisteredClient = self.request.client
        if not client.get_allowed_scope(self.request.payload.scope or ""):
            raise InvalidScopeError("Ask for at least one scope, and only for those this client is registered for.")


class Revocation(RevocationEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> AccessToken | None:
        return session().get(AccessToken, tokens.digest(token_string))

    def check_params(self, request: Any, client: RegisteredClient) -> None:
        if not request.form.get("token"):
            raise InvalidRequestError("Say which token.")

    def authenticate_token(self, request: Any, client: RegisteredClient) -> AccessToken | None:
        self.check_params(request, client)
        token = self.query_token(request.form["token"], None)
        return token if token is not None and token.client_id == client.get_client_id() else None

    def revoke_token(self, token: AccessToken, request: Any) -> None:
        if token.revoked_at is None:  # giving it back twice is no mistake, and no second act
            token.revoked_at = now()
            _write_down(AuditAction.TOKEN_REVOKED, request.client.client, token.scopes)
        session().commit()


def register(app: Flask) -> None:
    """Add the endpoints. Shared secrets, implicit, password and refresh are not registered, so cannot be reached."""
    server = AuthorizationServer(app, query_client=_client, save_token=_save)
    server.register_token_generator("default", _generate)
    settings = app.extensions["broker"].settings
    server.register_client_auth_method(
        "private_key_jwt", PrivateKeyJWT(issuer=settings.issuer, session=session, now=now)
    )
    server.register_grant(ClientCredentials)
    server.register_endpoint(Revocation)
    app.add_url_rule("/oauth/token", "oauth_token", _form_only(server.create_token_response), methods=["POST"])
    app.add_url_rule(
        "/oauth/revoke",
        "oauth_revoke",
        _form_only(lambda: server.create_endpoint_response("revocation")),
        methods=["POST"],
    )
    app.add_url_rule("/.well-known/oauth-authorization-server", "oauth_metadata", metadata)


@public
def metadata() -> Response:
    """RFC 8414: what this server supports, and nothing it does not."""
    issuer = parts().settings.issuer
    return jsonify(
        issuer=issuer,
        token_endpoint=f"{issuer}/oauth/token",
        token_endpoint_auth_methods_supported=METHODS,
        token_endpoint_auth_signing_alg_values_supported=ALGORITHMS,
        revocation_endpoint=f"{issuer}/oauth/revoke",
        revocation_endpoint_auth_methods_supported=METHODS,
        revocation_endpoint_auth_signing_alg_values_supported=ALGORITHMS,
        grant_types_supported=["client_credentials"],
        response_types_supported=[],
        scopes_supported=sorted(SCOPES),
        service_documentation=f"{issuer}/api/docs",
    )


def _form_only(respond: Callable[[], Response]) -> Callable[[], Response]:
    """Refuse what the library would let through: parameters in the URL, twice, oversized, or too deeply nested."""

    @public
    def endpoint() -> Response:
        try:
            _check_form()
            answer: Response = respond()
        except OAuth2Error as error:
            answer = current_app.make_response((jsonify(error=error.error, error_description=error.description), 400))
        except (RecursionError, ValueError, TypeError):
            # An assertion that cannot even be parsed, before anybody is authenticated.
            answer = current_app.make_response(
                (jsonify(error="invalid_client", error_description="The client assertion cannot be read."), 401)
            )
        if answer.status_code == 400 and (answer.get_json(silent=True) or {}).get("error") == "invalid_client":
            answer.status_code = 401  # RFC 6749 §5.2
        answer.headers["Cache-Control"] = "no-store"
        return answer

    endpoint.__name__ = f"form_{id(respond)}"
    return endpoint


def _check_form() -> None:
    if request.query_string:
        raise InvalidRequestError("Parameters belong in the body, never in the URL.")
    if request.content_length is None or request.content_length > FORM_BYTES:
        raise RequestEntityTooLarge
    if request.mimetype != "application/x-www-form-urlencoded":
        raise InvalidRequestError("Send application/x-www-form-urlencoded.")
    repeated = [name for name, values in request.form.lists() if len(values) > 1]
    if repeated:
        raise InvalidRequestError("A parameter is given more than once.")
    if any("\x00" in value or "\ufffd" in value for value in request.form.values()):
        raise InvalidRequestError("A parameter is not plain text.")
    if (resource := request.form.get("resource")) and resource != tokens.audience(parts().settings):
        raise _InvalidTarget("Tokens are for this broker's API alone.")


class _InvalidTarget(OAuth2Error):  # type: ignore[misc]
    error = "invalid_target"  # RFC 8707 §2


def _client(client_id: str) -> RegisteredClient | None:
    client = session().get(Client, client_id)
    return None if client is None or client.revoked_at is not None else RegisteredClient(client)


def _generate(*, client: RegisteredClient, scope: str, **_ignored: Any) -> dict[str, Any]:
    settings = parts().settings
    text = tokens.issue(
        session(),
        role=client.client.role,
        scopes=scope,
        settings=settings,
        now=now(),
        client=client.client.id,
        organisation=client.client.organisation_code,
    )
    return {"access_token": text, "token_type": "Bearer", "expires_in": settings.token_seconds, "scope": scope}


def _save(token: dict[str, Any], oauth_request: Any) -> None:
    _write_down(AuditAction.TOKEN_ISSUED, oauth_request.client.client, token["scope"])
    session().commit()


def _write_down(action: AuditAction, client: Client, scopes: str) -> None:
    event = Event(
        action=action,
        actor=f"client:{client.id}",
        organisation=client.organisation_code,
        body={"scopes": scopes.split()},
    )
    session().flush()
    parts().trail.append(session(), event, now=now())
