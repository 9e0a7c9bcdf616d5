"""Who can see what, and stopping, narrowing or undoing a choice: one page and one button, as giving it was."""

from __future__ import annotations

from enum import StrEnum

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from broker.consent import actions as consent
from broker.consent.models import Consent
from broker.doors import now, parts, session
from broker.errors import Conflict, NotFound
from broker.identity.sessions import actor_of
from broker.vocabulary import ConsentStatus, ProvisionType
from broker.web.access import RESIDENTS, resident_id, signed_in, who
from broker.web.forms import Form
from broker.web.resident import resident
from broker.web.resident.summary import Summary, caring, stopped_sections, summary_of


class Stop(StrEnum):
    """How much of a permission to stop."""

    ALL = "all"
    SOME = "some"


DONE = ("given", "narrowed", "withheld", "again")


@resident.get("/sharing")
@who(*RESIDENTS)
def sharing() -> str:
    """Everybody who can see something, and everything that is withheld."""
    at = now()
    summaries = [summary_of(session(), choice, now=at) for choice in consent.in_use(session(), resident_id(), now=at)]
    return render_template(
        "resident/sharing.jinja",
        shared=[summary for summary in summaries if summary.permits],
        withheld=[summary for summary in summaries if not summary.permits],
        caring=caring(session(), resident_id(), now=at),
    )


@resident.get("/sharing/<consent_id>")
@who(*RESIDENTS)
def change(consent_id: str) -> str | Response:
    """One choice: what it is, and what stopping it would mean. Says what was just done, where something was."""
    choice = _mine(consent_id)
    if choice.status is not ConsentStatus.ACTIVE:
        return redirect(url_for("resident.stopped", consent_id=choice.id), code=303)
    done = request.args.get("done", "")
    return _page(choice, errors={}, done=done if done in DONE else "")


@resident.post("/sharing/<consent_id>/stop")
@who(*RESIDENTS)
def stop(consent_id: str) -> Response | tuple[str, int]:
    """Stop all of it, or some sections, at once."""
    choice = _mine(consent_id)
    summary = summary_of(session(), choice, now=now())
    form = Form()
    stopping = frozenset(summary.sections)
    if summary.permits and len(summary.sections) > 1:
        what = form.choice("what", tuple(Stop), missing="Choose how much to stop.")
        if what is Stop.SOME:
            stopping = form.choices("sections", summary.sections, missing="Choose what to stop sharing.")
    if form.errors:
        return _page(choice, errors=form.errors, done=""), 422
    return _end(choice, summary, stopping)


@resident.get("/sharing/<consent_id>/stopped")
@who(*RESIDENTS)
def stopped(consent_id: str) -> str:
    """What has stopped, what goes on, and the way back."""
    choice = _mine(consent_id)
    return render_template("resident/stopped.jinja", summary=summary_of(session(), choice, now=now()))


@resident.post("/sharing/<consent_id>/again")
@who(*RESIDENTS)
def again(consent_id: str) -> Response:
    """Undo: give again what was stopped, or withhold again what was opened. A new choice; the old one stays on file."""
    choice = _mine(consent_id)
    first = choice.provisions[0]
    by, at, trail = actor_of(signed_in()), now(), parts().trail
    if first.type is ProvisionType.DENY:
        if choice.status is ConsentStatus.ACTIVE:
            raise Conflict("still-withheld", "This is withheld already.")
        kept = consent.withhold(
            session(),
            resident=resident_id(),
            organisation=first.organisation_code,
            sections=first.sections,
            labels=first.labels,
            by=by,
            trail=trail,
            now=at,
        )
        return redirect(url_for("resident.change", consent_id=kept.id, done="withheld"), code=303)
    stopped = stopped_sections(choice)
    if not stopped or first.organisation_code is None:
        raise Conflict("nothing-stopped", "This is shared already.")
    if first.until_at is not None and first.until_at <= at:
        raise Conflict("run-out", "The time you agreed to has run out. They can ask you again.")
    given = consent.give(
        session(),
        resident=resident_id(),
        organisation=first.organisation_code,
        purposes=first.purposes or frozenset(),
        sections=stopped,
        until=first.until_at,
        by=by,
        trail=trail,
        now=at,
    )
    return redirect(url_for("resident.change", consent_id=given.id, done="again"), code=303)


def _end(choice: Consent, summary: Summary, stopping: frozenset[object]) -> Response:
    by, at, trail = actor_of(signed_in()), now(), parts().trail
    left = [section for section in summary.sections if section not in stopping]
    if left:
        stop_sections = frozenset(section for section in summary.sections if section in stopping)
        consent.narrow(session(), choice, stop_sections=stop_sections, by=by, trail=trail, now=at)
        return redirect(url_for("resident.change", consent_id=choice.id, done="narrowed"), code=303)
    consent.withdraw(session(), choice, by=by, trail=trail, now=at)
    return redirect(url_for("resident.stopped", consent_id=choice.id), code=303)


def _mine(consent_id: str) -> Consent:
    """A choice of this resident's own. Anybody else's looks like none at all. Raises NotFound."""
    choice = session().get(Consent, consent_id)
    if choice is None or choice.resident_id != resident_id() or not choice.provisions:
        raise NotFound("choice-unknown", "There is no such choice.", field="consent")
    return choice


def _page(choice: Consent, *, errors: dict[str, str], done: str) -> str:
    return render_template(
        "resident/change.jinja",
        summary=summary_of(session(), choice, now=now()),
        may_undo=done == "narrowed" and bool(stopped_sections(choice)),
        done=done,
        chosen=request.form.getlist("sections"),
        errors=errors,
        sent=request.form,
    )
