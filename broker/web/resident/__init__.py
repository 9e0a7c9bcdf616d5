"""A resident's own pages: who can see what, who looked, and saying yes, less, or no. Stopping is as short as giving."""

from __future__ import annotations

from flask import Blueprint

resident = Blueprint("resident", __name__, url_prefix="/my")

from broker.web.resident import activity, home, requests, sharing, withholding  # noqa: E402,F401  views register themselves
