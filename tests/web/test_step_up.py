"""What widens needs proof from the last five minutes; what narrows never does; and nothing filled in is lost."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from flask import g
from sqlalchemy import select
from werkzeug.test import TestResponse

from broker.accounts.models import KeptForm
from broker.consent.models import AccessRequestRecord, Provision
from broker.identity.models import SignedInSession
from broker.identity.sessions import digest
from broker.vocabulary import AuditAction, RequestState, Role, Section
from broker.web.access import prove_first
from broker.web.way_back import safe_way_back
from tests.people import ADA_BORN, ADA_NUMBER
from tests.web.conftest import Door, Visitor, choices_of
from tests.web.test_accounts import ORIGIN, by_passkey, by_password

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
LATER = timedelta(seconds=301)


def _secret(visitor: Visitor, name: str = "broker-session") -> str:
    cookie = visitor.client.get_cookie(name)
    assert cookie is not None
    return cookie.value


def comes_back_to(answer: TestResponse) -> str:
    """Where somebody comes back to, of an answer that sends them to prove who they are."""
    assert answer.status_code == 303, answer.text
    sent = urlsplit(answer.headers["Location"])
    assert sent.path == "/sign-in/again"
    return parse_qs(sent.query)["next"][0]


def proves(visitor: Visitor, answer: TestResponse) -> str:
    """Prove it in the demonstration's way; gives where that leads."""
    way_back = comes_back_to(answer)
    page = f"/sign-in/again?next={way_back}"
    return visitor.send("/sign-in/again/demonstration", page=page, next=way_back).headers["Location"]


def sends_what_waits(visitor: Visitor, kept: str) -> TestResponse:
    """Press the button on the page that shows what was filled in."""
    shown = visitor.get(kept).text
    assert "Nothing has been done yet" in shown
    form = shown[shown.index("<main") :]
    fields: dict[str, list[str]] = {}
    for name, value in HIDDEN.findall(form):
        fields.setdefault(name, []).append(html.unescape(value))
    path = re.search(r'action="([^"]+)"', form)
    assert path is not None
    return visitor.client.post(html.unescape(path[1]), data=fields)


def _provisions(door: Door) -> list[Provision]:
    with door.broker.sessions() as session:
        return list(session.scalars(select(Provision)))


def test_proving_again_gives_a_new_secret_and_the_old_opens_nothing(door: Door, adviser: Visitor) -> None:
    before = _secret(adviser)
    started = door.clock()
    door.clock.forward(LATER)
    answer = adviser.send("/sign-in/again/demonstration", page="/sign-in/again", next="/partner/find")
    assert answer.headers["Location"] == "/partner/find"
    assert _secret(adviser) != before
    thief = door.visitor()
    thief.client.set_cookie("broker-session", before)
    assert thief.get("/partner").status_code == 303
    with door.broker.sessions() as session:
        risen = session.get(SignedInSession, digest(_secret(adviser)))
        assert risen is not None
        assert (risen.started_at, risen.authenticated_at) == (started, door.clock())
    (entry,) = door.trail(AuditAction.STEPPED_UP)
    assert entry.actor == "person:adviser"


def test_a_secret_set_before_rising_is_never_taken_up(door: Door, adviser: Visitor) -> None:
    adviser.client.set_cookie("broker-visit", "chosen-by-somebody-else")
    adviser.send("/sign-in/again/demonstration", page="/sign-in/again", next="/partner")
    assert _secret(adviser) != "chosen-by-somebody-else"
    assert adviser.client.get_cookie("broker-visit") is None


def test_emergency_access_is_proved_before_anything_is_typed(door: Door, gp: Visitor) -> None:
    page = f"{gp.find(ADA_NUMBER, ADA_BORN)}/emergency"
    assert gp.get(page).status_code == 200
    door.clock.forward(LATER)
    assert proves(gp, gp.get(page)) == page
    assert gp.send(page, reason="Collapsed in the waiting room.").status_code == 200


def test_an_emergency_typed_slowly_is_not_typed_twice(door: Door, gp: Visitor) -> None:
    page = f"{gp.find(ADA_NUMBER, ADA_BORN)}/emergency"
    shown = gp.get(page).text
    door.clock.forward(LATER)
    token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', shown)[1]  # type: ignore[index]
    sent = gp.client.post(page, data={"csrf_token": token, "reason": "Collapsed <here> & now."})
    assert "Penicillin" not in sent.text
    released = sends_what_waits(gp, proves(gp, sent))
    assert "Penicillin" in released.text
    with door.broker.sessions() as session:
        (kept,) = session.scalars(select(KeptForm)).all()
    assert b"Collapsed" not in kept.sealed


def test_reading_as_a_team_needs_no_second_proof(door: Door, gp: Visitor) -> None:
    found = gp.find(ADA_NUMBER, ADA_BORN)
    door.clock.forward(LATER)
    page = f"{found}/team-permission/direct-care"
    read = gp.send(page, sections=[Section.ALLERGIES.value], reason="In clinic with me.")
    assert "Penicillin" in read.text


def _asked(adviser: Visitor) -> AccessRequestRecord:
    return adviser.ask(adviser.find(ADA_NUMBER, ADA_BORN), Section.HOUSING, Section.MONEY)


def test_saying_yes_is_kept_until_it_is_proved_and_sent_by_its_own_button(
    door: Door, adviser: Visitor, ada: Visitor
) -> None:
    page = f"/my/requests/{_asked(adviser).id}"
    door.clock.forward(LATER)
    assert ada.get(page).status_code == 200
    kept = proves(ada, ada.send(page, answer="less", sections=[Section.HOUSING.value], sooner="7"))
    assert choices_of(door, "ada") == []
    given = sends_what_waits(ada, kept)
    assert given.headers["Location"].startswith("/my/sharing/")
    (provision,) = _provisions(door)
    assert provision.sections == {Section.HOUSING}


def test_saying_no_needs_nothing(door: Door, adviser: Visitor, ada: Visitor) -> None:
    record = _asked(adviser)
    door.clock.forward(LATER)
    assert ada.send(f"/my/requests/{record.id}", answer="no").headers["Location"] == "/my/requests/said-no"
    with door.broker.sessions() as session:
        assert session.get(AccessRequestRecord, record.id).state is RequestState.DECLINED  # type: ignore[union-attr]


def test_stopping_needs_nothing_and_sharing_again_does(door: Door, adviser: Visitor, ada: Visitor) -> None:
    ada.send(f"/my/requests/{_asked(adviser).id}", answer="yes")
    (choice,) = choices_of(door, "ada")
    door.clock.forward(LATER)
    page = f"/my/sharing/{choice.id}"
    stopped = ada.send(f"{page}/stop", page=page, what="all")
    assert stopped.headers["Location"] == f"{page}/stopped"
    again = ada.send(f"{page}/again", page=f"{page}/stopped")
    kept = proves(ada, again)
    assert len(choices_of(door, "ada")) == 1
    sends_what_waits(ada, kept)
    assert len(choices_of(door, "ada")) == 2


def test_withholding_needs_nothing_and_opening_it_does(door: Door, ada: Visitor) -> None:
    door.clock.forward(LATER)
    kept = ada.send("/my/withhold", what="everything", organisation="everybody")
    page = kept.headers["Location"].partition("?")[0]
    opening = ada.send(f"{page}/stop", page=page)
    assert comes_back_to(opening).startswith("/sign-in/again/kept/")
    assert _provisions(door)[0].ended_at is None
    sends_what_waits(ada, proves(ada, opening))
    assert _provisions(door)[0].ended_at is not None


def test_what_waits_is_for_whoever_filled_it_in_and_for_ten_minutes(
    door: Door, adviser: Visitor, ada: Visitor, gp: Visitor
) -> None:
    record = _asked(adviser)
    door.clock.forward(LATER)
    kept = comes_back_to(ada.send(f"/my/requests/{record.id}", answer="yes"))
    for somebody in (gp, adviser, door.signed_in("resident:ben")):
        assert somebody.get(kept).status_code == 404
    assert ada.get(kept).status_code == 200
    door.clock.forward(timedelta(minutes=10))
    assert ada.get(kept).status_code == 404


def test_five_minutes_are_enough_and_a_second_more_is_not(door: Door, gp: Visitor) -> None:
    page = f"{gp.find(ADA_NUMBER, ADA_BORN)}/emergency"
    door.clock.forward(timedelta(seconds=300))
    assert gp.get(page).status_code == 200
    door.clock.forward(timedelta(seconds=1))
    assert comes_back_to(gp.get(page)) == page


def test_a_sign_in_of_one_factor_is_told_so_and_not_sent_in_circles(door: Door, gp: Visitor) -> None:
    page = f"{gp.find(ADA_NUMBER, ADA_BORN)}/emergency"
    with door.broker.sessions() as session:
        session.get(SignedInSession, digest(_secret(gp))).assurance = 1  # type: ignore[union-attr]
        session.commit()
    refused = gp.get(page)
    assert refused.status_code == 403
    assert "not strong enough" in refused.text


# ---- the proof is of the same kind ----------------------------------------------------------------------------------


@pytest.fixture
def https_door(open_door: Callable[..., Door]) -> Door:
    return open_door(public_url=ORIGIN)


@pytest.mark.parametrize("make", [by_passkey, by_password], ids=["passkey", "password"])
def test_one_proves_it_the_way_one_signed_in(https_door: Door, make: Callable[[Door], object]) -> None:
    own = make(https_door)
    https_door.clock.forward(LATER)
    visitor, page = own.visitor, "/sign-in/again?next=/your-sign-in/passkey"  # type: ignore[attr-defined]
    assert comes_back_to(visitor.get("/your-sign-in/passkey")) == "/your-sign-in/passkey"
    before = _secret(visitor, "__Host-broker-session")
    if own.key:  # type: ignore[attr-defined]
        sent = {"page": page, "next": "/your-sign-in/passkey"}
        wrong = visitor.send("/sign-in/again/password", **sent, password="not the right words", code="000000")
        assert wrong.status_code == 422
        right = {"password": "three harbour lanterns", "code": own.code()}  # type: ignore[attr-defined]
        answer = visitor.send("/sign-in/again/password", **sent, **right)
    else:
        wrong = own.passkey(  # type: ignore[attr-defined]
            "/sign-in/again/passkey", page=page, origin="https://elsewhere.example"
        )
        assert wrong.status_code == 422
        answer = own.passkey("/sign-in/again/passkey", page=page, next="/your-sign-in/passkey")  # type: ignore[attr-defined]
    assert answer.headers["Location"] == "/your-sign-in/passkey"
    assert visitor.get("/your-sign-in/passkey").status_code == 200
    assert _secret(visitor, "__Host-broker-session") != before


def test_the_demonstrations_button_proves_nothing_outside_it(https_door: Door) -> None:
    own = by_passkey(https_door)
    https_door.clock.forward(LATER)
    assert "It is still me" not in own.visitor.get("/sign-in/again").text
    assert own.visitor.send("/sign-in/again/demonstration", page="/sign-in/again").status_code == 403


def test_a_demonstrations_session_is_not_raised_by_an_account(door: Door, adviser: Visitor) -> None:
    for path in ("passkey", "password"):
        assert adviser.send(f"/sign-in/again/{path}", page="/sign-in/again").status_code == 403


def test_a_secret_that_was_typed_is_not_kept(https_door: Door) -> None:
    own = by_password(https_door)
    shown = own.visitor.get("/your-sign-in/password").text
    token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', shown)[1]  # type: ignore[index]
    https_door.clock.forward(LATER)
    sent = own.visitor.client.post(
        "/your-sign-in/password", data={"csrf_token": token, "password": "seven quiet windmills"}
    )
    assert comes_back_to(sent) == "/your-sign-in/password"
    with https_door.broker.sessions() as session:
        assert session.scalars(select(KeptForm)).all() == []


# ---- the way back ---------------------------------------------------------------------------------------------------

QUESTION = "/oauth/authorize?client_id=pantry&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3Aabc"


@pytest.mark.parametrize("way_back", ["/partner", "/partner/find", "/your-sign-in", "/connected-systems", QUESTION])
def test_the_way_back_is_a_page_of_ones_own(door: Door, way_back: str) -> None:
    with door.app.test_request_context():
        assert safe_way_back(way_back, Role.CASE_WORKER) == way_back


@pytest.mark.parametrize(
    "way_back",
    [
        "",
        "/",
        "/my",
        "/governance",
        "//elsewhere.example",
        "/\\elsewhere.example",
        "https://elsewhere.example/partner",
        "https:/partner",
        "/partner/../my",
        "/partner/%2e%2e/my",
        "/partner//elsewhere.example",
        "/partner?next=//elsewhere.example",
        "/partner#x",
        "/partner\n/find",
        "/partner/find\r\nSet-Cookie: a=b",
        "/partnership",
        "/sign-out",
        "/sign-in/again",
        "/sign-in/again/passkey",
        "/demo/sign-in",
        "javascript:alert(1)",
        "/partner/" + "x" * 600,
        "/oauth/authorize",
        "/oauth/authorize?client_id=pantry",
        f"{QUESTION}&redirect_uri=https://elsewhere.example",
        f"{QUESTION}&client_id=other",
        "/oauth/authorize?client_id=pantry&request_uri=https://elsewhere.example",
        "/oauth/authorize/../../partner?client_id=a&request_uri=b",
        "/oauth/authorize?client_id=a&client_id=b",
        "/oauth/authorize?request_uri=a&request_uri=b",
        "/oauth/authorize?client_id=a&request_uri=b&client_id=c",
        "/oauth/authorize?client_id=&request_uri=",
        "/oauth/authorize?client_id",
        "/oauth/authorize?=&=",
        "/oauth/authorize?&&",
        "/oauth/authorize?client_id=%00&request_uri=%ff",
        "/oauth/authorize?[::1",
    ],
)
def test_every_other_way_back_leads_to_the_first_page(door: Door, way_back: str) -> None:
    with door.app.test_request_context():
        assert safe_way_back(way_back, Role.CASE_WORKER) == "/partner"


@pytest.mark.parametrize(
    "odd",
    [
        "/oauth/authorize?client_id=a&client_id=b",
        "/oauth/authorize?client_id",
        "/oauth/authorize?[::1",
        "//[",
        "http://[::1",
        "%00",
        "\ud800",
        "/" * 5000,
    ],
    ids=lambda odd: ascii(odd)[:40],
)
def test_the_page_that_asks_again_is_shown_whatever_the_way_back(adviser: Visitor, odd: str) -> None:
    sent = quote(odd.encode("utf-8", "surrogatepass"))
    shown = adviser.get(f"/sign-in/again?next={sent}")
    assert shown.status_code == 200
    assert 'name="next" value="/partner"' in shown.text


def test_a_form_at_an_address_too_long_to_keep_leads_back_to_its_page(door: Door, gp: Visitor) -> None:
    long = "/partner/residents/" + "x" * 300
    door.clock.forward(LATER)
    with door.app.test_request_context(long, method="POST", data={"reason": "Collapsed."}):
        g.signed_in = SignedInSession(role=Role.CLINICIAN, person_id="gp", assurance=2)
        first = prove_first()
    assert first is not None
    assert parse_qs(urlsplit(first.headers["Location"]).query)["next"] == [long]
    with door.broker.sessions() as session:
        assert session.scalars(select(KeptForm)).all() == []
