"""Take in what the national register says of who a resident is: their number, its flag, their death.

A number that was superseded stays theirs, as a former one. Where the new number is another resident's, nothing is
changed: two residents are one person only where somebody says so on purpose. Asks no register, and writes no number on
the trail. That somebody is flagged is not on the trail either: whoever may read of them there is not to learn it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from broker.audit.trail import Event, Trail
from broker.database import valid_nhs_number
from broker.errors import Conflict
from broker.identity.models import FormerNumber, Resident
from broker.vocabulary import AuditAction


@dataclass(frozen=True, slots=True)
class Finding:
    """What the register said: the number in use, its flag, and any death. ``by`` is the source that was asked."""

    nhs_number: str = field(repr=False)
    sensitive: bool
    died_on: date | None
    by: str


def take_in(
    session: Session, resident: Resident, finding: Finding, *, actor: str, trail: Trail, now: datetime
) -> frozenset[str]:
    """Keep what was found, with one entry on the trail. Gives what changed: ``number``, ``flag``, ``death``. Commits.

    Raises Conflict ``identity-merge-needed`` where the number is another resident's, and ``identity-merged`` for
    somebody who is kept elsewhere now; nothing is changed then. A death the register no longer has stays on file here
    until somebody has looked into it.
    """
    must_be_whole(resident)
    changed = set()
    if _renumber(session, resident, valid_nhs_number(finding.nhs_number), by=finding.by, now=now):
        changed.add("number")
    if finding.sensitive != (resident.sensitive_since is not None):
        resident.sensitive_since = now if finding.sensitive else None
        changed.add("flag")
    if finding.died_on is not None and finding.died_on != resident.died_on:
        resident.died_on = finding.died_on
        changed.add("death")
    resident.traced_at = now
    session.flush()
    body = {"act": "traced", "source": finding.by, "changed": sorted(changed - {"flag"})}
    event = Event(action=AuditAction.RESIDENT_TRACED, actor=actor, organisation=None, resident=resident.id, body=body)
    trail.append(session, event, now=now)
    session.commit()
    return frozenset(changed)


def must_be_whole(resident: Resident) -> None:
    """Raises Conflict for a resident who is the same person as another, and is kept there now."""
    if resident.merged_into_id is not None:
        raise Conflict("identity-merged", "This resident is the same person as another, and is kept there now.")


def numbered(digits: str) -> ColumnElement[bool]:
    """That this is, or was, a resident's NHS number."""
    formerly = select(FormerNumber.resident_id).where(FormerNumber.nhs_number == digits)
    return or_(Resident.nhs_number == digits, Resident.id == formerly.scalar_subquery())


def _renumber(session: Session, resident: Resident, number: str, *, by: str, now: datetime) -> bool:
    """Give a resident the number in use, and keep the old one as a former one. Whether anything changed."""
    if number == resident.nhs_number:
        return False
    if session.scalar(select(Resident.id).where(numbered(number), Resident.id != resident.id)) is not None:
        raise Conflict(
            "identity-merge-needed",
            "The register gives this person the number of another resident. See: broker residents merge",
        )
    if (again := session.get(FormerNumber, number)) is not None:  # the register took a change back
        session.delete(again)
    former, resident.nhs_number = resident.nhs_number, number
    if former is not None:
        session.add(FormerNumber(nhs_number=former, resident_id=resident.id, superseded_at=now, told_by=by))
    session.flush()
    return True
