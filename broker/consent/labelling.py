"""A resident's own word on whether an entry is sensitive. Keeps no entry: only a digest of which one is meant.

To say that something is sensitive only ever narrows what others see. To say that it is not may open it, so that it is
said by somebody of age, and of what the entry says now. Only the resident says either themself, and never of what is
not theirs to decide: what the law restricts, safeguarding, and what is about somebody else, which their own record
does not open to them, so that they could never see again what they had said it of. What a source states stays so.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.audit.trail import Event, Trail
from broker.consent.models import LabelChoice
from broker.errors import InvalidInput, NotFound, NotPermitted
from broker.identity.models import LONDON, Resident
from broker.vocabulary import AuditAction, Sensitivity

OLD_ENOUGH = 16  # to decide alone that something is not private: the age of consent to one's own treatment
# For somebody's safety, or about somebody else; as ``records.own_labels`` has it, where a dispute would be passed over.
NOT_THEIRS = frozenset({Sensitivity.SAFEGUARDING, Sensitivity.THIRD_PARTY})
# What a resident may say of an entry: the kinds that their own record opens to them.
THEIRS = frozenset(each for each in Sensitivity if not each.in_law) - NOT_THEIRS
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Keys:
    """The digests of one entry: ``entry`` names it for good, ``content`` names it as long as it says what it says."""

    entry: str
    content: str

    def saying(self, applies: bool) -> str:
        """What is kept: one that is sensitive stays so; one that is not is so while it says the same."""
        return self.entry if applies else self.content


def say(
    session: Session,
    resident: str,
    keys: Keys,
    sensitivity: Sensitivity,
    applies: bool,
    *,
    by: str,
    stated: Collection[Sensitivity] = frozenset(),
    trail: Trail,
    now: datetime,
) -> LabelChoice:
    """Keep that the entry is sensitive in this way, or is not, in place of what was said of it before. Commits.

    ``stated`` are what its source itself states of it. Raises NotPermitted for what a resident may not say.
    """
    if not (_KEY.fullmatch(keys.entry) and _KEY.fullmatch(keys.content)):
        raise InvalidInput("entry-unknown", "There is no such entry.", field="entry")
    _only_themself(resident, by=by)
    if sensitivity.in_law:
        raise NotPermitted("label-in-law", "The law decides who may see this. It cannot be changed here.")
    if sensitivity in NOT_THEIRS:
        raise NotPermitted("label-not-theirs-to-say", "This is for somebody's safety. It cannot be changed here.")
    if not applies:
        _may_dispute(session, resident, sensitivity, stated=stated, now=now)
    for before in said_of(session, resident, keys):
        if before.sensitivity is sensitivity:
            before.ended_at = now
    choice = LabelChoice(
        resident_id=resident,
        entry=keys.saying(applies),
        sensitivity=sensitivity,
        applies=applies,
        made_at=now,
        made_by=by,
    )
    session.add(choice)
    session.flush()
    _write_down(session, trail, choice, "said", by=by, now=now)
    session.commit()
    return choice


def take_back(
    session: Session,
    resident: str,
    key: str,
    sensitivity: Sensitivity,
    *,
    by: str,
    trail: Trail,
    now: datetime,
) -> None:
    """End what was said under ``key``: it is again as the broker finds it. Commits. Raises NotFound for nothing.

    Needs no entry: what a resident said can be taken back of what is in their record no more, or is shown no more.
    """
    _only_themself(resident, by=by)
    choices = [each for each in all_said(session, resident) if (each.entry, each.sensitivity) == (key, sensitivity)]
    if not choices:
        raise NotFound("label-choice-unknown", "You have said nothing about this.")
    for choice in choices:
        choice.ended_at = now
        _write_down(session, trail, choice, "taken-back", by=by, now=now)
    session.commit()


def all_said(session: Session, resident: str) -> Sequence[LabelChoice]:
    """All that the resident says of their entries now, in the order they said it."""
    return session.scalars(
        select(LabelChoice)
        .where(LabelChoice.resident_id == resident, LabelChoice.ended_at.is_(None))
        .order_by(LabelChoice.made_at, LabelChoice.id)
    ).all()


def said_of(session: Session, resident: str, keys: Keys) -> Sequence[LabelChoice]:
    """What the resident says of the entry now, as it stands."""
    return [each for each in all_said(session, resident) if each.entry == keys.saying(each.applies)]


def old_enough(session: Session, resident: str, *, now: datetime) -> bool:
    """Whether the resident may decide that something is not private."""
    born = session.get_one(Resident, resident).born_on
    return _years(born, on=now.astimezone(LONDON).date()) >= OLD_ENOUGH


def _only_themself(resident: str, *, by: str) -> None:
    """Not whoever acts for them: what somebody calls private of another would tell of it, and hide it from others."""
    if by != f"resident:{resident}":
        raise NotPermitted("label-not-theirs", "Only the resident can say whether this is private.")


def _may_dispute(
    session: Session, resident: str, sensitivity: Sensitivity, *, stated: Collection[Sensitivity], now: datetime
) -> None:
    if sensitivity in stated:
        raise NotPermitted("label-stated", "The organisation itself says so. Ask them to change it.")
    if not old_enough(session, resident, now=now):
        raise NotPermitted("label-too-young", "You can say this yourself when you are 16.")


def _years(born: date, *, on: date) -> int:
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def _write_down(session: Session, trail: Trail, choice: LabelChoice, what: str, *, by: str, now: datetime) -> None:
    body = {
        "choice": choice.id,
        "entry": choice.entry,
        "label": choice.sensitivity.value,
        "applies": choice.applies,
        "what": what,
    }
    event = Event(action=AuditAction.LABEL_CHANGED, actor=by, resident=choice.resident_id, body=body)
    trail.append(session, event, now=now)
