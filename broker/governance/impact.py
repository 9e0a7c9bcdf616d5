"""Say, before a change to an agreement is approved, what it would do: recorded requests asked again of the draft.

The report is signed, and belongs to exactly one text. Changes no agreement and approves nothing; what it opens of the
record of decisions is on the trail.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.access.engines import Bundle
from broker.access.parts import Broker
from broker.access.policy import published_bundle, revision_in_force
from broker.agreements import actions, bundle
from broker.agreements.difference import difference
from broker.agreements.document import Written, from_mapping
from broker.agreements.models import COUNTS, LIVE, SharingAgreement
from broker.audit.leaf import canonical, instant_text
from broker.audit.trail import Event
from broker.errors import Conflict, EngineUnavailable, EngineUnclear, InvalidInput
from broker.governance import fidelity, synthetic
from broker.governance.effect import Compared, effect
from broker.governance.fidelity import Fidelity
from broker.governance.models import ImpactReport
from broker.governance.recorded import MOST, Recorded, decisions
from broker.governance.replay import as_at, draft_bundle, replay
from broker.governance.small_numbers import shown
from broker.governance.synthetic import Touched
from broker.identity.models import Neighbourhood, Organisation
from broker.vocabulary import AuditAction

MADE_AGAIN = 2_000  # the newest decisions, whose answers are compared with what is recorded of them
ENOUGH = 200  # distinct recorded requests; where there are fewer, the report says that it rests on made-up ones too


@dataclass(frozen=True)
class _Asked:
    """Everything that is asked twice: what was recorded, then what is made up."""

    recorded: Sequence[Recorded]
    made_up: Sequence[dict[str, Any]]
    left_out: int

    @property
    def questions(self) -> list[dict[str, Any]]:
        return [*(each.question for each in self.recorded), *self.made_up]


def report(
    broker: Broker, session: Session, agreement: SharingAgreement, *, by: str, now: datetime, most: int = MOST
) -> ImpactReport:
    """What ``agreement``, as it is now written, would do if it were in force. Signed, kept, and on the trail. Commits.

    It rests on the newest ``most`` decisions that the agreement could touch, and on made-up requests. Every request is
    asked of the agreements as they stand at ``now``. Raises InvalidInput where the draft's own conditions cannot be
    evaluated.
    """
    before, after = _in_force(session, now=now), draft_bundle(broker, session, agreement, now=now)
    said = {
        **_about(session, agreement),
        "base_revision": revision_in_force(session) or "",
        "made_at": instant_text(now),
        "rules_changed": _rules_changed(before, after),
    }
    touched = Touched.by(agreement.id, before, after)
    opened = decisions(
        broker, session, by=by, now=now, organisations=touched.organisations, limit=most, why="impact-report"
    )
    asked = _asked(session, touched, [each for each in opened if touched.by_request(each.question)], now=now)
    made_again = fidelity.compare(broker, session, asked.recorded[:MADE_AGAIN])
    session.rollback()  # only read: hold no snapshot while the rules are asked
    compared = _compared(as_at(before, now), as_at(after, now), asked)
    said |= {"requests": _counted(asked), "fidelity": _shown_fidelity(made_again), **effect(compared).as_shown()}
    return _keep(broker, session, said, by=by, now=now)


def latest(session: Session, agreement: SharingAgreement) -> ImpactReport | None:
    """The newest report on exactly this text; one on any earlier text counts for nothing."""
    mine = select(ImpactReport).where(
        ImpactReport.agreement_id == agreement.id,
        ImpactReport.agreement_number == agreement.number,
        ImpactReport.agreement_digest == agreement.digest,
    )
    return session.scalars(mine.order_by(ImpactReport.made_at.desc(), ImpactReport.digest).limit(1)).first()


def verify(broker: Broker, found: ImpactReport) -> None:
    """Raise Conflict unless ``found`` is what was signed, by a key the broker accepts, about the text it names."""
    content = canonical(found.report)
    named = (found.report.get("agreement"), found.report.get("version"), found.report.get("digest"))
    try:
        broker.signing.verify_detached(content, found.signature)
    except EngineUnclear as error:
        raise Conflict("report-not-signed", "This report is not what was signed. Have it made again.") from error
    if _digest(content) != found.digest or named != (
        found.agreement_id,
        found.agreement_number,
        found.agreement_digest,
    ):
        raise Conflict("report-altered", "This report is about another text. Have it made again.")


def stands(session: Session, found: ImpactReport) -> bool:
    """Whether what the draft was compared with is still in force. Where it is not, the effect may be another by now."""
    return found.base_revision == (revision_in_force(session) or "")


# ---- the two sets of rules -------------------------------------------------------------------------------------------


def _in_force(session: Session, *, now: datetime) -> Bundle:
    """What is published; before anything is, the rules without an agreement, which permit nothing."""
    try:
        return published_bundle(session)
    except EngineUnavailable:
        if revision_in_force(session) is not None:
            raise
    modules, data = bundle.modules_for([]), bundle.build_data([])
    revision = bundle.revision_of(now, modules, data)
    return Bundle(revision, modules, {"sharing": {**data, "revision": revision}})


def _rules_changed(before: Bundle, after: Bundle) -> bool:
    """Whether publishing would bring other rules too, beside agreements: then the effect is of both."""
    parts = ("vocabulary", "tables")
    return any(before.data["sharing"].get(part) != after.data["sharing"].get(part) for part in parts) or (
        _ours(before) != _ours(after)
    )


def _ours(rules: Bundle) -> dict[str, str]:
    return {path: text for path, text in rules.modules.items() if not path.startswith("conditions/")}


# ---- what is asked ---------------------------------------------------------------------------------------------------


def _asked(session: Session, touched: Touched, found: Sequence[Recorded], *, now: datetime) -> _Asked:
    known = session.execute(select(Organisation.code, Organisation.kind))
    kinds = {row.code: row.kind.value for row in known}
    places = session.scalars(select(Neighbourhood.place_code).distinct().order_by(Neighbourhood.place_code)).all()
    made_up, left_out = synthetic.requests(touched, kinds=kinds, places=places, now=now)
    return _Asked(found, made_up, left_out)


def _compared(before: Bundle, after: Bundle, asked: _Asked) -> list[Compared]:
    questions = asked.questions
    was = replay(before, questions)
    try:
        will = replay(after, questions)
    except (EngineUnavailable, EngineUnclear) as error:
        raise InvalidInput("draft-not-evaluated", f"The draft could not be evaluated: {error}.") from error
    ids = [*(each.decision for each in asked.recorded), *([None] * len(asked.made_up))]
    lines = zip(ids, questions, was.answers, will.answers, strict=True)
    return [Compared(*line) for line in lines]


def _distinct(asked: _Asked) -> int:
    """How many of the recorded requests differ in who asks, of which kind, for what and from where."""
    return len({_in_kind(each.question) for each in asked.recorded})


def _in_kind(question: dict[str, Any]) -> bytes:
    asker = {name: value for name, value in question["subject"].items() if name != "person"}
    request = question["request"]
    return canonical([asker, request["purpose"], request["pairs"], question["resident"]["place"]])


# ---- the report ------------------------------------------------------------------------------------------------------


def _about(session: Session, agreement: SharingAgreement) -> dict[str, Any]:
    old = _live(session, agreement)
    changes = difference(None if old is None else _written(old), _written(agreement))
    return {
        "agreement": agreement.id,
        "version": agreement.number,
        "digest": agreement.digest,
        "compared_with": None if old is None else old.number,
        "changes": [
            {"kind": each.kind.value, "field": each.field, "sentence": each.sentence, "asks_again": each.asks_again}
            for each in changes.changes
        ],
    }


def _live(session: Session, agreement: SharingAgreement) -> SharingAgreement | None:
    versions = actions.versions(session, agreement.id)
    live = [each for each in versions if each.state in LIVE and each.number != agreement.number]
    return min(live, key=lambda each: COUNTS.index(each.state), default=None)


def _written(agreement: SharingAgreement) -> Written:
    return Written(from_mapping(agreement.document), agreement.text, agreement.conditions)


def _counted(asked: _Asked) -> dict[str, Any]:
    distinct = _distinct(asked)
    made = [each.made_at for each in asked.recorded]
    return {
        "recorded": shown(len(asked.recorded)),
        "synthetic": len(asked.made_up),
        "synthetic_left_out": asked.left_out,
        "distinct": shown(distinct),
        "enough": distinct >= ENOUGH,
        "from": instant_text(min(made)) if made else None,
        "until": instant_text(max(made)) if made else None,
    }


def _shown_fidelity(found: Fidelity) -> dict[str, Any]:
    """A difference is said exactly, however small: it counts faults of ours, and nobody."""
    return {
        "replayed": shown(found.replayed),
        "same": shown(found.same),
        "different": found.different,
        "unanswered": shown(found.unanswered),
        "unknown_revision": found.unknown,
        "holds": found.holds,
        "examples": list(found.examples),
    }


def _keep(broker: Broker, session: Session, body: dict[str, Any], *, by: str, now: datetime) -> ImpactReport:
    content = canonical(body)
    made = ImpactReport(
        digest=_digest(content),
        agreement_id=body["agreement"],
        agreement_number=body["version"],
        agreement_digest=body["digest"],
        base_revision=body["base_revision"],
        report=body,
        signature=broker.signing.sign_detached(content),
        made_by=by,
        made_at=now,
    )
    said = {
        "agreement": body["agreement"],
        "version": body["version"],
        "digest": body["digest"],
        "report": made.digest,
        "base": body["base_revision"],
        "none": body["none"],
        "sensitive": len(body["sensitive"]),
        "fidelity": body["fidelity"]["holds"],
    }
    broker.trail.append(session, Event(action=AuditAction.IMPACT_REPORTED, actor=by, body=said), now=now)
    kept = session.merge(made)  # made twice in one instant, it is one report
    session.commit()
    return kept


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
