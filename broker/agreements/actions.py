"""Moving a sharing agreement through its states, and publishing what is in force. Each act leaves one entry."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from broker.agreements import bundle
from broker.agreements.document import AgreementDocument
from broker.agreements.models import TRANSITIONS, PolicyRevision, SharingAgreement, Signature
from broker.audit.trail import Event, Trail
from broker.database import table_of
from broker.errors import Conflict, InvalidInput
from broker.vocabulary import AgreementState, AuditAction

_REVISION = table_of(PolicyRevision).c
_NEWEST_REVISION = select(_REVISION.revision).order_by(_REVISION.id.desc()).limit(1)  # asked at every decision


def draft(session: Session, document: AgreementDocument, *, by: str, trail: Trail, now: datetime) -> SharingAgreement:
    """Keep a new agreement as a draft. Raises Conflict where its id is taken, InvalidInput where it has no parent."""
    if session.get(SharingAgreement, document.id) is not None:
        raise Conflict("agreement-exists", f"There is already an agreement {document.id}.")
    if document.under is not None and session.get(SharingAgreement, document.under) is None:
        raise InvalidInput("agreement-parent-unknown", f"There is no agreement {document.under}.", field="under")
    agreement = SharingAgreement(
        id=document.id,
        title=document.title,
        level=document.level,
        place_code=document.place,
        under=document.under,
        state=AgreementState.DRAFT,
        document=document.as_mapping(),
        digest=document.digest,
        from_at=document.from_at,
        until_at=document.until_at,
        changed_at=now,
    )
    session.add(agreement)
    session.flush()
    _entry(session, trail, agreement, by=by, now=now, act="drafted")
    return agreement


def sign(
    session: Session,
    agreement: SharingAgreement,
    *,
    organisation: str,
    signed_by: str,
    by: str,
    trail: Trail,
    now: datetime,
) -> Signature:
    """One party signs exactly this text. Raises Conflict where it is no party, or the text is not in review."""
    if agreement.state is not AgreementState.IN_REVIEW:
        raise Conflict("agreement-not-in-review", "Only an agreement in review can be signed.")
    if organisation not in _parties(agreement):
        raise Conflict("not-a-party", "Only a party to the agreement can sign it.")
    signature = Signature(organisation_code=organisation, digest=agreement.digest, signed_by=signed_by, signed_at=now)
    agreement.signatures.append(signature)
    _entry(session, trail, agreement, by=by, now=now, act="signed", signatory=organisation)
    return signature


def move(
    session: Session, agreement: SharingAgreement, *, to: AgreementState, by: str, trail: Trail, now: datetime
) -> SharingAgreement:
    """Move an agreement to its next state. Raises Conflict where the table of states does not allow it.

    Nothing comes into force before every party has signed this very text.
    """
    if to not in TRANSITIONS[agreement.state]:
        raise Conflict(
            "agreement-state", f"An agreement that is {agreement.state.label.lower()} cannot become {to.label.lower()}."
        )
    if to in (AgreementState.APPROVED, AgreementState.IN_FORCE) and not signed(agreement):
        raise Conflict("agreement-not-signed", "Not every party has signed this text.")
    before, agreement.state, agreement.changed_at = agreement.state, to, now
    _entry(session, trail, agreement, by=by, now=now, act="moved", before=before.value)
    return agreement


def adopt(
    session: Session, document: AgreementDocument, *, signed_by: str, by: str, trail: Trail, now: datetime
) -> SharingAgreement:
    """Bring in an agreement that every party has already signed on paper, and put it in force."""
    agreement = draft(session, document, by=by, trail=trail, now=now)
    move(session, agreement, to=AgreementState.IN_REVIEW, by=by, trail=trail, now=now)
    for party in sorted(_parties(agreement)):
        sign(session, agreement, organisation=party, signed_by=signed_by, by=by, trail=trail, now=now)
    move(session, agreement, to=AgreementState.APPROVED, by=by, trail=trail, now=now)
    return move(session, agreement, to=AgreementState.IN_FORCE, by=by, trail=trail, now=now)


def publish(session: Session, *, by: str, trail: Trail, now: datetime) -> PolicyRevision:
    """Make the rules and agreements as they now stand the revision in force. Commits.

    Call it in the transaction of every change to an agreement: an engine that still holds the older revision refuses.
    """
    session.flush()
    data = bundle.build_data(every(session))
    revision = bundle.revision_of(now, bundle.load_modules(), data)
    published = PolicyRevision(revision=revision, digest=revision.rpartition("/")[2], data=data, published_at=now)
    session.add(published)
    trail.append(
        session,
        Event(
            action=AuditAction.POLICY_PUBLISHED,
            actor=by,
            organisation=None,
            resident=None,
            body={"revision": revision, "agreements": len(data["agreements"])},
        ),
        now=now,
    )
    session.commit()
    return published


def revision_in_force(session: Session) -> str | None:
    """The name of the newest published revision; None before the first."""
    revision: str | None = session.scalar(_NEWEST_REVISION)
    return revision


def every(session: Session) -> list[SharingAgreement]:
    return list(
        session.scalars(
            select(SharingAgreement).options(selectinload(SharingAgreement.signatures)).order_by(SharingAgreement.id)
        )
    )


def signed(agreement: SharingAgreement) -> bool:
    """Whether every party has signed the text as it now stands."""
    return _parties(agreement) <= {s.organisation_code for s in agreement.signatures if s.digest == agreement.digest}


def _parties(agreement: SharingAgreement) -> set[str]:
    parties: Iterable[dict[str, str]] = agreement.document["parties"]
    return {party["organisation"] for party in parties}


def _entry(
    session: Session, trail: Trail, agreement: SharingAgreement, *, by: str, now: datetime, act: str, **more: str
) -> None:
    session.flush()
    body = {"agreement": agreement.id, "digest": agreement.digest, "act": act, "state": agreement.state.value, **more}
    trail.append(
        session,
        Event(action=AuditAction.AGREEMENT_CHANGED, actor=by, organisation=None, resident=None, body=body),
        now=now,
    )
