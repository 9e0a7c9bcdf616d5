"""Saying that an entry is private, or is not: from the record, for oneself, and with effect on the next look."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from broker.access import label_choices
from broker.vocabulary import AuditAction, Section, Sensitivity
from tests.people import ADA_BORN, ADA_NUMBER, ToldSource
from tests.web.conftest import Door, Visitor
from tests.web.proxy_cast import let_cas_act
from tests.web.resident.test_proxies import act

RECORD, LABELS, SAY, SAID = "/my/record", "/my/record/private", "/my/record/private/say", "/my/record/said"
FIRST_PROBLEM = "problems-0"


@pytest.fixture
def ada(door: Door) -> Visitor:
    return door.signed_in("resident:ada")


def key_of(door: Door, id: str = FIRST_PROBLEM, source: str = "millrace-gp") -> str:
    return label_choices.entry_key(door.broker.settings, source, id)


def test_each_entry_of_the_record_leads_to_its_page_and_no_address_says_which(door: Door, ada: Visitor) -> None:
    page = ada.get(RECORD).text
    assert f'name="entry" value="{key_of(door)}"' in page
    assert f'action="{LABELS}"' in page
    shown = ada.send(LABELS, page=RECORD, entry=key_of(door))
    assert shown.status_code == 200
    assert "Asthma" in shown.text
    assert not re.search(rf'(?:href|action)="[^"]*{key_of(door)}', shown.text)


def test_what_is_made_private_is_closed_to_those_who_may_not_see_that_kind(
    door: Door, ada: Visitor, gp: Visitor
) -> None:
    ada.send("/my/withhold", what="kinds", labels=["hiv"], organisation="everybody")
    patient = f"{gp.find(ADA_NUMBER, ADA_BORN)}/team-permission/direct-care"
    sent = {"sections": ["problems", "allergies-and-adverse-reaction"], "reason": "In clinic."}
    assert "Asthma" in gp.send(patient, **sent).text
    kept = ada.send(SAY, page=RECORD, entry=key_of(door), kind="hiv", answer="is")
    assert "You said that this is private" in kept.text
    page = gp.send(patient, **sent).text
    assert "Asthma" not in page
    assert "Penicillin" in page
    ada.send(SAY, page=RECORD, entry=key_of(door), kind="hiv", answer="take-back")
    assert "Asthma" in gp.send(patient, **sent).text
    assert len(door.trail(AuditAction.LABEL_CHANGED)) == 2


def test_what_is_disputed_is_no_longer_treated_as_private(
    door: Door, ada: Visitor, told: dict[str, ToldSource]
) -> None:
    told["millrace-gp"].holds = {Section.PROBLEMS: ("Anxiety about driving",)}
    shown = ada.send(LABELS, page=RECORD, entry=key_of(door)).text
    assert "its words suggest it" in shown
    assert "This is not about mental health" in shown
    said = ada.send(SAY, page=RECORD, entry=key_of(door), kind="mental-health", answer="is-not").text
    assert "You said that this is not so" in said
    assert "You may want to keep this private" not in ada.get(RECORD).text


def test_to_dispute_needs_a_fresh_sign_in_and_to_add_does_not(
    door: Door, ada: Visitor, told: dict[str, ToldSource]
) -> None:
    told["millrace-gp"].holds = {Section.PROBLEMS: ("Anxiety about driving",)}
    door.clock.forward(timedelta(seconds=door.broker.settings.fresh_seconds + 60))
    added = ada.send(SAY, page=RECORD, entry=key_of(door), kind="hiv", answer="is")
    assert added.status_code == 200
    for answer, kind in (("is-not", "mental-health"), ("take-back", "hiv")):
        sent = ada.send(SAY, page=RECORD, entry=key_of(door), kind=kind, answer=answer)
        assert sent.status_code == 303
        assert "again" in sent.headers["Location"]
    assert len(door.trail(AuditAction.LABEL_CHANGED)) == 1


def test_what_is_about_somebodys_safety_is_not_offered_and_not_taken(
    door: Door, ada: Visitor, told: dict[str, ToldSource]
) -> None:
    told["millrace-gp"].holds = {Section.PROBLEMS: ("Third party information",)}
    shown = ada.send(LABELS, page=RECORD, entry=key_of(door))
    if shown.status_code == 200:  # where policy shows it to them at all
        assert "This is not about" not in shown.text
    refused = ada.send(SAY, page=RECORD, entry=key_of(door), kind="third-party", answer="is-not")
    assert refused.status_code in (403, 404)
    assert not door.trail(AuditAction.LABEL_CHANGED)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"kind": "hiv", "answer": "is", "entry": "f" * 64}, 404),
        ({"kind": "hiv", "answer": "is", "entry": ""}, 404),
        ({"kind": "gender-recognition", "answer": "is"}, 403),
        ({"kind": "safeguarding", "answer": "is"}, 403),
        ({"kind": "third-party", "answer": "is"}, 403),
        ({"kind": "nothing", "answer": "is"}, 422),
        ({"kind": "hiv", "answer": "perhaps"}, 422),
        ({"kind": "hiv", "answer": "take-back"}, 404),
    ],
)
def test_what_is_not_clear_or_not_theirs_changes_nothing(
    door: Door, ada: Visitor, form: dict[str, str], status: int
) -> None:
    assert ada.send(SAY, page=RECORD, **{"entry": key_of(door), **form}).status_code == status
    assert not door.trail(AuditAction.LABEL_CHANGED)


def test_only_what_their_own_record_opens_is_offered_and_whatever_is_said_they_go_on_seeing_it(
    door: Door, ada: Visitor
) -> None:
    page = ada.send(LABELS, page=RECORD, entry=key_of(door)).text
    offered = {kind.value for kind in Sensitivity if re.search(rf'<(?:input|option)[^>]*value="{kind.value}"', page)}
    assert {"hiv", "mental-health"} <= offered
    assert not offered & {"safeguarding", "third-party", "gender-recognition", "assisted-fertilisation"}
    for kind in ("hiv", "domestic-abuse"):
        assert ada.send(SAY, page=RECORD, entry=key_of(door), kind=kind, answer="is").status_code == 200
    assert "Asthma" in ada.get(RECORD).text


def test_what_was_said_is_listed_and_taken_back_though_its_entry_is_gone(
    door: Door, ada: Visitor, told: dict[str, ToldSource]
) -> None:
    assert "You have said nothing" in ada.get(SAID).text
    ada.send(SAY, page=RECORD, entry=key_of(door), kind="hiv", answer="is")
    assert f'href="{SAID}"' in ada.get(RECORD).text
    told["millrace-gp"].holds = {Section.PROBLEMS: ()}
    asked = len(told["millrace-gp"].asked)
    page = ada.get(SAID).text
    assert "You said that this is private" in page
    assert "Asthma" not in page
    taken = ada.send(SAY, page=SAID, entry=key_of(door), kind="hiv", answer="take-back")
    assert "You have taken back what you said" in taken.text
    assert "You have said nothing" in taken.text
    assert len(told["millrace-gp"].asked) == asked


def test_a_dispute_ends_when_the_entry_comes_to_say_something_else(
    door: Door, ada: Visitor, told: dict[str, ToldSource]
) -> None:
    told["millrace-gp"].holds = {Section.PROBLEMS: ("Anxiety about driving",)}
    ada.send(SAY, page=RECORD, entry=key_of(door), kind="mental-health", answer="is-not")
    assert "You may want to keep this private" not in ada.get(RECORD).text
    told["millrace-gp"].holds = {Section.PROBLEMS: ("Paranoid schizophrenia",)}
    assert "You may want to keep this private" in ada.get(RECORD).text
    assert "This is not about mental health" in ada.send(LABELS, page=RECORD, entry=key_of(door)).text
    (key,) = re.findall(r'name="entry" value="([0-9a-f]{64})"', ada.get(SAID).text)
    assert key != key_of(door)
    assert "You have said nothing" in ada.send(SAY, page=SAID, entry=key, kind="mental-health", answer="take-back").text


def test_a_form_without_a_choice_comes_back_with_what_is_missing(door: Door, ada: Visitor) -> None:
    page = ada.send(SAY, page=RECORD, entry=key_of(door), answer="is")
    assert page.status_code == 422
    assert "There is a problem" in page.text
    assert page.text.count("Choose a kind of information.") == 2
    assert "Asthma" in page.text


@pytest.mark.parametrize("path", [LABELS, SAY])
def test_its_address_alone_leads_to_the_record_and_for_a_worker_nowhere(
    door: Door, ada: Visitor, gp: Visitor, path: str
) -> None:
    answer = ada.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (303, RECORD)
    assert gp.get(path).status_code == 403


def test_somebody_elses_entry_is_not_found(door: Door) -> None:
    """Ben is known to no source, so that no entry of Ada's is in his record."""
    ben = door.signed_in("resident:ben")
    assert ben.send(LABELS, page="/my/withhold", entry=key_of(door)).status_code in (403, 404)


def test_somebody_who_acts_for_her_has_no_such_page(door: Door) -> None:
    let_cas_act(door)
    cas = door.signed_in("resident:cas")
    act(cas)
    assert cas.send(LABELS, page="/my", entry=key_of(door)).status_code == 403
    assert cas.get(SAID).status_code == 403
    for sent in ({"kind": "hiv", "answer": "is"}, {"kind": "hiv", "answer": "take-back"}):
        assert cas.send(SAY, page="/my", entry=key_of(door), **sent).status_code == 403
