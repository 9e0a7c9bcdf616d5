"""A resident's first page: what waits for an answer, and the ways on."""

from __future__ import annotations

from datetime import timedelta

from flask import render_template

from broker.consent import actions as consent
from broker.doors import now, session
from broker.identity.models import Resident
from broker.notices import actions as notices
from broker.notices.models import Notice
from broker.vocabulary import NoticeKind, Purpose
from broker.web.access import RESIDENTS, resident_id, who
from broker.web.resident import resident
from broker.web.resident.people import askers, organisations

A_FORTNIGHT = timedelta(days=14)


@resident.get("")
@who(*RESIDENTS)
def home() -> str:
    me = session().get(Resident, resident_id())
    assert me is not None, "a resident's session names a resident"
    waiting = consent.requests_to(session(), me.id, now=now())
    told = notices.to_resident(session(), me.id, since=now() - A_FORTNIGHT)
    return render_template(
        "resident/home.jinja",
        me=me,
        waiting=waiting,
        askers=askers(waiting),
        told=told,
        organisations=organisations({notice.parameters["organisation"] for notice in told}),
        in_words=in_words,
    )


def in_words(notice: Notice) -> str:
    """What the organisation that a notice names did, to the person it was done about."""
    if notice.kind in list(NoticeKind):
        return NoticeKind(notice.kind).to_resident
    if notice.parameters["purpose"] == Purpose.EMERGENCY:
        return "used emergency access to see part of your record"
    return "saw part of your record"
