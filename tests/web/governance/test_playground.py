"""Trying a request on a draft: what comes out now and then, and nothing that is anybody's."""

from __future__ import annotations

from typing import Any

import pytest

from broker.governance.playground import Played
from broker.vocabulary import AuditAction
from broker.web.governance import playground
from tests.people import ADA_BORN, ADA_NUMBER, SURGERY
from tests.web.conftest import TOKEN, Door, Visitor
from tests.web.governance.conftest import Amendment

PATH = "/governance/playground"
VERSION = "With Agreement TB-CARE, version 2"
MADE_UP = {
    "draft": "",
    "decision": "",
    "organisation": SURGERY,
    "role": "clinician",
    "purpose": "direct-care",
    "place": "TB",
    "relationship": "registered-practice",
    "permission": "nothing",
    "sections": ["problems"],
}


def test_a_made_up_request_comes_out_now_and_then(door: Door, narrower: Amendment) -> None:
    page = door.signed_in("privacy-officer").send(PATH, **{**MADE_UP, "draft": "TB-CARE/2"}).text
    now, then = page.split(VERSION)
    assert "Something would be shared" in now
    assert "Nothing would be shared" in then
    assert "The agreement does not include this section." in then
    assert "It would be allowed if" in then
    assert not door.trail(AuditAction.DECISION)


def test_without_a_draft_only_the_rules_in_force_are_asked(ig_lead: Visitor) -> None:
    page = ig_lead.send(PATH, **{**MADE_UP, "relationship": ""}).text
    assert "There is no current relationship with this resident." in page
    assert "version 2" not in page


def test_what_the_resident_said_counts(ig_lead: Visitor) -> None:
    page = ig_lead.send(PATH, **{**MADE_UP, "permission": "deny"}).text
    assert "The resident has chosen not to share this." in page
    assert "Something would be shared" in ig_lead.send(PATH, **{**MADE_UP, "permission": "permit"}).text


def test_lines_that_were_used_are_marked_in_words(ig_lead: Visitor) -> None:
    page = ig_lead.send(PATH, **MADE_UP).text
    assert "Lines of the rules that were used" in page
    assert "  used      " in page
    assert "  not used  " in page
    assert "broker/agreement/" in page


def test_a_recorded_decision_is_tried_and_opening_it_is_on_the_trail(
    door: Door, gp: Visitor, narrower: Amendment
) -> None:
    found = gp.find(ADA_NUMBER, ADA_BORN)
    gp.send(f"{found}/team-permission/direct-care", sections=["problems"], reason="In clinic.")
    decision = door.trail(AuditAction.DECISION)[0].body["decision"]
    guardian = door.signed_in("guardian")
    now, then = guardian.send(PATH, draft="TB-CARE/2", decision=decision).text.split(VERSION)
    assert "Something would be shared" in now
    assert "Nothing would be shared" in then
    assert len(door.trail(AuditAction.DECISIONS_READ)) == 1
    answer = door.signed_in("pantry-lead").send(PATH, draft="TB-CARE/2", decision=decision)
    assert answer.status_code == 422
    assert "no such decision of yours" in answer.text
    assert len(door.trail(AuditAction.DECISIONS_READ)) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"organisation": "'; --"}, "Choose who asks."),
        ({"role": "ig-lead"}, "Choose a role."),
        ({"purpose": "advice"}, "Choose a purpose."),
        ({"place": ""}, "Choose where the resident lives."),
        ({"sections": []}, "Choose at least one part of the record."),
        ({"permission": "maybe"}, "Choose what the resident has said."),
        ({"draft": "TB-CARE/7"}, "Choose one of the versions in the list."),
    ],
)
def test_what_is_missing_is_said_beside_its_field(ig_lead: Visitor, changes: dict[str, Any], words: str) -> None:
    answer = ig_lead.send(PATH, **{**MADE_UP, **changes})
    assert answer.status_code == 422
    assert words in answer.text
    (field,) = changes
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}"' in answer.text


def test_rules_that_were_stopped_are_said_plainly(ig_lead: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = Played(problem="The rules were stopped: more than 10 seconds.")
    monkeypatch.setattr(playground, "play", lambda *_: stopped)
    page = ig_lead.send(PATH, **MADE_UP).text
    assert "It gave no answer" in page
    assert "The rules were stopped: more than 10 seconds." in page


def test_it_is_for_those_who_answer_for_governance(door: Door) -> None:
    for who in ("gp", "resident:ada"):
        assert door.signed_in(who).get(PATH).status_code == 403


def test_a_form_without_its_token_asks_nothing(ig_lead: Visitor) -> None:
    assert TOKEN.search(ig_lead.get(PATH).text)
    assert ig_lead.client.post(PATH, data=MADE_UP).status_code == 403
