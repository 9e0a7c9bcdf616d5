"""Client authentication by a signed assertion (RFC 7523, ``private_key_jwt``), stricter than the library's own.

ES256 or PS256 alone; the audience is the issuer, as one string; an assertion is short-lived and used once.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwk, jwt
from joserfc.errors import JoseError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from broker.identity.models import AssertionUse

ALGORITHMS = ["ES256", "PS256"]
LONGEST = 300  # seconds from now to an assertion's end
SKEW = 10  # seconds a client's clock may be ahead


class PrivateKeyJWT(JWTBearerClientAssertion):  # type: ignore[misc]  # Authlib is untyped
    CLIENT_AUTH_METHOD = "private_key_jwt"

    def __init__(self, *, issuer: str, session: Any, now: Any) -> None:
        super().__init__(leeway=SKEW)
        self._issuer = issuer
        self._session = session
        self._now = now

    def get_audiences(self) -> list[str]:
        return [self._issuer]

    def resolve_client_public_key(self, client: Any) -> Any:
        return jwk.KeySet.import_key_set(client.jwks)

    def process_assertion_claims(self, assertion: str, resolve_key: Any) -> Any:
        try:
            token = jwt.decode(assertion, resolve_key, algorithms=ALGORITHMS)
        except (JoseError, ValueError) as error:
            raise InvalidClientError(description="The client assertion's signature does not hold.") from error
        claims = token.claims
        now = int(self._now().timestamp())
        if not isinstance(claims.get("aud"), str):
            raise InvalidClientError(description="The assertion's audience must be the issuer, as one string.")
        if not isinstance(claims.get("exp"), int) or claims["exp"] > now + LONGEST + SKEW:
            raise InvalidClientError(description="A client assertion lives five minutes at most.")
        if any(isinstance(claims.get(name), int) and claims[name] > now + 60 for name in ("iat", "nbf")):
            raise InvalidClientError(description="The client assertion is from the future.")
        self.verify_claims(claims)
        return claims

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
