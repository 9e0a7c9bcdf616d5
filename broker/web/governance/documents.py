"""What can be taken away: an agreement as a board signs it, its text as written, and the register of processing."""

from __future__ import annotations

import re

from flask import make_response
from werkzeug.wrappers import Response

from broker.agreements import actions, register
from broker.agreements.board import board_document
from broker.agreements.document import from_stored
from broker.doors import now, session
from broker.web.access import GOVERNORS, who
from broker.web.governance import governance
from broker.web.governance.acting import names_of

# A document is a page of its own, apart from ours: it runs nothing, loads nothing and sends nothing anywhere.
STANDING_ALONE = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; sandbox"


@governance.get("/agreements/<agreement_id>/<int:version>/document")
@who(*GOVERNORS)
def board(agreement_id: str, version: int) -> Response:
    """One version as a printable document, with whoever has signed exactly that text."""
    found = actions.version(session(), agreement_id, version)
    document = from_stored(found.document)
    html = board_document(
        document,
        digest=found.digest,
        names=names_of(),
        signatures=actions.standing_signatures(found),
        version=found.number,
    )
    answer = taken_away(html, name=f"{found.id}-version-{found.number}.html", kind="text/html")
    answer.headers["Content-Security-Policy"] = STANDING_ALONE
    return answer


@governance.get("/agreements/<agreement_id>/<int:version>/text")
@who(*GOVERNORS)
def text(agreement_id: str, version: int) -> Response:
    """The YAML exactly as its author wrote it."""
    found = actions.version(session(), agreement_id, version)
    return taken_away(found.text, name=f"{found.id}-version-{found.number}.yaml", kind="application/yaml")


@governance.get("/agreements/<agreement_id>/<int:version>/conditions")
@who(*GOVERNORS)
def conditions(agreement_id: str, version: int) -> Response:
    """A version's own conditions in Rego; an empty file where it has none."""
    found = actions.version(session(), agreement_id, version)
    return taken_away(found.conditions or "", name=f"{found.id}-version-{found.number}.rego", kind="text/plain")


@governance.get("/register")
@who(*GOVERNORS)
def register_of_processing() -> Response:
    """The record of processing activities (UK GDPR Art. 30) of every agreement in force, as a spreadsheet reads it."""
    documents = [from_stored(each.document) for each in actions.every(session()) if each.in_force(at=now())]
    activities = register.processing_activities(documents, names=names_of())
    return taken_away(register.as_csv(activities), name=f"register-{now():%Y-%m-%d}.csv", kind="text/csv")


def taken_away(content: str | bytes, *, name: str, kind: str) -> Response:
    """``content`` as a file to keep. A browser saves it and never shows it as one of our pages."""
    answer = make_response(content)
    answer.headers["Content-Type"] = f"{kind}; charset=utf-8"
    safe = re.sub(r"[^A-Za-z0-9.-]", "-", name)
    answer.headers["Content-Disposition"] = f'attachment; filename="{safe}"'
    return answer
