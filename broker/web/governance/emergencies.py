"""Reviewing emergency access: what waits, for how long, and saying what was found. Names no resident."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from broker.doors import now, parts, session
from broker.errors import NotFound
from broker.identity.models import Person
from broker.notices import reviews
from broker.notices.models import EmergencyReview
from broker.vocabulary import Role
from broker.web.access import GOVERNORS, signed_in, who
from broker.web.forms import Form
from broker.web.governance import governance

REVIEWERS: Final = (Role.PRIVACY_OFFICER, Role.CALDICOTT_GUARDIAN)


class Found(StrEnum):
    """What a reviewer may find."""

    APPROPRIATE = "appropriate"
    NOT_APPROPRIATE = "not-appropriate"


@governance.get("/emergencies")
@who(*GOVERNORS)
def emergencies() -> str:
    """Every use of emergency access by this organisation's people that nobody has reviewed."""
    waiting = reviews.waiting(session(), _organisation())
    people = {each.person_id: session().get(Person, each.person_id) for each in waiting if each.person_id}
    return render_template(
        "governance/emergencies.jinja",
        waiting=waiting,
        people=people,
        late={each.decision for each in waiting if each.due_at <= now()},
        theirs={each.decision for each in waiting if _may_review(each)},
    )


@governance.get("/emergencies/<decision>")
@who(*GOVERNORS)
def emergency(decision: str) -> str:
    return _page(_waiting(decision), {})


@governance.post("/emergencies/<decision>")
@who(*REVIEWERS)
def review_emergency(decision: str) -> str | Response | tuple[str, int]:
    """Say what was found, once, of somebody else's use."""
    review = _waiting(decision)
    form = Form()
    found = form.choice("found", tuple(Found), missing="Say whether it was appropriate.")
    words = form.text("words", missing="Say what you found.")
    if form.errors:
        return _page(review, form.errors), 422
    person = signed_in().person_id
    assert person is not None, "only a worker reviews"
    reviews.close(
        session(),
        review.decision,
        organisation=_organisation(),
        appropriate=found is Found.APPROPRIATE,
        words=words,
        person=person,
        trail=parts().trail,
        now=now(),
    )
    return redirect(url_for("governance.emergencies"), code=303)


def _waiting(decision: str) -> EmergencyReview:
    """What this reviewer may review. Raises NotFound alike for another organisation's and for what does not wait."""
    found = next((each for each in reviews.waiting(session(), _organisation()) if each.decision == decision), None)
    if found is None:
        raise NotFound("review-unknown", "There is no such use of emergency access.")
    return found


def _may_review(review: EmergencyReview) -> bool:
    return signed_in().role in REVIEWERS and review.person_id != signed_in().person_id


def _page(review: EmergencyReview, errors: dict[str, str]) -> str:
    return render_template(
        "governance/emergency.jinja",
        review=review,
        somebody=session().get(Person, review.person_id) if review.person_id else None,
        may_review=_may_review(review),
        errors=errors,
        sent=request.form,
        choices=Found,
    )


def _organisation() -> str:
    organisation = signed_in().organisation_code
    assert organisation is not None, "only a worker answers for governance"
    return organisation
