"""The policy enforcement point (PEP), and the one way to a record.

Decide, write the decision down (on the trail, and so that it can be replayed), ask only what is permitted, assemble,
withhold, write the release down, and only then let the view leave. If the trail cannot be written, nothing leaves.

What is sensitive is often said elsewhere in the record than in the part that was asked for. So whatever else the same
requester could be given for the same purpose is read too, for its labels alone: to ask for less never shows more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from broker.access import fhir_consents, label_choices, pdp
from broker.access.explain import may_be_told
from broker.access.facts import Facts, age, asker_of, gather, identity_of, pairs_of, tier_of
from broker.access.parts import Broker
from broker.access.request import AccessRequest, Decision, Pair
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
from broker.vocabulary import CONCEALABLE, AuditAction, Layer, Section, Tier

# What a requester who may not be told never learns of.
CONCEALED_LAYERS = CONCEALABLE | {Layer.LEGAL_BAR}


@dataclass(frozen=True)
class Release:
    """What leaves: the view, and the decision it rests on. ``tier`` is the requester's in the resident's team."""

    request: AccessRequest
    decision: Decision
    view: RecordView
    tier: Tier | None = None


class Refused(NotPermitted):
    """Nothing may be released. ``decision`` says why, for each section and source."""

    def __init__(self, request: AccessRequest, decision: Decision) -> None:
        super().__init__("access-refused", "Nothing in this request may be released.")
        self.request = request
        self.decision = decision


def release_record(broker: Broker, session: Session, request: AccessRequest) -> Release:
    """The sections of the record that policy permits, assembled live.

    What is shown of a section is the same whatever it is asked with: see ``_for_labels``.

    Raises Refused where nothing is permitted, NotFound for an unknown resident, TrailUnavailable where the trail
    cannot be written.
    """
    registered = broker.sources.registered(session)
    facts = _facts(broker, session, request, registered)
    decision = _decide(broker, session, request, facts)
    identity = _identity(session, request) if _answerable(decision, request) else None
    context: tuple[Pair, ...] = ()
    if identity is not None and _personal(decision, registered, known_to=identity.local_ids):
        decision, context = _for_labels(broker, request, facts, decision, registered)
        identity = identity if _answerable(decision, request) else None
    kept_back = fhir_consents.judge_for(session, request)
    choices = label_choices.choices_for(session, broker.settings, request.resident)
    session.rollback()  # nothing was written; hold no lock or snapshot while sources are asked
    _write_decision(broker, request, facts, decision, decision, context=context)
    acting = _behalf(request, facts)
    if identity is None:
        raise Refused(request, decision)
    asks = _asks((*decision.pairs, *context), registered, known_to=identity.local_ids)
    deadline = timedelta(milliseconds=broker.settings.source_deadline_ms)
    outcomes = collect.collect(asks, identity, deadline=deadline, resting=broker.resting)
    assembled = view.assemble(
        pairs=decision.pairs,
        context=context,
        outcomes=outcomes,
        requested=request.sections,
        disclosure=decision.disclosure,
        clinical=request.requester.role.clinical,
        made_at=broker.clock(),
        systems=registered.systems,
        age=_age(identity, request),
        choices=choices,
        kept_back=kept_back,
        sensitive=identity.sensitive,
    )
    shown_of = view.without_context(outcomes, decision.pairs)
    _write_release(broker, request, decision, shown_of, assembled, acting=acting)
    return Release(request, decision, assembled, tier=tier_of(facts, at=request.made_at))


def decide_only(broker: Broker, session: Session, request: AccessRequest, *, acting: bool = True) -> Decision:
    """What policy says of ``request``, written down as any decision is. Asks no source, and releases nothing.

    For whoever enforces the answer elsewhere. ``acting`` is whether the person asked about would act on it now: a
    search among people is no use of theirs. Raises NotFound for an unknown resident, TrailUnavailable where the
    trail cannot be written; a refusal is an answer, and is returned.
    """
    registered = broker.sources.registered(session)
    facts = _facts(broker, session, request, registered, acting=acting)
    decision = _decide(broker, session, request, facts)
    narrowed = fhir_consents.narrowed(session, request, decision)
    session.rollback()  # nothing was written; hold no lock or snapshot while the trail is
    _write_decision(broker, request, facts, decision, narrowed)
    return narrowed


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


def _write_decision(
    broker: Broker,
    request: AccessRequest,
    facts: Facts,
    decision: Decision,
    final: Decision,
    *,
    context: tuple[Pair, ...] = (),
) -> None:
    """The entry and the record of it are one commit: neither is ever there without the other.

    What is recorded is the rules' own ``decision``, so that it can be made again; the entry says the ``final`` one, and
    that it was narrowed where it is less.
    """
    kept = broker.recorder(request, facts, decision)
    event = _decided(request, final, acting=_behalf(request, facts))
    also: dict[str, Any] = {}
    if context:
        also["read_for_labels"] = _by_section(context)
    if final.pairs != decision.pairs:
        also["narrowed"] = True
    broker.trail.record(replace(event, body={**event.body, **also}), now=request.made_at, beside=kept)


def _decide(broker: Broker, session: Session, request: AccessRequest, facts: Facts) -> Decision:
    deadline = timedelta(milliseconds=broker.settings.decision_deadline_ms)
    try:
        revision = broker.policy.revision(session)
    except EngineUnavailable as fault:
        return pdp.refuse_all(request, facts, fault=fault, engine=broker.policy.engine.name, now=request.made_at)
    return pdp.decide(broker.policy.engine, request, facts, revision=revision, deadline=deadline, now=request.made_at)


def _for_labels(
    broker: Broker, request: AccessRequest, facts: Facts, decision: Decision, registered: Registered
) -> tuple[Decision, tuple[Pair, ...]]:
    """``decision``, and what may be read beside it so that what is shown is labelled by the whole record.

    Decided by the same rules on the same facts, of every section that was not asked for. Only what it permits is used,
    with the labels withheld there: what is told and what is owed are as for the sections asked. Where it cannot be
    decided everything is refused, for what is sensitive would not be known.
    """
    others = replace(request, sections=frozenset(Section) - request.sections)
    beside = replace(facts, pairs=pairs_of(others.sections, registered.systems))
    if not beside.pairs:
        return decision, ()
    deadline = timedelta(milliseconds=broker.settings.decision_deadline_ms)
    context = pdp.decide(
        broker.policy.engine, others, beside, revision=decision.revision, deadline=deadline, now=request.made_at
    )
    if context.answer is None:
        return pdp.refuse_as(decision, context), ()
    return decision, tuple(pair for pair in context.pairs if pair.permitted)


def _identity(session: Session, request: AccessRequest) -> ResidentIdentity:
    """How sources know the resident. No source knows nobody, so that only directories are asked."""
    if request.resident == NOBODY:
        return ResidentIdentity(nhs_number=None, born_on=date.min)
    return identity_of(session, request.resident, asked_by=asker_of(request))


def _age(identity: ResidentIdentity, request: AccessRequest) -> int | None:
    """The resident's, which decides what is sensitive in a child's record; nobody has none."""
    return None if request.resident == NOBODY else age(identity.born_on, on=request.made_at.date())


def _answerable(decision: Decision, request: AccessRequest) -> bool:
    """Whether a view is given at all: something is permitted, or a refusal must look like an empty record."""
    if decision.permitted or not (decision.pairs or decision.reasons):
        return True  # where no source can hold what was asked, the view says so
    if may_be_told(decision, clinical=request.requester.role.clinical) or decision.requestable:
        return False
    return any(all(reason.layer in CONCEALED_LAYERS for reason in pair.reasons) for pair in decision.pairs)


def _personal(decision: Decision, registered: Registered, *, known_to: Mapping[str, str]) -> bool:
    """Whether anything of a person's is going to be asked for: a directory's services are linked to nobody."""
    return any(ask.system.personal for ask in _asks(decision.pairs, registered, known_to=known_to))


def _asks(pairs: Sequence[Pair], registered: Registered, *, known_to: Mapping[str, str]) -> list[Ask]:
    wanted: dict[str, set[Section]] = {}
    for pair in pairs:
        if pair.permitted:
            wanted.setdefault(pair.source, set()).add(pair.section)
    return [
        Ask(system, frozenset(wanted[source_id]), within=registered.patience.get(source_id))
        for source_id, system in sorted(registered.systems.items())
        if source_id in wanted and (not system.personal or source_id in known_to)
    ]


def _behalf(request: AccessRequest, facts: Facts) -> dict[str, str] | None:
    """For the trail: whom a proxy acted for, and by what; None where nobody acts for another, or may."""
    acting = facts.subject.get("acting")
    if acting is None:
        return None
    return {"acting_for": request.resident, "proxy": acting["proxy"], "basis": acting["basis"]}


def _decided(request: AccessRequest, decision: Decision, *, acting: Mapping[str, str] | None) -> Event:
    refused: dict[str, dict[str, list[str]]] = {}
    for pair in decision.pairs:
        if not pair.permitted:
            refused.setdefault(pair.section.value, {})[pair.source] = [reason.value for reason in pair.reasons]
    return Event(
        action=AuditAction.DECISION,
        actor=actor_of(request.requester),
        organisation=request.requester.organisation or None,  # a resident asks for no organisation
        resident=request.resident,
        body={
            **_about(request, decision, acting),
            "sections": sorted(request.sections),
            "permitted": _by_section(decision.pairs),
            "refused": refused,
            "reasons": [reason.value for reason in decision.reasons],
            "obligations": [duty.obligation.value for duty in decision.duties],
            "agreements": list(decision.agreements),
            "engine": decision.engine.replace(" ", "/"),
        },
        note=(request.break_glass.reason if request.break_glass else request.reason) or None,
    )


def _by_section(pairs: Sequence[Pair]) -> dict[str, list[str]]:
    permitted: dict[str, list[str]] = {}
    for pair in pairs:
        if pair.permitted:
            permitted.setdefault(pair.section.value, []).append(pair.source)
    return permitted


def _about(request: AccessRequest, decision: Decision, acting: Mapping[str, str] | None) -> dict[str, Any]:
    behalf = {} if acting is None else {"acting": dict(acting)}
    return {
        **behalf,
        "decision": decision.id,
        "request": request.id,
        "purpose": request.purpose.value,
        "role": request.requester.role.value,
        "client": request.requester.client,  # the system that asked, where it asked for a worker
        "break_glass": request.break_glass is not None,
        "permitted_any": decision.permitted,
        "revision": decision.revision,
    }


def _by_oneself(request: AccessRequest) -> bool:
    return request.requester.resident == request.resident


def _write_release(
    broker: Broker,
    request: AccessRequest,
    decision: Decision,
    outcomes: list[SourceOutcome],
    assembled: RecordView,
    *,
    acting: Mapping[str, str] | None,
) -> None:
    released = {part.section.value: len(part.entries) for part in assembled.sections if part.entries}
    gaps = sorted(
        f"{outcome.source}:{gap.section.value}:{gap.cause.value}" for outcome in outcomes for gap in outcome.answer.gaps
    )
    event = Event(
        action=AuditAction.RECORD_VIEWED_BY_RESIDENT if _by_oneself(request) else AuditAction.RELEASE,
        actor=actor_of(request.requester),
        organisation=request.requester.organisation or None,  # a resident asks for no organisation
        resident=request.resident,
        body={
            **_about(request, decision, acting),
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
