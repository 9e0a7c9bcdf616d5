"""Taking everything away as a file, deleting what is kept of one person, and deleting all of it. Each needs proof."""

from __future__ import annotations

from enum import StrEnum

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from broker.access import hosted
from broker.access.hosted import Keeper
from broker.database import valid_nhs_number
from broker.doors import session
from broker.errors import InvalidInput
from broker.web.access import proven_lately, who
from broker.web.forms import Form
from broker.web.hosting import hosting
from broker.web.hosting.acting import KEEPERS, keeping
from broker.web.hosting.overview import as_file


class FileForm(StrEnum):
    SPREADSHEET = "csv"
    MACHINE = "jsonl"


_KINDS = {FileForm.SPREADSHEET: "text/csv", FileForm.MACHINE: "application/jsonl"}


@hosting.get("/<source_id>/take-away")
@who(*KEEPERS)
def take_away(source_id: str) -> str:
    """Taking everything with us, and deleting: three forms, each with its own button."""
    return _page(keeping(source_id), Form(), deleted=None)


@hosting.post("/<source_id>/export")
@who(*KEEPERS)
@proven_lately
def export(source_id: str) -> Response | tuple[str, int]:
    acting, form = keeping(source_id), Form()
    chosen = form.choice("form", tuple(FileForm), missing="Choose what you want it for.")
    if chosen is None:
        return _page(acting, form, deleted=None), 422
    data, _ = hosted.export(session(), acting, chosen.value)
    return as_file(acting, data, f"everything.{chosen.value}", _KINDS[chosen])


@hosting.post("/<source_id>/delete-person")
@who(*KEEPERS)
@proven_lately
def delete_person(source_id: str) -> str | tuple[str, int]:
    """Delete everything about one person, earlier versions too."""
    acting, form = keeping(source_id), Form()
    number, local = form.sent.get("nhs_number", "").strip(), form.sent.get("local_id", "").strip()
    try:
        number = valid_nhs_number(number) if number else ""
    except InvalidInput as wrong:
        form.errors["nhs_number"] = wrong.detail
    if not (number or local):
        form.errors.setdefault("nhs_number", "Enter their NHS number, or your own number for them.")
    if form.errors:
        return _page(acting, form, deleted=None), 422
    gone = hosted.delete_person(session(), acting, nhs_number=number or None, local_id=local or None)
    return _page(acting, Form(), deleted=gone)


@hosting.post("/<source_id>/delete-everything")
@who(*KEEPERS)
@proven_lately
def delete_everything(source_id: str) -> Response | tuple[str, int]:
    """Delete all of it, where its name was typed."""
    acting, form = keeping(source_id), Form()
    if form.sent.get("typed", "").strip() != acting.source.label:
        form.errors["typed"] = "Type its name as it is written above, so that nothing is deleted by mistake."
        return _page(acting, form, deleted=None), 422
    hosted.delete_everything(session(), acting)
    return redirect(url_for("hosting.source", source_id=acting.source.id), code=303)


def _page(acting: Keeper, form: Form, *, deleted: int | None) -> str:
    return render_template(
        "hosting/take_away.jinja",
        source=acting.source,
        kept=acting.kept,
        deleted=deleted,
        errors=form.errors,
        sent=form.sent if form.errors else {},
    )
