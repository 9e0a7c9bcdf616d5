"""The broker's own accounts: signing in with one, and making one by an invitation. No address holds a secret."""

from __future__ import annotations

import io
from datetime import datetime

import segno
from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from broker.accounts import account, invitations, limits, passkeys, passwords, proving, recovery, totp
from broker.accounts.models import Invitation
from broker.doors import now, parts, session
from broker.errors import Conflict, InvalidInput, NotAuthenticated, NotFound, NotPermitted
from broker.identity.models import Organisation, Person
from broker.web.access import PUBLIC, who
from broker.web.cookies import secret_of_this_visit
from broker.web.own_account import at_work, begin, here, let_in, site
from broker.web.pages import SERVICE

accounts = Blueprint("accounts", __name__)

Answer = str | Response | tuple[str, int]
SIGN_IN, MAKE = "passkey-sign-in", "passkey-make"


# ---- signing in -----------------------------------------------------------------------------------------------------


@accounts.get("/sign-in/account")
@who(PUBLIC)
def sign_in() -> str:
    return _sign_in(way_back=request.args.get("next", ""))


@accounts.post("/sign-in/account/passkey")
@who(PUBLIC)
def by_passkey() -> Answer:
    """Sign in with a passkey that the browser has just proved."""
    way_back = request.form.get("next", "")
    answer, ticket = request.form.get("credential", ""), request.form.get("ticket", "")
    try:
        proved = proving.prove_by_passkey(
            session(), here(), site(), answer=answer, ticket=ticket, use=SIGN_IN, now=now()
        )
    except NotAuthenticated as refusal:
        return _sign_in(way_back=way_back, errors={"passkey": refusal.detail}), 422
    return let_in(proved.person_id, proving.PASSKEY, way_back=way_back)


@accounts.post("/sign-in/account/password")
@who(PUBLIC)
def by_password() -> Answer:
    """Sign in with a name, a password and a code. Whatever is wrong, the page is the same, to the byte."""
    way_back, sent = request.form.get("next", ""), request.form
    try:
        found = proving.prove_by_password(
            session(),
            here(),
            name=sent.get("sign_in_name", ""),
            password=sent.get("password", ""),
            code=sent.get("code", ""),
            now=now(),
        )
    except NotAuthenticated as refusal:
        return _sign_in(way_back=way_back, errors={"sign_in_name": refusal.detail}), 422
    return let_in(found.person_id, proving.TOTP, way_back=way_back)


@accounts.post("/sign-in/account/where")
@who(PUBLIC)
def where() -> Answer:
    """Begin the work they chose, of several."""
    said = proving.spend_ticket(session(), here(), request.form.get("ticket", ""), use="where", now=now())
    if said is None:
        return _sign_in(way_back="", errors={"sign_in_name": "That took too long. Sign in again."}), 422
    chosen = next((each for each in at_work(said["person"]) if each.id == request.form.get("work")), None)
    if chosen is None:
        return _sign_in(way_back=said["next"], errors={"sign_in_name": "Choose what you are here for."}), 422
    return begin(chosen, said["means"], proved_at=datetime.fromisoformat(said["at"]), way_back=said["next"])


def _sign_in(*, way_back: str, errors: dict[str, str] | None = None) -> str:
    challenge, ticket = proving.passkey_ticket(here(), use=SIGN_IN, now=now())
    return render_template(
        "accounts/sign_in.jinja",
        options=passkeys.to_use(site(), challenge=challenge) if site().takes_passkeys else "",
        ticket=ticket,
        way_back=way_back,
        errors=errors or {},
    )


# ---- accepting an invitation ----------------------------------------------------------------------------------------


@accounts.get("/accept-invitation")
@who(PUBLIC)
def invitation() -> str:
    return render_template("accounts/invitation.jinja", errors={})


@accounts.post("/accept-invitation")
@who(PUBLIC)
def redeem() -> Answer:
    """Use the code up: from now on this browser alone can make the account."""
    door = here()
    network = limits.of_network(door.settings.secret("sign-in-limits"), door.network)
    limits.attempt(session(), (network,), now=now())
    try:
        invitations.redeem(session(), request.form.get("code", ""), visit=door.visit, now=now())
    except NotFound as refusal:
        return render_template("accounts/invitation.jinja", errors={"code": refusal.detail}), 422
    limits.succeeded(session(), name=None, network=network)
    session().commit()
    return redirect(url_for("accounts.choose"), code=303)


@accounts.get("/accept-invitation/choose")
@who(PUBLIC)
def choose() -> Answer:
    """A passkey, or a password with an app."""
    return _choose(_accepting())


@accounts.post("/accept-invitation/passkey")
@who(PUBLIC)
def accept_with_passkey() -> Answer:
    """Make the account, with the passkey that the browser has just made, and sign in."""
    accepting, sent = _accepting(), request.form
    said = proving.spend_ticket(session(), here(), sent.get("ticket", ""), use=MAKE, now=now())
    try:
        if said is None:
            raise InvalidInput("passkey-too-late", "That took too long. Try again.", field="passkey")
        invitations.finish(session(), accepting, now=now())
        handle = bytes.fromhex(said["handle"])
        account.make(session(), accepting.person_id, sent.get("sign_in_name", ""), handle=handle, now=now())
        challenge = bytes.fromhex(said["challenge"])
        label = sent.get("label", "")
        passkeys.add(
            session(),
            site(),
            sent.get("credential", ""),
            person=accepting.person_id,
            challenge=challenge,
            label=label,
            now=now(),
        )
    except (InvalidInput, Conflict) as refusal:
        session().rollback()
        return _choose(accepting, errors={_field(refusal, "passkey"): refusal.detail}), 422
    return _accepted(accepting, "passkey-added", proving.PASSKEY)


@accounts.get("/accept-invitation/password")
@who(PUBLIC)
def with_password() -> str:
    return _with_password(_accepting())


@accounts.post("/accept-invitation/password")
@who(PUBLIC)
def accept_with_password() -> Answer:
    """Make the account, with a password and an app, show the recovery codes once, and sign in."""
    accepting, sent = _accepting(), request.form
    person, at = accepting.person_id, now()
    try:
        password = passwords.chosen(sent.get("password", ""), known=_known(accepting, sent.get("sign_in_name", "")))
        step = totp.step_of(_proposed(accepting), sent.get("code", ""), now=at)
        if step is None:
            raise InvalidInput("code-wrong", "This is not the code that the app shows now. Try again.", field="code")
        invitations.finish(session(), accepting, now=at)
        account.make(session(), person, sent.get("sign_in_name", ""), now=at)
    except (InvalidInput, Conflict) as refusal:
        session().rollback()
        return _with_password(accepting, errors={_field(refusal, "password"): refusal.detail}), 422
    passwords.keep(session(), person, password, now=at)
    totp.keep(session(), parts().settings.secret("totp"), person, _proposed(accepting), used=step, now=at)
    codes = recovery.make(session(), person, now=at)
    begun = _accepted(accepting, "password-set", proving.TOTP)
    shown = make_response(render_template("accounts/codes.jinja", codes=codes, onward=begun.headers["Location"]))
    shown.headers.extend([("Set-Cookie", cookie) for cookie in begun.headers.getlist("Set-Cookie")])
    return shown


@accounts.get("/accept-invitation/square.svg")
@who(PUBLIC)
def square() -> Response:
    """The square code for the app, for this browser alone. Kept in no cache."""
    accepting = _accepting()
    return square_of(_proposed(accepting), name=_person(accepting).name)


def square_of(secret: str, *, name: str) -> Response:
    """``secret`` as a picture that an app reads."""
    drawn = io.BytesIO()
    segno.make(totp.address(secret, name=name, service=SERVICE), error="m").save(
        drawn, kind="svg", scale=5, border=4, light="#fff", xmldecl=False, svgclass=None, lineclass=None
    )
    return Response(drawn.getvalue(), mimetype="image/svg+xml")


def _accepted(accepting: Invitation, act: str, means: str) -> Response:
    """Write it down, and sign in to the work they were invited for. Commits."""
    membership = invitations.working(session(), accepting.person_id, accepting.organisation_code, now=now())
    if membership is None:
        session().rollback()
        raise NotPermitted("no-work-here", "You are not on the organisation’s list any more. Ask whoever invited you.")
    by, code = f"person:{accepting.person_id}", accepting.organisation_code
    account.changed(session(), accepting.person_id, act, by=by, organisation=code, trail=parts().trail, now=now())
    session().commit()
    return begin(membership, means, proved_at=now(), way_back="")


def _choose(accepting: Invitation, errors: dict[str, str] | None = None) -> str:
    person = _person(accepting)
    handle = account.handle_for(session(), person.id)
    challenge, ticket = proving.passkey_ticket(here(), use=MAKE, now=now(), handle=handle.hex())
    options = passkeys.to_make(
        site(), challenge=challenge, handle=handle, name=person.name, display=person.name, known=[]
    )
    return render_template(
        "accounts/choose.jinja",
        person=person,
        organisation=session().get(Organisation, accepting.organisation_code),
        options=options if site().takes_passkeys else "",
        ticket=ticket,
        sent=request.form,
        errors=errors or {},
    )


def _with_password(accepting: Invitation, errors: dict[str, str] | None = None) -> str:
    secret = _proposed(accepting)
    return render_template(
        "accounts/password.jinja",
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        square=url_for("accounts.square"),
        sent=request.form,
        errors=errors or {},
    )


def _accepting() -> Invitation:
    """The invitation being accepted in this browser. Raises NotPermitted where there is none, or its time is up."""
    try:
        return invitations.being_accepted(session(), visit=secret_of_this_visit(), now=now())
    except NotFound as refusal:
        words = "Enter your code first. If you did, it was more than half an hour ago: ask for another invitation."
        raise NotPermitted("invitation-over", words) from refusal


def _proposed(accepting: Invitation) -> str:
    key = parts().settings.secret("totp")
    return totp.proposed(key, accepting.person_id, visit=secret_of_this_visit(), after=accepting.redeemed_at)


def _person(accepting: Invitation) -> Person:
    person = session().get(Person, accepting.person_id)
    assert person is not None, "an invitation is somebody's"
    return person


def _known(accepting: Invitation, sign_in_name: str) -> list[str]:
    organisation = session().get(Organisation, accepting.organisation_code)
    return [_person(accepting).name, organisation.name if organisation else "", sign_in_name, SERVICE]


def _field(refusal: InvalidInput | Conflict, otherwise: str) -> str:
    return refusal.field or ("sign_in_name" if refusal.code == "sign-in-name-taken" else otherwise)
