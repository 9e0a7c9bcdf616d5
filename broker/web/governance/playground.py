"""Trying a request on a version of an agreement: what comes out now, what would, and which rules' lines it touched.

Runs apart from the broker, within limits. Releases nothing, and changes nothing that is in force.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import render_template, request
from sqlalchemy import select

from broker.access.engines import Bundle
from broker.access.policy import published_bundle
from broker.agreements.models import OPEN, SharingAgreement
from broker.doors import now, parts, session
from broker.errors import EngineUnavailable, EngineUnclear, InvalidInput, NotFound
from broker.governance.playground import Played, play
from broker.governance.replay import draft_bundle
from broker.governance.sealed import RecordUnreadable
from broker.identity.models import Place
from broker.vocabulary import RelationshipKind, Section
from broker.web.access import GOVERNORS, WORKERS, who
from broker.web.forms import Form
from broker.web.governance import governance
from broker.web.governance.acting import names_of
from broker.web.governance.coverage import File, touched
from broker.web.governance.explained import labels_of_sources, opened
from broker.web.governance.made_up import PURPOSES, Permission, made_up_in, question_of
from broker.web.governance.questions import Answered, Asked, answered_in, asked_in, conditions_of, whole_reasons

SHOWN_FILES = 12


@dataclass(frozen=True)
class CameOut:
    """What the rules said, in words. ``problem`` says why they said nothing."""

    problem: str
    pairs: tuple[Answered, ...]
    reasons: tuple[str, ...]
    conditions: tuple[str, ...]
    explanation: Any
    files: tuple[File, ...]

    @property
    def permitted(self) -> int:
        return sum(pair.permitted for pair in self.pairs)


@governance.get("/playground")
@who(*GOVERNORS)
def playground() -> str:
    """The form, with a draft or a decision chosen where the address names one."""
    return _page(errors={}, sent=request.args.to_dict(flat=False))


@governance.post("/playground")
@who(*GOVERNORS)
def played() -> str | tuple[str, int]:
    """Ask the rules in force, and those with the chosen version among them, the same question."""
    form = Form()
    draft = _chosen(form)
    question = _question(form)
    sent = form.sent.to_dict(flat=False)
    if form.errors or question is None:
        return _page(errors=form.errors, sent=sent), 422
    before = _try(published_bundle(session()), question)
    after = None
    if draft is not None:
        after = _try_draft(draft, question)
    return _page(errors={}, sent=sent, asked=asked_in(question, names_of()), before=before, after=after, draft=draft)


def _chosen(form: Form) -> SharingAgreement | None:
    """The version to try, or None for the rules in force alone."""
    id, _, number = form.sent.get("draft", "").rpartition("/")
    if not id:
        return None
    found = next((each for each in _drafts() if each.id == id and str(each.number) == number), None)
    if found is None:
        form.errors["draft"] = "Choose one of the versions in the list."
    return found


def _question(form: Form) -> Mapping[str, Any] | None:
    """A recorded decision's question, or a made-up one; None where the form does not say enough."""
    if decision := form.sent.get("decision", "").strip():
        try:
            return opened(decision).question
        except (NotFound, RecordUnreadable):
            form.errors["decision"] = "There is no such decision of yours, or it is no longer kept."
            return None
    tried = made_up_in(form)
    return None if tried is None else question_of(tried, now=now())


def _try_draft(draft: SharingAgreement, question: Mapping[str, Any]) -> CameOut:
    try:
        bundle = draft_bundle(parts(), session(), draft, now=now())
    except (InvalidInput, EngineUnavailable, EngineUnclear) as problem:
        return _nothing(str(problem))
    return _try(bundle, question, own=f"conditions/{draft.id}.rego")


def _try(bundle: Bundle, question: Mapping[str, Any], *, own: str = "") -> CameOut:
    tried: Played = play(bundle, question)
    if tried.answer is None:
        return _nothing(tried.problem or "The rules gave no answer.")
    return CameOut(
        problem="",
        pairs=tuple(answered_in(tried.answer, labels_of_sources())),
        reasons=whole_reasons(tried.answer),
        conditions=conditions_of(tried.answer),
        explanation=tried.explanation,
        files=tuple(touched(tried.coverage, bundle.modules, own=own)[:SHOWN_FILES]),
    )


def _nothing(problem: str) -> CameOut:
    return CameOut(problem, (), (), (), None, ())


def _drafts() -> list[SharingAgreement]:
    """Versions that are not in force yet."""
    found = session().scalars(select(SharingAgreement).where(SharingAgreement.state.in_(OPEN)))
    return sorted(found, key=lambda each: (each.id, each.number))


def _page(
    *,
    errors: dict[str, str],
    sent: Mapping[str, list[str]],
    asked: Asked | None = None,
    before: CameOut | None = None,
    after: CameOut | None = None,
    draft: SharingAgreement | None = None,
) -> str:
    return render_template(
        "governance/playground.jinja",
        errors=errors,
        sent=sent,
        drafts=_drafts(),
        organisations=names_of(),
        places={place.code: place.name for place in session().scalars(select(Place).order_by(Place.name))},
        roles=WORKERS,
        purposes=PURPOSES,
        sections=tuple(Section),
        relationships=tuple(RelationshipKind),
        permissions=tuple(Permission),
        asked=asked,
        before=before,
        after=after,
        labels=labels_of_sources(),
        draft=draft,
    )
