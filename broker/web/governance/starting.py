"""Starting an agreement: the kind of service, a few words, and a first text to write on. Keeps nothing."""

from __future__ import annotations

import re

from flask import render_template, request, url_for
from sqlalchemy import select

from broker.agreements import actions, templates
from broker.agreements.document import ID
from broker.agreements.models import LIVE
from broker.agreements.templates import Template
from broker.doors import session
from broker.errors import NotFound
from broker.identity.models import Place, Source
from broker.web.access import who
from broker.web.forms import Form
from broker.web.governance import governance
from broker.web.governance.acting import WRITERS, names_of, oversees, own_organisation
from broker.web.governance.editor import Typed, editor


@governance.get("/start")
@who(*WRITERS)
def start() -> str:
    """The kinds of service there is a first text for."""
    return render_template("governance/start.jinja", templates=templates.every())


@governance.get("/start/<template_id>")
@who(*WRITERS)
def begin(template_id: str) -> str:
    return _form(_template(template_id), errors={}, sent={})


@governance.post("/start/<template_id>")
@who(*WRITERS)
def begun(template_id: str) -> str | tuple[str, int]:
    """The first text, on the page where it is written further."""
    template = _template(template_id)
    form = Form()
    id = form.text("agreement", missing="Give the agreement a short code.")
    title = form.text("title", missing="Say what the agreement is called.")
    organisation, place = form.sent.get("organisation", ""), form.sent.get("place", "")
    if "agreement" not in form.errors and not re.fullmatch(ID, id):
        form.errors["agreement"] = "Use letters, digits and hyphens only, such as TB-ADVICE."
    elif id and actions.versions(session(), id):
        form.errors["agreement"] = "There is an agreement with this code already."
    if organisation not in _organisations():
        form.errors["organisation"] = "Choose the organisation that gives the service."
    if place not in _places():
        form.errors["place"] = "Choose the place."
    under = form.sent.get("under", "")
    if under not in _above():
        form.errors["under"] = "Choose the agreement this one is under."
    if form.errors:
        return _form(template, errors=form.errors, sent=form.sent.to_dict()), 422
    givers = [code for code in _holders() if code in form.sent.getlist("givers")]
    text = templates.start(
        template.id, id=id, organisation=organisation, name=title, place=place, under=under, givers=givers
    )
    return editor(Typed(text, None), action=url_for("governance.write"))


def _form(template: Template, *, errors: dict[str, str], sent: dict[str, str]) -> str:
    return render_template(
        "governance/begin.jinja",
        template=template,
        organisations=_organisations(),
        places=_places(),
        above=_above(),
        holders=_holders(),
        givers=request.form.getlist("givers"),
        errors=errors,
        sent={"agreement": "", "title": "", "organisation": own_organisation().code, "place": "", "under": ""} | sent,
    )


def _template(template_id: str) -> Template:
    found = next((each for each in templates.every() if each.id == template_id), None)
    if found is None:
        raise NotFound("template-unknown", "There is no such template.", field="template")
    return found


def _organisations() -> dict[str, str]:
    """Whom an agreement may be started for: one's own organisation, or anybody's where one oversees them."""
    return names_of() if oversees() else names_of(own_organisation().code)


def _holders() -> dict[str, str]:
    """The organisations that have a system registered, so that they could give."""
    holding = set(session().scalars(select(Source.organisation_code).where(Source.removed_at.is_(None))))
    return {code: name for code, name in names_of().items() if code in holding}


def _places() -> dict[str, str]:
    return {place.code: place.name for place in session().scalars(select(Place).order_by(Place.name))}


def _above() -> dict[str, str]:
    """The agreements in force that another may be made under: all but those that only narrow."""
    every = actions.every(session())
    return {each.id: each.title for each in every if each.state in LIVE and not each.document["narrows"]}
