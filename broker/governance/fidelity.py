"""Show that what is recorded is what was decided: the same rules, asked the same again, give the same answer.

Writes nothing to the trail but that decisions were opened, and changes no record: a difference is said, not mended.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from broker.access.engines import Bundle
from broker.access.parts import Broker
from broker.access.policy import published_bundle
from broker.errors import EngineUnavailable
from broker.governance.recorded import MOST, Recorded, decisions, hash_of
from broker.governance.replay import replay

_EXAMPLES = 20


@dataclass(frozen=True)
class Fidelity:
    """How many decisions were made again, and how many came out the same.

    ``unanswered`` are the broker's own refusals, which no rules made; ``unknown`` were made by a revision that is not
    kept. ``examples`` are ids of decisions that came out different, at most twenty.
    """

    replayed: int = 0
    same: int = 0
    unanswered: int = 0
    unknown: int = 0
    examples: tuple[str, ...] = ()

    @property
    def different(self) -> int:
        return self.replayed - self.same

    @property
    def holds(self) -> bool:
        """Whether nothing contradicts the record."""
        return self.different == 0 and self.unknown == 0


def check(
    broker: Broker,
    session: Session,
    *,
    by: str,
    now: datetime,
    revision: str | None = None,
    since: datetime | None = None,
    limit: int = MOST,
) -> Fidelity:
    """Make recorded decisions again, each by the revision that made it: those of ``revision``, or of any. Commits."""
    found = decisions(broker, session, by=by, now=now, revision=revision, since=since, limit=limit, why="fidelity")
    return compare(broker, session, list(found))


def compare(broker: Broker, session: Session, found: Sequence[Recorded]) -> Fidelity:
    """``found`` made again. Raises EngineUnavailable where evaluating is stopped at its limits."""
    answered = [each for each in found if each.answer is not None]
    made_by: dict[str, list[Recorded]] = {}
    for each in answered:
        made_by.setdefault(each.revision, []).append(each)
    kept = {revision: _kept(broker, session, revision) for revision in made_by}
    session.rollback()  # only read: hold no snapshot while the rules are asked
    asked = [(rules, made_by[revision]) for revision, rules in kept.items() if rules is not None]
    altered = [id for rules, some in asked for id in _altered(rules, some)]
    replayed = sum(len(some) for _, some in asked)
    return Fidelity(
        replayed=replayed,
        same=replayed - len(altered),
        unanswered=len(found) - len(answered),
        unknown=len(answered) - replayed,
        examples=tuple(altered[:_EXAMPLES]),
    )


def _kept(broker: Broker, session: Session, revision: str) -> Bundle | None:
    try:
        return published_bundle(session, revision)
    except EngineUnavailable:
        return None


def _altered(rules: Bundle, some: Sequence[Recorded]) -> Iterable[str]:
    answers = replay(rules, [each.question for each in some]).answers
    return [each.decision for each, answer in zip(some, answers, strict=True) if hash_of(answer) != each.result_hash]
