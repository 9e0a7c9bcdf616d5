"""Client authentication by a signed assertion (RFC 7523, ``private_key_jwt``), stricter than the library's own.

ES256 or PS256 alone; the audience is the issuer, as one string; an assertion is short-lived and used once.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwk, jwt
from joserfc.errors import JoseError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from broker.identity.models import AssertionUse

ALGORITHMS = ["ES256", "PS256"]
LONGEST = 300  # seconds from now to an assertion's end
SKEW = 10  # seconds by which two clocks may differ at an assertion's end
AHEAD = 60  # seconds a client's clock may be ahead


class PrivateKeyJWT(JWTBearerClientAssertion):  # type: ignore[misc]  # Authlib is untyped
    CLIENT_AUTH_METHOD = "private_key_jwt"

    def __init__(self, *, issuer: str, session: Any, now: Any) -> None:
        super().__init__(leeway=SKEW)
        self._issuer = issuer
        self._session = session
        self._now = now

    def resolve_client_public_key(self, client: Any) -> Any:
        return jwk.KeySet.import_key_set(client.jwks)

    def process_assertion_claims(self, assertion: str, resolve_key: Any) -> Any:
        try:
            token = jwt.decode(assertion, resolve_key, algorithms=ALGORITHMS)
        except (JoseError, ValueError) as error:
            raise InvalidClientError(description="The client assertion's signature does not hold.") from error
        self.verify_claims(token.claims)
        return token.claims

    def verify_claims(self, claims: Any) -> None:
        """RFC 7523 §3, and shorter: every claim by this broker's own clock. Raises InvalidClientError."""
        now = int(self._now().timestamp())
        if not isinstance(claims.get("sub"), str) or claims.get("iss") != claims["sub"]:
            _refuse("The assertion's issuer and subject must be the client.")
        if claims.get("aud") != self._issuer:
            _refuse("The assertion's audience must be the issuer, as one string.")
        if not _whole(claims.get("exp")) or not now - SKEW < claims["exp"] <= now + LONGEST + SKEW:
            _refuse("The assertion has expired, or lives longer than five minutes.")
        if any(
            name in claims and not (_whole(claims[name]) and claims[name] <= now + AHEAD) for name in ("iat", "nbf")
        ):
            _refuse("The assertion is from the future.")
        if not self.validate_jti(claims, claims.get("jti")):
            _refuse("The assertion has been used before, or does not say which one it is.")

    def validate_jti(self, claims: Any, jti: Any) -> bool:
        """Keep the ``jti``; the primary key lets exactly one of any number of simultaneous uses through."""
        if not isinstance(jti, str) or not 1 <= len(jti) <= 200:
            return False
        session: Session = self._session()
        expires_at = datetime.fromtimestamp(claims["exp"], UTC) + timedelta(seconds=SKEW)
        session.add(AssertionUse(client_id=claims["sub"], jti=jti, expires_at=expires_at))
        try:
            session.commit()
        except IntegrityError:
            session.rollback()
            return False
        return True


def _refuse(why: str) -> NoReturn:
    raise InvalidClientError(description=why)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
