"""Stopping somebody, or everybody, from seeing parts of the record or kinds of sensitive information."""

from __future__ import annotations

from enum import StrEnum

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from broker.consent import actions as consent
from broker.doors import now, parts, session
from broker.vocabulary import AccessLevel, Section, Sensitivity
from broker.web.access import RESIDENTS_AND_PROXIES, by_whom, resident_id, who
from broker.web.forms import Form
from broker.web.resident import resident
from broker.web.resident.summary import partners, shareable_sections

EVERYBODY = "everybody"
# What the law withholds anyway is not a choice to offer.
CHOOSABLE = tuple(kind for kind in Sensitivity if not kind.in_law)


class What(StrEnum):
    """What not to share."""

    KINDS = "kinds"
    PARTS = "parts"
    EVERYTHING = "everything"


@resident.get("/withhold")
@who(*RESIDENTS_AND_PROXIES, level=AccessLevel.CHANGE_SHARING)
def withhold() -> str:
    return _page(errors={}, chosen_organisation=request.args.get("organisation", ""))


@resident.post("/withhold")
@who(*RESIDENTS_AND_PROXIES, level=AccessLevel.CHANGE_SHARING)
def withheld() -> Response | tuple[str, int]:
    """Keep the choice, and show it with the way to undo it."""
    form = Form()
    what = form.choice("what", tuple(What), missing="Choose what not to share.")
    labels: frozenset[Sensitivity] | None = None
    sections: frozenset[Section] | None = None
    if what is What.KINDS:
        labels = form.choices("labels", CHOOSABLE, missing="Choose at least one kind of information.")
    if what is What.PARTS:
        offered = shareable_sections(session(), now=now())
        sections = form.choices("sections", offered, missing="Choose at least one part of your record.")
    named = {EVERYBODY: None} | {each.code: each.code for each in partners(session(), now=now())}
    chosen = form.sent.get("organisation", "")
    if chosen not in named:
        form.errors["organisation"] = "Choose who should not see it."
    if form.errors:
        return _page(errors=form.errors, chosen_organisation=chosen), 422
    kept = consent.withhold(
        session(),
        resident=resident_id(),
        organisation=named[chosen],
        sections=sections,
        labels=labels,
        trail=parts().trail,
        now=now(),
        **by_whom(),
    )
    return redirect(url_for("resident.change", consent_id=kept.id, done="withheld"), code=303)


def _page(*, errors: dict[str, str], chosen_organisation: str) -> str:
    return render_template(
        "resident/withhold.jinja",
        everybody=EVERYBODY,
        organisations=partners(session(), now=now()),
        chosen_organisation=chosen_organisation,
        kinds=CHOOSABLE,
        sections=shareable_sections(session(), now=now()),
        errors=errors,
        sent=request.form,
        sent_labels=request.form.getlist("labels"),
        sent_sections=request.form.getlist("sections"),
    )
