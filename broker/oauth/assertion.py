"""Client authentication by a signed assertion (RFC 7523, ``private_key_jwt``), stricter than the library's own.

Short-lived, used once, by a registered key. A FAPI 2.0 client's is for the issuer, as one string, and for nothing else;
the other profiles' is for the one token address they have, so that neither is of use at the other's.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from flask import request as http
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from broker.database import engine_of, hasty, table_of
from broker.doors import now, parts, session
from broker.identity.models import AssertionUse
from broker.oauth.keys import ALGORITHMS
from broker.oauth.refusals import InvalidClientError, refuse
from broker.oauth.signed import Unreadable, claims_of, unverified, whole
from broker.vocabulary import ClientProfile

LONGEST = 300  # seconds from now to an assertion's end
SKEW = 10  # seconds by which two clocks may differ at an assertion's end
AHEAD = 60  # seconds a client's clock may be ahead
SMART_TOKEN = "/smart/token"
_USE = insert(table_of(AssertionUse))


class PrivateKeyJWT(JWTBearerClientAssertion):  # type: ignore[misc]  # Authlib is untyped
    CLIENT_AUTH_METHOD = "private_key_jwt"

    def __call__(self, query_client: Any, request: Any) -> Any:
        """The client that made the assertion; None where there is none. Raises InvalidClientError."""
        form = request.form
        if form.get("client_assertion_type") != self.CLIENT_ASSERTION_TYPE or not form.get("client_assertion"):
            return None
        try:
            _, said = unverified(form["client_assertion"])
            client = query_client(said["sub"]) if isinstance(said.get("sub"), str) else None
            if client is None:
                raise Unreadable
            _, claims = claims_of(form["client_assertion"], client.jwks, algorithms=ALGORITHMS)
        except Unreadable as error:
            raise InvalidClientError(description="The client assertion does not hold.") from error
        self._check(claims, client)
        if form.get("client_id", client.get_client_id()) != client.get_client_id():
            refuse(InvalidClientError, "The client_id is another client's.")
        request.client = client
        return client

    def _check(self, claims: dict[str, Any], client: Any) -> None:
        """RFC 7523 §3, and shorter: every claim by this broker's own clock. Raises InvalidClientError."""
        seconds = int(now().timestamp())
        if claims.get("iss") != claims["sub"]:
            refuse(InvalidClientError, "The assertion's issuer and subject must be the client.")
        if claims.get("aud") != audience_for(client.client.profile) or not isinstance(claims["aud"], str):
            refuse(InvalidClientError, "The assertion's audience must be the one of its profile, as a string.")
        if not whole(claims.get("exp")) or not seconds - SKEW < claims["exp"] <= seconds + LONGEST + SKEW:
            refuse(InvalidClientError, "The assertion has expired, or lives longer than five minutes.")
        if any(
            name in claims and not (whole(claims[name]) and claims[name] <= seconds + AHEAD) for name in ("iat", "nbf")
        ):
            refuse(InvalidClientError, "The assertion is from the future.")
        if not _use(session(), claims):
            refuse(InvalidClientError, "The assertion has been used before, or does not say which one it is.")


def audience_for(profile: ClientProfile) -> str:
    """The one audience that an assertion of a client of ``profile`` has, wherever it is presented."""
    issuer = parts().settings.issuer
    return issuer if profile is ClientProfile.FAPI2 else f"{issuer}{SMART_TOKEN}"


def at_own_door(profile: ClientProfile) -> bool:
    """Whether a token is asked for where clients of ``profile`` ask: the narrower profile has an address of its own."""
    return (http.path == SMART_TOKEN) == (profile is not ClientProfile.FAPI2)


def _use(kept: Session, claims: dict[str, Any]) -> bool:
    """Keep the ``jti``; the primary key lets exactly one of any number of simultaneous uses through. Commits."""
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= 200:
        return False
    expires_at = datetime.fromtimestamp(claims["exp"], UTC) + timedelta(seconds=SKEW)
    try:
        with hasty(engine_of(kept)).begin() as connection:
            connection.execute(_USE, {"client_id": claims["sub"], "jti": jti, "expires_at": expires_at})
    except IntegrityError:
        return False
    return True
