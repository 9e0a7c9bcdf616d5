"""A worker's pages: find a resident, ask for access by one of three routes, read what may be read.

No page confirms that somebody exists, and no address names anybody: residents are reached by opaque handles.
"""

from __future__ import annotations

from flask import Blueprint

partner = Blueprint("partner", __name__, url_prefix="/partner")

from broker.web.partner import ask, find, home, pairing, read  # noqa: E402,F401  the views register themselves
