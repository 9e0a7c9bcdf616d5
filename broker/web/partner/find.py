"""Finding a resident by NHS number and date of birth. Leads to the same page whether or not there is such a person."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from broker.database import valid_nhs_number
from broker.doors import now, parts, session
from broker.errors import InvalidInput
from broker.identity.actions import find_resident
from broker.web.access import WORKERS, requester, who
from broker.web.forms import Form
from broker.web.partner import partner


@partner.get("/find")
@who(*WORKERS)
def find() -> str:
    return render_template("partner/find.jinja", errors={}, sent={})


@partner.post("/find")
@who(*WORKERS)
def found() -> str | Response | tuple[str, int]:
    form = Form()
    nhs_number = form.text("nhs_number", missing="Enter an NHS number.")
    if "nhs_number" not in form.errors:
        try:
            nhs_number = valid_nhs_number(nhs_number)
        except InvalidInput as malformed:
            form.errors["nhs_number"] = malformed.detail
    born_on = form.day(
        "born_on",
        missing="Enter a date of birth, for example 27 3 1961.",
        unreal="There is no such date. Check the date of birth.",
    )
    if born_on is not None and born_on > now().date():
        form.errors["born_on"] = "A date of birth is in the past."
    if form.errors or born_on is None:
        return render_template("partner/find.jinja", errors=form.errors, sent=form.sent), 422
    handle = find_resident(
        session(),
        asker=requester(),
        nhs_number=nhs_number,
        born_on=born_on,
        trail=parts().trail,
        settings=parts().settings,
        now=now(),
    )
    return redirect(url_for("partner.ask", handle=handle), code=303)
