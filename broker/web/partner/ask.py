"""Asking for access: which route, for what, and then the words that route needs. Each page asks one thing."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from broker.access.request import AccessRequest, BreakGlass
from broker.agreements.offers import Offers, offered_to
from broker.consent import actions as consent
from broker.consent.reminding import PASSES_ON
from broker.database import new_id
from broker.doors import now, parts, session
from broker.errors import NotFound
from broker.identity.actions import NOBODY, resident_behind
from broker.vocabulary import Purpose, RequestState, Route, Section
from broker.web.access import WORKERS, proven_lately, requester, who
from broker.web.forms import Form
from broker.web.partner import partner
from broker.web.partner.home import own_request
from broker.web.partner.read import read

Answer = str | Response | tuple[str, int]
EVERYTHING = "everything"


class Length(StrEnum):
    """How long to ask for. Short first: most help needs no more."""

    ONE_WEEK = "7"
    FOUR_WEEKS = "28"
    THREE_MONTHS = "91"
    SIX_MONTHS = "182"

    @property
    def label(self) -> str:
        return {"7": "One week", "28": "Four weeks", "91": "Three months", "182": "Six months"}[self.value]

    def after(self, at: datetime) -> datetime:
        return at + timedelta(days=int(self.value))


@partner.get("/residents/<handle>")
@who(*WORKERS)
def ask(handle: str) -> str:
    """The page that every search leads to."""
    _must_be_ours(handle)
    return _routes(handle, errors={})


@partner.post("/residents/<handle>")
@who(*WORKERS)
def choose(handle: str) -> Answer:
    _must_be_ours(handle)
    offers = _offers()
    form = Form()
    route = form.choice("route", tuple(Route), missing="Choose how you want to ask.")
    if route is Route.EMERGENCY:
        return redirect(url_for("partner.emergency", handle=handle), code=303)
    purpose = form.choice("purpose", offers.purposes, missing="Choose what you need it for.")
    if route is None or purpose is None:
        return _routes(handle, errors=form.errors), 422
    return redirect(url_for("partner.details", handle=handle, route=route.value, purpose=purpose.value), code=303)


@partner.get("/residents/<handle>/<any('ask-resident','team-permission'):route>/<purpose>")
@who(*WORKERS)
def details(handle: str, route: str, purpose: str) -> str:
    """The words a route needs: which sections, why, and until when."""
    _must_be_ours(handle)
    return _details(handle, Route(route), *_offered(purpose), errors={})


@partner.post("/residents/<handle>/ask-resident/<purpose>")
@who(*WORKERS)
def ask_resident(handle: str, purpose: str) -> Answer:
    """Send the request to the resident, and show its code."""
    _must_be_ours(handle)
    wanted, offered = _offered(purpose)
    form = Form()
    sections = form.choices("sections", offered, missing="Choose at least one part of the record.")
    length = form.choice("length", tuple(Length), missing="Choose how long you need it for.")
    reason = form.text("reason", missing="Say why you are asking. The person will read your words.")
    if form.errors or length is None:
        return _details(handle, Route.ASK_RESIDENT, wanted, offered, errors=form.errors), 422
    at = now()
    record = consent.ask(
        session(),
        requester=requester(),
        handle=handle,
        purpose=wanted,
        sections=sections,
        reason=reason,
        share_until=length.after(at),
        trail=parts().trail,
        settings=parts().settings,
        now=at,
    )
    return redirect(url_for("partner.asked", request_id=record.id), code=303)


@partner.post("/residents/<handle>/team-permission/<purpose>")
@who(*WORKERS)
def team_permission(handle: str, purpose: str) -> Answer:
    """Read what the team may read already, saying how it comes to have permission."""
    wanted, offered = _offered(purpose)
    form = Form()
    everything = _may_take_all(Route.TEAM_PERMISSION) and form.sent.get("sections") == EVERYTHING
    sections = frozenset(offered)
    if not everything:
        sections = form.choices("sections", offered, missing="Choose at least one part of the record.")
    reason = form.text("reason", missing="Say how your team already has permission.")
    if form.errors:
        _must_be_ours(handle)
        return _details(handle, Route.TEAM_PERMISSION, wanted, offered, errors=form.errors), 422
    return read(handle, _request(handle, wanted, sections, reason=reason), route=Route.TEAM_PERMISSION)


@partner.get("/residents/<handle>/emergency")
@who(*WORKERS)
@proven_lately
def emergency(handle: str) -> str:
    """What emergency access opens, and what follows from using it."""
    _must_be_ours(handle)
    return _emergency(handle, errors={})


@partner.post("/residents/<handle>/emergency")
@who(*WORKERS)
@proven_lately
def break_glass(handle: str) -> Answer:
    _must_be_ours(handle)
    sections = _offers().emergency
    form = Form()
    reason = form.text("reason", missing="Say what the emergency is.")
    if form.errors or not sections:
        return _emergency(handle, errors=form.errors), 422
    asked = _request(handle, Purpose.EMERGENCY, frozenset(sections), break_glass=BreakGlass(reason=reason))
    return read(handle, asked, route=Route.EMERGENCY)


@partner.post("/requests/<request_id>/record")
@who(*WORKERS)
def agreed(request_id: str) -> Answer:
    """Read what a resident agreed to. Decided again now: they may have changed their mind since."""
    record = own_request(request_id)
    asked = _request(record.handle, record.purpose, record.sections, reason=record.reason)
    return read(record.handle, asked, route=Route.ASK_RESIDENT, agreed=record.state is RequestState.GRANTED)


def _request(
    handle: str,
    purpose: Purpose,
    sections: frozenset[Section],
    *,
    reason: str = "",
    break_glass: BreakGlass | None = None,
) -> AccessRequest:
    asker = requester()
    return AccessRequest(
        id=new_id(),
        requester=asker,
        # Decided, and written down, like somebody this worker has no relationship with.
        resident=resident_behind(session(), handle, organisation=asker.organisation) or NOBODY,
        purpose=purpose,
        sections=sections,
        made_at=now(),
        break_glass=break_glass,
        reason=reason,
    )


def _must_be_ours(handle: str) -> None:
    """Raises NotFound for a handle this organisation was never given."""
    resident_behind(session(), handle, organisation=requester().organisation)


def _offers() -> Offers:
    return offered_to(session(), requester(), now=now())


def _offered(purpose: str) -> tuple[Purpose, tuple[Section, ...]]:
    """The purpose named in the address with its sections. Raises NotFound where it is not offered."""
    offers = _offers()
    for wanted, sections in offers.sections.items():
        if wanted.value == purpose:
            return wanted, sections
    raise NotFound("purpose-not-offered", "Your organisation has no agreement for this purpose.", field="purpose")


def _may_take_all(route: Route) -> bool:
    """A clinician with a patient before them may need any of it; everybody else says which parts."""
    return route is Route.TEAM_PERMISSION and requester().role.clinical


def _routes(handle: str, *, errors: dict[str, str]) -> str:
    return render_template(
        "partner/ask.jinja",
        handle=handle,
        offers=_offers(),
        can_pass_on=requester().role in PASSES_ON,
        errors=errors,
        sent=request.form,
        routes=Route,
    )


def _details(
    handle: str, route: Route, purpose: Purpose, offered: tuple[Section, ...], *, errors: dict[str, str]
) -> str:
    return render_template(
        "partner/details.jinja",
        handle=handle,
        route=route,
        asking=route is Route.ASK_RESIDENT,
        purpose=purpose,
        offered=offered,
        lengths=tuple(Length),
        # After a refusal, what was asked for is chosen already.
        chosen=request.form.getlist("sections") or request.args.getlist("sections"),
        whole=f"All {len(offered)} parts that your agreement allows" if _may_take_all(route) else "",
        errors=errors,
        sent=request.form,
    )


def _emergency(handle: str, *, errors: dict[str, str]) -> str:
    return render_template(
        "partner/emergency.jinja", handle=handle, sections=_offers().emergency, errors=errors, sent=request.form
    )
