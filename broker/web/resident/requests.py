"""Answering a request: yes, less, or no. One page, one button; changing one's mind afterwards is as short."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from broker.consent import actions as consent
from broker.consent.models import AccessRequestRecord, Consent
from broker.doors import now, parts, session
from broker.errors import NotFound
from broker.identity.sessions import actor_of
from broker.vocabulary import RequestState, Section
from broker.web.access import RESIDENTS, resident_id, signed_in, who
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
@who(*RESIDENTS)
def answer(request_id: str) -> str:
    return _page(_mine(request_id), errors={})


@resident.post("/requests/<request_id>")
@who(*RESIDENTS)
def answered(request_id: str) -> str | Response | tuple[str, int]:
    record = _mine(request_id)
    form = Form()
    said = form.choice("answer", tuple(Answer), missing="Choose your answer.")
    sections, until = record.sections, record.share_until
    if said is Answer.LESS:
        sections = form.choices("sections", record.sections, missing="Choose at least one thing to share, or say no.")
        sooner = form.choice("sooner", tuple(Sooner), missing="Choose when sharing ends.")
        until = _end(record, sooner)
    if form.errors:
        return _page(record, errors=form.errors), 422
    given = consent.answer(
        session(),
        record,
        agree=said is not Answer.NO,
        sections=sections,
        until=until,
        by=actor_of(signed_in()),
        trail=parts().trail,
        now=now(),
    )
    return redirect(_after(given), code=303)


@resident.get("/requests/said-no")
@who(*RESIDENTS)
def said_no() -> str:
    return render_template("resident/said_no.jinja")


def _after(given: Consent | None) -> str:
    if given is None:
        return url_for("resident.said_no")
    return url_for("resident.change", consent_id=given.id, done="given")


def _mine(request_id: str) -> AccessRequestRecord:
    """A request that waits for this resident's answer. Raises NotFound for anybody else's, and for a closed one."""
    record = session().get(AccessRequestRecord, request_id)
    if record is None or record.resident_id != resident_id():
        raise NotFound("request-unknown", "There is no such request.", field="request")
    if record.state is not RequestState.PENDING or now() >= record.expires_at:
        raise NotFound("request-closed", "This request is closed.", field="request")
    return record


def _end(record: AccessRequestRecord, sooner: Sooner | None) -> datetime:
    if sooner is None or sooner is Sooner.AS_ASKED:
        return record.share_until
    return min(record.share_until, now() + timedelta(days=int(sooner.value)))


def _page(record: AccessRequestRecord, *, errors: dict[str, str]) -> str:
    shorter = [
        (choice, words)
        for choice, words in ((Sooner.ONE_WEEK, "In one week"), (Sooner.FOUR_WEEKS, "In four weeks"))
        if now() + timedelta(days=int(choice.value)) < record.share_until
    ]
    return render_template(
        "resident/answer.jinja",
        record=record,
        asker=askers([record])[record.id],
        sections=[section for section in Section if section in record.sections],
        because=why_needed(session(), record.organisation_code, record.purpose, now=now()),
        shorter=shorter,
        answers=Answer,
        kept=request.form.getlist("sections") if errors else sorted(record.sections),
        errors=errors,
        sent=request.form,
    )
