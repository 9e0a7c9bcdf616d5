"""What a resident can do about sharing: answer a request, give, narrow, withhold, withdraw. Each leaves one entry.

Ending a choice never takes more steps than making it. Nothing here decides a release: the policy reads what is kept.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session, selectinload

from broker.access.request import Requester
from broker.audit.trail import Event, Trail
from broker.consent import asking
from broker.consent.codes import binding_code
from broker.consent.entries import Acting, write_down
from broker.consent.keeping import end, invite, keep
from broker.consent.models import AccessRequestRecord, Consent, Provision
from broker.errors import Conflict, InvalidInput, NotPermitted
from broker.identity.actions import actor_of, resident_behind
from broker.settings import Settings
from broker.vocabulary import (
    AuditAction,
    ConsentStatus,
    ProvisionType,
    Purpose,
    RequestState,
    Section,
    Sensitivity,
)

LONGEST_SHARE = timedelta(days=366)


def ask(
    session: Session,
    *,
    requester: Requester,
    handle: str,
    purpose: Purpose,
    sections: frozenset[Section],
    reason: str,
    share_until: datetime,
    present: bool = False,
    trail: Trail,
    settings: Settings,
    now: datetime,
) -> AccessRequestRecord:
    """Ask the resident for permission. The answer looks the same where the handle stands for nobody. Commits.

    A resident who is ``present`` has come to answer, so that how often they may be asked does not matter.
    """
    if not now < share_until <= now + LONGEST_SHARE:
        raise InvalidInput("until-invalid", "Sharing must end after today and within a year.", field="until")
    record = put(
        session,
        requester=requester,
        handle=handle,
        purpose=purpose,
        sections=sections,
        reason=reason,
        share_until=share_until,
        expires_at=now + timedelta(days=settings.request_days),
        present=present,
        trail=trail,
        now=now,
    )
    session.commit()
    return record


def put(
    session: Session,
    *,
    requester: Requester,
    handle: str,
    purpose: Purpose,
    sections: frozenset[Section],
    reason: str,
    share_until: datetime,
    share_for: timedelta | None = None,
    assurance: int | None = None,
    expires_at: datetime,
    present: bool = False,
    trail: Trail,
    now: datetime,
) -> AccessRequestRecord:
    """Put a question to a resident, in the caller's transaction. See ``ask``.

    With ``share_for``, sharing lasts so long from the answer. Whoever says yes must be as sure as ``assurance``.
    """
    resident_id = resident_behind(session, handle, organisation=requester.organisation)
    if purpose.grouping:
        raise InvalidInput("purpose-too-broad", "Say more exactly what you need it for.", field="purpose")
    if not sections:
        raise InvalidInput("sections-missing", "Say which sections you need.", field="sections")
    if not reason.strip():
        raise InvalidInput("reason-missing", "Say why you are asking, in words the resident will read.", field="reason")
    record = AccessRequestRecord(
        resident_id=resident_id,
        handle=handle,
        organisation_code=requester.organisation,
        person_id=requester.person,
        client_id=requester.client,
        role=requester.role,
        purpose=purpose,
        sections=sections,
        reason=reason.strip(),
        binding_code=binding_code(),
        share_until=share_until,
        share_seconds=None if share_for is None else int(share_for.total_seconds()),
        assurance=assurance,
        state=RequestState.PENDING,
        made_at=now,
        expires_at=expires_at,
    )
    asking.place(session, record, present=present, now=now)
    trail.append(
        session,
        Event(
            action=AuditAction.ACCESS_REQUESTED,
            actor=actor_of(requester),
            organisation=requester.organisation,
            resident=resident_id,
            body={"request": record.id, "purpose": purpose.value, "sections": sorted(sections)},
            note=record.reason,
        ),
        now=now,
    )
    return record


def state_of(record: AccessRequestRecord, *, now: datetime) -> RequestState:
    """What the requester may know. A silent no looks like a request nobody has answered, and then like expiry."""
    if record.state is RequestState.GRANTED:
        return RequestState.GRANTED
    return RequestState.PENDING if now < record.expires_at else RequestState.EXPIRED


def end_if_agreed(record: AccessRequestRecord, *, now: datetime) -> datetime:
    """When sharing would end at the latest, were the request agreed to ``now``."""
    if record.share_seconds is None:
        return record.share_until
    return min(record.share_until, now + timedelta(seconds=record.share_seconds))


def answer(
    session: Session,
    record: AccessRequestRecord,
    *,
    agree: bool,
    sections: frozenset[Section] | None = None,
    until: datetime | None = None,
    assurance: int = 0,
    by: str,
    acting: Acting = None,
    trail: Trail,
    now: datetime,
) -> Consent | None:
    """The resident's answer: to all that was asked, to fewer sections or a nearer end, never to more. Commits.

    ``assurance`` is how surely whoever answers has proved who they are; it matters to a yes that was asked for so.
    """
    assert record.resident_id is not None, "only its resident can reach a request"
    sections, until = _given(record, sections, until, now=now)
    if agree:
        _must_be_a_yes(record, sections, until, assurance=assurance, now=now)
    _close(session, record, RequestState.GRANTED if agree else RequestState.DECLINED, now=now)
    body = {
        "request": record.id,
        "agreed": agree,
        "purpose": record.purpose.value,
        "sections": sorted(sections) if agree else [],
        "until": until.isoformat() if agree else None,
        **({"acting": acting} if acting else {}),
    }
    action, organisation = AuditAction.ACCESS_ANSWERED, record.organisation_code
    event = Event(action=action, actor=by, organisation=organisation, resident=record.resident_id, body=body)
    trail.append(session, event, now=now)
    consent = _agree(session, record, sections, until, by=by, now=now) if agree else None
    session.commit()
    return consent


def _given(
    record: AccessRequestRecord, sections: frozenset[Section] | None, until: datetime | None, *, now: datetime
) -> tuple[frozenset[Section], datetime]:
    """What would be shared, and until when: all that was asked for, where less is not said. Never more."""
    longest = end_if_agreed(record, now=now)
    sections, until = record.sections if sections is None else sections, longest if until is None else until
    if not sections <= record.sections or until > longest:
        raise InvalidInput("more-than-asked", "You cannot share more than was asked for.", field="sections")
    return sections, until


def _must_be_a_yes(
    record: AccessRequestRecord, sections: frozenset[Section], until: datetime, *, assurance: int, now: datetime
) -> None:
    if not sections:
        raise InvalidInput("sections-missing", "Choose at least one section, or say no.", field="sections")
    if until <= now:
        raise InvalidInput("until-invalid", "Sharing must end after now.", field="until")
    if assurance < (record.assurance or 0):
        raise NotPermitted("assurance-too-low", "To say yes to this, sign in again in a surer way.", field="answer")


def _agree(
    session: Session,
    record: AccessRequestRecord,
    sections: frozenset[Section],
    until: datetime,
    *,
    by: str,
    now: datetime,
) -> Consent:
    assert record.resident_id is not None, "only its resident can reach a request"
    provision = Provision(
        type=ProvisionType.PERMIT,
        organisation_code=record.organisation_code,
        purposes=frozenset({record.purpose}),
        sections=sections,
        from_at=now,
        until_at=until,
    )
    consent = keep(session, record.resident_id, provision, by=by, now=now)
    consent.request_id = record.id
    invite(session, consent, organisation=record.organisation_code, until=until, now=now)
    return consent


def give(
    session: Session,
    *,
    resident: str,
    organisation: str,
    purposes: frozenset[Purpose],
    sections: frozenset[Section],
    until: datetime | None,
    by: str,
    acting: Acting = None,
    trail: Trail,
    now: datetime,
) -> Consent:
    """Permit an organisation, unasked or again. Commits."""
    if not purposes or not sections:
        raise InvalidInput("sections-missing", "Choose what to share, and for what.", field="sections")
    if until is not None and until <= now:
        raise InvalidInput("until-invalid", "Sharing must end after today.", field="until")
    provision = Provision(
        type=ProvisionType.PERMIT,
        organisation_code=organisation,
        purposes=purposes,
        sections=sections,
        from_at=now,
        until_at=until,
    )
    consent = keep(session, resident, provision, by=by, now=now)
    invite(session, consent, organisation=organisation, until=until, now=now)
    write_down(session, trail, AuditAction.CONSENT_GIVEN, consent, [provision], by=by, acting=acting, now=now)
    session.commit()
    return consent


def withhold(
    session: Session,
    *,
    resident: str,
    organisation: str | None,
    sections: frozenset[Section] | None,
    labels: frozenset[Sensitivity] | None,
    by: str,
    acting: Acting = None,
    trail: Trail,
    now: datetime,
) -> Consent:
    """Refuse an organisation (None: every one) sections (None: all), or kinds of sensitive information. Commits."""
    if (sections is not None and not sections) or (labels is not None and not labels):
        raise InvalidInput("sections-missing", "Choose what not to share.", field="sections")
    provision = Provision(
        type=ProvisionType.DENY, organisation_code=organisation, sections=sections, labels=labels, from_at=now
    )
    consent = keep(session, resident, provision, by=by, now=now)
    write_down(session, trail, AuditAction.CONSENT_NARROWED, consent, [provision], by=by, acting=acting, now=now)
    session.commit()
    return consent


def narrow(
    session: Session,
    consent: Consent,
    *,
    stop_sections: frozenset[Section],
    by: str,
    acting: Acting = None,
    trail: Trail,
    now: datetime,
) -> Consent:
    """Take sections out of a permission. What was permitted stays on file, ended now. Commits."""
    _must_be_active(consent)
    narrowed = [
        provision
        for provision in consent.provisions
        if provision.ended_at is None and (provision.sections or frozenset()) & stop_sections
    ]
    if not narrowed:
        raise InvalidInput("nothing-to-stop", "None of these sections is shared.", field="sections")
    for provision in narrowed:
        provision.ended_at = now
        left = (provision.sections or frozenset()) - stop_sections
        if left:
            consent.provisions.append(
                Provision(
                    type=provision.type,
                    organisation_code=provision.organisation_code,
                    purposes=provision.purposes,
                    sections=left,
                    labels=provision.labels,
                    from_at=now,
                    until_at=provision.until_at,
                )
            )
    session.flush()
    in_use_now = [provision for provision in consent.provisions if provision.ended_at is None]
    if not in_use_now:
        end(session, consent, now=now)
    write_down(
        session,
        trail,
        AuditAction.CONSENT_NARROWED,
        consent,
        in_use_now,
        by=by,
        acting=acting,
        now=now,
        stopped=stop_sections,
    )
    session.commit()
    return consent


def withdraw(
    session: Session, consent: Consent, *, by: str, acting: Acting = None, trail: Trail, now: datetime
) -> Consent:
    """End a choice, whole. Bites on the very next request. Commits."""
    _must_be_active(consent)
    end(session, consent, now=now)
    ended = [provision for provision in consent.provisions if provision.ended_at is None]
    for provision in ended:
        provision.ended_at = now
    write_down(session, trail, AuditAction.CONSENT_WITHDRAWN, consent, ended, by=by, acting=acting, now=now)
    session.commit()
    return consent


def in_use(session: Session, resident: str, *, now: datetime) -> list[Consent]:
    """The choices that bear on a decision made ``now``, newest first."""
    found = session.scalars(
        select(Consent)
        .where(Consent.resident_id == resident, Consent.status == ConsentStatus.ACTIVE)
        .options(selectinload(Consent.provisions))
        .order_by(Consent.given_at.desc(), Consent.id)
    )
    return [consent for consent in found if any(bears(provision, now=now) for provision in consent.provisions)]


def requests_to(session: Session, resident: str, *, now: datetime) -> list[AccessRequestRecord]:
    """Requests waiting for this resident's answer, oldest first; those they are not to see left out."""
    return asking.waiting(session, resident, now=now)


def _close(session: Session, record: AccessRequestRecord, state: RequestState, *, now: datetime) -> None:
    """Take the answer, if the request still waits for one: of two at once, one stands. Raises Conflict otherwise."""
    closed = session.execute(
        update(AccessRequestRecord)
        .where(AccessRequestRecord.id == record.id, AccessRequestRecord.state == RequestState.PENDING)
        .where(AccessRequestRecord.expires_at > now)
        .values(state=state, answered_at=now)
        .returning(AccessRequestRecord.id)
        .execution_options(synchronize_session=False)
    )
    if closed.one_or_none() is None:
        session.rollback()
        raise Conflict("request-closed", "This request has already been answered or has run out.")
    session.refresh(record)


def bears(provision: Provision, *, now: datetime) -> bool:
    """Whether a provision bears on a decision made ``now``."""
    return provision.ended_at is None and (provision.until_at is None or now < provision.until_at)


def _must_be_active(consent: Consent) -> None:
    if consent.status is not ConsentStatus.ACTIVE:
        raise Conflict("consent-ended", "This has already been stopped.")
