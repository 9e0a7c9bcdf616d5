"""A resident's first page: what waits for an answer, and the ways on."""

from __future__ import annotations

from datetime import timedelta

from flask import render_template

from broker.consent import actions as consent
from broker.doors import now, session
from broker.identity.models import Resident
from broker.notices import actions as notices
from broker.notices.models import Notice
from broker.proxies.limits import sections_of
from broker.vocabulary import AccessLevel, NoticeKind, Purpose
from broker.web.access import RESIDENTS_AND_PROXIES, acting, acting_may, resident_id, shielded, who
from broker.web.resident import resident
from broker.web.resident.people import askers, organisations
from broker.web.resident.record import old_enough_to_read

A_FORTNIGHT = timedelta(days=14)


@resident.get("")
@who(*RESIDENTS_AND_PROXIES)
def home() -> str:
    """For a proxy, only what their levels reach."""
    me = session().get(Resident, resident_id())
    assert me is not None, "a resident's session names a resident"
    waiting = consent.requests_to(session(), me.id, now=now()) if acting_may(AccessLevel.ANSWER_REQUESTS) else []
    looked = acting_may(AccessLevel.SEE_WHO_LOOKED)
    told = notices.to_resident(session(), me.id, since=now() - A_FORTNIGHT) if looked else []
    if (kept_back := shielded()) is not None:
        waiting = [record for record in waiting if not kept_back.hides_request(record)]
        told = [notice for notice in told if not kept_back.hides_notice(notice)]
    return render_template(
        "resident/home.jinja",
        me=me,
        waiting=waiting,
        askers=askers(waiting),
        told=told,
        organisations=organisations({notice.parameters["organisation"] for notice in told}),
        in_words=in_words,
        may=acting_may,
        levels=AccessLevel,
        reads=bool(sections_of(proxy.levels)) if (proxy := acting()) else old_enough_to_read(me),
    )


def in_words(notice: Notice) -> str:
    """What the organisation that a notice names did, to the person it was done about."""
    if notice.kind in list(NoticeKind):
        return NoticeKind(notice.kind).to_resident
    if notice.parameters["purpose"] == Purpose.EMERGENCY:
        return "used emergency access to see part of your record"
    return "saw part of your record"
