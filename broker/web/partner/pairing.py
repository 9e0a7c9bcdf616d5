"""Using a resident's pairing code, and passing on a request in person. Shows no record, and answers no request."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from broker.consent import pairing as codes
from broker.consent import reminding
from broker.doors import now, parts, session
from broker.errors import NotFound
from broker.identity.actions import resident_behind
from broker.identity.models import Organisation
from broker.web.access import WORKERS, requester, who
from broker.web.forms import Form
from broker.web.partner import partner
from broker.web.partner.home import own_request


@partner.get("/pair")
@who(*WORKERS)
def pair() -> str:
    return render_template("partner/pair.jinja", errors={}, sent={})


@partner.post("/pair")
@who(*WORKERS)
def paired() -> str | Response | tuple[str, int]:
    """Leads to the page that every search leads to; a code that does not work is never said to be anybody's."""
    form, kept = Form(), parts()
    code = form.text("code", missing="Enter the code that the person gave you.")
    if not form.errors:
        try:
            handle = codes.use(session(), code, asker=requester(), trail=kept.trail, settings=kept.settings, now=now())
            return redirect(url_for("partner.ask", handle=handle), code=303)
        except NotFound as unknown:
            form.errors["code"] = unknown.detail
    return render_template("partner/pair.jinja", errors=form.errors, sent=form.sent), 422


@partner.post("/requests/<request_id>/remind")
@who(*WORKERS)
def remind(request_id: str) -> Response:
    """Remind whoever was asked, once. It looks the same whatever they have said."""
    record = own_request(request_id)
    reminding.remind(session(), record, asker=requester(), trail=parts().trail, now=now())
    return redirect(url_for("partner.asked", request_id=record.id), code=303)


@partner.get("/residents/<handle>/pass-on")
@who(*WORKERS)
def pass_on(handle: str) -> str:
    """Somebody's request, for a professional who sees them anyway to tell them of, by its code."""
    resident_behind(session(), handle, organisation=requester().organisation)
    return render_template("partner/pass_on.jinja", handle=handle, record=None, errors={}, sent=request.form)


@partner.post("/residents/<handle>/pass-on")
@who(*WORKERS)
def passed_on(handle: str) -> str | tuple[str, int]:
    """What to tell them, on a page to print. It is on the trail that they were told; they answer for themselves."""
    resident_behind(session(), handle, organisation=requester().organisation)
    form = Form()
    code = form.text("code", missing="Enter the code of the request.")
    if not form.errors:
        try:
            record = reminding.to_pass_on(
                session(), handle, code, asker=requester(), settings=parts().settings, now=now()
            )
        except NotFound as unknown:
            form.errors["code"] = unknown.detail
    if form.errors:
        page = render_template(
            "partner/pass_on.jinja", handle=handle, record=None, errors=form.errors, sent=request.form
        )
        return page, 422
    reminding.passed_on(session(), record, asker=requester(), trail=parts().trail, now=now())
    organisation = session().get_one(Organisation, record.organisation_code)
    return render_template(
        "partner/pass_on.jinja", handle=handle, record=record, organisation=organisation.name, errors={}, sent={}
    )
