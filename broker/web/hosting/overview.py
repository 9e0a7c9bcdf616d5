"""What we keep here: our sources, what was put into each, and taking one batch back."""

from __future__ import annotations

from flask import Response as Sent
from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from broker.access import hosted
from broker.access.hosted import Keeper
from broker.doors import parts, session
from broker.identity.models import Person
from broker.records.hosting import Batch
from broker.vocabulary import Role
from broker.web.access import signed_in, who
from broker.web.hosting import hosting
from broker.web.hosting.acting import KEEPERS, WRITERS, batch_of, keeping, own_sources

WAYS = {"csv": "A table", "form": "A note", "hl7v2": "Messages from a system", "sftp": "A table that was collected"}
SHOWN = 50


@hosting.get("")
@who(*WRITERS)
def home() -> str:
    """Each of our sources that is kept here."""
    listed = [(source, parts().hosted(source)) for source in own_sources()]
    manages = signed_in().role is Role.ADMINISTRATOR
    return render_template("hosting/home.jinja", sources=listed, manages=manages)


@hosting.get("/<source_id>")
@who(*KEEPERS)
def source(source_id: str) -> str:
    """How much is kept, what was put in, and what can be done."""
    acting = keeping(source_id)
    batches = [(each, _by(each)) for each in acting.kept.batches()[:SHOWN]]
    return render_template("hosting/source.jinja", source=acting.source, kept=acting.kept, batches=batches, ways=WAYS)


@hosting.get("/<source_id>/template.csv")
@who(*KEEPERS)
def template(source_id: str) -> Response:
    """The empty table, to fill in."""
    return as_file(keeping(source_id), keeping(source_id).kept.template(), "to-fill-in.csv", "text/csv")


@hosting.get("/batches/<batch_id>")
@who(*KEEPERS)
def batch(batch_id: str) -> str:
    """One batch, what taking it back means, and one button."""
    acting, found = batch_of(batch_id)
    return render_template("hosting/batch.jinja", source=acting.source, batch=found, ways=WAYS, by=_by(found))


@hosting.post("/batches/<batch_id>/undo")
@who(*KEEPERS)
def undo(batch_id: str) -> Response:
    """Take it back. What it stood in place of is in use again."""
    acting, found = batch_of(batch_id)
    hosted.undo(session(), acting, found.id)
    return redirect(url_for("hosting.source", source_id=acting.source.id), code=303)


def as_file(acting: Keeper, data: bytes, name: str, kind: str) -> Response:
    """A file to take away, which no browser keeps or guesses at."""
    answer = Sent(data, mimetype=kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{acting.source.id}-{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _by(batch: Batch) -> str:
    """The name of whoever put it in, looked up here: with the batch only their id is kept."""
    kind, _, key = batch.by.partition(":")
    person = session().get(Person, key) if kind == "person" else None
    return person.name if person else {"operator": "the broker’s operator"}.get(kind, "a system")
