"""Writing an agreement: every finding is shown, nothing typed is lost, and only a party's IG lead keeps anything."""

from __future__ import annotations

import pytest

from broker.vocabulary import AuditAction
from tests.web.conftest import TOKEN, Door, Visitor
from tests.web.governance.conftest import Amendment, drafted, text_in_force, typed, with_money, without_problems

CARE = "/governance/agreements/TB-CARE"
REFUSES_WEEKENDS = """package conditions["TB-CARE"]

deny contains "role-not-in-agreement" if {
\tinput.subject.assurance < 3
}
"""


def test_a_change_starts_as_the_text_in_force(door: Door, ig_lead: Visitor) -> None:
    assert typed(ig_lead.get(f"{CARE}/change").text) == {"text": text_in_force(door, "TB-CARE"), "conditions": ""}


def test_a_saved_draft_keeps_its_comments_and_changes_nothing_in_force(door: Door, ig_lead: Visitor) -> None:
    before = text_in_force(door, "TB-CARE")
    answer = drafted(ig_lead, "TB-CARE", with_money(before).replace("\n", "\r\n"))
    assert answer.headers["Location"] == f"{CARE}/2?done=saved"
    page = ig_lead.get(answer.headers["Location"]).text
    assert "The draft is saved. Nothing is in force yet." in page
    assert "This is not the version that counts now" in page
    assert typed(ig_lead.get(f"{CARE}/2/edit").text)["text"] == with_money(before)
    assert text_in_force(door, "TB-CARE") == before
    assert door.trail(AuditAction.AGREEMENT_CHANGED)[0].body["act"] == "drafted"


def test_checking_says_what_would_change_and_keeps_nothing(door: Door, ig_lead: Visitor) -> None:
    text = with_money(without_problems(text_in_force(door, "TB-CARE")))
    answer = ig_lead.send(f"{CARE}/change", text=text, conditions="", do="check")
    assert answer.status_code == 200
    for words in ("Nothing is wrong with it", "Newly allowed", "Money, debt and benefits", "Newly refused", "Problems"):
        assert words in answer.text
    assert typed(answer.text)["text"] == text
    assert ig_lead.get(f"{CARE}/2").status_code == 404


def test_a_text_that_says_the_same_changes_nothing(door: Door, ig_lead: Visitor) -> None:
    text = f"# A note to ourselves.\n{text_in_force(door, 'TB-CARE')}"
    page = ig_lead.send(f"{CARE}/change", text=text, do="check").text
    assert "It says what is in force already." in page
    assert "Newly allowed" not in page


def test_those_whose_permission_would_run_out_are_named(door: Door, ig_lead: Visitor) -> None:
    text = text_in_force(door, "TB-ADVICE").replace("roles:\n", "roles:\n  - link-worker\n")
    page = ig_lead.send("/governance/agreements/TB-ADVICE/change", text=text, do="check").text
    assert "Residents would be asked again" in page
    assert "Harvest Shelf" in page
    narrower = text_in_force(door, "TB-ADVICE").replace("  - section: housing\n    because: It is needed.\n", "")
    page = ig_lead.send("/governance/agreements/TB-ADVICE/change", text=narrower, do="check").text
    assert "Residents would be asked again" not in page


@pytest.mark.parametrize("do", ["check", "save"])
def test_every_finding_is_listed_with_its_line_and_what_was_typed_is_kept(
    door: Door, ig_lead: Visitor, do: str
) -> None:
    text = text_in_force(door, "TB-CARE")
    text = text.replace("confidentiality: implied", "confidentiality: whatever  # is <this> right?")
    text = text.replace("  - clinician", "  - juggler")
    line = 1 + text.split("\n").index("  - juggler")
    answer = ig_lead.send(f"{CARE}/change", text=text, conditions="not rego {", do=do)
    assert answer.status_code == 422
    assert f"line {line}" in answer.text
    for words in ("things to put right", "confidentiality", "roles[0]", "column", "Code ", "Conditions", "is kept"):
        assert words in answer.text, words
    assert 'href="#text"' in answer.text
    assert 'href="#conditions"' in answer.text
    assert typed(answer.text) == {"text": text, "conditions": "not rego {"}
    assert ig_lead.get(f"{CARE}/2").status_code == 404


def test_conditions_that_only_refuse_are_kept_beside_the_text(door: Door, ig_lead: Visitor) -> None:
    answer = drafted(ig_lead, "TB-CARE", text_in_force(door, "TB-CARE"), REFUSES_WEEKENDS)
    assert answer.status_code == 303, answer.text
    page = ig_lead.get(answer.headers["Location"]).text
    assert "Its own conditions" in page
    assert "input.subject.assurance" in page


def test_conditions_of_another_agreement_are_refused(door: Door, ig_lead: Visitor) -> None:
    text = REFUSES_WEEKENDS.replace("TB-CARE", "TB-ADVICE")
    answer = drafted(ig_lead, "TB-CARE", text_in_force(door, "TB-CARE"), text)
    assert answer.status_code == 422
    assert "put right" in answer.text


def test_an_agreement_keeps_its_id_and_a_new_one_takes_nobodys(door: Door, ig_lead: Visitor) -> None:
    text = text_in_force(door, "TB-CARE")
    answer = drafted(ig_lead, "TB-CARE", text.replace("id: TB-CARE", "id: TB-OTHER"))
    assert answer.status_code == 422
    assert "An agreement keeps its id." in answer.text
    answer = ig_lead.send("/governance/write", text=text, do="save")
    assert answer.status_code == 409
    assert "Propose a change to it." in answer.text
    answer = ig_lead.send("/governance/write", text=text.replace("id: TB-CARE", "id: TB-OTHER"), do="save")
    assert answer.headers["Location"].startswith("/governance/agreements/TB-OTHER/1")


def test_a_text_saved_meanwhile_is_not_overwritten(door: Door, narrower: Amendment) -> None:
    mine, theirs = door.signed_in("overseer"), door.signed_in("ig-lead")
    read = narrower.row.digest
    text = narrower.row.text
    answer = theirs.send(f"{narrower.path}/edit", text=with_money(text), digest=read, do="save")
    assert answer.status_code == 303
    late = f"{text}# mine\n"
    answer = mine.send(f"{narrower.path}/edit", text=late, digest=read, do="save")
    assert answer.status_code == 409
    assert "while you were writing" in answer.text
    assert typed(answer.text)["text"] == late
    assert narrower.row.text == with_money(text)


def test_editing_what_is_in_review_makes_it_a_draft_again(door: Door, narrower: Amendment) -> None:
    narrower.submitted()
    author = door.signed_in("overseer")
    assert "every signature on it is void" in author.get(f"{narrower.path}/edit").text
    text = with_money(narrower.row.text)
    answer = author.send(f"{narrower.path}/edit", text=text, digest=narrower.row.digest, do="save")
    assert answer.status_code == 303
    assert narrower.state == "draft"


def test_only_an_ig_lead_of_a_party_or_of_an_overseer_writes(door: Door, narrower: Amendment) -> None:
    for who in ("ig-lead", "overseer"):
        assert door.signed_in(who).get(f"{narrower.path}/edit").status_code == 200
    for who in ("pantry-lead", "guardian", "privacy-officer", "gp", "resident:ada"):
        visitor = door.signed_in(who)
        assert visitor.get(f"{narrower.path}/edit").status_code == 403, who
    outsider = door.signed_in("pantry-lead")
    answer = outsider.send(f"{narrower.path}/edit", page="/governance/write", text="x", do="save")
    assert answer.status_code == 403
    assert "Edit the text" not in outsider.get(narrower.path).text
    assert "Edit the text" in door.signed_in("ig-lead").get(narrower.path).text


def test_a_new_agreement_is_kept_only_for_ones_own_organisation(door: Door) -> None:
    text = text_in_force(door, "TB-CARE").replace("id: TB-CARE", "id: TB-NEW")
    answer = door.signed_in("pantry-lead").send("/governance/write", text=text, do="save")
    assert answer.status_code == 403
    assert typed(answer.text)["text"] == text
    assert door.signed_in("ig-lead").send("/governance/write", text=text, do="save").status_code == 303


def test_a_second_change_at_once_is_refused(door: Door, narrower: Amendment) -> None:
    visitor = door.signed_in("ig-lead")
    assert visitor.get(f"{CARE}/change").status_code == 409
    assert "Propose a change" not in visitor.get(CARE).text


def test_a_form_without_its_token_saves_nothing(door: Door, ig_lead: Visitor) -> None:
    text = text_in_force(door, "TB-CARE")
    assert TOKEN.search(ig_lead.get(f"{CARE}/change").text)
    answer = ig_lead.client.post(f"{CARE}/change", data={"text": text, "do": "save"})
    assert answer.status_code == 403
    assert ig_lead.get(f"{CARE}/2").status_code == 404
