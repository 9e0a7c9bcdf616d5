"""Answering a pushed request: who must answer, what they are told, and what follows. Shows no page and reads no cookie.

Looking is free; the answer is given once. Every answer goes to the registered address, with ``iss`` (RFC 9207).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlencode, urlsplit, urlunsplit

from broker.access.request import Requester
from broker.agreements.offers import offered_to
from broker.consent import actions as consents
from broker.consent.models import Consent
from broker.doors import now, parts, session
from broker.errors import InvalidInput, NotFound, Refusal
from broker.grants import actions as grants
from broker.grants.models import AuthorizationCode, Grant, PushedRequest
from broker.identity.actions import resident_behind
from broker.identity.models import SignedInSession
from broker.identity.sessions import actor_of
from broker.oauth.assurance import Wanted, wanted
from broker.oauth.clients import RegisteredClient, client_called
from broker.oauth.details import RecordAccess, read
from broker.oauth.scopes import for_resident
from broker.proxies.acting import standing_for
from broker.proxies.limits import behalf
from broker.proxies.models import Proxy
from broker.proxies.shield import shield
from broker.vocabulary import AccessLevel, Role, Section

SYSTEM = 2  # how surely a system is known by its key


class Answerer(StrEnum):
    """Who can answer a request."""

    WORKER = "worker"  # signs in for their organisation's own system
    RESIDENT = "resident"  # lets a system act for themselves
    ASKED = "asked"  # a resident who is asked for access to their record


@dataclass(frozen=True, slots=True)
class Asked:
    """A pushed request that waits for its answer."""

    request_uri: str
    client: RegisteredClient
    redirect_uri: str
    state: str | None
    scopes: str
    record: RecordAccess | None
    wanted: Wanted
    made_at: datetime

    @property
    def answerer(self) -> Answerer:
        if self.record is not None:
            return Answerer.ASKED
        return Answerer.RESIDENT if for_resident(self.scopes) else Answerer.WORKER

    @property
    def organisation(self) -> str:
        return self.client.client.organisation_code


def asked(client_id: str, request_uri: str) -> Asked:
    """The request behind ``request_uri``, where this client pushed it and nobody has answered it.

    Raises NotFound alike for one that never was, has run out, was answered, or is another client's.
    """
    found = session().get(PushedRequest, grants.digest(request_uri))
    client = client_called(client_id)
    if found is None or client is None or found.client_id != client_id or found.answered_at is not None:
        raise _gone()
    if now() >= found.expires_at:
        raise _gone()
    return _as_asked(found, client, request_uri)


def refuse(question: Asked, error: str) -> str:
    """Where to send the browser with an ``error``; the request is used up. Raises NotFound where it was before."""
    _claim(question)
    return _address(question, {"error": error})


def may_answer(question: Asked, signed_in: SignedInSession) -> bool:
    """Whether whoever is signed in is whom the request is for. Says nothing of anybody else."""
    if question.answerer is Answerer.WORKER:
        return signed_in.person_id is not None and signed_in.organisation_code == question.organisation
    if signed_in.resident_id is None:
        return False
    if signed_in.role is Role.PROXY and not _proxy_may(question, signed_in):
        return False
    if question.record is None:
        return True
    try:
        behind = resident_behind(session(), question.record.resident, organisation=question.organisation)
    except NotFound:
        return False
    return behind is not None and behind == subject_of(signed_in)


def _proxy_may(question: Asked, signed_in: SignedInSession) -> bool:
    """Whether a proxy may answer for the resident they act for, as it stands now; never what they are not shown."""
    proxy = _proxy(signed_in)
    if proxy is None or AccessLevel.ANSWER_REQUESTS not in proxy.levels:
        return False
    record = question.record
    return record is None or not shield(session()).hides_asking(question.organisation, record.purpose)


def _proxy(signed_in: SignedInSession) -> Proxy | None:
    if signed_in.resident_id is None or signed_in.acting_for_id is None:
        return None
    represented = signed_in.acting_for_id
    return standing_for(session(), proxy_resident=signed_in.resident_id, resident=represented, now=now())


def offered(question: Asked) -> tuple[Section, ...]:
    """The sections that may be given: of those asked for, those that an agreement in force still lets them have."""
    assert question.record is not None, "only a record has sections"
    standing = offered_to(session(), _asker(question), now=now()).sections.get(question.record.purpose, ())
    return tuple(section for section in standing if section in question.record.sections)


def agree(question: Asked, signed_in: SignedInSession, *, sections: Iterable[Section] = ()) -> str:
    """Say yes: where to send the browser, with a code. Raises NotFound where the request was answered before.

    What is granted is never more than was asked, is agreed between organisations, and was chosen.
    """
    chosen = frozenset(sections) & frozenset(offered(question)) if question.record else frozenset()
    if question.record and not chosen:
        raise InvalidInput("sections-missing", "Choose at least one section, or say no.", field="sections")
    pushed = _claim(question)
    grant = _grant(question, signed_in, chosen)
    grants.make(session(), grant, by=actor_of(signed_in), trail=parts().trail, now=now())
    code = grants.new_code(
        session(),
        AuthorizationCode(
            grant_id=grant.id,
            redirect_uri=question.redirect_uri,
            challenge=pushed.parameters["code_challenge"],
            jkt=pushed.jkt,
            expires_at=now() + timedelta(seconds=grants.CODE_SECONDS),
        ),
    )
    session().commit()
    return _address(question, {"code": code})


def subject_of(signed_in: SignedInSession) -> str | None:
    """The resident whose record a session is about: their own, or the one they act for."""
    return signed_in.acting_for_id or signed_in.resident_id


def _grant(question: Asked, signed_in: SignedInSession, chosen: frozenset[Section]) -> Grant:
    at, client = now(), question.client.client
    longest = at + timedelta(days=parts().settings.refresh_days)
    grant = Grant(
        client_id=client.id,
        role=signed_in.role,
        scopes=question.scopes,
        assurance=signed_in.assurance,
        authenticated_at=signed_in.authenticated_at,
        made_at=at,
        ends_at=longest,
    )
    if question.record is not None:
        consent, given = _consent(question, question.record, signed_in, chosen)
        grant.consent_id, grant.organisation_code, grant.role = consent.id, question.organisation, client.role
        grant.requested, grant.granted = [question.record.as_json()], [given.as_json()]
        grant.ends_at = at + given.duration
        grant.assurance, grant.authenticated_at = SYSTEM, None  # nobody of the organisation's has signed in
    elif question.answerer is Answerer.RESIDENT:
        grant.resident_id, grant.role = subject_of(signed_in), Role.RESIDENT
        if signed_in.acting_for_id is not None:
            grant.role, grant.acting = Role.PROXY, f"resident:{signed_in.resident_id}"
    else:
        grant.person_id, grant.organisation_code = signed_in.person_id, signed_in.organisation_code
    return grant


def _consent(
    question: Asked, record: RecordAccess, signed_in: SignedInSession, chosen: frozenset[Section]
) -> tuple[Consent, RecordAccess]:
    """Ask and answer in one: the resident is here, and this is both on the trail."""
    until = now() + record.duration
    kept = consents.ask(
        session(),
        requester=_asker(question),
        handle=record.resident,
        purpose=record.purpose,
        sections=record.sections,
        reason=record.reason,
        share_until=until,
        present=True,
        trail=parts().trail,
        settings=parts().settings,
        now=now(),
    )
    given = record.narrowed(sections=chosen, duration=record.duration)
    consent = consents.answer(
        session(),
        kept,
        agree=True,
        sections=given.sections,
        until=until,
        by=actor_of(signed_in),
        acting=behalf(proxy) if (proxy := _proxy(signed_in)) else None,
        trail=parts().trail,
        now=now(),
    )
    assert consent is not None, "an agreement makes a consent"
    return consent, given


def _claim(question: Asked) -> PushedRequest:
    claimed = grants.claim_pushed(session(), question.request_uri, client=question.client.get_client_id(), now=now())
    if claimed is None:
        raise _gone()
    return claimed


def _as_asked(found: PushedRequest, client: RegisteredClient, request_uri: str) -> Asked:
    said = found.parameters
    record = None
    if "authorization_details" in said:
        record = read(said["authorization_details"], audience=f"{parts().settings.issuer}/api")
    return Asked(
        request_uri=request_uri,
        client=client,
        redirect_uri=said["redirect_uri"],
        state=said.get("state"),
        scopes=said["scope"],
        record=record,
        wanted=wanted(said),
        made_at=found.made_at,
    )


def _asker(question: Asked) -> Requester:
    client = question.client.client
    return Requester(organisation=client.organisation_code, role=client.role, client=client.id, assurance=SYSTEM)


def _address(question: Asked, answer: dict[str, str]) -> str:
    state = {} if question.state is None else {"state": question.state}
    parts_of = urlsplit(question.redirect_uri)
    query = urlencode({**answer, **state, "iss": parts().settings.issuer})
    return urlunsplit(parts_of._replace(query=f"{parts_of.query}&{query}" if parts_of.query else query))


def _gone() -> Refusal:
    return NotFound("authorization-gone", "This request is not there to be answered. Start again where you came from.")
