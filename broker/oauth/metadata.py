"""What this server supports, and nothing it does not (RFC 8414, RFC 9728)."""

from __future__ import annotations

from flask import Response, jsonify

from broker.doors import parts
from broker.oauth import ciba, details, jwks, tokens
from broker.oauth.assurance import ACR_VALUES
from broker.oauth.clients import METHODS
from broker.oauth.guard import public
from broker.oauth.keys import ALGORITHMS
from broker.oauth.scopes import SCOPES

GRANTS = ["authorization_code", "refresh_token", "client_credentials", ciba.GRANT_TYPE]
_SIGNED = list(ALGORITHMS)


@public
def authorization_server() -> Response:
    issuer = parts().settings.issuer
    said = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "pushed_authorization_request_endpoint": f"{issuer}/oauth/par",
        "require_pushed_authorization_requests": True,
        "grant_types_supported": GRANTS,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "dpop_signing_alg_values_supported": _SIGNED,
        "authorization_details_types_supported": [details.TYPE],
        "acr_values_supported": ACR_VALUES,
        "scopes_supported": sorted(SCOPES),
        "prompt_values_supported": ["none", "login", "consent"],
        "backchannel_authentication_endpoint": f"{issuer}{ciba.PATH}",
        "backchannel_token_delivery_modes_supported": ["poll"],
        "backchannel_user_code_parameter_supported": False,
        "jwks_uri": f"{issuer}/oauth/jwks",
        "introspection_signing_alg_values_supported": [jwks.ALGORITHM],
        "request_object_signing_alg_values_supported": _SIGNED,
        "require_signed_request_object": False,
        "service_documentation": f"{issuer}/api/docs",
    }
    for name, path in ADDRESS.items():
        said[f"{name}_endpoint"] = f"{issuer}/oauth/{path}"
        said[f"{name}_endpoint_auth_methods_supported"] = METHODS
        said[f"{name}_endpoint_auth_signing_alg_values_supported"] = _SIGNED
    return jsonify(said)


ADDRESS = {"token": "token", "revocation": "revoke", "introspection": "introspect"}


@public
def protected_resource() -> Response:
    """RFC 9728: where tokens for the API come from, and how they are presented."""
    issuer = parts().settings.issuer
    return jsonify(
        resource=tokens.audience(parts().settings),
        authorization_servers=[issuer],
        scopes_supported=sorted(SCOPES),
        bearer_methods_supported=["header"],
        dpop_signing_alg_values_supported=_SIGNED,
        dpop_bound_access_tokens_required=True,
        authorization_details_types_supported=[details.TYPE],
    )
