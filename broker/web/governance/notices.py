"""What an organisation's privacy officer has been told, and what waits for review. Names no resident."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import render_template

from broker.doors import now, session
from broker.notices import actions
from broker.vocabulary import Purpose, Role
from broker.web.access import GOVERNORS, signed_in, who
from broker.web.governance import governance
from broker.web.trail_words import code_of

THREE_MONTHS = timedelta(days=92)


@dataclass(frozen=True)
class Told:
    """One notice in words. ``about`` is what it tells of, as the trail names it."""

    at: datetime
    what: str
    purpose: str
    role: str
    about: str


@governance.get("/notices")
@who(*GOVERNORS)
def notices() -> str:
    """Emergency access and whatever else this organisation's own people did that somebody must look at."""
    organisation = signed_in().organisation_code
    assert organisation is not None, "only a worker answers for governance"
    kept = actions.to_organisation(session(), organisation, since=now() - THREE_MONTHS)
    told = [
        Told(
            at=notice.made_at,
            what=actions.in_words(notice.kind),
            purpose=_label(code_of(Purpose, notice.parameters.get("purpose"))),
            role=_label(code_of(Role, notice.parameters.get("role"))),
            about="" if notice.kind.startswith("proxy-") else notice.about,
        )
        for notice in kept
    ]
    return render_template("governance/notices.jinja", told=told)


def _label(code: Purpose | Role | None) -> str:
    return code.label if code else ""
