"""How a resident may be asked: quiet hours, organisations they have blocked, and what they are told of."""

from __future__ import annotations

from datetime import time

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from broker.consent import asking as rules
from broker.consent.asking import Preferences, Quiet
from broker.database import valid_organisation_code
from broker.doors import now, parts, session
from broker.identity.sessions import actor_of
from broker.web.access import RESIDENTS, resident_id, signed_in, who
from broker.web.forms import Form
from broker.web.resident import resident
from broker.web.resident.people import organisations

HOURS = tuple(range(24))
DONE = {"saved": "Saved.", "blocked": "Blocked. They are not told.", "unblocked": "You can see their requests again."}


@resident.get("/asking")
@who(*RESIDENTS)
def asking() -> str:
    return _page(errors={})


@resident.post("/asking")
@who(*RESIDENTS)
def change_asking() -> str | Response | tuple[str, int]:
    form = Form()
    chosen = Preferences(quiet=_quiet(form), tell_of_joiners=form.sent.get("joiners") == "yes")
    if form.sent.get("joiners") not in ("yes", "no"):
        form.errors["joiners"] = "Choose whether to be told."
    if form.errors:
        return _page(errors=form.errors), 422
    by, trail = actor_of(signed_in()), parts().trail
    rules.change(session(), resident_id(), chosen, by=by, trail=trail, now=now())
    return redirect(url_for("resident.asking", done="saved"), code=303)


@resident.post("/asking/unblock")
@who(*RESIDENTS)
def unblock() -> Response:
    """Undo a block. One that is not there is undone already."""
    by, trail = actor_of(signed_in()), parts().trail
    code = valid_organisation_code(request.form.get("organisation", ""))
    rules.unblock(session(), resident_id(), code, by=by, trail=trail, now=now())
    return redirect(url_for("resident.asking", done="unblocked"), code=303)


def in_words(hour: int) -> str:
    """``9pm``."""
    return {0: "midnight", 12: "midday"}.get(hour, f"{hour % 12}{'am' if hour < 12 else 'pm'}")


def _quiet(form: Form) -> Quiet | None:
    if form.sent.get("quiet") == "no":
        return None
    if form.sent.get("quiet") != "yes":
        form.errors["quiet"] = "Choose whether you want quiet hours."
        return None
    from_, until = (_hour(form.sent.get(name, "")) for name in ("from", "until"))
    if from_ is None or until is None or from_ == until:
        form.errors["quiet"] = "Choose when quiet hours begin, and another time when they end."
        return None
    return Quiet(from_=from_, until=until)


def _hour(said: str) -> time | None:
    return time(int(said)) if said in {str(hour) for hour in HOURS} else None


def _page(*, errors: dict[str, str]) -> str:
    kept = rules.preferences(session(), resident_id())
    codes = rules.blocked(session(), resident_id())
    named = organisations(codes)
    return render_template(
        "resident/asking.jinja",
        kept=kept,
        hours=[(str(hour), in_words(hour)) for hour in HOURS],
        from_=str(kept.quiet.from_.hour if kept.quiet else 21),
        until=str(kept.quiet.until.hour if kept.quiet else 8),
        blocked=[named[code] for code in codes],
        done=DONE.get(request.args.get("done", ""), ""),
        errors=errors,
        sent=request.form,
    )
