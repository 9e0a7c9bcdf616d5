"""Meeting the obligations of a decision: who must be told, and what is put in a queue for review."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from broker.access.request import AccessRequest, Decision
from broker.database import new_id
from broker.identity.actions import NOBODY
from broker.notices import reviews
from broker.notices.models import Notice
from broker.vocabulary import NoticeKind, Obligation

MOST = 50  # notices on one page
# What the broker itself must do. Others are the requester's own duty, and are stated to them.
QUEUED = frozenset({Obligation.NOTIFY_RESIDENT, Obligation.NOTIFY_PRIVACY_OFFICER, Obligation.REVIEW})


def queue(session: Session, request: AccessRequest, decision: Decision, *, now: datetime) -> list[Notice]:
    """Keep a notice for each obligation that somebody be told, in the caller's transaction.

    Emergency access that found nobody is told to the privacy officer alone: there is no resident to tell.
    """
    notices = [
        Notice(
            resident_id=request.resident if duty.obligation is Obligation.NOTIFY_RESIDENT else None,
            organisation_code=None if duty.obligation is Obligation.NOTIFY_RESIDENT else request.requester.organisation,
            kind=duty.obligation.value,
            about=decision.id,
            parameters={
                "organisation": request.requester.organisation,
                "role": request.requester.role.value,
                "purpose": request.purpose.value,
                **duty.parameters,
            },
            made_at=now,
        )
        for duty in decision.duties
        if duty.obligation in QUEUED
        and not (duty.obligation is Obligation.NOTIFY_RESIDENT and request.resident == NOBODY)
    ]
    session.add_all(notices)
    if any(duty.obligation is Obligation.REVIEW for duty in decision.duties):
        session.add(reviews.of(request, decision, now=now))
    return notices


def tell(
    session: Session,
    kind: NoticeKind,
    *,
    about: str,
    residents: Iterable[tuple[str, str]] = (),
    organisations: Iterable[str] = (),
    now: datetime,
) -> int:
    """Keep a notice of an agreement for each (resident, organisation they share with), and for each organisation.

    ``about`` is the agreement and its version. In the caller's transaction; returns how many were kept.
    """
    to_residents = [
        {"resident_id": resident, "organisation_code": None, "parameters": {"organisation": organisation}}
        for resident, organisation in dict.fromkeys(residents)
    ]
    to_organisations = [
        {"resident_id": None, "organisation_code": organisation, "parameters": {"organisation": organisation}}
        for organisation in dict.fromkeys(organisations)
    ]
    rows = [
        {"id": new_id(), "kind": kind.value, "about": about, "made_at": now, **row}
        for row in (*to_residents, *to_organisations)
    ]
    if rows:
        session.execute(insert(Notice), rows)
    return len(rows)


def in_words(kind: str) -> str:
    """What a notice says to an organisation."""
    return Obligation(kind).label if kind in list(Obligation) else NoticeKind(kind).label


def to_resident(session: Session, resident: str, *, since: datetime) -> list[Notice]:
    """What a resident has been told since then, newest first."""
    mine = select(Notice).where(Notice.resident_id == resident, Notice.made_at >= since)
    return list(session.scalars(mine.order_by(Notice.made_at.desc(), Notice.id).limit(MOST)))


def to_organisation(session: Session, organisation: str, *, since: datetime) -> list[Notice]:
    """What an organisation's privacy officer has been told, or asked to review, since then; newest first."""
    theirs = select(Notice).where(Notice.organisation_code == organisation, Notice.made_at >= since)
    return list(session.scalars(theirs.order_by(Notice.made_at.desc(), Notice.id).limit(MOST)))
