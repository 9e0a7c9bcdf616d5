"""Signed authorization requests (JAR, RFC 9101; FAPI 2.0 Message Signing §5.3): asked in the client's own hand.

Where a request is signed, nothing outside the signature is read. What is inside is checked where every other is.
"""

from __future__ import annotations

import json
from typing import Any

from broker.doors import now, parts
from broker.oauth.clients import RegisteredClient
from broker.oauth.form import MOST_PARAMETERS
from broker.oauth.keys import ALGORITHMS
from broker.oauth.refusals import InvalidRequestError, OAuth2Error, refuse
from broker.oauth.signed import Unreadable, claims_of, whole

TYPE = "oauth-authz-req+jwt"
OLDEST = LONGEST = 60 * 60  # seconds since ``nbf``; seconds from it to ``exp``
SKEW = 10  # seconds by which two clocks may differ at a request's end
AHEAD = 60  # seconds a client's clock may be ahead
# What says whose and how old the object is, and asks for nothing.
_OF_THE_OBJECT = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti"})
# ``sub`` would make the object a client assertion (RFC 9101 §10.8); the others would be a request within a request.
_NEVER_INSIDE = frozenset({"sub", "request", "request_uri"})


class InvalidRequestObject(OAuth2Error):  # type: ignore[misc]  # Authlib is untyped
    error = "invalid_request_object"  # RFC 9101 §7


def parameters(client: RegisteredClient, form: dict[str, str]) -> dict[str, str]:
    """What is asked for: all of it inside the signed request object where there is one, else the form.

    Raises InvalidRequestObject, and InvalidRequestError for an unsigned request of a client that signs its own.
    """
    if "request" not in form:
        if client.client.signs_requests:
            refuse(InvalidRequestError, "This client is registered to sign its requests: send a request object.")
        return form
    try:
        header, claims = claims_of(form["request"], client.jwks, algorithms=ALGORITHMS)
    except Unreadable as error:
        why = "The request object cannot be read, or no registered key made its signature."
        raise InvalidRequestObject(description=why) from error
    _must_be_for_here(client, header, claims)
    _must_be_now(claims)
    return _asked(claims)


def _must_be_for_here(client: RegisteredClient, header: dict[str, Any], claims: dict[str, Any]) -> None:
    if header.get("typ", TYPE) != TYPE:
        refuse(InvalidRequestObject, "The request object's type is oauth-authz-req+jwt.")
    if claims.get("iss") != client.get_client_id() or claims.get("client_id") != client.get_client_id():
        refuse(InvalidRequestObject, "The request object's iss and client_id must be the client.")
    audience, issuer = claims.get("aud"), parts().settings.issuer
    if audience != issuer and not (isinstance(audience, list) and issuer in audience):
        refuse(InvalidRequestObject, "The request object's audience must be this issuer.")
    if _NEVER_INSIDE & claims.keys():
        refuse(InvalidRequestObject, "A request object holds no sub, and no request of its own.")


def _must_be_now(claims: dict[str, Any]) -> None:
    """FAPI 2.0 Message Signing §5.3.1: from when and until when, by this broker's own clock."""
    seconds = int(now().timestamp())
    if not whole(claims.get("nbf")) or not whole(claims.get("exp")):
        refuse(InvalidRequestObject, "The request object must say nbf and exp, in whole seconds.")
    starts, ends = claims["nbf"], claims["exp"]
    if not seconds - OLDEST <= starts <= seconds + AHEAD:
        refuse(InvalidRequestObject, "The request object is more than an hour old, or from the future.")
    if not seconds - SKEW < ends <= starts + LONGEST:
        refuse(InvalidRequestObject, "The request object has expired, or lives longer than an hour.")
    if "iat" in claims and not (whole(claims["iat"]) and claims["iat"] <= seconds + AHEAD):
        refuse(InvalidRequestObject, "The request object is from the future.")


def _asked(claims: dict[str, Any]) -> dict[str, str]:
    """The claims that ask for something, as a form would have said them."""
    asked = {name: _as_text(name, said) for name, said in claims.items() if name not in _OF_THE_OBJECT}
    if len(asked) > MOST_PARAMETERS or any("\x00" in said for said in asked.values()):
        refuse(InvalidRequestObject, "There are too many parameters in the request object, or one is not plain text.")
    return asked


def _as_text(name: str, said: Any) -> str:
    """A parameter's text. Only these two are otherwise in JSON (OpenID Connect Core §6.1, RFC 9396 §2)."""
    if name == "max_age" and whole(said):
        return str(said)
    if name == "authorization_details" and isinstance(said, list):
        return json.dumps(said)
    if not isinstance(said, str) or name == "authorization_details":
        refuse(InvalidRequestObject, "A parameter in the request object is of the wrong kind.")
    return said
