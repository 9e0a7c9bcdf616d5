"""Who can see what, and stopping, narrowing or undoing a choice: one page and one button, as giving it was."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from broker.consent import actions as consent
from broker.consent.models import Consent
from broker.doors import now, parts, session
from broker.errors import Conflict, NotFound
from broker.vocabulary import AccessLevel, ConsentStatus, ProvisionType, Section
from broker.web.access import (
    RESIDENTS_AND_PROXIES,
    acting_may,
    by_whom,
    prove_first,
    proven_lately,
    resident_id,
    shielded,
    who,
)
from broker.web.forms import Form
from broker.web.resident import resident
from broker.web.resident.people import proxy_who_gave
from broker.web.resident.permissions import grouped, in_use, shared_by, stopped_last, together
from broker.web.resident.summary import Summary, caring, summary_of


class Stop(StrEnum):
    """How much of a permission to stop."""

    ALL = "all"
    SOME = "some"


DONE = ("given", "narrowed", "withheld", "again")


@resident.get("/sharing")
@who(*RESIDENTS_AND_PROXIES, level=AccessLevel.SEE_SHARING)
def sharing() -> str:
    """Everybody who can see something, and everything that is withheld."""
    at = now()
    summaries = [summary_of(session(), *group, now=at) for group in _groups(at)]
    could = caring(session(), resident_id(), now=at)
    if (kept_back := shielded()) is not None:
        could = [each for each in could if each.organisation.code not in kept_back.services]
    return render_template(
        "resident/sharing.jinja",
        shared=[summary for summary in summaries if summary.permits],
        withheld=[summary for summary in summaries if not summary.permits],
        caring=[each for each in could if each.now],
        might_care=[each for each in could if not each.now],
        may_change=acting_may(AccessLevel.CHANGE_SHARING),
    )


@resident.get("/sharing/<consent_id>")
@who(*RESIDENTS_AND_PROXIES, level=AccessLevel.SEE_SHARING)
def change(consent_id: str) -> str | Response:
    """One choice: what it is, and what stopping it would mean. Says what was just done, where something was."""
    choice = _mine(consent_id)
    if choice.status is not ConsentStatus.ACTIVE:
        return redirect(url_for("resident.stopped", consent_id=choice.id), code=303)
    done = request.args.get("done", "")
    return _page(choice, errors={}, done=done if done in DONE else "")


@resident.post("/sharing/<consent_id>/stop")
@who(*RESIDENTS_AND_PROXIES, level=AccessLevel.CHANGE_SHARING)
def stop(consent_id: str) -> Response | tuple[str, int]:
    """Stop all of it, or some sections, at once."""
    choice = _mine(consent_id)
    summary = summary_of(session(), *_standing(choice), now=now())
    form = Form()
    stopping = frozenset(summary.sections)
    if summary.permits and len(summary.sections) > 1:
        what = form.choice("what", tuple(Stop), missing="Choose how much to stop.")
        if what is Stop.SOME:
            stopping = form.choices("sections", summary.sections, missing="Choose what to stop sharing.")
    if form.errors:
        return _page(choice, errors=form.errors, done=""), 422
    # Opening what was withheld widens. Stopping what is shared never asks who it is.
    if not summary.permits and (first := prove_first()) is not None:
        return first
    return _end(choice, stopping)


@resident.get("/sharing/<consent_id>/stopped")
@who(*RESIDENTS_AND_PROXIES, level=AccessLevel.SEE_SHARING)
def stopped(consent_id: str) -> str | Response:
    """What has stopped, what goes on, and the way back."""
    choice = _mine(consent_id)
    if going_on := in_use(together(session(), choice)):
        return redirect(url_for("resident.change", consent_id=going_on[0].id), code=303)
    return render_template(
        "resident/stopped.jinja", summary=summary_of(session(), choice, now=now()), others=_others(choice)
    )


@resident.post("/sharing/<consent_id>/again")
@who(*RESIDENTS_AND_PROXIES, level=AccessLevel.CHANGE_SHARING)
def again(consent_id: str) -> Response:
    """Undo: give again what was stopped, or withhold again what was opened. A new choice; the old one stays on file."""
    choice = _mine(consent_id)
    if choice.provisions[0].type is ProvisionType.DENY:
        return _withhold_again(choice)
    return _share_again(choice)


@proven_lately
def _share_again(choice: Consent) -> Response:
    stopped = stopped_last(together(session(), choice))
    if not stopped:
        raise Conflict("nothing-stopped", "This is shared already.")
    at = now()
    lasting = [
        (each, sections) for each, sections in stopped if (end := each.provisions[0].until_at) is None or at < end
    ]
    if not lasting:
        raise Conflict("run-out", "The time you agreed to has run out. They can ask you again.")
    given = [_give_again(each, sections, at=at) for each, sections in lasting]
    return redirect(url_for("resident.change", consent_id=given[0].id, done="again"), code=303)


def _give_again(choice: Consent, sections: frozenset[Section], *, at: datetime) -> Consent:
    first = choice.provisions[0]
    return consent.give(
        session(),
        resident=resident_id(),
        organisation=first.organisation_code or "",
        purposes=first.purposes or frozenset(),
        sections=sections,
        until=first.until_at,
        trail=parts().trail,
        now=at,
        **by_whom(),
    )


def _withhold_again(choice: Consent) -> Response:
    first = choice.provisions[0]
    if choice.status is ConsentStatus.ACTIVE:
        raise Conflict("still-withheld", "This is withheld already.")
    kept = consent.withhold(
        session(),
        resident=resident_id(),
        organisation=first.organisation_code,
        sections=first.sections,
        labels=first.labels,
        trail=parts().trail,
        now=now(),
        **by_whom(),
    )
    return redirect(url_for("resident.change", consent_id=kept.id, done="withheld"), code=303)


def _end(choice: Consent, stopping: frozenset[Section]) -> Response:
    """End ``stopping`` in this permission and in every one like it, so that what is said to be stopped is."""
    by, at, trail = by_whom(), now(), parts().trail
    for each in _standing(choice):
        left = shared_by(each) - stopping
        if not left:
            consent.withdraw(session(), each, trail=trail, now=at, **by)
        elif left != shared_by(each):
            consent.narrow(session(), each, stop_sections=shared_by(each) & stopping, trail=trail, now=at, **by)
    if going_on := in_use(together(session(), choice)):
        return redirect(url_for("resident.change", consent_id=going_on[0].id, done="narrowed"), code=303)
    return redirect(url_for("resident.stopped", consent_id=choice.id), code=303)


def _standing(choice: Consent) -> list[Consent]:
    """``choice`` and all in use that is like it; ``choice`` alone where it has ended."""
    return in_use(together(session(), choice)) if choice.status is ConsentStatus.ACTIVE else [choice]


def _others(choice: Consent) -> list[Summary]:
    """What the same organisation may still see with permission for something else."""
    at, first = now(), choice.provisions[0]
    if first.type is ProvisionType.DENY:
        return []
    summaries = [summary_of(session(), *group, now=at) for group in grouped(session(), choice.resident_id, now=at)]
    return [
        each
        for each in summaries
        if each.permits
        and each.organisation is not None
        and each.organisation.code == first.organisation_code
        and frozenset(each.purposes) != first.purposes
    ]


def _mine(consent_id: str) -> Consent:
    """A choice of this resident's own. Anybody else's looks like none at all. Raises NotFound."""
    choice = session().get(Consent, consent_id)
    if choice is None or choice.resident_id != resident_id() or not choice.provisions:
        raise NotFound("choice-unknown", "There is no such choice.", field="consent")
    if (kept_back := shielded()) is not None and kept_back.hides_consent(choice):
        raise NotFound("choice-unknown", "There is no such choice.", field="consent")
    return choice


def _groups(at: datetime) -> list[list[Consent]]:
    """What is in use; for a proxy, without what a proxy is not shown."""
    groups = grouped(session(), resident_id(), now=at)
    if (kept_back := shielded()) is None:
        return groups
    return [group for group in groups if not any(kept_back.hides_consent(each) for each in group)]


def _page(choice: Consent, *, errors: dict[str, str], done: str) -> str:
    return render_template(
        "resident/change.jinja",
        summary=summary_of(session(), *_standing(choice), now=now()),
        others=_others(choice),
        may_change=acting_may(AccessLevel.CHANGE_SHARING),
        proxy=proxy_who_gave(choice),
        may_undo=done == "narrowed" and bool(stopped_last(together(session(), choice))),
        done=done,
        chosen=request.form.getlist("sections"),
        errors=errors,
        sent=request.form,
    )
