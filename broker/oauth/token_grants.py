"""The grant types of the token endpoint (RFC 6749), as FAPI 2.0 has them. Implicit and password are not here."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from typing import Any

from authlib.oauth2.rfc6749.grants import BaseGrant
from authlib.oauth2.rfc6749.grants.base import TokenEndpointMixin

from broker.doors import now, parts, session
from broker.grants import actions as grants
from broker.grants.models import AuthorizationCode, Grant
from broker.oauth import issuing, smart
from broker.oauth.assertion import at_own_door
from broker.oauth.clients import METHODS, RegisteredClient
from broker.oauth.refusals import (
    InvalidClientError,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
    refuse,
)
from broker.oauth.standing import grant_stands
from broker.vocabulary import ClientProfile

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
Answer = tuple[int, dict[str, Any], list[tuple[str, str]]]


class BoundGrant(BaseGrant, TokenEndpointMixin):  # type: ignore[misc]  # Authlib is untyped
    """What every grant here does first: the client proves who it is, and with which key it will use the token."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS
    TOKEN_ENDPOINT_HTTP_METHODS = ["POST"]
    registered: RegisteredClient
    jkt: str

    def validate_token_request(self) -> None:
        self.registered = self.request.client = self.authenticate_token_endpoint_client()
        if not at_own_door(self.registered.client.profile):
            refuse(InvalidClientError, "This client asks for its tokens at another address.")
        if not self.registered.check_grant_type(self.GRANT_TYPE):
            refuse(UnauthorizedClientError, "This client is not registered for this grant type.")
        self.jkt = issuing.proven_key()
        self.check()

    def check(self) -> None:
        """What is particular to this grant type. Raises what the RFC names."""
        raise NotImplementedError

    def create_token_response(self) -> Answer:
        return 200, self.answer(), self.TOKEN_RESPONSE_HEADER

    def answer(self) -> dict[str, Any]:
        raise NotImplementedError

    def sent(self, name: str) -> str:
        """One parameter of the form; empty where it was not sent."""
        value: str = self.request.form.get(name, "")
        return value


class ClientCredentials(BoundGrant):
    """A system on nobody's behalf (RFC 6749 §4.4)."""

    GRANT_TYPE = "client_credentials"
    scopes: str

    def check(self) -> None:
        self.scopes = self.registered.must_have(self.request.form.get("scope"))
        smart.check_backend(self.registered, self.scopes)

    def answer(self) -> dict[str, Any]:
        return issuing.for_client(self.registered, self.scopes, jkt=self.jkt)


class Code(BoundGrant):
    """A code for what somebody agreed to in a browser (RFC 6749 §4.1.3, RFC 7636 §4.6)."""

    GRANT_TYPE = "authorization_code"
    grant: Grant

    def check(self) -> None:
        spent = grants.spend_code(
            session(),
            self.sent("code"),
            client=self.registered.get_client_id(),
            trail=parts().trail,
            now=now(),
        )
        if spent is None:
            refuse(InvalidGrantError, "The code is unknown, spent, too old, or another client's.")
        code, self.grant = spent
        if self.sent("redirect_uri") != code.redirect_uri:
            refuse(InvalidGrantError, "The redirect_uri is not the one that was asked with.")
        if not self._made(code):
            refuse(InvalidGrantError, "The code_verifier is missing, or is not the one that was asked with.")
        if code.jkt not in (None, self.jkt):
            refuse(InvalidGrantError, "The code is bound to another key.")
        if not grant_stands(session(), self.grant, now=now()):
            refuse(InvalidGrantError, "What was agreed to has ended.")

    def _made(self, code: AuthorizationCode) -> bool:
        verifier = self.sent("code_verifier")
        if not _VERIFIER.fullmatch(verifier):
            return False
        made = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        return hmac.compare_digest(made, code.challenge)

    def answer(self) -> dict[str, Any]:
        return issuing.for_grant(
            self.registered,
            self.grant,
            self.grant.scopes,
            jkt=self.jkt,
            refresh=renewable(self.registered, self.grant),
            more=smart.launch_context(self.registered, self.grant),
        )


class Refresh(BoundGrant):
    """Renewing (RFC 6749 §6): the same refresh token again, by the same key, for no more than was granted."""

    GRANT_TYPE = "refresh_token"
    grant: Grant
    scopes: str

    def check(self) -> None:
        found = grants.refresh_behind(session(), self.sent("refresh_token"))
        if found is None or found[1].client_id != self.registered.get_client_id():
            refuse(InvalidGrantError, "There is no such refresh token.")
        refresh, self.grant = found
        if refresh.jkt != self.jkt:
            refuse(InvalidGrantError, "The refresh token is bound to another key.")
        if refresh.revoked_at is not None or not grant_stands(session(), self.grant, now=now()):
            refuse(InvalidGrantError, "What was agreed to has ended.")
        asked = (self.sent("scope") or self.grant.scopes).split(" ")
        if len(set(asked)) != len(asked) or not set(asked) <= set(self.grant.scopes.split()):
            refuse(InvalidScopeError, "The scope is wider than what was granted.")
        if "authorization_details" in self.request.form.to_dict():
            refuse(InvalidRequestError, "What was granted stands as it is: leave the authorization_details out.")
        self.scopes = " ".join(asked)

    def answer(self) -> dict[str, Any]:
        more = smart.launch_context(self.registered, self.grant)
        return issuing.for_grant(self.registered, self.grant, self.scopes, jkt=self.jkt, refresh=False, more=more)


def renewable(client: RegisteredClient, grant: Grant) -> bool:
    """Whether a grant comes with a refresh token: where it outlasts a token, and a SMART app asked to be offline."""
    if not client.check_grant_type("refresh_token"):
        return False
    if client.client.profile is ClientProfile.SMART_APP and "offline_access" not in grant.scopes.split():
        return False
    return issuing.lifetime(now(), grant.ends_at) > parts().settings.token_seconds
