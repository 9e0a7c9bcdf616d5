"""The page where somebody lets a system act for them, or an organisation see. ``oauth.authorization`` does the rest.

A person is never sent anywhere but to the address that the system registered, and only once the request was found.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from broker.doors import now, parts, session
from broker.errors import InvalidInput, NotFound, NotPermitted
from broker.identity.models import Organisation, SignedInSession
from broker.oauth import authorization
from broker.oauth.authorization import Answerer, Asked
from broker.oauth.scopes import said_of
from broker.vocabulary import Section
from broker.web.access import PUBLIC, who
from broker.web.cookies import whoever_is_signed_in
from broker.web.forms import Form
from broker.web.headers import CONTENT_SECURITY_POLICY
from broker.web.resident.summary import why_needed

authorize = Blueprint("authorize", __name__)


class Answer(StrEnum):
    """What somebody may say."""

    YES = "yes"
    NO = "no"


@authorize.get("/oauth/authorize")
@who(PUBLIC)
def ask() -> Response:
    """Show what is asked, to whoever may answer it. Looking, and looking again, uses nothing up."""
    question = _question(request.args)
    found = whoever_is_signed_in()
    if (instead := _must_prove(question, found)) is not None:
        return instead
    assert found is not None, "somebody who must prove nothing is signed in"
    _must_be_theirs(question, found)
    if question.wanted.silently:
        return _go(authorization.refuse(question, "consent_required"))
    return _page(question)


@authorize.post("/oauth/authorize")
@who(PUBLIC)
def answer() -> Response:
    """Take the answer, once, and send the browser back with a code or a no."""
    question = _question(request.form)
    found = whoever_is_signed_in()
    if (instead := _must_prove(question, found)) is not None:
        return instead
    assert found is not None, "somebody who must prove nothing is signed in"
    _must_be_theirs(question, found)
    form = Form()
    said = form.choice("answer", tuple(Answer), missing="Choose yes or no.")
    if said is Answer.NO:
        return _go(authorization.refuse(question, "access_denied"))
    chosen: Iterable[Section] = ()
    if question.record is not None:
        chosen = form.choices(
            "sections", authorization.offered(question), missing="Choose at least one thing to share, or say no."
        )
    if form.errors:
        return _page(question, errors=form.errors, status=422)
    return _go(authorization.agree(question, found, sections=chosen))


def _question(sent: MultiDict[str, str]) -> Asked:
    """The request that the browser brings. Raises InvalidInput and NotFound, and redirects nowhere."""
    client_id, request_uri = sent.getlist("client_id"), sent.getlist("request_uri")
    if len(client_id) != 1 or len(request_uri) != 1:
        raise InvalidInput(
            "request-uri-missing", "The system that sent you here must say what it asks for first, and then only once."
        )
    return authorization.asked(client_id[0], request_uri[0])


def _must_prove(question: Asked, found: SignedInSession | None) -> Response | None:
    """Where to go first, if whoever is here has not proved who they are as surely and as lately as this needs."""
    wanted = question.wanted
    if question.answerer is Answerer.ASKED:  # they are about to share more than they did
        fresh = timedelta(seconds=parts().settings.fresh_seconds)
        wanted = replace(wanted, max_age=min(wanted.max_age or fresh, fresh))
    if found is not None and wanted.met_by(found, asked_at=question.made_at, now=now()):
        return None
    if wanted.silently:
        return _go(authorization.refuse(question, "login_required"))
    lately = found is not None and found.authenticated_at is not None and found.authenticated_at >= question.made_at
    if found is not None and lately and found.assurance < wanted.assurance:
        return _go(authorization.refuse(question, "unmet_authentication_requirements"))
    way_back = f"{url_for('authorize.ask')}?{urlencode(_named(question))}"
    first = "/sign-in" if found is None else "/sign-in/again"
    return redirect(f"{first}?{urlencode({'next': way_back})}", code=303)


def _must_be_theirs(question: Asked, found: SignedInSession) -> None:
    """Raises NotPermitted, in the same words whoever else it is for, and whether or not there is anybody."""
    if not authorization.may_answer(question, found):
        raise NotPermitted("not-yours-to-answer", "This request is for somebody else. Sign out, and sign in as them.")


def _page(question: Asked, *, errors: dict[str, str] | None = None, status: int = 200) -> Response:
    organisation = session().get(Organisation, question.organisation)
    if organisation is None:
        raise NotFound("organisation-unknown", "There is no such organisation.")
    record = question.record
    sections = authorization.offered(question) if record else ()
    because = why_needed(session(), organisation.code, record.purpose, now=now()) if record else {}
    page = render_template(
        "authorize.jinja",
        question=question,
        organisation=organisation,
        answerer=question.answerer,
        record=record,
        until=now() + record.duration if record else now() + timedelta(days=parts().settings.refresh_days),
        sections=sections,
        because=because,
        allowed=[said_of(scope) for scope in question.scopes.split()],
        kept=request.form.getlist("sections") if errors else [section.value for section in sections],
        named=_named(question),
        errors=errors or {},
    )
    shown = make_response(page, status)
    # A browser follows the answer's redirect only to where its form may go.
    back = urlsplit(question.redirect_uri)
    shown.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY.replace(
        "form-action 'self'", f"form-action 'self' {back.scheme}://{back.netloc}"
    )
    return shown


def _named(question: Asked) -> dict[str, str]:
    return {"client_id": question.client.get_client_id(), "request_uri": question.request_uri}


def _go(address: str) -> Response:
    return redirect(address, code=303)  # never 307: what was typed here goes nowhere else (RFC 9700 §4.12)
