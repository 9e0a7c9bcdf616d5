"""A worker's own requests, and where each stands. A silent no looks like a request nobody has answered."""

from __future__ import annotations

from flask import render_template

from broker.consent import actions as consent
from broker.consent import asking
from broker.consent.models import AccessRequestRecord
from broker.consent.reminding import may_remind
from broker.doors import now, session
from broker.errors import NotFound
from broker.vocabulary import RequestState
from broker.web.access import WORKERS, requester, who
from broker.web.partner import partner


@partner.get("")
@who(*WORKERS)
def home() -> str:
    at = now()
    asker = requester()
    made = asking.requests_by(session(), asker.organisation, person=asker.person)
    return render_template(
        "partner/home.jinja", requests=[(record, consent.state_of(record, now=at)) for record in made]
    )


@partner.get("/requests/<request_id>")
@who(*WORKERS)
def asked(request_id: str) -> str:
    """One request: its code to read aloud, where it stands, and, once agreed, the way to what was agreed."""
    record = own_request(request_id)
    state = consent.state_of(record, now=now())
    return render_template(
        "partner/asked.jinja",
        record=record,
        state=state,
        granted=state is RequestState.GRANTED,
        can_remind=may_remind(record, now=now()),
    )


def own_request(request_id: str) -> AccessRequestRecord:
    """A request this worker made. Anybody else's looks like none at all. Raises NotFound."""
    record = session().get(AccessRequestRecord, request_id)
    asker = requester()
    if record is None or record.organisation_code != asker.organisation or record.person_id != asker.person:
        raise NotFound("request-unknown", "There is no such request.", field="request")
    return record
