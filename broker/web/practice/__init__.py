"""A GP practice's pages: who may act for its patients, as those who verify it there decide. Shows no record."""

from __future__ import annotations

from flask import Blueprint

practice = Blueprint("practice", __name__, url_prefix="/practice")

from broker.web.practice import proxies  # noqa: E402,F401  the views register themselves
