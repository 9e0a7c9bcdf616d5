"""Asking somebody who is not here (OpenID Connect CIBA Core 1.0, poll mode), for access to their record (RFC 9396).

There is no sign-in in it: the resident answers in their own pages, in their own time, or never. Nothing said here tells
an organisation whether there is such a resident, whether they were shown the request, or that they said no.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6749 import TokenEndpoint
from flask import request as http
from sqlalchemy import select, update

from broker.access.request import Requester
from broker.consent import actions as consents
from broker.consent.models import AccessRequestRecord, Consent, Provision
from broker.doors import now, parts, session
from broker.errors import TooMany
from broker.grants import actions as grants
from broker.grants.models import BackchannelRequest, Grant
from broker.oauth import details, issuing
from broker.oauth.assurance import wanted as wanted_assurance
from broker.oauth.clients import METHODS, RegisteredClient
from broker.oauth.pushed import check_details
from broker.oauth.refusals import (
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Error,
    UnauthorizedClientError,
    refuse,
)
from broker.oauth.scopes import for_partner
from broker.oauth.standing import grant_stands
from broker.oauth.token_grants import BoundGrant, renewable
from broker.vocabulary import ConsentStatus, Purpose, RequestState, Section

GRANT_TYPE = "urn:openid:params:grant-type:ciba"
PATH = "/oauth/bc-authorize"
SHORTEST, LONGEST = 300, 14 * 86400  # seconds a request may wait for its answer
FIRST_INTERVAL, LONGEST_INTERVAL, SLOWER = 30, 3600, 5  # seconds between polls; how much slower after one too soon
GROWS = 120  # a request so many seconds old is polled a second less often
# As sure as a system on nobody's behalf is: how surely a resident is known does not make the asker surer.
SYSTEM_ASSURANCE = 2
OTHER_HINTS = ("login_hint_token", "id_token_hint")
_MESSAGE = re.compile(r"[A-Za-z0-9 ]{1,20}")
_SECONDS = re.compile(r"[0-9]{1,7}")

Answer = tuple[int, dict[str, Any], list[tuple[str, str]]]


class InvalidBindingMessage(OAuth2Error):  # type: ignore[misc]  # Authlib is untyped
    error = "invalid_binding_message"


class AuthorizationPending(OAuth2Error):  # type: ignore[misc]
    error = "authorization_pending"


class SlowDown(OAuth2Error):  # type: ignore[misc]
    error = "slow_down"


class ExpiredToken(OAuth2Error):  # type: ignore[misc]
    error = "expired_token"


class AccessDenied(OAuth2Error):  # type: ignore[misc]
    error = "access_denied"


class Backchannel(TokenEndpoint):  # type: ignore[misc]
    """CIBA §7: take the request, and say nothing of whether it reaches anybody."""

    ENDPOINT_NAME = "backchannel_authentication"
    CLIENT_AUTH_METHODS = METHODS

    def create_endpoint_response(self, request: Any) -> Answer:
        client: RegisteredClient = self.authenticate_endpoint_client(request)
        form: dict[str, str] = request.form.to_dict()
        record, seconds = _checked(client, form)
        jkt = issuing.proven_key() if http.headers.getlist("DPoP") else None
        try:
            asked = _ask(client, record, seconds=seconds, assurance=_assurance(form))
        except TooMany as error:
            said = {"error": "temporarily_unavailable", "error_description": error.detail}
            return 429, said, [("Content-Type", "application/json"), ("Retry-After", str(error.retry_after))]
        secret = _keep(client, record, asked, scopes=form["scope"], jkt=jkt)
        answer = {
            "auth_req_id": secret,
            "expires_in": seconds,
            "interval": FIRST_INTERVAL,
            "binding_code": asked.binding_code,  # ours: the resident sees the same one, and the worker reads it aloud
        }
        return 200, answer, [("Content-Type", "application/json")]


def template(purpose: Purpose, sections: frozenset[Section]) -> dict[str, Any]:
    """How to ask a resident for what was refused: whom, for how long and why is left to complete.

    Made of what was asked for alone, so that it tells no more than that asking could help.
    """
    return {
        "endpoint": f"{parts().settings.issuer}{PATH}",
        "authorization_details": [
            {
                "type": details.TYPE,
                "actions": ["read"],
                "sections": [section.value for section in Section if section in sections],
                "purpose": purpose.value,
            }
        ],
        "complete": ["resident", "duration", "reason"],
    }


def _checked(client: RegisteredClient, form: dict[str, str]) -> tuple[details.RecordAccess, int]:
    """What is asked for, and how long it waits. Raises what CIBA §13 and RFC 9396 §5 name."""
    if not client.check_grant_type(GRANT_TYPE):
        refuse(UnauthorizedClientError, "This client is not registered to ask people who are not here.")
    if "request" in form or "request_uri" in form or client.client.signs_requests:
        refuse(InvalidRequestError, "Signed requests are not taken here.")
    if any(hint in form for hint in OTHER_HINTS) or not form.get("login_hint"):
        refuse(InvalidRequestError, "Send exactly one hint: the resident's handle as the login_hint.")
    if not for_partner(client.must_have(form.get("scope"))):
        refuse(InvalidScopeError, "Access to a record is asked for with an organisation's scopes.")
    if "binding_message" in form and not _MESSAGE.fullmatch(form["binding_message"]):
        refuse(InvalidBindingMessage, "The binding_message is at most 20 letters, digits and spaces.")
    if "authorization_details" not in form:
        refuse(InvalidRequestError, "Say in authorization_details what you ask for.")
    record = check_details(client, form["authorization_details"])
    if form["login_hint"] != record.resident:
        refuse(InvalidRequestError, "The login_hint is not the resident of the authorization_details.")
    return record, _wait(form.get("requested_expiry"))


def _wait(requested: str | None) -> int:
    """How many seconds the request waits for its answer (CIBA §7.1, ``requested_expiry``)."""
    if requested is None:
        return min(LONGEST, parts().settings.request_days * 86400)
    if not _SECONDS.fullmatch(requested) or not SHORTEST <= int(requested) <= LONGEST:
        refuse(InvalidRequestError, "The requested_expiry is from 300 seconds to 14 days.")
    return int(requested)


def _assurance(form: dict[str, str]) -> int | None:
    """How surely the resident must be known: only what was asked for, so that nothing is asked of them unasked."""
    if "acr_values" not in form:
        return None
    return wanted_assurance({"acr_values": form["acr_values"]}).assurance


def _ask(
    client: RegisteredClient, record: details.RecordAccess, *, seconds: int, assurance: int | None
) -> AccessRequestRecord:
    kept, at = client.client, now()
    expires_at = at + timedelta(seconds=seconds)
    return consents.put(
        session(),
        requester=Requester(organisation=kept.organisation_code, role=kept.role, client=kept.id),
        handle=record.resident,
        purpose=record.purpose,
        sections=record.sections,
        reason=record.reason,
        share_until=expires_at + record.duration,
        share_for=record.duration,
        assurance=assurance,
        expires_at=expires_at,
        trail=parts().trail,
        now=at,
    )


def _keep(
    client: RegisteredClient,
    record: details.RecordAccess,
    asked: AccessRequestRecord,
    *,
    scopes: str,
    jkt: str | None,
) -> str:
    """Keep what the client will poll for, under the digest of a new secret, and give the secret. Commits."""
    secret = grants.new_secret()
    session().add(
        BackchannelRequest(
            digest=grants.digest(secret),
            client_id=client.get_client_id(),
            request_id=asked.id,
            scopes=scopes,
            requested=[record.as_json()],
            jkt=jkt,
            interval=FIRST_INTERVAL,
            made_at=asked.made_at,
            expires_at=asked.expires_at,
        )
    )
    session().commit()
    return secret


class Ciba(BoundGrant):
    """CIBA §10.1, §11: poll until there is a yes, and collect it once. A no is a request that nobody answers."""

    GRANT_TYPE = GRANT_TYPE
    asked: BackchannelRequest
    consent: Consent
    provisions: list[Provision]

    def check(self) -> None:
        self.asked = self._asked()
        if now() >= self.asked.expires_at:
            refuse(ExpiredToken, "There was no yes in time.")
        _must_not_hurry(self.asked)
        record = session().get_one(AccessRequestRecord, self.asked.request_id)
        if consents.state_of(record, now=now()) is not RequestState.GRANTED:
            refuse(AuthorizationPending, f"There is no answer yet. Ask again in {interval_of(self.asked)} seconds.")
        self.consent = session().scalars(select(Consent).where(Consent.request_id == record.id)).one()
        self.provisions = [each for each in self.consent.provisions if consents.bears(each, now=now())]
        if self.consent.status is not ConsentStatus.ACTIVE or not self.provisions:
            refuse(AccessDenied, "What was agreed to has ended.")

    def _asked(self) -> BackchannelRequest:
        found = session().get(BackchannelRequest, grants.digest(self.sent("auth_req_id")))
        if found is None or found.client_id != self.registered.get_client_id():
            refuse(InvalidGrantError, "There is no such auth_req_id.")
        if found.jkt not in (None, self.jkt):
            refuse(InvalidGrantError, "The auth_req_id is bound to another key.")
        if found.spent_at is not None:
            refuse(InvalidGrantError, "The auth_req_id has been used.")
        return found

    def answer(self) -> dict[str, Any]:
        grant = self._grant()
        if not grant_stands(session(), grant, now=now()):
            refuse(AccessDenied, "What was agreed to has ended.")
        _spend(self.asked)
        grants.make(session(), grant, by=self.consent.given_by, trail=parts().trail, now=now())
        return issuing.for_grant(
            self.registered, grant, grant.scopes, jkt=self.jkt, refresh=renewable(self.registered, grant)
        )

    def _grant(self) -> Grant:
        """What stands now of what was given: never more than was asked for."""
        kept, at = self.registered.client, now()
        requested = details.from_json(self.asked.requested[0])
        sections = frozenset().union(*(each.sections or frozenset() for each in self.provisions))
        until = min(each.until_at or at + requested.duration for each in self.provisions)
        given = requested.narrowed(sections=sections, duration=until - self.consent.given_at)
        return Grant(
            client_id=kept.id,
            organisation_code=kept.organisation_code,
            role=kept.role,
            consent_id=self.consent.id,
            scopes=self.asked.scopes,
            requested=self.asked.requested,
            granted=[given.as_json()],
            assurance=SYSTEM_ASSURANCE,
            made_at=at,
            ends_at=until,
        )


def interval_of(asked: BackchannelRequest) -> int:
    """Seconds that must pass between two polls: half a minute at first, an hour for one that has waited for days."""
    aged = int((now() - asked.made_at).total_seconds()) // GROWS
    return min(LONGEST_INTERVAL, max(asked.interval, aged))


def _must_not_hurry(asked: BackchannelRequest) -> None:
    """Note the poll; refuse one that comes too soon after the last that did not. Of two at once, one. Commits."""
    seconds = interval_of(asked)
    if _note_poll(asked, before=now() - timedelta(seconds=seconds)):
        return
    session().execute(
        update(BackchannelRequest)
        .where(BackchannelRequest.digest == asked.digest)
        .values(interval=min(LONGEST_INTERVAL, asked.interval + SLOWER))
    )
    session().commit()
    refuse(SlowDown, f"Wait {min(LONGEST_INTERVAL, seconds + SLOWER)} seconds between two polls.")


def _note_poll(asked: BackchannelRequest, *, before: datetime) -> bool:
    noted = (
        session()
        .execute(
            update(BackchannelRequest)
            .where(
                BackchannelRequest.digest == asked.digest,
                BackchannelRequest.polled_at.is_(None) | (BackchannelRequest.polled_at <= before),
            )
            .values(polled_at=now())
            .returning(BackchannelRequest.digest)
            .execution_options(synchronize_session=False)
        )
        .first()
    )
    session().commit()
    return noted is not None


def _spend(asked: BackchannelRequest) -> None:
    """Of any number at once, one collects. In the transaction that makes the grant and its token."""
    spent = (
        session()
        .execute(
            update(BackchannelRequest)
            .where(BackchannelRequest.digest == asked.digest, BackchannelRequest.spent_at.is_(None))
            .values(spent_at=now())
            .returning(BackchannelRequest.digest)
            .execution_options(synchronize_session=False)
        )
        .first()
    )
    if spent is None:
        session().rollback()
        refuse(InvalidGrantError, "The auth_req_id has been used.")
