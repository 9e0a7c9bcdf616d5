"""Pushed authorization requests (RFC 9126): all that is asked for, from an authenticated client, before any browser.

Everything is checked here, once, so that nobody is ever sent to a page or an address on the word of a URL.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from authlib.oauth2.rfc6749 import TokenEndpoint
from flask import request as http
from sqlalchemy import func, select

from broker.access.request import Requester
from broker.agreements.offers import offered_to
from broker.doors import now, parts, session
from broker.errors import NotFound, TooMany
from broker.grants.actions import digest, new_secret
from broker.grants.models import PushedRequest
from broker.identity.actions import resident_behind
from broker.oauth import details, dpop, jar, smart, tokens
from broker.oauth.assurance import wanted as wanted_assurance
from broker.oauth.clients import METHODS, RegisteredClient
from broker.oauth.refusals import (
    InvalidAuthorizationDetails,
    InvalidProof,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Error,
    UnauthorizedClientError,
    refuse,
)
from broker.oauth.scopes import for_partner, for_resident

SECONDS = 90
MOST_A_MINUTE = 60  # of one client's
URN = "urn:ietf:params:oauth:request_uri:"
LONGEST = {"state": 2000, "nonce": 2000}
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
# Taken, and nothing else is: a parameter that means nothing here is ignored (RFC 6749 §3.1), save those that would
# mean something elsewhere.
REFUSED = ("request_uri", "registration")


class UnsupportedResponseType(OAuth2Error):  # type: ignore[misc]  # Authlib is untyped
    error = "unsupported_response_type"


class Par(TokenEndpoint):  # type: ignore[misc]
    ENDPOINT_NAME = "pushed_authorization_request"
    CLIENT_AUTH_METHODS = METHODS

    def create_endpoint_response(self, request: Any) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Keep the request, and give its ``request_uri``, good once and for a minute and a half."""
        client: RegisteredClient = self.authenticate_endpoint_client(request)
        if "request_uri" in request.form.to_dict():
            refuse(InvalidRequestError, "A pushed request has no request_uri of its own.")
        _limit(client)
        asked = checked(client, jar.parameters(client, request.form.to_dict()))
        secret = new_secret()
        session().add(
            PushedRequest(
                digest=digest(URN + secret),
                client_id=client.get_client_id(),
                parameters=asked,
                jkt=_key_of(asked),
                made_at=now(),
                expires_at=now() + timedelta(seconds=SECONDS),
            )
        )
        session().commit()
        return 201, {"request_uri": URN + secret, "expires_in": SECONDS}, [("Content-Type", "application/json")]


def _limit(client: RegisteredClient) -> None:
    minute = now() - timedelta(minutes=1)
    pushed = select(func.count()).where(
        PushedRequest.client_id == client.get_client_id(), PushedRequest.made_at > minute
    )
    if (session().scalar(pushed) or 0) >= MOST_A_MINUTE:
        raise TooMany("too-many-requests", "Too many requests were pushed in a minute.", retry_after=60)


def checked(client: RegisteredClient, asked: dict[str, str]) -> dict[str, str]:
    """The parameters that count, each as it must be. Raises what RFC 6749 §4.1.2.1 and RFC 9396 §5 name."""
    if not client.check_grant_type("authorization_code"):
        refuse(UnauthorizedClientError, "This client is not registered to ask people.")
    if asked.get("client_id", client.get_client_id()) != client.get_client_id():
        refuse(InvalidRequestError, "The client_id is another client's.")
    if any(name in asked for name in REFUSED) or asked.get("response_mode", "query") != "query":
        refuse(InvalidRequestError, "One of the parameters has no place in a request here.")
    if asked.get("response_type") != "code":
        refuse(UnsupportedResponseType, "The response_type is code.")
    if not client.check_redirect_uri(asked.get("redirect_uri", "")):
        refuse(InvalidRequestError, "Say a redirect_uri, exactly as it is registered.")
    _check_challenge(asked)
    if any(len(asked.get(name, "")) > most for name, most in LONGEST.items()):
        refuse(InvalidRequestError, "The state or the nonce is too long.")
    client.must_have(asked.get("scope"))
    _check_who_answers(client, asked)
    smart.check_launch(client, asked)
    wanted_assurance(asked)
    return {name: asked[name] for name in KEPT if name in asked}


KEPT = (
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "dpop_jkt",
    "authorization_details",
    "acr_values",
    "max_age",
    "prompt",
)


def _check_challenge(asked: dict[str, str]) -> None:
    if asked.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(asked.get("code_challenge", "")):
        refuse(InvalidRequestError, "Send a code_challenge made with S256.")


def _check_who_answers(client: RegisteredClient, asked: dict[str, str]) -> None:
    """One person answers: a worker for their organisation's use, or a resident for their own, never both at once."""
    scope = asked["scope"]
    if "authorization_details" in asked:
        if not for_partner(scope):
            refuse(InvalidScopeError, "Access to a record is asked for with an organisation's scopes.")
        check_details(client, asked["authorization_details"])
    elif not (for_partner(scope) or for_resident(scope)):
        refuse(InvalidScopeError, "Ask for a resident's scopes or for an organisation's, not for both.")


def check_details(client: RegisteredClient, text: str) -> details.RecordAccess:
    """What is asked of a resident, where it is of a handle of this organisation's and no more than is agreed."""
    found = details.read(text, audience=tokens.audience(parts().settings))
    asker = Requester(
        organisation=client.client.organisation_code, role=client.client.role, client=client.get_client_id()
    )
    try:
        resident_behind(session(), found.resident, organisation=asker.organisation)
    except NotFound as error:
        raise InvalidAuthorizationDetails(description="There is no such resident.") from error
    offered = offered_to(session(), asker, now=now()).sections.get(found.purpose, ())
    if not found.sections <= set(offered):
        refuse(InvalidAuthorizationDetails, "No agreement in force lets this client have all of that, for that.")
    return found


def _key_of(asked: dict[str, str]) -> str | None:
    """The key that the code will be bound to: by its thumbprint, by a proof, or by both alike (RFC 9449 §10.1)."""
    named = asked.get("dpop_jkt")
    if named is not None and not _THUMBPRINT.fullmatch(named):
        refuse(InvalidRequestError, "The dpop_jkt is not a thumbprint.")
    proofs = http.headers.getlist("DPoP")
    if not proofs:
        return named
    proven = dpop.check(
        proofs, method=http.method, path=http.path, settings=parts().settings, session=session(), now=now()
    )
    if named not in (None, proven):
        refuse(InvalidProof, "The proof is by another key than dpop_jkt names.")
    return proven
