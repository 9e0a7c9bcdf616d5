"""The broker's own accounts at their pages: an invitation accepted, signing in, and changing how one does."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from broker.accounts import account, invitations
from broker.accounts.models import Account, Passkey
from broker.identity.models import AccessToken, Membership, SignedInSession
from broker.vocabulary import AuditAction, Role
from tests.accounts.authenticator import Device
from tests.people import FOOD_BANK, NOON, SURGERY
from tests.web.conftest import Door, Visitor

ORIGIN = "https://broker.example"
PASSWORD = "three harbour lanterns"
OPTIONS = re.compile(r'data-options="([^"]+)"')
TICKET = re.compile(r'name="ticket" value="([^"]+)"')
KEY = re.compile(r'class="broker-key">([A-Z2-7 ]{32,})<')


@dataclass
class Own:
    """Somebody at a browser with an account of their own: a passkey, a password and an app, or both."""

    visitor: Visitor
    device: Device
    name: str = "sol@harvest.example"
    key: str = ""
    steps: int = 0

    def code(self) -> str:
        """What the app shows now; each later than the one before."""
        self.steps += 1
        self.visitor.door.clock.forward(timedelta(seconds=30))
        return pyotp.TOTP(self.key).at(self.visitor.door.clock())

    def sign_in(self, *, visitor: Visitor | None = None, **typed: str) -> TestResponse:
        typed = {"sign_in_name": self.name, "password": PASSWORD} | typed
        if "code" not in typed:
            typed["code"] = self.code()
        return (visitor or self.visitor).send("/sign-in/account/password", page="/sign-in/account", **typed)

    def passkey(self, path: str, *, page: str, visitor: Visitor | None = None, **more: Any) -> TestResponse:
        return with_passkey(visitor or self.visitor, self.device, path, page=page, **more)


def with_passkey(visitor: Visitor, device: Device, path: str, *, page: str, **more: Any) -> TestResponse:
    """Do what the page's script does: ask the device, and send its answer with the page's ticket."""
    shown = visitor.get(page).text
    options, ticket = html.unescape(OPTIONS.search(shown)[1]), TICKET.search(shown)[1]  # type: ignore[index]
    act = device.make if "user" in json.loads(options) else device.prove
    answer = act(options, origin=more.pop("origin", ORIGIN))
    return visitor.send(path, page=page, ticket=ticket, credential=answer, **more)


def invited(door: Door, person: str = "adviser", organisation: str = FOOD_BANK) -> str:
    with door.broker.sessions() as session:
        return invitations.invite(
            session, person, organisation, by="operator:tests", trail=door.broker.trail, now=door.clock()
        )


def by_passkey(door: Door) -> Own:
    visitor, device = door.visitor(), Device()
    visitor.send("/accept-invitation", code=invited(door))
    answer = with_passkey(
        visitor,
        device,
        "/accept-invitation/passkey",
        page="/accept-invitation/choose",
        sign_in_name="sol@harvest.example",
        label="My laptop",
    )
    assert answer.status_code == 303, answer.text
    return Own(visitor, device)


def by_password(door: Door) -> Own:
    visitor = door.visitor()
    visitor.send("/accept-invitation", code=invited(door))
    shown = visitor.get("/accept-invitation/password").text
    own = Own(visitor, Device(), key=KEY.search(shown)[1].replace(" ", ""))  # type: ignore[index]
    answer = visitor.send("/accept-invitation/password", sign_in_name=own.name, password=PASSWORD, code=own.code())
    assert answer.status_code == 200, answer.text
    assert len(re.findall(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}", answer.text)) == 10
    return own


@pytest.fixture
def https_door(open_door: Callable[..., Door]) -> Door:
    return open_door(public_url=ORIGIN)


@pytest.fixture(params=[by_passkey, by_password], ids=["passkey", "password"])
def own(request: pytest.FixtureRequest, https_door: Door) -> Own:
    made: Own = request.param(https_door)
    return made


def test_accepting_an_invitation_makes_an_account_and_signs_in(https_door: Door, own: Own) -> None:
    assert "Sol Marsh" in own.visitor.get("/partner").text
    with https_door.broker.sessions() as session:
        kept = session.scalars(select(Account)).one()
        (begun,) = session.scalars(select(SignedInSession)).all()
    assert (kept.person_id, kept.sign_in_name) == ("adviser", "sol@harvest.example")
    assert (begun.assurance, begun.means) == (2, "totp" if own.key else "passkey")
    acts = [entry.body["act"] for entry in https_door.trail(AuditAction.CREDENTIAL_CHANGED)]
    assert acts == ["password-set" if own.key else "passkey-added", "invited"]


def test_an_invitation_opens_nothing_a_second_time(https_door: Door, own: Own) -> None:
    thief = https_door.visitor()
    assert thief.get("/accept-invitation/choose").status_code == 403
    assert thief.send("/accept-invitation", code="A" * 26).status_code == 422
    own.visitor.send("/sign-out", page="/partner")
    assert own.visitor.get("/accept-invitation/choose").status_code == 403


def test_signing_in_with_a_passkey(https_door: Door) -> None:
    own = by_passkey(https_door)
    elsewhere = https_door.visitor()
    answer = own.passkey(
        "/sign-in/account/passkey", page="/sign-in/account?next=/partner/find", visitor=elsewhere, next="/partner/find"
    )
    assert answer.headers["Location"] == "/partner/find"
    assert "Sol Marsh" in elsewhere.get("/partner").text


def test_a_passkeys_answer_is_taken_once_in_its_own_browser_and_in_time(https_door: Door) -> None:
    own, elsewhere = by_passkey(https_door), https_door.visitor()
    shown = elsewhere.get("/sign-in/account").text
    options, ticket = html.unescape(OPTIONS.search(shown)[1]), TICKET.search(shown)[1]  # type: ignore[index]
    sent = {"ticket": ticket, "credential": own.device.prove(options, origin=ORIGIN)}
    path, page = "/sign-in/account/passkey", "/sign-in/account"
    assert https_door.visitor().send(path, page=page, **sent).status_code == 422
    assert elsewhere.send(path, page=page, **sent).status_code == 303
    elsewhere.send("/sign-out", page="/partner")
    assert elsewhere.send(path, page=page, **sent).status_code == 422
    late = https_door.visitor()
    shown = late.get(page).text
    options, ticket = html.unescape(OPTIONS.search(shown)[1]), TICKET.search(shown)[1]  # type: ignore[index]
    https_door.clock.forward(timedelta(minutes=5))
    answer = own.device.prove(options, origin=ORIGIN)
    assert late.send(path, page=page, ticket=ticket, credential=answer).status_code == 422


def test_a_ticket_for_making_a_passkey_proves_none(https_door: Door) -> None:
    own = by_passkey(https_door)
    shown = own.visitor.get("/your-sign-in/passkey").text
    made, ticket = json.loads(html.unescape(OPTIONS.search(shown)[1])), TICKET.search(shown)[1]  # type: ignore[index]
    answer = own.device.prove(json.dumps({"rpId": "broker.example", "challenge": made["challenge"]}), origin=ORIGIN)
    sent = own.visitor.send("/sign-in/account/passkey", page="/sign-in/account", ticket=ticket, credential=answer)
    assert sent.status_code == 422


def test_a_secret_set_before_signing_in_is_never_taken_up(https_door: Door, own: Own) -> None:
    visitor, chosen = https_door.visitor(), "chosen-by-somebody-else"
    for name in ("__Host-broker-session", "__Host-broker-visit"):
        visitor.client.set_cookie(name, chosen)
    if own.key:
        own.sign_in(visitor=visitor)
    else:
        own.passkey("/sign-in/account/passkey", page="/sign-in/account", visitor=visitor)
    begun, visit = (visitor.client.get_cookie(f"__Host-broker-{name}") for name in ("session", "visit"))
    assert begun is not None
    assert begun.value != chosen
    assert visit is None
    thief = https_door.visitor()
    thief.client.set_cookie("__Host-broker-session", chosen)
    assert thief.get("/partner").status_code == 303


def test_signing_in_with_a_password_and_a_code_needs_no_script(https_door: Door) -> None:
    own, elsewhere = by_password(https_door), https_door.visitor()
    code = own.code()
    assert own.sign_in(visitor=elsewhere, code=code).headers["Location"] == "/partner"
    assert own.sign_in(visitor=https_door.visitor(), code=code).status_code == 422


def test_a_name_somebody_has_and_one_nobody_has_get_the_same_page(https_door: Door) -> None:
    own, somebody = by_password(https_door), https_door.visitor()
    answers = [
        own.sign_in(visitor=somebody, sign_in_name=name, password="not the right words", code="123456")
        for name in (own.name, "nobody@harvest.example")
    ]
    assert [answer.status_code for answer in answers] == [422, 422]
    known, unknown = (TICKET.sub("", OPTIONS.sub("", answer.text)) for answer in answers)
    assert known == unknown
    assert len(answers[0].data) == len(answers[1].data)
    assert dict(answers[0].headers).keys() == dict(answers[1].headers).keys()


def test_too_many_tries_are_told_how_long_to_wait(https_door: Door) -> None:
    own, somebody = by_password(https_door), https_door.visitor()
    for _ in range(5):
        assert own.sign_in(visitor=somebody, code="000000").status_code == 422
    told = own.sign_in(visitor=somebody, code="000000")
    assert (told.status_code, told.headers["Retry-After"]) == (429, "31")
    assert "Wait a while" in told.text


def test_the_square_code_is_a_picture_for_one_browser_and_kept_nowhere(https_door: Door) -> None:
    visitor = https_door.visitor()
    visitor.send("/accept-invitation", code=invited(https_door))
    picture = visitor.get("/accept-invitation/square.svg")
    assert (picture.mimetype, picture.headers["Cache-Control"]) == ("image/svg+xml", "no-store")
    assert "<svg" in picture.text
    assert "style=" not in picture.text
    assert https_door.visitor().get("/accept-invitation/square.svg").status_code == 403


def test_nothing_secret_is_in_an_address_or_on_the_trail(https_door: Door) -> None:
    own = by_password(https_door)
    addresses = [rule.rule for rule in https_door.app.url_map.iter_rules()]
    beginning = [address for address in addresses if address.startswith("/accept-invitation")]
    assert len(beginning) == 7
    assert not [address for address in beginning if "<" in address]
    kept = str([(entry.body, entry.actor) for entry in https_door.trail()])
    for secret in (own.key, own.name, PASSWORD):
        assert secret not in kept


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"password": "short"}, "Use at least 12 characters"),
        ({"password": "harvestshelf1"}, "Do not make it from your name"),
        ({"code": "000000"}, "This is not the code that the app shows now"),
        ({"sign_in_name": "a b"}, "No spaces"),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
def test_what_is_wrong_is_said_and_the_invitation_is_not_used_up(
    https_door: Door, typed: dict[str, str], words: str
) -> None:
    visitor = https_door.visitor()
    visitor.send("/accept-invitation", code=invited(https_door))
    shown = visitor.get("/accept-invitation/password").text
    key = KEY.search(shown)[1].replace(" ", "")  # type: ignore[index]
    good = {"sign_in_name": "sol", "password": PASSWORD, "code": pyotp.TOTP(key).at(NOON)}
    refused = visitor.send("/accept-invitation/password", **(good | typed))
    assert refused.status_code == 422
    assert words in refused.text
    assert visitor.send("/accept-invitation/password", **good).status_code == 200


def test_a_name_that_is_taken_is_not_given_twice(https_door: Door) -> None:
    by_password(https_door)
    visitor = https_door.visitor()
    visitor.send("/accept-invitation", code=invited(https_door, "gp", SURGERY))
    key = KEY.search(visitor.get("/accept-invitation/password").text)[1].replace(" ", "")  # type: ignore[index]
    code = pyotp.TOTP(key).at(https_door.clock())
    sent = {"sign_in_name": "SOL@harvest.example", "password": PASSWORD, "code": code}
    refused = visitor.send("/accept-invitation/password", **sent)
    assert refused.status_code == 422
    assert "Choose another name" in refused.text


def test_cookies_are_bound_to_this_host_and_to_https(https_door: Door) -> None:
    own = by_passkey(https_door)
    answer = own.passkey("/sign-in/account/passkey", page="/sign-in/account", visitor=https_door.visitor())
    begun = next(each for each in answer.headers.getlist("Set-Cookie") if each.startswith("__Host-broker-session="))
    for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert word in begun
    assert "Domain" not in begun


# ---- several places of work -----------------------------------------------------------------------------------------


def _also_works_at(door: Door, organisation: str, role: Role) -> str:
    with door.broker.sessions() as session:
        more = Membership(person_id="adviser", organisation_code=organisation, role=role, started_at=NOON)
        session.add(more)
        session.commit()
        return more.id


def test_somebody_with_two_places_of_work_says_which(https_door: Door) -> None:
    own, elsewhere = by_passkey(https_door), https_door.visitor()
    second = _also_works_at(https_door, SURGERY, Role.CARE_COORDINATOR)
    asked = own.passkey("/sign-in/account/passkey", page="/sign-in/account", visitor=elsewhere)
    assert "What are you here for?" in asked.text
    assert elsewhere.get("/partner").status_code == 303
    ticket = TICKET.search(asked.text)[1]  # type: ignore[index]
    path, page = "/sign-in/account/where", "/sign-in/account"
    assert https_door.visitor().send(path, page=page, ticket=ticket, work=second).status_code == 422
    begun = elsewhere.send(path, page=page, ticket=ticket, work=second)
    assert begun.headers["Location"] == "/partner"
    assert "Millrace Surgery" in elsewhere.get("/partner").text
    assert elsewhere.send(path, page="/accept-invitation", ticket=ticket, work=second).status_code == 422


def test_nobody_chooses_work_that_is_not_theirs(https_door: Door) -> None:
    own, elsewhere = by_passkey(https_door), https_door.visitor()
    _also_works_at(https_door, SURGERY, Role.CARE_COORDINATOR)
    asked = own.passkey("/sign-in/account/passkey", page="/sign-in/account", visitor=elsewhere)
    with https_door.broker.sessions() as session:
        gps = session.scalars(select(Membership.id).where(Membership.person_id == "gp")).one()
    ticket = TICKET.search(asked.text)[1]  # type: ignore[index]
    assert elsewhere.send("/sign-in/account/where", page="/sign-in/account", ticket=ticket, work=gps).status_code == 422
    assert elsewhere.get("/partner").status_code == 303


def test_somebody_who_works_nowhere_now_is_not_let_in(https_door: Door) -> None:
    own = by_passkey(https_door)
    with https_door.broker.sessions() as session:
        session.scalars(select(Membership).where(Membership.person_id == "adviser")).one().ended_at = NOON
        session.commit()
    answer = own.passkey("/sign-in/account/passkey", page="/sign-in/account", visitor=https_door.visitor())
    assert answer.status_code == 403
    assert "not on the list of any organisation" in answer.text


# ---- changing how one signs in --------------------------------------------------------------------------------------


def _elsewhere(door: Door, own: Own) -> Visitor:
    visitor = door.visitor()
    if own.key:
        own.sign_in(visitor=visitor)
    else:
        own.passkey("/sign-in/account/passkey", page="/sign-in/account", visitor=visitor)
    assert visitor.get("/partner").status_code == 200
    return visitor


def test_adding_a_passkey_ends_every_other_session_and_every_token(https_door: Door, own: Own) -> None:
    elsewhere = _elsewhere(https_door, own)
    with https_door.broker.sessions() as session:
        at = https_door.clock()
        session.add(
            AccessToken(
                digest="d" * 64,
                person_id="adviser",
                role=Role.CASE_WORKER,
                scopes="",
                audience="",
                issued_at=at,
                expires_at=at + timedelta(minutes=5),
            )
        )
        session.commit()
    page = "/your-sign-in/passkey"
    answer = with_passkey(own.visitor, Device(), page, page=page, label="My telephone")
    assert answer.headers["Location"] == "/your-sign-in?done=added"
    assert "My telephone" in own.visitor.get("/your-sign-in").text
    assert elsewhere.get("/partner").status_code == 303
    with https_door.broker.sessions() as session:
        token = session.get(AccessToken, "d" * 64)
        assert token is not None
        assert token.revoked_at is not None


def test_the_last_way_in_cannot_be_removed_and_another_can(https_door: Door) -> None:
    own = by_passkey(https_door)
    with https_door.broker.sessions() as session:
        first = session.scalars(select(Passkey.id)).one()
    path, page = f"/your-sign-in/passkey/{first}/remove", "/your-sign-in"
    assert own.visitor.send(path, page=page).status_code == 409
    second = Device()
    with_passkey(own.visitor, second, "/your-sign-in/passkey", page="/your-sign-in/passkey")
    assert own.visitor.send(path, page=page).headers["Location"] == "/your-sign-in?done=removed"
    sign_in = {"path": "/sign-in/account/passkey", "page": "/sign-in/account"}
    assert own.passkey(**sign_in, visitor=https_door.visitor()).status_code == 422
    assert with_passkey(https_door.visitor(), second, **sign_in).status_code == 303


def test_nobody_removes_somebody_elses_passkey(https_door: Door) -> None:
    own = by_passkey(https_door)
    with_passkey(own.visitor, Device(), "/your-sign-in/passkey", page="/your-sign-in/passkey")
    with https_door.broker.sessions() as session:
        account.make(session, "gp", "noor", now=NOON)
        others = Passkey(
            person_id="gp",
            credential_id="x",
            public_key=b"",
            sign_count=0,
            aaguid="",
            transports=[],
            label="",
            made_at=NOON,
        )
        session.add(others)
        session.commit()
    assert own.visitor.send(f"/your-sign-in/passkey/{others.id}/remove", page="/your-sign-in").status_code == 404


def test_a_new_password_takes_the_place_of_the_old(https_door: Door) -> None:
    own = by_password(https_door)
    elsewhere = _elsewhere(https_door, own)
    new = "seven quiet windmills"
    assert own.visitor.send("/your-sign-in/password", password="short").status_code == 422
    assert own.visitor.send("/your-sign-in/password", password=new).status_code == 303
    assert elsewhere.get("/partner").status_code == 303
    assert own.visitor.get("/partner").status_code == 200
    assert own.sign_in(visitor=https_door.visitor()).status_code == 422
    assert own.sign_in(visitor=https_door.visitor(), password=new).status_code == 303


def test_another_app_takes_the_place_of_the_old(https_door: Door) -> None:
    own = by_password(https_door)
    shown = own.visitor.get("/your-sign-in/app").text
    new = KEY.search(shown)[1].replace(" ", "")  # type: ignore[index]
    assert new != own.key
    assert own.visitor.get("/your-sign-in/app/square.svg").mimetype == "image/svg+xml"
    assert own.visitor.send("/your-sign-in/app", code="000000").status_code == 422
    changed = own.visitor.send("/your-sign-in/app", code=pyotp.TOTP(new).at(https_door.clock()))
    assert "Keep these recovery codes" in changed.text
    assert own.sign_in(visitor=https_door.visitor()).status_code == 422
    own.key = new
    assert own.sign_in(visitor=https_door.visitor()).status_code == 303


def test_somebody_with_a_passkey_may_add_a_password_and_an_app(https_door: Door) -> None:
    own = by_passkey(https_door)
    own.key = KEY.search(own.visitor.get("/your-sign-in/app").text)[1].replace(" ", "")  # type: ignore[index]
    made = own.visitor.send("/your-sign-in/app", password=PASSWORD, code=pyotp.TOTP(own.key).at(NOON))
    assert "Keep these recovery codes" in made.text
    assert own.sign_in(visitor=https_door.visitor()).status_code == 303


def test_new_recovery_codes_are_shown_once(https_door: Door) -> None:
    own = by_password(https_door)
    shown = own.visitor.send("/your-sign-in/recovery-codes", page="/your-sign-in").text
    (code, *_rest) = re.findall(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}", shown)
    assert code not in own.visitor.get("/your-sign-in").text
    assert own.sign_in(visitor=https_door.visitor(), code=code).status_code == 303
    assert own.sign_in(visitor=https_door.visitor(), code=code).status_code == 422
    assert "You have 9 recovery codes left" in own.visitor.get("/your-sign-in").text


def test_signing_out_everywhere_asks_for_nothing(https_door: Door, own: Own) -> None:
    elsewhere = _elsewhere(https_door, own)
    page = own.visitor.get("/your-sign-in").text
    assert page.count("Since 20 November 2026") == 2
    assert page.count("(here)") == 1
    https_door.clock.forward(timedelta(minutes=10))
    assert own.visitor.send("/your-sign-in/sign-out-everywhere", page="/your-sign-in").status_code == 303
    for visitor in (own.visitor, elsewhere):
        assert visitor.get("/partner").status_code == 303


def test_whoever_has_no_account_here_may_see_where_they_are_signed_in_and_change_nothing(door: Door) -> None:
    for who in ("adviser", "resident:ada", "overseer"):
        visitor = door.signed_in(who)
        assert "in the demonstration" in visitor.get("/your-sign-in").text
        for path in ("passkey", "password", "app", "app/square.svg"):
            assert visitor.get(f"/your-sign-in/{path}").status_code == 403


def test_a_providers_session_changes_nothing_of_an_account_and_the_accounts_own_does(https_door: Door) -> None:
    own = by_password(https_door)
    assert own.visitor.get("/your-sign-in/passkey").status_code == 200
    with https_door.broker.sessions() as session:
        begun = session.scalars(select(SignedInSession)).one()
        begun.means = "harvest-shelf"
        session.commit()
    assert own.name not in own.visitor.get("/your-sign-in").text
    for path in ("passkey", "password", "app", "app/square.svg"):
        assert own.visitor.get(f"/your-sign-in/{path}").status_code == 403
    sent = own.visitor.send("/your-sign-in/password", page="/your-sign-in", password="seven quiet windmills")
    assert sent.status_code == 403
    with https_door.broker.sessions() as session:
        assert session.scalars(select(Passkey)).all() == []


def test_the_page_says_when_it_was_proved_and_leads_to_what_acts_for_them(https_door: Door) -> None:
    own = by_passkey(https_door)
    page = own.visitor.get("/your-sign-in").text
    assert "proved that it is you 20 November 2026" in page
    assert 'href="/connected-systems"' in page
    with https_door.broker.sessions() as session:
        session.scalars(select(SignedInSession)).one().authenticated_at = None
        session.commit()
    assert "proved that it is you" not in own.visitor.get("/your-sign-in").text


def test_an_accepted_invitation_leads_to_the_organisation_it_came_from_alone(https_door: Door) -> None:
    _also_works_at(https_door, SURGERY, Role.CARE_COORDINATOR)
    by_passkey(https_door)
    with https_door.broker.sessions() as session:
        assert session.scalars(select(SignedInSession.organisation_code)).all() == [FOOD_BANK]
