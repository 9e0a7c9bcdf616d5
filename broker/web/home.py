"""The first page, and the files every page needs. Public, and says nothing of anybody."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, render_template, send_from_directory

from broker.web.access import PUBLIC, who

web = Blueprint("web", __name__, template_folder="templates")

STATIC = Path(__file__).parent / "static"
SERVED = (".css", ".js", ".svg")


@web.get("/")
@who(PUBLIC)
def home() -> str:
    return render_template("home.jinja")


@web.get("/assets/<path:name>")
@who(PUBLIC)
def asset(name: str) -> Response:
    """A stylesheet, script or picture. The maintainer's script and notices beside them are not served."""
    answer = send_from_directory(STATIC, name if name.endswith(SERVED) else "", max_age=3600)
    answer.headers["Cache-Control"] = "public, max-age=3600"
    return answer
