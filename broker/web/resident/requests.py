"""Answering a request: yes, less, or no. One page, one button; changing one's mind afterwards is as short."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from broker.consent import actions as consent
from broker.consent import asking
from broker.consent.models import AccessRequestRecord
from broker.doors import now, parts, session
from broker.errors import NotFound
from broker.identity.sessions import actor_of
from broker.vocabulary import AccessLevel, Section
from broker.web.access import (
    RESIDENTS,
    RESIDENTS_AND_PROXIES,
    by_whom,
    proven_lately,
    resident_id,
    shielded,
    signed_in,
    who,
)
from broker.web.forms import Form
from broker.web.resident import resident
from broker.web.resident.people import askers
from broker.web.resident.summary import why_needed


class Answer(StrEnum):
    """What a resident may say to a request."""

    YES = "yes"
    LESS = "less"
    NO = "no"


class Sooner(StrEnum):
    """When sharing is to end, if not when the worker asked."""

    AS_ASKED = "as-asked"
    ONE_WEEK = "7"
    FOUR_WEEKS = "28"


@resident.get("/requests/<request_id>")
@who(*RESIDENTS_AND_PROXIES, level=AccessLevel.ANSWER_REQUESTS)
def answer(request_id: str) -> str:
    return _page(_mine(request_id), errors={})


@resident.post("/requests/<request_id>")
@who(*RESIDENTS_AND_PROXIES, level=AccessLevel.ANSWER_REQUESTS)
def answered(request_id: str) -> str | Response | tuple[str, int]:
    record = _mine(request_id)
    form = Form()
    said = form.choice("answer", tuple(Answer), missing="Choose your answer.")
    sections, until = record.sections, _longest(record)
    if said is Answer.LESS:
        sections = form.choices("sections", record.sections, missing="Choose at least one thing to share, or say no.")
        sooner = form.choice("sooner", tuple(Sooner), missing="Choose when sharing ends.")
        until = _end(record, sooner)
    if form.errors:
        return _page(record, errors=form.errors), 422
    if said is Answer.NO:
        return _say_no(record)
    if signed_in().assurance < (record.assurance or 0):
        return _page(
            record, errors={"answer": "To say yes to this, sign in again in a surer way. You can say no."}
        ), 422
    return _say_yes(record, sections, until)


@resident.post("/requests/<request_id>/block")
@who(*RESIDENTS)
def block_asker(request_id: str) -> Response:
    """Hear no more from whoever asks. Nothing needs to be proved again: it is as short as saying no."""
    record = _mine(request_id)
    by, trail = actor_of(signed_in()), parts().trail
    asking.block(session(), resident_id(), record.organisation_code, by=by, trail=trail, now=now())
    return redirect(url_for("resident.asking", done="blocked"), code=303)


@resident.get("/requests/said-no")
@who(*RESIDENTS_AND_PROXIES, level=AccessLevel.ANSWER_REQUESTS)
def said_no() -> str:
    return render_template("resident/said_no.jinja")


def _say_no(record: AccessRequestRecord) -> Response:
    consent.answer(session(), record, agree=False, trail=parts().trail, now=now(), **by_whom())
    return redirect(url_for("resident.said_no"), code=303)


@proven_lately
def _say_yes(record: AccessRequestRecord, sections: frozenset[Section], until: datetime) -> Response:
    given = consent.answer(
        session(),
        record,
        agree=True,
        sections=sections,
        until=until,
        assurance=signed_in().assurance,
        trail=parts().trail,
        now=now(),
        **by_whom(),
    )
    assert given is not None, "a yes makes a permission"
    return redirect(url_for("resident.change", consent_id=given.id, done="given"), code=303)


def _mine(request_id: str) -> AccessRequestRecord:
    """A request that waits for this resident's answer. Raises NotFound for anybody else's, and for a closed one."""
    record = session().get(AccessRequestRecord, request_id)
    if record is None or record.resident_id != resident_id():
        raise NotFound("request-unknown", "There is no such request.", field="request")
    if (kept_back := shielded()) is not None and kept_back.hides_request(record):
        raise NotFound("request-unknown", "There is no such request.", field="request")
    if not asking.is_shown(session(), record, now=now()):
        raise NotFound("request-closed", "This request is closed.", field="request")
    return record


def _end(record: AccessRequestRecord, sooner: Sooner | None) -> datetime:
    if sooner is None or sooner is Sooner.AS_ASKED:
        return _longest(record)
    return min(_longest(record), now() + timedelta(days=int(sooner.value)))


def _longest(record: AccessRequestRecord) -> datetime:
    return consent.end_if_agreed(record, now=now())


def _page(record: AccessRequestRecord, *, errors: dict[str, str]) -> str:
    shorter = [
        (choice, words)
        for choice, words in ((Sooner.ONE_WEEK, "In one week"), (Sooner.FOUR_WEEKS, "In four weeks"))
        if now() + timedelta(days=int(choice.value)) < _longest(record)
    ]
    return render_template(
        "resident/answer.jinja",
        record=record,
        asker=askers([record])[record.id],
        sections=[section for section in Section if section in record.sections],
        because=why_needed(session(), record.organisation_code, record.purpose, now=now()),
        until=_longest(record),
        shorter=shorter,
        answers=Answer,
        kept=request.form.getlist("sections") if errors else sorted(record.sections),
        errors=errors,
        sent=request.form,
    )
