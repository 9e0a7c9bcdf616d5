"""How somebody signs in, and where they are signed in now: theirs to see, to change and to end.

Whatever changes a way in asks for fresh proof, and ends every other session and whatever partners' systems could do
for them. Signing out everywhere asks for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from broker.accounts import account, passkeys, passwords, proving, recovery, totp
from broker.accounts.account import WaysIn
from broker.accounts.models import Account
from broker.doors import now, parts, session
from broker.errors import Conflict, InvalidInput, NotFound, NotPermitted
from broker.grants import actions as grants
from broker.identity import sessions
from broker.identity.models import Organisation, Person, SignedInSession
from broker.web.access import ANYBODY, proven_lately, signed_in, who
from broker.web.accounts import square_of
from broker.web.cookies import forget_session, secret_of_this_visit
from broker.web.own_account import OWN, here, site
from broker.web.pages import SERVICE

my_sign_in = Blueprint("my_sign_in", __name__, url_prefix="/your-sign-in")

Answer = str | Response | tuple[str, int]
ADD = "passkey-add"
HOW = {
    proving.PASSKEY: "with a passkey",
    proving.TOTP: "with a password and a code",
    "demonstration": "in the demonstration",
}
DONE = {
    "added": "You have added a passkey.",
    "removed": "You have removed a passkey.",
    "password": "You have changed your password.",
    "app": "You have changed the app.",
}


@dataclass(frozen=True, slots=True)
class Place:
    """One session: when and how it was begun, when it was proved whose it is (None: nobody says), when it was last
    used, and whether it is this one."""

    since: datetime
    proved: datetime | None
    used: datetime
    how: str
    this: bool


@my_sign_in.get("")
@who(*ANYBODY)
def mine() -> str:
    own = _begun_with()
    return render_template(
        "accounts/mine.jinja",
        own=own,
        ways=account.of_person(session(), own.person_id) if own else None,
        places=_places(),
        done=DONE.get(request.args.get("done", ""), ""),
    )


@my_sign_in.post("/sign-out-everywhere")
@who(*ANYBODY)
def sign_out_everywhere() -> Response:
    """End every session, this one too, at once."""
    found = signed_in()
    sessions.end_every(session(), person=found.person_id, resident=found.resident_id, now=now())
    sessions.end(session(), found, trail=parts().trail, now=now())
    answer = redirect(url_for("sign_in.ended"), code=303)
    forget_session(answer)
    return answer


@my_sign_in.get("/passkey")
@who(*ANYBODY)
@proven_lately
def another() -> str:
    return _another(_own())


@my_sign_in.post("/passkey")
@who(*ANYBODY)
@proven_lately
def add() -> Answer:
    own, sent = _own(), request.form
    said = proving.spend_ticket(session(), here(), sent.get("ticket", ""), use=ADD, now=now())
    try:
        if said is None:
            raise InvalidInput("passkey-too-late", "That took too long. Try again.", field="passkey")
        challenge, label = bytes.fromhex(said["challenge"]), sent.get("label", "")
        answer = sent.get("credential", "")
        passkeys.add(session(), site(), answer, person=own.person_id, challenge=challenge, label=label, now=now())
    except (InvalidInput, Conflict) as refusal:
        session().rollback()
        return _another(own, errors={"passkey": refusal.detail}), 422
    return _changed("passkey-added", done="added")


@my_sign_in.post("/passkey/<passkey_id>/remove")
@who(*ANYBODY)
@proven_lately
def remove(passkey_id: str) -> Response:
    """Take one away. Raises NotFound for somebody else's, Conflict for the last way in."""
    account.remove_passkey(session(), _own().person_id, passkey_id, now=now())
    return _changed("passkey-removed", done="removed")


@my_sign_in.get("/password")
@who(*ANYBODY)
@proven_lately
def new_password() -> str:
    _by_password()
    return _new_password()


@my_sign_in.post("/password")
@who(*ANYBODY)
@proven_lately
def change_password() -> Answer:
    _by_password()
    try:
        password = passwords.chosen(request.form.get("password", ""), known=_known())
    except InvalidInput as refusal:
        return _new_password(errors={"password": refusal.detail}), 422
    passwords.keep(session(), _own().person_id, password, now=now())
    return _changed("password-set", done="password")


@my_sign_in.get("/app")
@who(*ANYBODY)
@proven_lately
def new_app() -> str:
    """A password and an app: both for somebody who has neither, the app alone for somebody with a new telephone."""
    return _new_app()


@my_sign_in.post("/app")
@who(*ANYBODY)
@proven_lately
def change_app() -> Answer:
    """Take the app into use once it has shown that it works, with new recovery codes."""
    own, at = _own(), now()
    ways = account.of_person(session(), own.person_id)
    try:
        wanted = None if ways.by_password else passwords.chosen(request.form.get("password", ""), known=_known())
        step = totp.step_of(_proposed(ways), request.form.get("code", ""), now=at)
        if step is None:
            raise InvalidInput("code-wrong", "This is not the code that the app shows now. Try again.", field="code")
    except InvalidInput as refusal:
        return _new_app(errors={refusal.field or "code": refusal.detail}), 422
    if wanted is not None:
        passwords.keep(session(), own.person_id, wanted, now=at)
    totp.keep(session(), parts().settings.secret("totp"), own.person_id, _proposed(ways), used=step, now=at)
    codes = recovery.make(session(), own.person_id, now=at)
    _changed("app-changed", done="app")
    return render_template("accounts/codes.jinja", codes=codes, onward=url_for("my_sign_in.mine", done="app"))


@my_sign_in.get("/app/square.svg")
@who(*ANYBODY)
@proven_lately
def square() -> Response:
    own = _own()
    return square_of(_proposed(account.of_person(session(), own.person_id)), name=own.sign_in_name)


@my_sign_in.post("/recovery-codes")
@who(*ANYBODY)
@proven_lately
def new_codes() -> str:
    """Ten new codes, shown once; those before are good no longer."""
    _by_password()
    codes = recovery.make(session(), _own().person_id, now=now())
    _changed("recovery-codes-made", done="codes")
    return render_template("accounts/codes.jinja", codes=codes, onward=url_for("my_sign_in.mine"))


def _changed(act: str, *, done: str) -> Response:
    """Write it down; end every other session, and what systems were let do: whoever had the old way in has neither."""
    found, at, trail = signed_in(), now(), parts().trail
    person, by = _own().person_id, sessions.actor_of(found)
    organisation = found.organisation_code
    account.changed(session(), person, act, by=by, organisation=organisation, trail=trail, now=at)
    sessions.end_every(session(), person=person, but=found.digest, now=at)
    grants.end_every(session(), person=person, by=by, why="credential-changed", trail=trail, now=at)
    session().commit()
    return redirect(url_for("my_sign_in.mine", done=done), code=303)


def _own() -> Account:
    """The account that this session was begun with. Raises NotPermitted for a session begun in another way.

    An organisation's provider answers for its own people there, and so never for how they sign in here.
    """
    if (own := _begun_with()) is None:
        raise NotPermitted("no-account-here", "You sign in with another service, so it is changed there.")
    return own


def _begun_with() -> Account | None:
    found = signed_in()
    return session().get(Account, found.person_id) if found.means in OWN and found.person_id else None


def _by_password() -> None:
    """Raises NotFound for somebody who does not sign in with a password."""
    if not account.of_person(session(), _own().person_id).by_password:
        raise NotFound("no-password", "You do not sign in with a password.")


def _proposed(ways: WaysIn) -> str:
    key, after = parts().settings.secret("totp"), ways.app.made_at if ways.app else None
    return totp.proposed(key, _own().person_id, visit=secret_of_this_visit(), after=after)


def _known() -> list[str]:
    person, organisation = (
        session().get(Person, signed_in().person_id),
        session().get(Organisation, signed_in().organisation_code),
    )
    names = [each.name for each in (person, organisation) if each is not None]
    return [*names, _own().sign_in_name, SERVICE]


def _places() -> list[Place]:
    """Where they are signed in now, the latest used first."""
    found, at, settings = signed_in(), now(), parts().settings
    idle = settings.staff_idle_seconds if found.person_id else settings.session_idle_seconds
    query = select(SignedInSession).where(
        SignedInSession.person_id == found.person_id
        if found.person_id
        else SignedInSession.resident_id == found.resident_id,
        SignedInSession.ended_at.is_(None),
        SignedInSession.used_at > at - timedelta(seconds=idle),
        SignedInSession.started_at > at - timedelta(seconds=settings.session_seconds),
    )
    return [
        Place(
            since=each.started_at,
            proved=each.authenticated_at,
            used=each.used_at,
            how=HOW.get(each.means, "with another service"),
            this=each.digest == found.digest,
        )
        for each in session().scalars(query.order_by(SignedInSession.used_at.desc()))
    ]


def _another(own: Account, errors: dict[str, str] | None = None) -> str:
    challenge, ticket = proving.passkey_ticket(here(), use=ADD, now=now())
    person = session().get(Person, own.person_id)
    options = passkeys.to_make(
        site(),
        challenge=challenge,
        handle=own.handle,
        name=own.sign_in_name,
        display=person.name if person else own.sign_in_name,
        known=passkeys.of_person(session(), own.person_id),
    )
    return render_template(
        "accounts/passkey.jinja",
        options=options if site().takes_passkeys else "",
        ticket=ticket,
        sent=request.form,
        errors=errors or {},
    )


def _new_password(errors: dict[str, str] | None = None) -> str:
    return render_template("accounts/new_password.jinja", name=_own().sign_in_name, errors=errors or {})


def _new_app(errors: dict[str, str] | None = None) -> str:
    own = _own()
    ways = account.of_person(session(), own.person_id)
    secret = _proposed(ways)
    return render_template(
        "accounts/app.jinja",
        by_password=ways.by_password,
        name=own.sign_in_name,
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        square=url_for("my_sign_in.square"),
        errors=errors or {},
    )
