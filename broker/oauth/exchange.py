"""Token exchange (RFC 8693), as NHS England's separate authentication has it: an identity assertion for a token.

The assertion is one that a pinned provider made for us, of somebody who signed in here before. It is taken once, and
whatever is wrong with it, the answer is the same: the cause is on the trail alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError

from broker.audit.trail import Event
from broker.doors import now, parts, session
from broker.errors import Refusal
from broker.federation import linking
from broker.federation.id_tokens import Claims, verify
from broker.federation.kinds import NHS_LOGIN_VECTORS
from broker.federation.models import IdentityProvider
from broker.federation.residents import YOUNGEST, age_of
from broker.grants import actions as grants
from broker.grants.models import Grant, ProofUse
from broker.identity.models import Membership, Resident
from broker.oauth import issuing, tokens
from broker.oauth.refusals import InvalidGrantError, InvalidRequestError, InvalidScopeError, InvalidTarget, refuse
from broker.oauth.registration import EXCHANGE
from broker.oauth.scopes import for_partner, for_resident
from broker.oauth.signed import Unreadable, unverified
from broker.oauth.token_grants import BoundGrant
from broker.proxies.acting import begin, standing_for
from broker.proxies.models import Proxy
from broker.vocabulary import AuditAction, ProviderKind, Role

ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
OLDEST = timedelta(hours=1)
LEAST = 2  # of identity and of authentication assurance (NHS Care Identity)


class _NotTaken(Exception):
    """Why an assertion is not taken, as the trail says it."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose token it will be: a resident's, or a worker's; and who else uses it, if anybody (``act``)."""

    assurance: int
    resident: str | None = None
    work: Membership | None = None
    proxy: Proxy | None = None


class TokenExchange(BoundGrant):
    GRANT_TYPE = EXCHANGE
    scopes: str
    subject: Subject
    authenticated_at: datetime | None

    def check(self) -> None:
        self._check_shape()
        self.scopes = self.registered.must_have(self.request.form.get("scope"))
        try:
            provider, claims = _believed(self.sent("subject_token"))
            self.subject = self._subject(provider, claims)
            _use(self.sent("subject_token"), claims)
        except (_NotTaken, Refusal) as error:
            self._note(error.code if isinstance(error, Refusal) else str(error))
            refuse(InvalidGrantError, "The subject token is not one that is taken here, or is taken no more.")
        self.authenticated_at = claims.authenticated_at and min(claims.authenticated_at, now())
        theirs = for_resident if self.subject.resident is not None else for_partner
        if not theirs(self.scopes):
            refuse(InvalidScopeError, "Those scopes are not for whoever the subject token is of.")

    def _check_shape(self) -> None:
        """RFC 8693 §2.1: one token in, an access token out. Somebody acting for another is in the one (``act``)."""
        form = self.request.form.to_dict()
        if form.get("subject_token_type") != ID_TOKEN or not form.get("subject_token"):
            refuse(InvalidRequestError, "Send a subject_token, and say that it is an id_token.")
        if form.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
            refuse(InvalidRequestError, "An access token is all that is given for it.")
        if "actor_token" in form or "actor_token_type" in form:
            refuse(InvalidRequestError, "Who acts for somebody is said in the subject token itself.")
        if form.get("audience", tokens.audience(parts().settings)) != tokens.audience(parts().settings):
            refuse(InvalidTarget, "Tokens are for this broker's API alone.")

    def _subject(self, provider: IdentityProvider, claims: Claims) -> Subject:
        if provider.kind is ProviderKind.NHS_LOGIN:
            return _resident(provider, claims)
        return _worker(provider, claims, self.registered.client.organisation_code, self.registered.client.role)

    def answer(self) -> dict[str, Any]:
        if (proxy := self.subject.proxy) is not None:
            begin(session(), proxy.id, proxy_resident=proxy.proxy_resident_id, trail=parts().trail, now=now())
        grant = self._grant()
        by = grant.acting or f"client:{grant.client_id}"
        grants.make(session(), grant, by=by, trail=parts().trail, now=now())
        more = {"issued_token_type": ACCESS_TOKEN}
        return issuing.for_grant(self.registered, grant, self.scopes, jkt=self.jkt, refresh=False, more=more)

    def _grant(self) -> Grant:
        """What lasts as long as the one token: it is asked for anew with a new assertion."""
        subject, at = self.subject, now()
        client = self.registered.get_client_id()
        work = subject.work
        return Grant(
            client_id=client,
            resident_id=subject.resident,
            person_id=work.person_id if work else None,
            organisation_code=work.organisation_code if work else None,
            role=work.role if work else (Role.PROXY if subject.proxy else Role.RESIDENT),
            acting=f"resident:{subject.proxy.proxy_resident_id}" if subject.proxy else f"client:{client}",
            scopes=self.scopes,
            assurance=subject.assurance,
            authenticated_at=self.authenticated_at,
            made_at=at,
            ends_at=at + timedelta(seconds=parts().settings.token_seconds),
        )

    def _note(self, why: str) -> None:
        """The cause, for whoever looks into it; nothing of what was sent."""
        client = self.registered.client
        session().rollback()
        event = Event(
            action=AuditAction.SIGN_IN_REFUSED,
            actor=f"client:{client.id}",
            organisation=client.organisation_code,
            body={"client": client.id, "why": why},
        )
        parts().trail.append(session(), event, now=now())
        session().commit()


def _believed(text: str) -> tuple[IdentityProvider, Claims]:
    """The provider that made it for us, and what it says. Raises _NotTaken, and NotBelieved."""
    try:
        _, said = unverified(text)
    except Unreadable as error:
        raise _NotTaken("assertion-unreadable") from error
    provider = session().scalar(
        select(IdentityProvider).where(
            IdentityProvider.issuer == str(said.get("iss")),
            IdentityProvider.kind.in_((ProviderKind.NHS_LOGIN, ProviderKind.CIS2)),
            IdentityProvider.removed_at.is_(None),
        )
    )
    if provider is None:
        raise _NotTaken("provider-unknown")
    claims = verify(provider, text, nonce=None, now=now())
    if claims.issued_at < now() - OLDEST:
        raise _NotTaken("assertion-too-old")
    return provider, claims


def _resident(provider: IdentityProvider, claims: Claims) -> Subject:
    """A resident whose identity was compared with a person (P9), or whoever acts for one. Raises _NotTaken."""
    if claims.text("vot") not in NHS_LOGIN_VECTORS:
        raise _NotTaken("proofing-too-low")
    resident = _known_resident(provider, claims.subject)
    actor = _actor(provider, claims)
    if actor is None:
        if age_of(resident.born_on, on=now().date()) < YOUNGEST:
            raise _NotTaken("resident-too-young")
        return Subject(3, resident=resident.id)
    proxy = standing_for(session(), proxy_resident=actor.id, resident=resident.id, now=now())
    if proxy is None:
        raise _NotTaken("proxy-not-standing")
    return Subject(3, resident=resident.id, proxy=proxy)


def _actor(provider: IdentityProvider, claims: Claims) -> Resident | None:
    """Who acts, where the assertion is a composite one (RFC 8693 §4.1): the same provider's, and nobody behind them."""
    if "act" not in claims.everything:
        return None
    act = claims.everything["act"]
    if not isinstance(act, dict) or not {"sub"} <= act.keys() <= {"sub", "iss"}:
        raise _NotTaken("actor-malformed")
    if act.get("iss", provider.issuer) != provider.issuer or not isinstance(act["sub"], str):
        raise _NotTaken("actor-malformed")
    return _known_resident(provider, act["sub"])


def _known_resident(provider: IdentityProvider, subject: str) -> Resident:
    tied = linking.known(session(), provider, subject)
    resident = session().get(Resident, tied.resident_id) if tied and tied.resident_id else None
    if resident is None or resident.died_on is not None:
        raise _NotTaken("subject-unknown")
    return resident


def _worker(provider: IdentityProvider, claims: Claims, organisation: str, role: Role) -> Subject:
    """Somebody who works for the client's own organisation: in their one role there, or in the client's of several."""
    levels = [claims.everything.get(name) for name in ("id_assurance_level", "authentication_assurance_level")]
    if any(str(level) not in ("2", "3") for level in levels):
        raise _NotTaken("assurance-too-low")
    if "act" in claims.everything:
        raise _NotTaken("actor-malformed")
    tied = linking.known(session(), provider, claims.text("nhsid_useruid") or claims.subject)
    work = _work(tied.person_id, organisation) if tied and tied.person_id else []
    fitting = work if len(work) == 1 else [each for each in work if each.role is role]
    if not fitting:
        raise _NotTaken("subject-unknown")
    return Subject(3 if str(levels[0]) == "3" else 2, work=fitting[0])


def _work(person: str, organisation: str) -> list[Membership]:
    return list(
        session().scalars(
            select(Membership).where(
                Membership.person_id == person,
                Membership.organisation_code == organisation,
                Membership.started_at <= now(),
                or_(Membership.ended_at.is_(None), Membership.ended_at > now()),
            )
        )
    )


def _use(text: str, claims: Claims) -> None:
    """Once: by what was signed, which cannot be written in another way. Commits; raises _NotTaken the second time."""
    used = hashlib.sha256(f"subject-token\0{text.rpartition('.')[0]}".encode()).hexdigest()
    session().add(ProofUse(digest=used, expires_at=min(claims.expires_at, claims.issued_at + OLDEST) + OLDEST))
    try:
        session().commit()
    except IntegrityError as error:
        session().rollback()
        raise _NotTaken("assertion-used-before") from error
