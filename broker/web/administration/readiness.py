"""What this organisation still needs before it can share, and what to do about each. Changes nothing."""

from __future__ import annotations

from flask import render_template

from broker.doors import now, parts, session
from broker.joining.readiness import readiness, ready
from broker.web.access import ADMINISTRATORS, GOVERNORS, signed_in, who
from broker.web.administration import administration
from broker.web.administration.acting import own_organisation


@administration.get("/readiness")
@who(*ADMINISTRATORS)
def checklist() -> str:
    own = own_organisation()
    checks = readiness(session(), own, trail=parts().trail, now=now())
    may_read = signed_in().role in GOVERNORS
    page = "administration/readiness.jinja"
    return render_template(page, own=own, checks=checks, ready=ready(checks), may_read=may_read)
