"""What a resident can do about sharing: answer a request, give, narrow, withhold, withdraw. Each leaves one entry.

Ending a choice never takes more steps than making it. Nothing here decides a release: the policy reads what is kept.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session, selectinload

from broker.access.request import Requester
from broker.audit.trail import Event, Trail
from broker.consent.entries import write_down
from broker.consent.models import AccessRequestRecord, Consent, Provision
from broker.errors import Conflict, InvalidInput, TooMany
from broker.identity.actions import actor_of, resident_behind
from broker.identity.models import Relationship
from broker.settings import Settings
from broker.vocabulary import (
    AuditAction,
    ConsentStatus,
    ProvisionType,
    Purpose,
    RelationshipKind,
    RequestState,
    Section,
    Sensitivity,
)

# No vowels and no look-alikes: it is read aloud, and must not spell a word.
_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ23456789"
MOST_OPEN_REQUESTS = 3  # per organisation and resident, so that asking cannot become pestering
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
    trail: Trail,
    settings: Settings,
    now: datetime,
) -> AccessRequestRecord:
    """Ask the resident for permission. The answer looks the same where the handle stands for nobody. Commits."""
    resident_id = resident_behind(session, handle, organisation=requester.organisation)
    if purpose.grouping:
        raise InvalidInput("purpose-too-broad", "Say more exactly what you need it for.", field="purpose")
    if not sections:
        raise InvalidInput("sections-missing", "Say which sections you need.", field="sections")
    if not reason.strip():
        raise InvalidInput("reason-missing", "Say why you are asking, in words the resident will read.", field="reason")
    if not now < share_until <= now + LONGEST_SHARE:
        raise InvalidInput("until-invalid", "Sharing must end after today and within a year.", field="until")
    _limit_open_requests(session, handle, now=now)
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
        state=RequestState.PENDING,
        made_at=now,
        expires_at=now + timedelta(days=settings.request_days),
    )
    session.add(record)
    session.flush()
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
    session.commit()
    return record


def state_of(record: AccessRequestRecord, *, now: datetime) -> RequestState:
    """What the requester may know. A silent no looks like a request nobody has answered, and then like expiry."""
    if record.state is RequestState.GRANTED:
        return RequestState.GRANTED
    return RequestState.PENDING if now < record.expires_at else RequestState.EXPIRED


def answer(
    session: Session,
    record: AccessRequestRecord,
    *,
    agree: bool,
    sections: frozenset[Section] | None = None,
    until: datetime | None = None,
    by: str,
    trail: Trail,
    now: datetime,
) -> Consent | None:
    """The resident's answer: to all that was asked, to fewer sections or a nearer end, never to more. Commits."""
    assert record.resident_id is not None, "only its resident can reach a request"
    sections = record.sections if sections is None else sections
    until = record.share_until if until is None else until
    if not sections <= record.sections or until > record.share_until:
        raise InvalidInput("more-than-asked", "You cannot share more than was asked for.", field="sections")
    if agree and not sections:
        raise InvalidInput("sections-missing", "Choose at least one section, or say no.", field="sections")
    if agree and until <= now:
        raise InvalidInput("until-invalid", "Sharing must end after now.", field="until")
    _close(session, record, RequestState.GRANTED if agree else RequestState.DECLINED, now=now)
    trail.append(
        session,
        Event(
            action=AuditAction.ACCESS_ANSWERED,
            actor=by,
            organisation=record.organisation_code,
            resident=record.resident_id,
            body={
                "request": record.id,
                "agreed": agree,
                "purpose": record.purpose.value,
                "sections": sorted(sections) if agree else [],
                "until": until.isoformat() if agree else None,
            },
        ),
        now=now,
    )
    consent = None
    if agree:
        consent = _keep(
            session,
            record.resident_id,
            Provision(
                type=ProvisionType.PERMIT,
                organisation_code=record.organisation_code,
                purposes=frozenset({record.purpose}),
                sections=sections,
                from_at=now,
                until_at=until,
            ),
            by=by,
            now=now,
        )
        consent.request_id = record.id
        _invite(session, consent, organisation=record.organisation_code, until=until, now=now)
    session.commit()
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
    consent = _keep(session, resident, provision, by=by, now=now)
    _invite(session, consent, organisation=organisation, until=until, now=now)
    write_down(session, trail, AuditAction.CONSENT_GIVEN, consent, [provision], by=by, now=now)
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
    trail: Trail,
    now: datetime,
) -> Consent:
    """Refuse an organisation (None: every one) sections (None: all), or kinds of sensitive information. Commits."""
    if (sections is not None and not sections) or (labels is not None and not labels):
        raise InvalidInput("sections-missing", "Choose what not to share.", field="sections")
    provision = Provision(
        type=ProvisionType.DENY, organisation_code=organisation, sections=sections, labels=labels, from_at=now
    )
    consent = _keep(session, resident, provision, by=by, now=now)
    write_down(session, trail, AuditAction.CONSENT_NARROWED, consent, [provision], by=by, now=now)
    session.commit()
    return consent


def narrow(
    session: Session, consent: Consent, *, stop_sections: frozenset[Section], by: str, trail: Trail, now: datetime
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
        _end(session, consent, now=now)
    write_down(session, trail, AuditAction.CONSENT_NARROWED, consent, in_use_now, by=by, now=now, stopped=stop_sections)
    session.commit()
    return consent


def withdraw(session: Session, consent: Consent, *, by: str, trail: Trail, now: datetime) -> Consent:
    """End a choice, whole. Bites on the very next request. Commits."""
    _must_be_active(consent)
    _end(session, consent, now=now)
    ended = [provision for provision in consent.provisions if provision.ended_at is None]
    for provision in ended:
        provision.ended_at = now
    write_down(session, trail, AuditAction.CONSENT_WITHDRAWN, consent, ended, by=by, now=now)
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
    """Requests waiting for this resident's answer, oldest first."""
    return list(
        session.scalars(
            select(AccessRequestRecord)
            .where(
                AccessRequestRecord.resident_id == resident,
                AccessRequestRecord.state == RequestState.PENDING,
                AccessRequestRecord.expires_at > now,
            )
            .order_by(AccessRequestRecord.made_at)
        )
    )


def requests_by(
    session: Session, organisation: str, *, person: str | None = None, most: int = 50
) -> list[AccessRequestRecord]:
    """Requests an organisation (or one of its people) made, newest first."""
    query = select(AccessRequestRecord).where(AccessRequestRecord.organisation_code == organisation)
    if person is not None:
        query = query.where(AccessRequestRecord.person_id == person)
    return list(session.scalars(query.order_by(AccessRequestRecord.made_at.desc()).limit(most)))


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


def _keep(session: Session, resident: str, provision: Provision, *, by: str, now: datetime) -> Consent:
    consent = Consent(resident_id=resident, status=ConsentStatus.ACTIVE, given_at=now, given_by=by)
    consent.provisions.append(provision)
    session.add(consent)
    session.flush()
    return consent


def _invite(session: Session, consent: Consent, *, organisation: str, until: datetime | None, now: datetime) -> None:
    """Being given permission is being invited: it is the legitimate relationship, and ends with the permission."""
    session.add(
        Relationship(
            resident_id=consent.resident_id,
            organisation_code=organisation,
            kind=RelationshipKind.INVITED,
            source=f"consent {consent.id}",
            from_at=now,
            until_at=until,
        )
    )


def binding_code() -> str:
    """Six letters to read aloud."""
    return "".join(secrets.choice(_CODE_LETTERS) for _ in range(6))


def invitation_of(session: Session, consent: Consent) -> Relationship | None:
    """The relationship that a permission made; None where it made none."""
    found: Relationship | None = session.scalar(
        select(Relationship).where(
            Relationship.resident_id == consent.resident_id,
            Relationship.kind == RelationshipKind.INVITED,
            Relationship.source == f"consent {consent.id}",
        )
    )
    return found


def _end(session: Session, consent: Consent, *, now: datetime) -> None:
    consent.status, consent.ended_at = ConsentStatus.INACTIVE, now
    invitation = invitation_of(session, consent)
    # One that is ended in the instant it began has no length to keep; the consent itself stays as history.
    if invitation is not None and invitation.from_at < now:
        invitation.until_at = now
    elif invitation is not None:
        session.delete(invitation)


def _must_be_active(consent: Consent) -> None:
    if consent.status is not ConsentStatus.ACTIVE:
        raise Conflict("consent-ended", "This has already been stopped.")


def _limit_open_requests(session: Session, handle: str, *, now: datetime) -> None:
    # By handle, not by resident: the limit is reached just as soon where there is nobody.
    still_open = session.scalars(
        select(AccessRequestRecord.id).where(
            AccessRequestRecord.handle == handle,
            AccessRequestRecord.state.in_([RequestState.PENDING, RequestState.DECLINED]),
            AccessRequestRecord.expires_at > now,
        )
    ).all()
    if len(still_open) >= MOST_OPEN_REQUESTS:
        raise TooMany(
            "too-many-requests",
            "This resident already has requests from you to answer. Wait for their answer.",
            retry_after=86400,
        )
