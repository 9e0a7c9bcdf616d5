"""Putting in force, suspending, resuming and ending: each asks first, and bites on the very next request."""

from __future__ import annotations

import pytest

from tests.people import ADA_BORN, ADA_NUMBER
from tests.web.conftest import Door, Visitor
from tests.web.governance.conftest import Amendment

CARE = "/governance/agreements/TB-CARE/1"


def sees_problems(gp: Visitor) -> bool:
    """Whether the surgery's very next request opens problems and conditions."""
    found = gp.find(ADA_NUMBER, ADA_BORN)
    answer = gp.send(f"{found}/team-permission/direct-care", sections=["problems"], reason="In clinic.")
    return "Asthma" in answer.text


def test_a_version_takes_the_place_of_the_one_before_it(door: Door, gp: Visitor, narrower: Amendment) -> None:
    assert sees_problems(gp)
    narrower.approved()
    assert sees_problems(gp)
    author = door.signed_in("overseer")
    page = author.get(f"{narrower.path}/put-in-force").text
    for words in ("Put this version in force?", "Newly refused", "Problems and conditions", "Who is affected"):
        assert words in page
    assert "Millrace Surgery and Testbourne Council are told." in page
    answer = author.send(f"{narrower.path}/put-in-force")
    assert "It is in force, from the very next request." in author.get(answer.headers["Location"]).text
    assert narrower.state == "in-force"
    assert not sees_problems(gp)
    assert "Version 1</a>: superseded" in author.get("/governance/agreements/TB-CARE").text


def test_a_version_that_not_every_party_signed_is_not_put_in_force(door: Door, narrower: Amendment) -> None:
    narrower.submitted().worked_out().signed_by("guardian")
    author = door.signed_in("overseer")
    assert "Put in force" not in author.get(narrower.path).text
    assert author.get(f"{narrower.path}/put-in-force").status_code == 409
    assert author.send(f"{narrower.path}/put-in-force", page="/governance/playground").status_code == 409
    assert narrower.state == "in-review"


def test_a_suspended_agreement_opens_nothing_until_it_is_resumed(door: Door, gp: Visitor) -> None:
    lead = door.signed_in("ig-lead")
    assert "Nothing more is shared under it" in lead.get(f"{CARE}/suspend").text
    assert sees_problems(gp)
    lead.send(f"{CARE}/suspend")
    assert not sees_problems(gp)
    assert "Resume" in lead.get(CARE).text
    lead.send(f"{CARE}/resume")
    assert sees_problems(gp)


def test_an_ended_agreement_stays_ended(door: Door, gp: Visitor) -> None:
    lead = door.signed_in("ig-lead")
    assert "This cannot be undone." in lead.get(f"{CARE}/end").text
    lead.send(f"{CARE}/end")
    assert not sees_problems(gp)
    for act in ("resume", "suspend", "end", "put-in-force"):
        assert lead.get(f"{CARE}/{act}").status_code == 409
    page = lead.get("/governance").text
    assert page.index("Ended</h2>") < page.index("Agreement TB-CARE")


def test_giving_up_a_draft_leaves_what_is_in_force(door: Door, gp: Visitor, narrower: Amendment) -> None:
    author = door.signed_in("overseer")
    page = author.get(f"{narrower.path}/end").text
    assert "Give up this version?" in page
    assert "Who is affected" not in page
    author.send(f"{narrower.path}/end")
    assert narrower.state == "ended"
    assert sees_problems(gp)


@pytest.mark.parametrize("act", ["suspend", "end"])
@pytest.mark.parametrize("who", ["pantry-lead", "guardian", "privacy-officer", "gp"])
def test_nobody_else_moves_it(door: Door, who: str, act: str) -> None:
    visitor = door.signed_in(who)
    assert visitor.get(f"{CARE}/{act}").status_code == 403
    page = "/partner/find" if who == "gp" else "/governance/playground"
    assert visitor.send(f"{CARE}/{act}", page=page).status_code == 403
    assert "In force" in door.signed_in("overseer").get(CARE).text


def test_a_form_without_its_token_moves_nothing(door: Door) -> None:
    lead = door.signed_in("ig-lead")
    assert lead.client.post(f"{CARE}/end").status_code == 403
    assert "In force" in lead.get(CARE).text


def test_an_act_nobody_knows_is_not_found(ig_lead: Visitor) -> None:
    assert ig_lead.get(f"{CARE}/burn").status_code == 404
