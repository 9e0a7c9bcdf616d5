"""One decision, explained to each of the three it concerns, with what came near and what would have changed it.

Opening it is on the trail. Shows the question without names, and never a record.
"""

from __future__ import annotations

from flask import render_template
from sqlalchemy import select

from broker.access.policy import published_bundle
from broker.doors import now, parts, session
from broker.errors import EngineUnavailable, NotFound
from broker.governance import recorded
from broker.governance.explaining import Explanation, explain
from broker.governance.models import DecisionRecord
from broker.governance.recorded import Recorded
from broker.identity.models import Source
from broker.web.access import GOVERNORS, who
from broker.web.governance import governance
from broker.web.governance.acting import actor, names_of, oversees, own_organisation
from broker.web.governance.questions import asked_in
from broker.web.trail_words import rules_in_words


@governance.get("/decisions/<decision_id>")
@who(*GOVERNORS)
def decision(decision_id: str) -> str:
    """The explanation, made with the very rules that decided."""
    found = opened(decision_id)
    return render_template(
        "governance/decision.jinja",
        decision=found,
        asked=asked_in(found.question, names_of()),
        explanation=_explained(found),
        labels=labels_of_sources(),
        rules=rules_in_words(found.revision),
    )


def opened(decision_id: str) -> Recorded:
    """A recorded decision of one's own organisation, or of anybody's for an overseer; opened on the trail.

    Raises NotFound for one that is not there, is no longer kept, or is somebody else's: the three look alike.
    """
    kept = session().get(DecisionRecord, decision_id)
    theirs = kept is not None and (oversees() or kept.organisation_code == own_organisation().code)
    if kept is None or not theirs or kept.sealed is None or kept.kept_until <= now():
        raise NotFound("decision-unknown", "There is no such decision.", field="decision")
    return recorded.decision(parts(), session(), decision_id, by=actor(), now=now(), why="explaining")


def labels_of_sources() -> dict[str, str]:
    return dict(session().execute(select(Source.id, Source.label)).all())


def _explained(found: Recorded) -> Explanation | None:
    """None where the rules that decided are no longer there to be asked."""
    try:
        return explain(published_bundle(session(), found.revision), found.question, found.answer)
    except EngineUnavailable:
        return None
