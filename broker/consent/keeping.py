"""A choice as it is kept: with its provision and the relationship it makes, and ended with both. Writes no entry."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.consent.models import Consent, Provision
from broker.identity.models import Relationship, Resident
from broker.identity.tracing import must_be_whole
from broker.vocabulary import ConsentStatus, RelationshipKind


def keep(session: Session, resident: str, provision: Provision, *, by: str, now: datetime) -> Consent:
    """Raises Conflict for a resident who is kept elsewhere now: a choice nobody would look for is not taken."""
    must_be_whole(session.get_one(Resident, resident))
    consent = Consent(resident_id=resident, status=ConsentStatus.ACTIVE, given_at=now, given_by=by)
    consent.provisions.append(provision)
    session.add(consent)
    session.flush()
    return consent


def invite(session: Session, consent: Consent, *, organisation: str, until: datetime | None, now: datetime) -> None:
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


def end(session: Session, consent: Consent, *, now: datetime) -> None:
    consent.status, consent.ended_at = ConsentStatus.INACTIVE, now
    invitation = invitation_of(session, consent)
    # One that is ended in the instant it began has no length to keep; the consent itself stays as history.
    if invitation is not None and invitation.from_at < now:
        invitation.until_at = now
    elif invitation is not None:
        session.delete(invitation)
