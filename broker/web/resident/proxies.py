"""People who act for each other: who may act for me, whom I may act for, asking, and stopping with one press.

Shows nothing of what has ended, is paused or was turned down, to either of them: it looks as if it had never been.
"""

from __future__ import annotations

from datetime import date

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from broker.doors import now, parts, session
from broker.errors import InvalidInput, NotFound, Refusal, TooMany
from broker.identity import sessions
from broker.identity.models import Organisation, Resident
from broker.proxies import acting, actions, limits
from broker.proxies.actions import Wish
from broker.proxies.models import Proxy
from broker.vocabulary import AccessLevel, LegalBasis, ProxyRelation, ProxyState
from broker.web.access import RESIDENTS, RESIDENTS_AND_PROXIES, own_id, proven_lately, put_out, signed_in, who
from broker.web.cookies import keep_session
from broker.web.forms import Form
from broker.web.resident import resident

ASKING_BASES = tuple(LegalBasis)


@resident.get("/proxies")
@who(*RESIDENTS)
def proxies() -> str:
    """Everybody who may act for this resident, or asks to, and everybody they may act for."""
    mine = actions.of_resident(session(), own_id(), now=now())
    return render_template(
        "resident/proxies.jinja",
        standing=[each for each in mine if each.state is ProxyState.ACTIVE],
        asking=[each for each in mine if each.state is ProxyState.PROPOSED],
        acts_for=acting.acts_for(session(), own_id(), now=now()),
        practices=_practices(mine),
        asked=actions.asked_by(session(), own_id()),
    )


@resident.post("/proxies/asked/<asking_id>/take-back")
@who(*RESIDENTS)
def take_back_asking(asking_id: str) -> Response:
    """As short as asking was, with nothing to prove. Says nothing of what was behind it."""
    actions.take_back(session(), asking_id, resident=own_id(), trail=parts().trail, now=now())
    return redirect(url_for("resident.proxies"), code=303)


@resident.post("/proxies/<proxy_id>/act")
@who(*RESIDENTS)
def act(proxy_id: str) -> Response:
    """From now on these pages are the other's, under a new secret id."""
    begun = acting.begin(session(), proxy_id, proxy_resident=own_id(), trail=parts().trail, now=now())
    secret, _ = sessions.act_for(session(), signed_in(), begun.resident_id, trail=parts().trail, now=now())
    answer = redirect(url_for("resident.home"), code=303)
    keep_session(answer, secret)
    return answer


@resident.post("/proxies/back")
@who(*RESIDENTS_AND_PROXIES)
def back_to_own() -> Response:
    """One press, back to one's own pages."""
    return put_out(signed_in()) if signed_in().acting_for_id else redirect(url_for("resident.home"), code=303)


@resident.get("/proxies/<proxy_id>")
@who(*RESIDENTS)
def proxy(proxy_id: str) -> str:
    """One of those who may act for this resident, or ask to: how far, until when, and stopping it."""
    return _page(_mine(proxy_id), errors={})


@resident.post("/proxies/<proxy_id>/stop")
@who(*RESIDENTS)
def stop_proxy(proxy_id: str) -> Response:
    """At once, with nothing to prove and no reason to give."""
    actions.stop(session(), _mine(proxy_id), resident=own_id(), trail=parts().trail, now=now())
    return redirect(url_for("resident.proxies"), code=303)


@resident.post("/proxies/<proxy_id>/give-up")
@who(*RESIDENTS)
def give_up(proxy_id: str) -> Response:
    """Act for somebody no longer."""
    found = next((p for p in acting.acts_for(session(), own_id(), now=now()) if p.id == proxy_id), None)
    if found is None:
        raise NotFound("proxy-unknown", "There is nobody like that.", field="proxy")
    actions.withdraw(session(), found, asker=own_id(), trail=parts().trail, now=now())
    return redirect(url_for("resident.proxies"), code=303)


@resident.post("/proxies/<proxy_id>/answer")
@who(*RESIDENTS)
def answer_proxy(proxy_id: str) -> Response | tuple[str, int]:
    """The resident's own yes or no to somebody who asked to act for them. Only a yes needs proof."""
    found, form = _mine(proxy_id), Form()
    said = form.sent.get("answer")
    if said not in ("yes", "no"):
        return _page(found, errors={"answer": "Choose your answer."}), 422
    if said == "no":
        actions.answer(session(), found, agree=False, resident=own_id(), trail=parts().trail, now=now())
        return redirect(url_for("resident.proxies"), code=303)
    levels = form.choices("levels", _offered(found.levels), missing="Choose at least one thing, or say no.")
    if form.errors:
        return _page(found, errors=form.errors), 422
    return _agree(found, levels)


@proven_lately
def _agree(found: Proxy, levels: frozenset[AccessLevel]) -> Response:
    actions.answer(session(), found, agree=True, levels=levels, resident=own_id(), trail=parts().trail, now=now())
    return redirect(url_for("resident.proxies"), code=303)


@resident.get("/proxies/appoint")
@who(*RESIDENTS)
def appoint() -> str:
    return _appointing(Form())


@resident.post("/proxies/appoint")
@who(*RESIDENTS)
@proven_lately
def appointed() -> Response | tuple[str, int]:
    """Let somebody act for me. Says the same whether or not there is such a person."""
    form = Form()
    number, born_on = _identifiers(form)
    relation = form.choice("relation", tuple(ProxyRelation), missing="Choose what they are to you.")
    levels = form.choices("levels", tuple(AccessLevel), missing="Choose at least one thing they may do.")
    if form.errors or born_on is None or relation is None:
        return _appointing(form), 422
    wish = Wish(relation=relation, basis=LegalBasis.CONSENT, levels=levels)
    try:
        actions.appoint(
            session(),
            wish,
            resident=own_id(),
            nhs_number=number,
            born_on=born_on,
            trail=parts().trail,
            settings=parts().settings,
            now=now(),
        )
    except (InvalidInput, TooMany) as refused:
        return _appointing(_with(form, refused)), 422
    return redirect(url_for("resident.proxy_asked"), code=303)


@resident.get("/proxies/ask")
@who(*RESIDENTS)
def ask_to_act() -> str:
    return _asking(Form())


@resident.post("/proxies/ask")
@who(*RESIDENTS)
def asked_to_act() -> Response | tuple[str, int]:
    """Ask to act for somebody. Says the same whether or not there is such a person, and whatever stands already."""
    form = Form()
    number, born_on = _identifiers(form)
    relation = form.choice("relation", tuple(ProxyRelation), missing="Choose what you are to them.")
    basis = form.choice("basis", ASKING_BASES, missing="Choose why you may act for them.")
    levels = form.choices("levels", tuple(AccessLevel), missing="Choose at least one thing.")
    words = ""
    if basis is not None and basis.evidenced:
        words = form.text("words", missing="Say what shows it, such as a registered power of attorney.")
    if form.errors or born_on is None or relation is None or basis is None:
        return _asking(form), 422
    try:
        actions.apply(
            session(),
            Wish(relation=relation, basis=basis, levels=levels, words=words),
            asker=own_id(),
            nhs_number=number,
            born_on=born_on,
            trail=parts().trail,
            settings=parts().settings,
            now=now(),
        )
    except (InvalidInput, TooMany) as refused:
        return _asking(_with(form, refused)), 422
    return redirect(url_for("resident.proxy_asked"), code=303)


@resident.get("/proxies/asked")
@who(*RESIDENTS)
def proxy_asked() -> str:
    return render_template("resident/proxy_asked.jinja")


def _mine(proxy_id: str) -> Proxy:
    """One that this resident is shown. Any other, ended or paused or somebody else's, looks like none at all."""
    found = next((each for each in actions.of_resident(session(), own_id(), now=now()) if each.id == proxy_id), None)
    if found is None:
        raise NotFound("proxy-unknown", "There is nobody like that.", field="proxy")
    return found


def _page(found: Proxy, *, errors: dict[str, str]) -> str:
    return render_template(
        "resident/proxy.jinja",
        proxy=found,
        practices=_practices([found]),
        offered=_offered(found.levels),
        may_answer=found.state is ProxyState.PROPOSED and found.agreed_at is None,
        ends=limits.ends_at(found),
        errors=errors,
    )


def _offered(levels: frozenset[AccessLevel]) -> list[AccessLevel]:
    return [level for level in AccessLevel if level in levels]


def _practices(found: list[Proxy]) -> dict[str, str]:
    named = {each.granted_by for each in found if each.granted_by}
    return {code: session().get_one(Organisation, code).name for code in named}


def _identifiers(form: Form) -> tuple[str, date | None]:
    number = form.text("nhs_number", missing="Enter an NHS number.")
    return number, form.day("born_on", missing="Enter a date of birth.", unreal="Enter a real date.")


def _with(form: Form, refused: Refusal) -> Form:
    form.errors[refused.field or "nhs_number"] = refused.detail
    return form


def _appointing(form: Form) -> str:
    could = limits.could_do(session().get_one(Resident, own_id()), now=now())
    return render_template(
        "resident/proxy_appoint.jinja",
        relations=tuple(ProxyRelation),
        levels=_offered(could),
        errors=form.errors,
        sent=form.sent,
        chosen=form.sent.getlist("levels"),
    )


def _asking(form: Form) -> str:
    return render_template(
        "resident/proxy_ask.jinja",
        relations=tuple(ProxyRelation),
        bases=ASKING_BASES,
        levels=tuple(AccessLevel),
        errors=form.errors,
        sent=form.sent,
        chosen=form.sent.getlist("levels"),
    )
