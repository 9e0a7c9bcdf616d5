"""Adding one note about one person, by somebody who has no table to send."""

from __future__ import annotations

import re
import secrets
from datetime import date
from typing import Final

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from broker.access import hosted
from broker.access.hosted import Keeper
from broker.database import valid_nhs_number
from broker.doors import now, session
from broker.errors import InvalidInput
from broker.identity.models import Person
from broker.vocabulary import Section
from broker.web.access import signed_in, who
from broker.web.forms import Form
from broker.web.hosting import hosting
from broker.web.hosting.acting import WRITERS, keeping

LONGEST_NOTE: Final = 4000  # characters
_NAME: Final = re.compile(r"[0-9a-f]{32}")


@hosting.get("/<source_id>/note")
@who(*WRITERS)
def note(source_id: str) -> str:
    return _page(keeping(source_id), Form())


@hosting.post("/<source_id>/note")
@who(*WRITERS)
def noted(source_id: str) -> Response | tuple[str, int]:
    """Keep it. The answer is the same whether or not anybody here knows the person."""
    acting, form = keeping(source_id), Form()
    number = _number(form)
    born = form.day("born_on", missing="Enter their date of birth.", unreal="There is no such day.")
    if born is not None and not date(1900, 1, 1) <= born <= now().date():
        form.errors["born_on"] = "Look at the year: nobody can have been born then."
    section: Section | None = form.choice("section", acting.kept.sections, missing="Choose what it is about.")
    title = form.text("title", missing="Say in a few words what it is.")
    text = form.sent.get("text", "").strip()
    if len(text) > LONGEST_NOTE:
        form.errors["text"] = f"Use {LONGEST_NOTE:,} characters or fewer."
    at = _day(form)
    if form.errors or born is None or section is None:
        return _page(acting, form), 422
    hosted.note(
        session(),
        acting,
        nhs_number=number,
        born_on=born,
        section=section,
        title=title,
        text=text,
        at=at,
        recorded_by=_own_name(),
        name=_name(form),
    )
    return redirect(url_for("hosting.note_kept", source_id=acting.source.id), code=303)


@hosting.get("/<source_id>/note/kept")
@who(*WRITERS)
def note_kept(source_id: str) -> str:
    return render_template("hosting/note_kept.jinja", source=keeping(source_id).source)


def _number(form: Form) -> str:
    try:
        return valid_nhs_number(form.sent.get("nhs_number", ""))
    except InvalidInput as wrong:
        form.errors["nhs_number"] = wrong.detail
        return ""


def _day(form: Form) -> date | None:
    """The day it happened, which may be left out."""
    if not any(form.sent.get(f"at[{part}]", "").strip() for part in ("day", "month", "year")):
        return None
    unreal = "There is no such day. Leave it empty where you do not know."
    return form.day("at", missing=unreal, unreal=unreal)


def _name(form: Form) -> str:
    """What the form was given when it was shown, so that sending it twice keeps one note."""
    given = form.sent.get("name", "")
    return given if _NAME.fullmatch(given) else secrets.token_hex(16)


def _own_name() -> str:
    return session().get_one(Person, signed_in().person_id).name


def _page(acting: Keeper, form: Form) -> str:
    return render_template(
        "hosting/note.jinja",
        source=acting.source,
        sections=[{"value": each.value, "text": each.label} for each in acting.kept.sections],
        name=_name(form),
        errors=form.errors,
        sent=form.sent,
    )
