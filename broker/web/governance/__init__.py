"""Information-governance pages: the agreements, and what was decided under them. Shows no resident's name or record."""

from __future__ import annotations

from flask import Blueprint

governance = Blueprint("governance", __name__, url_prefix="/governance")

from broker.web.governance import agreements, decisions, notices  # noqa: E402,F401  the views register themselves
