"""The policy enforcement point (PEP), and the one way to a record.

Decide, write the decision down (on the trail, and so that it can be replayed), ask only what is permitted, assemble,
withhold, write the release down, and only then let the view leave. If the trail cannot be written, nothing leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from broker.access import pdp
from broker.access.explain import may_be_told
from broker.access.facts import Facts, gather, identity_of
from broker.access.parts import Broker
from broker.access.request import AccessRequest, Decision
from broker.access.sources import Registered
from broker.audit.trail import Event
from broker.errors import EngineUnavailable, NotPermitted
from broker.identity import memberships
from broker.identity.actions import NOBODY, actor_of
from broker.notices.actions import queue
from broker.records import collect, view
from broker.records.collect import Ask, SourceOutcome
from broker.records.source import ResidentIdentity
from broker.records.view import RecordView
from broker.vocabulary import CONCEALABLE, AuditAction, Layer, Section

# What a requester who may not be told never learns of.
CONCEALED_LAYERS = CONCEALABLE | {Layer.LEGAL_BAR}


@dataclass(frozen=True)
class Release:
    """What leaves: the view, and the decision it rests on."""

    request: AccessRequest
    decision: Decision
    view: RecordView


class Refused(NotPermitted):
    """Nothing may be released. ``decision`` says why, for each section and source."""

    def __init__(self, request: AccessRequest, decision: Decision) -> None:
        super().__init__("access-refused", "Nothing in this request may be released.")
        self.request = request
        self.decision = decision


def release_record(broker: Broker, session: Session, request: AccessRequest) -> Release:
    """The sections of the record that policy permits, assembled live.

    Raises Refused where nothing is permitted, NotFound for an unknown resident, TrailUnavailable where the trail
    cannot be written.
    """
    registered = broker.sources.registered(session)
    facts = _facts(broker, session, request, registered)
    decision = _decide(broker, session, request, facts)
    identity = _identity(session, request) if _answerable(decision, request) else None
    session.rollback()  # nothing was written; hold no lock or snapshot while sources are asked
    _write_decision(broker, request, facts, decision)
    if identity is None:
        raise Refused(request, decision)
    asks = _asks(decision, registered, known_to=identity.local_ids)
    deadline = timedelta(milliseconds=broker.settings.source_deadline_ms)
    outcomes = collect.collect(asks, identity, deadline=deadline)
    assembled = view.assemble(
        pairs=decision.pairs,
        outcomes=outcomes,
        requested=request.sections,
        disclosure=decision.disclosure,
        clinical=request.requester.role.clinical,
        made_at=broker.clock(),
        systems=registered.systems,
    )
    _write_release(broker, request, decision, outcomes, assembled)
    return Release(request, decision, assembled)


def decide_only(broker: Broker, session: Session, request: AccessRequest, *, acting: bool = True) -> Decision:
    """What policy says of ``request``, written down as any decision is. Asks no source, and releases nothing.

    For whoever enforces the answer elsewhere. ``acting`` is whether the person asked about would act on it now: a
    search among people is no use of theirs. Raises NotFound for an unknown resident, TrailUnavailable where the
    trail cannot be written; a refusal is an answer, and is returned.
    """
    registered = broker.sources.registered(session)
    facts = _facts(broker, session, request, registered, acting=acting)
    decision = _decide(broker, session, request, facts)
    session.rollback()  # nothing was written; hold no lock or snapshot while the trail is
    _write_decision(broker, request, facts, decision)
    return decision


def _facts(
    broker: Broker, session: Session, request: AccessRequest, registered: Registered, *, acting: bool = True
) -> Facts:
    """What the policy is told. That a worker works here is noted: their own system may be all they sign in to."""
    since = memberships.used_since(broker.settings, now=request.made_at)
    facts = gather(session, request, registered.systems, registered.kinds, used_since=since)
    asker = request.requester
    if acting and asker.person is not None and facts.subject["member"]:
        memberships.note_use(
            session, person=asker.person, organisation=asker.organisation, role=asker.role, now=request.made_at
        )
    return facts


def _write_decision(broker: Broker, request: AccessRequest, facts: Facts, decision: Decision) -> None:
    """The entry and the record of it are one commit: neither is ever there without the other."""
    kept = broker.recorder(request, facts, decision)
    broker.trail.record(_decided(request, decision), now=request.made_at, beside=kept)


def _decide(broker: Broker, session: Session, request: AccessRequest, facts: Facts) -> Decision:
    deadline = timedelta(milliseconds=broker.settings.decision_deadline_ms)
    try:
        revision = broker.policy.revision(session)
    except EngineUnavailable as fault:
        return pdp.refuse_all(request, facts, fault=fault, engine=broker.policy.engine.name, now=request.made_at)
    return pdp.decide(broker.policy.engine, request, facts, revision=revision, deadline=deadline, now=request.made_at)


def _identity(session: Session, request: AccessRequest) -> ResidentIdentity:
    """How sources know the resident. No source knows nobody, so that only directories are asked."""
    if request.resident == NOBODY:
        return ResidentIdentity(nhs_number=None, born_on=date.min)
    return identity_of(session, request.resident)


def _answerable(decision: Decision, request: AccessRequest) -> bool:
    """Whether a view is given at all: something is permitted, or a refusal must look like an empty record."""
    if decision.permitted or not (decision.pairs or decision.reasons):
        return True  # where no source can hold what was asked, the view says so
    if may_be_told(decision, clinical=request.requester.role.clinical) or decision.requestable:
        return False
    return any(all(reason.layer in CONCEALED_LAYERS for reason in pair.reasons) for pair in decision.pairs)


def _asks(decision: Decision, registered: Registered, *, known_to: Mapping[str, str]) -> list[Ask]:
    wanted: dict[str, set[Section]] = {}
    for pair in decision.pairs:
        if pair.permitted:
            wanted.setdefault(pair.source, set()).add(pair.section)
    return [
        Ask(system=system, sections=frozenset(wanted[source_id]))
        for source_id, system in sorted(registered.systems.items())
        if source_id in wanted and (not system.personal or source_id in known_to)
    ]


def _decided(request: AccessRequest, decision: Decision) -> Event:
    permitted: dict[str, list[str]] = {}
    refused: dict[str, dict[str, list[str]]] = {}
    for pair in decision.pairs:
        if pair.permitted:
            permitted.setdefault(pair.section.value, []).append(pair.source)
        else:
            refused.setdefault(pair.section.value, {})[pair.source] = [reason.value for reason in pair.reasons]
    return Event(
        action=AuditAction.DECISION,
        actor=actor_of(request.requester),
        organisation=request.requester.organisation,
        resident=request.resident,
        body={
            **_about(request, decision),
            "sections": sorted(request.sections),
            "permitted": permitted,
            "refused": refused,
            "reasons": [reason.value for reason in decision.reasons],
            "obligations": [duty.obligation.value for duty in decision.duties],
            "agreements": list(decision.agreements),
            "engine": decision.engine.replace(" ", "/"),
        },
        note=(request.break_glass.reason if request.break_glass else request.reason) or None,
    )


def _about(request: AccessRequest, decision: Decision) -> dict[str, Any]:
    return {
        "decision": decision.id,
        "request": request.id,
        "purpose": request.purpose.value,
        "role": request.requester.role.value,
        "client": request.requester.client,  # the system that asked, where it asked for a worker
        "break_glass": request.break_glass is not None,
        "permitted_any": decision.permitted,
        "revision": decision.revision,
    }


def _write_release(
    broker: Broker,
    request: AccessRequest,
    decision: Decision,
    outcomes: list[SourceOutcome],
    assembled: RecordView,
) -> None:
    released = {part.section.value: len(part.entries) for part in assembled.sections if part.entries}
    gaps = sorted(
        f"{outcome.source}:{gap.section.value}:{gap.cause.value}" for outcome in outcomes for gap in outcome.answer.gaps
    )
    event = Event(
        action=AuditAction.RELEASE,
        actor=actor_of(request.requester),
        organisation=request.requester.organisation,
        resident=request.resident,
        body={
            **_about(request, decision),
            "released": released,
            "sources": sorted(outcome.source for outcome in outcomes),
            "gaps": gaps,
        },
    )
    now = broker.clock()
    if not decision.duties:
        broker.trail.record(event, now=now)
        return
    with broker.sessions() as session:
        queue(session, request, decision, now=now)
        broker.trail.append(session, event, now=now)
        session.commit()
