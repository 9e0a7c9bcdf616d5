"""Deciding who may act for a practice's patients: yes or no, looking again, pausing (quietly, too) and ending.

Only for patients registered with the practice of whoever is signed in; anybody else's looks like none at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from broker.doors import now, parts, session
from broker.errors import Conflict, InvalidInput, NotFound, NotPermitted, Refusal
from broker.identity.models import Organisation, Person
from broker.identity.sessions import actor_of
from broker.proxies import deciding, limits
from broker.proxies.deciding import VERIFIERS, Verifier
from broker.proxies.models import Proxy
from broker.proxies.states import MOVES, OPEN
from broker.vocabulary import AccessLevel, LegalBasis, OrganisationKind, ProxyReason, ProxyState
from broker.web.access import proven_lately, signed_in, who
from broker.web.forms import Form
from broker.web.practice import practice

SOON: Final = timedelta(days=56)


class Until(StrEnum):
    """When it ends, unless a birthday ends it before."""

    YEAR = "365"
    HALF = "182"
    LONGEST = "longest"


class How(StrEnum):
    """How it is stopped, and what it is then."""

    END = "end"
    SUSPEND = "suspend"

    @property
    def after(self) -> ProxyState:
        return ProxyState.SUSPENDED if self is How.SUSPEND else ProxyState.INACTIVE


# Where it stands, as somebody at the practice would say it.
STANDS: Final = {
    ProxyState.PROPOSED: "Waiting for you to decide",
    ProxyState.ACTIVE: "They may act now",
    ProxyState.SUSPENDED: "Stopped for now, until somebody has looked",
    ProxyState.REJECTED: "You said no",
    ProxyState.INACTIVE: "It has ended",
    ProxyState.ENTERED_IN_ERROR: "It was entered by mistake",
}


@practice.get("/proxies")
@who(*VERIFIERS)
def proxies() -> str:
    """What waits for a decision, what must be looked at again, and what stands."""
    found = deciding.at_practice(session(), _verifier().organisation, states=OPEN, now=now())
    waiting = [each for each in found if each.state is ProxyState.PROPOSED]
    again = [each for each in found if each not in waiting and _to_look_at(each)]
    return render_template(
        "practice/proxies.jinja",
        own=session().get_one(Organisation, _verifier().organisation),
        stands=STANDS,
        waiting=waiting,
        again=again,
        others=[each for each in found if each not in waiting and each not in again],
    )


@practice.get("/proxies/<proxy_id>")
@who(*VERIFIERS)
def proxy(proxy_id: str) -> str:
    return _page(_patients(proxy_id), Form())


@practice.post("/proxies/<proxy_id>/decide")
@who(*VERIFIERS)
def decide(proxy_id: str) -> Response | tuple[str, int]:
    """Yes or no to an application. Only a yes needs proof."""
    found, form = _patients(proxy_id), Form()
    said = form.sent.get("answer")
    if said == "no":
        reason = form.choice("reason", _reasons(ProxyState.PROPOSED, ProxyState.REJECTED), missing="Choose a reason.")
        return _page_or_back(found, form, lambda: _say_no(found, reason, form.sent.get("words", "")))
    if said != "yes":
        form.errors["answer"] = "Choose yes or no."
        return _page(found, form), 422
    return _say_yes(found, form)


@proven_lately
def _say_yes(found: Proxy, form: Form) -> Response | tuple[str, int]:
    levels, until = _given(found, form)
    words = form.sent.get("words", "")
    return _page_or_back(
        found,
        form,
        lambda: deciding.decide(
            session(),
            found,
            verifier=_verifier(),
            agree=True,
            words=words,
            levels=levels,
            until=until,
            trail=parts().trail,
            now=now(),
        ),
    )


@practice.post("/proxies/<proxy_id>/review")
@who(*VERIFIERS)
@proven_lately
def review(proxy_id: str) -> Response | tuple[str, int]:
    """Let it go on, as far as is ticked, perhaps on another basis."""
    found, form = _patients(proxy_id), Form()
    basis = form.choice("basis", tuple(LegalBasis), missing="Choose the legal basis.")
    levels, until = _given(found, form)
    words = form.sent.get("words", "")
    return _page_or_back(
        found,
        form,
        lambda: deciding.review(
            session(),
            found,
            verifier=_verifier(),
            basis=basis,
            words=words,
            levels=levels,
            until=until,
            trail=parts().trail,
            now=now(),
        ),
    )


@practice.post("/proxies/<proxy_id>/stop")
@who(*VERIFIERS)
def stop(proxy_id: str) -> Response | tuple[str, int]:
    """Pause or end it, openly, at once."""
    return _stop(proxy_id, quiet=False)


@practice.post("/proxies/<proxy_id>/stop-quietly")
@who(*VERIFIERS)
@proven_lately
def stop_quietly(proxy_id: str) -> Response | tuple[str, int]:
    """Pause it so that nobody learns of it: for safeguarding."""
    return _stop(proxy_id, quiet=True)


def _stop(proxy_id: str, *, quiet: bool) -> Response | tuple[str, int]:
    found, form = _patients(proxy_id), Form()
    how = How.SUSPEND if quiet else form.choice("how", tuple(How), missing="Choose whether to end or to suspend it.")
    if how is None:
        return _page(found, form), 422
    why = "why" if quiet else f"why_{how.value}"
    reason = form.choice(why, _reasons(found.state, how.after), missing="Choose a reason that goes with it.")
    words = form.sent.get("stop_words", "")
    if form.errors or reason is None:
        return _page(found, form), 422
    act = deciding.suspend if how is How.SUSPEND else deciding.end
    return _page_or_back(
        found,
        form,
        lambda: act(
            session(),
            found,
            verifier=_verifier(),
            reason=reason,
            words=words,
            quiet=quiet,
            trail=parts().trail,
            now=now(),
        ),
    )


def _say_no(found: Proxy, reason: ProxyReason | None, words: str) -> None:
    deciding.decide(
        session(),
        found,
        verifier=_verifier(),
        agree=False,
        reason=reason,
        words=words,
        trail=parts().trail,
        now=now(),
    )


def _page_or_back(found: Proxy, form: Form, act: Callable[[], None]) -> Response | tuple[str, int]:
    """Do it, unless the form is wrong; show what is wrong beside the field, or the page as it then stands."""
    if not form.errors:
        try:
            act()
        except (InvalidInput, NotPermitted, Conflict) as refused:
            _show(form, refused)
    if form.errors:
        return _page(found, form), 422
    return redirect(url_for("practice.proxy", proxy_id=found.id), code=303)


def _show(form: Form, refused: Refusal) -> None:
    form.errors[refused.field or "answer"] = refused.detail


def _page(found: Proxy, form: Form) -> str:
    kept = () if found.state is ProxyState.PROPOSED else found.levels  # a yes says itself what it is to
    chosen = form.sent.getlist("levels") if form.errors else [level.value for level in kept]
    stopping = MOVES[found.state]
    return render_template(
        "practice/proxy.jinja",
        proxy=found,
        offered=[level for level in AccessLevel if level in found.levels],
        chosen=chosen,
        bases=tuple(LegalBasis),
        rejections=_reasons(found.state, ProxyState.REJECTED),
        pauses=_reasons(found.state, ProxyState.SUSPENDED),
        endings=[why for why in _reasons(found.state, ProxyState.INACTIVE) if ProxyState.SUSPENDED in stopping],
        may_decide=found.state is ProxyState.PROPOSED,
        may_review=found.state in (ProxyState.ACTIVE, ProxyState.SUSPENDED),
        stands=limits.stands(found, now=now()),
        ends=limits.ends_at(found),
        words_of=STANDS,
        history=[(change, _name_of(change.by)) for change in found.changes],
        same_practice=_verifier().organisation in deciding.practices_of(session(), found.proxy_resident_id, now=now()),
        errors=form.errors,
        sent=form.sent,
    )


def _given(found: Proxy, form: Form) -> tuple[frozenset[AccessLevel], datetime | None]:
    levels = form.choices("levels", found.levels, missing="Choose at least one thing they may do.")
    until = form.choice("until", tuple(Until), missing="Choose when it ends.")
    return levels, None if until in (None, Until.LONGEST) else now() + timedelta(days=int(until))


def _reasons(before: ProxyState, after: ProxyState) -> list[ProxyReason]:
    allowed: Collection[ProxyReason] = MOVES[before].get(after, ())
    return [why for why in ProxyReason if why in allowed]


def _to_look_at(found: Proxy) -> bool:
    if found.state is ProxyState.SUSPENDED or limits.waits_for_review(found, now=now()):
        return True
    ends = limits.ends_at(found)
    due = found.review_due_at
    return (due is not None and due <= now()) or (ends is not None and ends - now() <= SOON)


def _patients(proxy_id: str) -> Proxy:
    """One of a patient of this practice's. Raises NotFound alike for any other."""
    found = session().get(Proxy, proxy_id)
    if found is None or _verifier().organisation not in deciding.practices_of(session(), found.resident_id, now=now()):
        raise NotFound("proxy-unknown", "There is nobody like that.", field="proxy")
    return found


def _verifier() -> Verifier:
    found = signed_in()
    assert found.organisation_code is not None, "a worker works somewhere"
    if session().get_one(Organisation, found.organisation_code).kind is not OrganisationKind.GP_PRACTICE:
        raise NotFound("page-unknown", "There is no such page.")
    return Verifier(by=actor_of(found), organisation=found.organisation_code, role=found.role)


def _name_of(actor: str) -> str:
    kind, _, key = actor.partition(":")
    if kind == "person" and (person := session().get(Person, key)) is not None:
        return person.name
    return {"resident": "A resident", "operator": "The broker’s operator"}.get(kind, "The broker")
