"""Seeing what a table would become, row by row, and saying whether to keep it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from broker.access import hosted
from broker.access.hosted import Keeper
from broker.doors import now, session
from broker.errors import InvalidInput
from broker.web.access import who
from broker.web.forms import Form
from broker.web.hosting import hosting
from broker.web.hosting.acting import KEEPERS, waiting_of

MOST_PROBLEMS: Final = 100  # that are shown; all of them are counted


class Answer(StrEnum):
    KEEP = "keep"
    GOOD_ROWS = "good-rows"
    NOTHING = "nothing"


@hosting.get("/waiting/<waiting_id>")
@who(*KEEPERS)
def confirm(waiting_id: str) -> str:
    acting, upload = waiting_of(waiting_id)
    return _page(acting, upload, waiting_id, {})


@hosting.post("/waiting/<waiting_id>")
@who(*KEEPERS)
def confirmed(waiting_id: str) -> Response | tuple[str, int]:
    """Keep it, keep the rows that are right, or forget it."""
    acting, upload = waiting_of(waiting_id)
    form = Form()
    answer = form.choice("answer", tuple(Answer), missing="Choose what to do with it.")
    if answer is None:
        return _page(acting, upload, waiting_id, form.errors), 422
    if answer is not Answer.NOTHING:
        good = answer is Answer.GOOD_ROWS
        try:
            hosted.take(session(), acting, upload, accept_good_rows=good, what="csv")
        except InvalidInput as wrong:
            return _page(acting, upload, waiting_id, {"answer": wrong.detail}), 422
    acting.kept.waits_no_longer(waiting_id)
    return redirect(url_for("hosting.source", source_id=acting.source.id), code=303)


def _page(acting: Keeper, upload: bytes, waiting_id: str, errors: dict[str, str]) -> str:
    look = acting.kept.look(upload, now=now())
    return render_template(
        "hosting/confirm.jinja",
        source=acting.source,
        look=look,
        problems=look.problems[:MOST_PROBLEMS],
        waiting_id=waiting_id,
        answers=_answers(look.rows, look.wrong_rows),
        errors=errors,
    )


def _answers(rows: int, wrong: int) -> list[dict[str, str]]:
    nothing = {"value": Answer.NOTHING.value, "text": "Keep nothing, and send it again when it is mended"}
    if not wrong:
        return [{"value": Answer.KEEP.value, "text": "Keep it"}, nothing]
    if not rows:
        return [nothing]
    return [nothing, {"value": Answer.GOOD_ROWS.value, "text": f"Keep the {rows:,} rows that are right"}]
