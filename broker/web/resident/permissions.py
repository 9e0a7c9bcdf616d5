"""Permissions that stand together: all that one resident gave one organisation for the same purposes.

Somebody may agree twice, or undo half of what they stopped. They see one permission, and stopping it stops all of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from broker.consent import actions as consent
from broker.consent.models import Consent, Provision
from broker.vocabulary import ConsentStatus, ProvisionType, Section


def together(session: Session, choice: Consent) -> list[Consent]:
    """``choice`` first, and every permission like it, in use or ended. Something withheld always stands alone."""
    if choice.provisions[0].type is ProvisionType.DENY:
        return [choice]
    of_resident = select(Consent).where(Consent.resident_id == choice.resident_id).order_by(Consent.given_at)
    found = session.scalars(of_resident.options(selectinload(Consent.provisions)))
    return [
        choice,
        *(each for each in found if each is not choice and each.provisions and _like(each) == _like(choice)),
    ]


def in_use(choices: list[Consent]) -> list[Consent]:
    return [choice for choice in choices if choice.status is ConsentStatus.ACTIVE]


def grouped(session: Session, resident: str, *, now: datetime) -> list[list[Consent]]:
    """What is in use, newest first, with permissions that stand together put together."""
    groups: dict[object, list[Consent]] = {}
    for choice in consent.in_use(session, resident, now=now):
        permits = choice.provisions[0].type is ProvisionType.PERMIT
        groups.setdefault(_like(choice) if permits else choice.id, []).append(choice)
    return list(groups.values())


def shared_by(choice: Consent) -> frozenset[Section]:
    """The sections that this permission covers now."""
    return _covered(provision for provision in choice.provisions if provision.ended_at is None)


def stopped_last(choices: list[Consent]) -> list[tuple[Consent, frozenset[Section]]]:
    """What the last stop took from each of ``choices``, and none of them covers now.

    What was stopped before that stays stopped: undoing one act must not undo another.
    """
    ended = [provision.ended_at for choice in choices for provision in choice.provisions if provision.ended_at]
    if not ended:
        return []
    still = frozenset[Section]().union(*(shared_by(choice) for choice in choices))
    last = max(ended)
    taken = [(choice, _covered(p for p in choice.provisions if p.ended_at == last) - still) for choice in choices]
    return [(choice, sections) for choice, sections in taken if sections]


def _like(choice: Consent) -> tuple[object, ...]:
    first = choice.provisions[0]
    return first.type, first.organisation_code, first.purposes


def _covered(provisions: Iterable[Provision]) -> frozenset[Section]:
    return frozenset[Section]().union(*(provision.sections or frozenset() for provision in provisions))
