"""Signing in for a demonstration, staying signed in for a while, and signing out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from broker.identity.models import Membership, SignedInSession
from broker.identity.sessions import digest
from broker.vocabulary import AuditAction, Role
from tests.people import NOON
from tests.web.conftest import Door, Visitor


def _secret(visitor: Visitor) -> str:
    cookie = visitor.client.get_cookie("broker-session")
    assert cookie is not None
    return cookie.value


def test_the_demonstration_sign_in_does_not_exist_outside_a_demonstration(open_door: Callable[..., Door]) -> None:
    door = open_door()
    visitor = door.visitor()
    assert not [rule for rule in door.app.url_map.iter_rules() if rule.rule.startswith("/demo/sign-in")]
    assert visitor.get("/demo/sign-in").status_code == 404
    assert visitor.client.post("/demo/sign-in", data={"who": "resident:ada"}).status_code in (403, 404, 405)
    assert "Demonstration" not in visitor.get("/").text
    assert "Sign in with an account of this service" in visitor.get("/sign-in").text


def test_three_kinds_of_people_are_listed(visitor: Visitor) -> None:
    page = visitor.get("/demo/sign-in").text
    residents, workers, governors = (page.index(each) for each in ("Ada Okoro", "Sol Marsh", "Kit Arden"))
    assert page.index("Residents") < residents < page.index("Case workers and clinicians") < workers
    assert workers < page.index(">Information governance<") < governors


def test_signing_in_begins_a_session_and_leaves_one_entry(door: Door, visitor: Visitor) -> None:
    answer = visitor.become("adviser")
    assert answer.headers["Location"] == "/partner"
    assert "Sol Marsh" in visitor.get("/partner").text
    (entry,) = door.trail(AuditAction.SIGNED_IN)
    assert (entry.actor, entry.organisation) == ("person:adviser", "GB-CHC-9900001")
    assert entry.body == {"role": "case-worker", "assurance": 3}


def test_only_a_digest_of_the_session_is_kept(door: Door, adviser: Visitor) -> None:
    secret = _secret(adviser)
    with door.broker.sessions() as session:
        (kept,) = session.scalars(select(SignedInSession)).all()
    assert kept.digest == digest(secret) != secret
    assert len(secret) >= 43
    assert (kept.role, kept.assurance) == (Role.CASE_WORKER, 3)


def test_somebody_who_does_not_exist_cannot_be_chosen(visitor: Visitor) -> None:
    for key in ("resident:nobody", "membership:nobody", "person:adviser", "", "resident"):
        answer = visitor.send("/demo/sign-in", who=key)
        assert answer.status_code == 404
        assert visitor.get("/my").status_code == 303


def test_somebody_whose_work_has_ended_is_neither_listed_nor_let_in(door: Door, adviser: Visitor) -> None:
    with door.broker.sessions() as session:
        session.execute(update(Membership).where(Membership.person_id == "adviser").values(ended_at=NOON))
        session.commit()
    assert adviser.get("/partner").status_code == 303
    assert "Sol Marsh" not in door.visitor().get("/demo/sign-in").text


def test_a_new_sign_in_has_a_new_id_and_ends_the_session_before(door: Door, adviser: Visitor) -> None:
    before = _secret(adviser)
    adviser.become("resident:ada")
    assert _secret(adviser) != before
    thief = door.visitor()
    thief.client.set_cookie("broker-session", before)
    assert thief.get("/partner").status_code == 303


def test_a_session_id_chosen_by_somebody_else_is_not_taken_up(door: Door, visitor: Visitor) -> None:
    visitor.client.set_cookie("broker-session", "chosen-by-somebody-else")
    visitor.become("adviser")
    assert _secret(visitor) != "chosen-by-somebody-else"


def test_signing_out_ends_the_session_at_once_everywhere(door: Door, adviser: Visitor) -> None:
    secret = _secret(adviser)
    answer = adviser.send("/sign-out", page="/partner")
    assert answer.headers["Location"] == "/signed-out"
    assert answer.headers["Clear-Site-Data"] == '"cache", "cookies", "storage"'
    adviser.client.set_cookie("broker-session", secret)
    assert adviser.get("/partner").status_code == 303
    assert len(door.trail(AuditAction.SIGNED_OUT)) == 1
    assert "You have signed out" in adviser.get("/signed-out").text


@pytest.mark.parametrize(("who", "page", "minutes"), [("adviser", "/partner", 15), ("resident:ada", "/my", 30)])
def test_a_session_ends_when_nobody_uses_it(door: Door, who: str, page: str, minutes: int) -> None:
    visitor = door.signed_in(who)
    door.clock.forward(timedelta(minutes=minutes) - timedelta(seconds=1))
    assert visitor.get(page).status_code == 200
    door.clock.forward(timedelta(minutes=minutes))
    assert visitor.get(page).status_code == 303


@pytest.mark.parametrize(("who", "page"), [("adviser", "/partner"), ("resident:ada", "/my")])
def test_a_session_ends_after_twelve_hours_however_much_it_is_used(door: Door, who: str, page: str) -> None:
    visitor = door.signed_in(who)
    step = timedelta(minutes=10)
    while door.clock.at + step < NOON + timedelta(hours=12):
        door.clock.forward(step)
        assert visitor.get(page).status_code == 200
    door.clock.forward(step)
    assert visitor.get(page).status_code == 303


@pytest.mark.parametrize(
    ("way_back", "lands"),
    [
        ("/partner/find", "/partner/find"),
        ("/my", "/partner"),
        ("//elsewhere.example", "/partner"),
        ("https://elsewhere.example/partner", "/partner"),
        ("/partnership", "/partner"),
        ("", "/partner"),
    ],
)
def test_after_signing_in_one_lands_on_a_page_of_ones_own(visitor: Visitor, way_back: str, lands: str) -> None:
    key = f"membership:{visitor._membership('adviser')}"
    answer = visitor.send("/demo/sign-in", who=key, next=way_back)
    assert answer.headers["Location"] == lands
