"""Asking: three routes, only what the agreements cover, and an answer that tells nothing before the resident does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from broker.vocabulary import AuditAction, Section
from tests.people import ADA_BORN, ADA_NUMBER, STRANGER_NUMBER
from tests.web.conftest import TOKEN, Door, Visitor

ASK = {"sections": ["housing", "money-and-benefits"], "length": "28", "reason": "To help you with your rent."}


@pytest.fixture
def found(adviser: Visitor) -> str:
    return adviser.find(ADA_NUMBER, ADA_BORN)


def test_only_purposes_of_ones_own_agreements_are_offered(adviser: Visitor, found: str, gp: Visitor) -> None:
    page = adviser.get(found).text
    assert "Debt and money advice" in page
    assert "Direct care" not in page
    theirs = gp.get(gp.find(ADA_NUMBER, ADA_BORN)).text
    assert "Direct care" in theirs
    assert "Debt and money advice" not in theirs


def test_emergency_access_is_offered_to_clinicians_alone(adviser: Visitor, found: str, gp: Visitor) -> None:
    assert "It is an emergency" not in adviser.get(found).text
    assert "may not use emergency access" in adviser.get(f"{found}/emergency").text
    assert "It is an emergency" in gp.get(gp.find(ADA_NUMBER, ADA_BORN)).text


def test_somebody_without_an_agreement_is_told_so(door: Door) -> None:
    befriender = door.signed_in("befriender")
    page = befriender.get(befriender.find(ADA_NUMBER, ADA_BORN)).text
    assert "Your organisation has no sharing agreement in force" in page


@pytest.mark.parametrize(
    ("route", "leads_to"),
    [("ask-resident", "/ask-resident/advice-debt"), ("team-permission", "/team-permission/advice-debt")],
)
def test_a_route_and_a_purpose_lead_on(adviser: Visitor, found: str, route: str, leads_to: str) -> None:
    answer = adviser.send(found, route=route, purpose="advice-debt")
    assert answer.headers["Location"] == found + leads_to
    assert adviser.get(found + leads_to).status_code == 200


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"purpose": "advice-debt"}, "Choose how you want to ask."),
        ({"route": "ask-resident"}, "Choose what you need it for."),
        ({"route": "ask-resident", "purpose": "direct-care"}, "Choose what you need it for."),
        ({"route": "by-magic", "purpose": "advice-debt"}, "Choose how you want to ask."),
    ],
)
def test_a_missing_choice_is_asked_for(adviser: Visitor, found: str, form: dict[str, str], words: str) -> None:
    answer = adviser.send(found, **form)
    assert answer.status_code == 422
    assert answer.text.count(words) == 2


def test_a_purpose_that_is_not_offered_has_no_page(adviser: Visitor, found: str) -> None:
    for purpose in ("direct-care", "emergency", "nothing"):
        assert adviser.get(f"{found}/ask-resident/{purpose}").status_code == 404
    assert adviser.get(f"{found}/by-magic/advice-debt").status_code == 404


def test_asking_shows_a_code_to_read_aloud(adviser: Visitor, found: str, door: Door) -> None:
    record = adviser.ask(found, Section.HOUSING, Section.MONEY)
    page = adviser.get(f"/partner/requests/{record.id}").text
    assert "Your request has been sent" in page
    assert f">{record.binding_code}</p>" in page
    (entry,) = door.trail(AuditAction.ACCESS_REQUESTED)
    assert entry.note == "To help you with your rent."


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"sections": []}, "Choose at least one part of the record."),
        ({"sections": ["housing", "problems"]}, "Choose at least one part of the record."),
        ({"length": "3650"}, "Choose how long you need it for."),
        ({"reason": "   "}, "Say why you are asking."),
        ({"reason": "x" * 501}, "Use 500 characters or fewer."),
    ],
)
def test_asking_for_nothing_or_too_much_is_not_sent(
    adviser: Visitor, found: str, door: Door, wrong: dict[str, object], words: str
) -> None:
    answer = adviser.send(f"{found}/ask-resident/advice-debt", **{**ASK, **wrong})
    assert answer.status_code == 422
    assert words in answer.text
    assert not door.trail(AuditAction.ACCESS_REQUESTED)


def test_asking_somebody_who_is_not_known_looks_the_same(adviser: Visitor, found: str) -> None:
    records = [adviser.ask(each, Section.HOUSING) for each in (found, adviser.find(STRANGER_NUMBER, ADA_BORN))]
    pages = [
        TOKEN.sub("", adviser.get(f"/partner/requests/{record.id}").text)
        .replace(record.binding_code, "CODE")
        .replace(" ".join(record.binding_code), "CODE")
        for record in records
    ]
    assert pages[0] == pages[1]


def test_a_silent_no_looks_like_no_answer_until_it_runs_out(adviser: Visitor, found: str, door: Door) -> None:
    record = adviser.ask(found, Section.HOUSING)
    door.signed_in("resident:ada").send(f"/my/requests/{record.id}", answer="no")
    assert "Waiting for an answer" in adviser.get(f"/partner/requests/{record.id}").text
    door.clock.forward(timedelta(days=15))
    adviser.become("adviser")
    page = adviser.get(f"/partner/requests/{record.id}").text
    assert "No permission was given" in page
    assert "said no" not in page


def test_a_worker_sees_their_own_requests_and_nobody_elses(adviser: Visitor, found: str, door: Door) -> None:
    record = adviser.ask(found, Section.HOUSING)
    assert record.binding_code in adviser.get("/partner").text
    for colleague_or_stranger in ("manager", "gp"):
        other = door.signed_in(colleague_or_stranger)
        assert record.binding_code not in other.get("/partner").text
        hidden, missing = other.get(f"/partner/requests/{record.id}"), other.get("/partner/requests/none")
        assert (hidden.status_code, missing.status_code) == (404, 404)
        assert TOKEN.sub("", hidden.text) == TOKEN.sub("", missing.text)
        assert other.send(f"/partner/requests/{record.id}/record", page="/partner/find").status_code == 404


def test_words_typed_by_a_worker_are_only_words(adviser: Visitor, found: str, door: Door) -> None:
    sent = adviser.send(f"{found}/ask-resident/advice-debt", **{**ASK, "reason": "<b>bold</b> & <script>x</script>"})
    request_id = sent.headers["Location"].rpartition("/")[2]
    pages = [
        adviser.get("/partner").text,
        adviser.get(f"/partner/requests/{request_id}").text,
        door.signed_in("resident:ada").get(f"/my/requests/{request_id}").text,
    ]
    for page in pages:
        assert "&lt;b&gt;bold" in page
        assert "<script>x" not in page
