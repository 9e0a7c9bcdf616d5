"""The engines that decide: which rules each one holds, and how far behind it is. Sends nothing to any of them."""

from __future__ import annotations

from datetime import timedelta

from flask import render_template
from sqlalchemy import select

from broker.access.policy import revision_in_force
from broker.agreements.models import PolicyRevision
from broker.doors import now, parts, session
from broker.governance import engines
from broker.web.access import GOVERNORS, who
from broker.web.governance import governance
from broker.web.governance.acting import name_of_actor
from broker.web.trail_words import rules_in_words

A_FEW = 10
A_DAY = timedelta(days=1)


@governance.get("/engines")
@who(*GOVERNORS)
def engines_page() -> str:
    """The revision in force, those before it, and what every engine last said of itself."""
    revision = revision_in_force(session())
    newest = select(PolicyRevision).order_by(PolicyRevision.id.desc()).limit(A_FEW)
    return render_template(
        "governance/engines.jinja",
        revision=revision,
        rules=rules_in_words(revision),
        revisions=[
            (each, rules_in_words(each.revision), name_of_actor(each.published_by))
            for each in session().scalars(newest)
        ],
        strays=engines.uncorroborated(session(), since=now() - A_DAY, limit=A_FEW),
        own=parts().policy.engine.name,
        fleet=[
            (each, rules_in_words(each.revision), long(each.behind)) for each in engines.fleet(session(), now=now())
        ],
    )


def long(time: timedelta | None) -> str:
    """``2 hours 5 minutes``, to the two largest units; empty for none."""
    if time is None:
        return ""
    minutes, seconds = divmod(int(time.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [(days, "day"), (hours, "hour"), (minutes, "minute"), (seconds, "second")]
    said = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in units if count]
    return " ".join(said[:2]) or "no time"
