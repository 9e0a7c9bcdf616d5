"""The agreements in force, read as documents, for pages that say what they could open. Decides nothing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.agreements.document import AgreementDocument, from_stored
from broker.agreements.models import SharingAgreement
from broker.vocabulary import AgreementState


def in_force(session: Session, *, now: datetime) -> list[AgreementDocument]:
    """The texts of the agreements in force ``now`` that open something; one that only narrows opens nothing."""
    rows = session.scalars(select(SharingAgreement).where(SharingAgreement.state == AgreementState.IN_FORCE))
    documents = [from_stored(each.document) for each in rows if each.in_force(at=now)]
    return [document for document in documents if not document.narrows]
