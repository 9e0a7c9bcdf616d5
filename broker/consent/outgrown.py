"""Permissions that an agreement has outgrown: which rest on it, and how they run out. Withdraws none of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager

from broker.audit.trail import Trail
from broker.consent.actions import bears
from broker.consent.codes import binding_code
from broker.consent.entries import write_down
from broker.consent.keeping import invitation_of
from broker.consent.models import AccessRequestRecord, Consent, Provision
from broker.vocabulary import AuditAction, ConsentStatus, ProvisionType, Purpose, RequestState


def standing(
    session: Session, *, organisations: Iterable[str], purposes: Collection[Purpose], now: datetime
) -> list[Provision]:
    """The permissions, in use now, that these organisations hold for any of these purposes. Whose: its consent says."""
    found = session.scalars(
        select(Provision)
        .join(Provision.consent)
        .where(
            Provision.type == ProvisionType.PERMIT,
            Provision.organisation_code.in_(list(organisations)),
            Consent.status == ConsentStatus.ACTIVE,
        )
        .options(contains_eager(Provision.consent))
        .order_by(Provision.id)
    )
    return [each for each in found if bears(each, now=now) and _speaks_of(each, purposes)]


def run_out(session: Session, provisions: Iterable[Provision], *, by: str, trail: Trail, now: datetime) -> None:
    """Let permissions run out now, because the agreement they rest on grew wider, and ask again where asked before.

    In the caller's transaction. The resident decided nothing, so nothing is withdrawn: it ran out.
    """
    for provision in provisions:
        consent = provision.consent
        provision.until_at = max(now, provision.from_at + timedelta(seconds=1))
        invitation = invitation_of(session, consent)
        if invitation is not None:
            invitation.until_at = max(now, invitation.from_at + timedelta(seconds=1))
        if consent.request_id is not None:
            _ask_again(session, session.get_one(AccessRequestRecord, consent.request_id), now=now)
        write_down(session, trail, AuditAction.CONSENT_OUTGROWN, consent, [provision], by=by, now=now)


def _speaks_of(provision: Provision, purposes: Collection[Purpose]) -> bool:
    named = provision.purposes
    return named is None or any(purpose.within_any(named) for purpose in purposes)


def _ask_again(session: Session, asked: AccessRequestRecord, *, now: datetime) -> None:
    """Put the same request to the resident once more, with as long to answer and to share as it had."""
    session.add(
        AccessRequestRecord(
            resident_id=asked.resident_id,
            handle=asked.handle,
            organisation_code=asked.organisation_code,
            person_id=asked.person_id,
            client_id=asked.client_id,
            role=asked.role,
            purpose=asked.purpose,
            sections=asked.sections,
            reason=asked.reason,
            binding_code=binding_code(),
            share_until=now + (asked.share_until - asked.made_at),
            share_seconds=asked.share_seconds,
            assurance=asked.assurance,
            state=RequestState.PENDING,
            made_at=now,
            expires_at=now + (asked.expires_at - asked.made_at),
        )
    )
