"""Proving again who one is, the way one signed in, before something that widens. Then back to where one was.

The session goes on under a new secret id. What had been filled in is shown as waiting, and sent by its own button:
nothing is ever done because somebody proved who they are.
"""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from broker.accounts import account, kept_forms, passkeys, proving
from broker.accounts.models import Account
from broker.doors import now, parts, session
from broker.errors import NotAuthenticated, NotFound, NotPermitted
from broker.identity import sessions
from broker.web.access import ANYBODY, keeper, signed_in, who
from broker.web.cookies import keep_session
from broker.web.federated import way_to_prove_again
from broker.web.own_account import ASSURANCE, OWN, here, site
from broker.web.sign_in import DEMONSTRATION, demonstrated
from broker.web.way_back import safe_way_back

again_pages = Blueprint("again", __name__)

Answer = str | Response | tuple[str, int]
AGAIN = "passkey-again"


@again_pages.get("/sign-in/again")
@who(*ANYBODY)
def again() -> Answer:
    """The page that asks, in the way this session was begun."""
    return _page(request.args.get("next", ""))


@again_pages.post("/sign-in/again/demonstration")
@who(*ANYBODY)
def in_demonstration() -> Response:
    """One button, for a session that nobody proved anything for. Only in a demonstration."""
    if not (parts().settings.demonstration and signed_in().means == DEMONSTRATION):
        raise NotPermitted("prove-otherwise", "Prove who you are the way you signed in.")
    return _risen(demonstrated())


@again_pages.post("/sign-in/again/passkey")
@who(*ANYBODY)
def by_passkey() -> Answer:
    sent, mine = request.form, _own_account()
    answer, ticket = sent.get("credential", ""), sent.get("ticket", "")
    try:
        proved = proving.prove_by_passkey(session(), here(), site(), answer=answer, ticket=ticket, use=AGAIN, now=now())
        if proved.person_id != mine.person_id:
            raise passkeys.not_proved()
    except NotAuthenticated as refusal:
        return _page(sent.get("next", ""), errors={"passkey": refusal.detail}), 422
    return _risen(sessions.Proof(means=proving.PASSKEY, assurance=ASSURANCE, at=now()))


@again_pages.post("/sign-in/again/password")
@who(*ANYBODY)
def by_password() -> Answer:
    sent, mine = request.form, _own_account()
    password, code = sent.get("password", ""), sent.get("code", "")
    try:
        proving.prove_again_by_password(session(), here(), mine, password=password, code=code, now=now())
    except NotAuthenticated:
        errors = {"password": "The password or the code is not right."}
        return _page(sent.get("next", ""), errors=errors), 422
    return _risen(sessions.Proof(means=proving.TOTP, assurance=ASSURANCE, at=now()))


@again_pages.get("/sign-in/again/kept/<kept_id>")
@who(*ANYBODY)
def kept(kept_id: str) -> str:
    """What was filled in before, waiting for its button. Raises NotFound where it is somebody else's, or forgotten."""
    key = parts().settings.secret("kept-forms")
    found = kept_forms.kept(session(), key, kept_id, actor=keeper(signed_in()), now=now())
    if found is None:
        raise NotFound("form-forgotten", "There is nothing waiting here.")
    path, fields = found
    return render_template("accounts/kept.jinja", path=path, fields=fields)


def _page(way_back: str, errors: dict[str, str] | None = None) -> str:
    found = signed_in()
    mine = account.of_person(session(), found.person_id) if found.means in OWN and found.person_id else None
    challenge, ticket = proving.passkey_ticket(here(), use=AGAIN, now=now())
    return render_template(
        "accounts/again.jinja",
        means=found.means,
        plain=parts().settings.demonstration and found.means == DEMONSTRATION,
        own=mine is not None,
        upstream=way_to_prove_again(found),
        options=passkeys.to_use(site(), challenge=challenge)
        if mine and mine.passkeys and site().takes_passkeys
        else "",
        by_password=mine is not None and mine.by_password,
        ticket=ticket,
        way_back=safe_way_back(way_back, found.role),
        minutes=parts().settings.fresh_seconds // 60,
        errors=errors or {},
    )


def _own_account() -> Account:
    """The account that this session was begun with. Raises NotPermitted for a session begun in another way."""
    found = signed_in()
    mine = session().get(Account, found.person_id) if found.means in OWN else None
    if mine is None:
        raise NotPermitted("prove-otherwise", "Prove who you are the way you signed in.")
    return mine


def _risen(proof: sessions.Proof) -> Response:
    secret, risen = sessions.rise(session(), signed_in(), proof=proof, trail=parts().trail, now=now())
    answer = redirect(safe_way_back(request.form.get("next", ""), risen.role), code=303)
    keep_session(answer, secret)
    return answer
