"""What an organisation keeps here itself: adding a table or a note, taking back, taking away and deleting.

For its own administrator; a case worker may add a note. Another organisation's looks like none at all.
"""

from __future__ import annotations

from flask import Blueprint

hosting = Blueprint("hosting", __name__, url_prefix="/organisation/kept-here")

from broker.web.hosting import adding, notes, overview, taking_away, waiting  # noqa: E402,F401  they register themselves
