"""A form is accepted only from a page of ours, in the session it was made for."""

from __future__ import annotations

import pytest

from broker.vocabulary import AuditAction
from tests.web.conftest import TOKEN, Door, Visitor

SOME = {"version": 1, "act": "suspend"}  # where an address takes no other


def _token(visitor: Visitor, path: str) -> str:
    found = TOKEN.search(visitor.get(path).text)
    assert found is not None
    return found[1]


def test_a_form_without_its_token_does_nothing(door: Door, ada: Visitor) -> None:
    answer = ada.client.post("/my/withhold", data={"what": "everything", "organisation": "everybody"})
    assert answer.status_code == 403
    assert "This page has expired" in answer.text
    assert "this page was open for too long" in answer.text
    assert not door.trail(AuditAction.CONSENT_NARROWED)


def test_another_sessions_token_does_nothing(door: Door, ada: Visitor) -> None:
    stolen = _token(door.signed_in("resident:ben"), "/my/withhold")
    sent = {"csrf_token": stolen, "what": "everything", "organisation": "everybody"}
    assert ada.client.post("/my/withhold", data=sent).status_code == 403
    assert not door.trail(AuditAction.CONSENT_NARROWED)


def test_a_token_from_before_signing_in_is_worth_nothing_after(visitor: Visitor) -> None:
    before = _token(visitor, "/demo/sign-in")
    visitor.become("resident:ada")
    assert visitor.client.post("/sign-out", data={"csrf_token": before}).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_a_form_sent_from_elsewhere_does_nothing_even_with_its_token(ada: Visitor, site: str) -> None:
    sent = {"csrf_token": _token(ada, "/my/withhold"), "what": "everything", "organisation": "everybody"}
    answer = ada.client.post("/my/withhold", data=sent, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 403
    assert "did not come from one of our pages" in answer.text


def test_a_form_from_our_own_page_is_accepted(ada: Visitor) -> None:
    sent = {"csrf_token": _token(ada, "/my/withhold"), "what": "everything", "organisation": "everybody"}
    answer = ada.client.post("/my/withhold", data=sent, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303


def test_every_form_of_ours_that_writes_carries_a_token(door: Door) -> None:
    """Every unsafe address of the pages refuses a request without one, whoever is signed in."""
    visitors = {
        "partner": door.signed_in("adviser"),
        "resident": door.signed_in("resident:ada"),
        "governance": door.signed_in("overseer"),
        "sign_in": door.signed_in("resident:ada"),
        "demonstration": door.visitor(),
    }
    unsafe = [
        rule
        for rule in door.app.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and rule.endpoint.partition(".")[0] in visitors
    ]
    assert len(unsafe) >= 10
    for rule in unsafe:
        with door.app.test_request_context():
            path = door.app.url_for(rule.endpoint, **{name: SOME.get(name, "x") for name in rule.arguments})
        answer = visitors[rule.endpoint.partition(".")[0]].client.post(path, data={})
        assert answer.status_code == 403, path


def test_what_is_not_plain_text_is_refused_in_words(adviser: Visitor, door: Door) -> None:
    answer = adviser.send("/partner/find", nhs_number="999\x00", born_on__day="1")
    assert answer.status_code == 422
    assert "not plain text" in answer.text
