"""A resident's own pages: who can see what, who looked, and saying yes, less, or no. Stopping is as short as giving."""

from __future__ import annotations

from flask import Blueprint

resident = Blueprint("resident", __name__, url_prefix="/my")

from broker.web.resident import (  # noqa: E402  the views register themselves
    activity,  # noqa: F401
    asking,  # noqa: F401
    home,  # noqa: F401
    labels,  # noqa: F401
    pairing,  # noqa: F401
    proxies,  # noqa: F401
    record,  # noqa: F401
    requests,  # noqa: F401
    sharing,  # noqa: F401
    withholding,  # noqa: F401
)
