"""A FHIR Consent that a resident brings, kept as their choice. What it means was read before (``consent.fhir_in``)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from broker.audit.trail import Trail
from broker.consent.entries import Acting, write_down
from broker.consent.fhir_in import Taken
from broker.consent.keeping import invite
from broker.consent.models import Consent
from broker.errors import InvalidInput
from broker.identity.models import Resident
from broker.identity.tracing import must_be_whole
from broker.vocabulary import AuditAction, ConsentStatus, ProvisionType


def take_in(
    session: Session, taken: Taken, *, resident: str, by: str, acting: Acting = None, trail: Trail, now: datetime
) -> Consent:
    """Keep what was ``taken`` of a document as one choice, with one entry on the trail. Commits.

    Raises InvalidInput where it permits several organisations: each permission is a choice, to be undone alone; and
    Conflict for a resident who is kept elsewhere now.
    """
    must_be_whole(session.get_one(Resident, resident))
    permits = [each for each in taken.provisions if each.type is ProvisionType.PERMIT]
    permitted = {each.organisation_code for each in permits}
    if len(permitted) > 1:
        raise InvalidInput("one-organisation", "Bring one consent for each organisation it permits.", field="actor")
    consent = Consent(
        resident_id=resident, status=ConsentStatus.ACTIVE, given_at=now, given_by=by, document=taken.document
    )
    consent.provisions.extend(taken.provisions)
    session.add(consent)
    session.flush()
    for organisation in permitted:
        ends = [each.until_at for each in permits if each.until_at is not None]
        until = max(ends) if len(ends) == len(permits) else None
        invite(session, consent, organisation=str(organisation), until=until, now=now)
    action = AuditAction.CONSENT_GIVEN if permits else AuditAction.CONSENT_NARROWED
    write_down(session, trail, action, consent, taken.provisions, by=by, acting=acting, now=now)
    session.commit()
    return consent
