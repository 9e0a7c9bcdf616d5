"""An organisation's own pages for its administrator and its IG lead: who works here, its systems, and what is missing.

For an integrator also the applications it sponsors. Another organisation's people and systems look like none at all.
"""

from __future__ import annotations

from flask import Blueprint

administration = Blueprint("administration", __name__, url_prefix="/organisation")

from broker.web.administration import (  # noqa: E402,F401  the views register themselves
    applications,
    person,
    readiness,
    staff,
    systems,
)
