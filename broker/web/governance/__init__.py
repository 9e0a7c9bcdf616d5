"""Information-governance pages: writing, signing and changing agreements, and what was decided under them.

Shows no resident's name and nobody's record.
"""

from __future__ import annotations

from flask import Blueprint

governance = Blueprint("governance", __name__, url_prefix="/governance")

from broker.web.governance import (  # noqa: E402,F401  the views register themselves
    agreements,
    decisions,
    documents,
    emergencies,
    explained,
    fleet,
    moving,
    notices,
    playground,
    reviewing,
    signing,
    starting,
    writing,
)
