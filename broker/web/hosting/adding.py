"""Sending a table. It is not kept as what it says until somebody has seen what it would become."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from broker.access.hosted import Keeper
from broker.doors import now
from broker.errors import InvalidInput
from broker.web.access import keeper as sender
from broker.web.access import signed_in, who
from broker.web.hosting import hosting
from broker.web.hosting.acting import KEEPERS, keeping

LASTS: Final = timedelta(minutes=20)  # that a table waits to be confirmed, sealed


@hosting.get("/<source_id>/add")
@who(*KEEPERS)
def add(source_id: str) -> str:
    return _page(keeping(source_id), {})


@hosting.post("/<source_id>/add")
@who(*KEEPERS)
def added(source_id: str) -> Response | tuple[str, int]:
    """Look at the table, and let it wait, sealed, until it is confirmed."""
    acting, sent = keeping(source_id), request.files.get("file")
    data = sent.read() if sent else b""
    if not data:
        return _page(acting, {"file": "Choose a table to send."}), 422
    try:
        acting.kept.look(data, now=now())
    except InvalidInput as wrong:
        return _page(acting, {"file": wrong.detail}), 422
    waits = acting.kept.wait(data, by=sender(signed_in()), until=now() + LASTS)
    return redirect(url_for("hosting.confirm", waiting_id=waits), code=303)


def _page(acting: Keeper, errors: dict[str, str]) -> str:
    return render_template("hosting/add.jinja", source=acting.source, kept=acting.kept, errors=errors)
