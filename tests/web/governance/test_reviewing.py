"""Sending a draft for review, and the report of what it would do."""

from __future__ import annotations

import hashlib
import json

import pytest

from broker.errors import EngineUnavailable, InvalidInput
from broker.governance import changes, impact
from broker.governance.models import ImpactReport
from broker.vocabulary import AuditAction, Section
from tests.people import ADA_BORN, ADA_NUMBER, COUNCIL, SURGERY
from tests.web.conftest import Door, Visitor
from tests.web.governance.conftest import Amendment


@pytest.fixture
def decided(gp: Visitor) -> None:
    """One decision on record: the surgery saw problems and conditions."""
    found = gp.find(ADA_NUMBER, ADA_BORN)
    gp.send(f"{found}/team-permission/direct-care", sections=["problems"], reason="In clinic.")


def test_a_draft_is_sent_and_called_back_by_those_who_may_write_it(door: Door, narrower: Amendment) -> None:
    for who in ("pantry-lead", "guardian", "privacy-officer"):
        visitor = door.signed_in(who)
        assert "Send for review" not in visitor.get(narrower.path).text
        answer = visitor.send(f"{narrower.path}/submit", page="/governance/playground")
        assert answer.status_code == 403, who
    assert narrower.state == "draft"
    lead = door.signed_in("ig-lead")
    sent = lead.send(f"{narrower.path}/submit", page=narrower.path)
    assert "It is in review." in lead.get(sent.headers["Location"]).text
    assert narrower.state == "in-review"
    assert lead.send(f"{narrower.path}/submit", page=narrower.path).status_code == 409
    lead.send(f"{narrower.path}/call-back", page=narrower.path)
    assert narrower.state == "draft"


@pytest.mark.usefixtures("decided")
def test_the_report_says_who_loses_what_and_shows_no_small_number(door: Door, narrower: Amendment) -> None:
    narrower.worked_out()
    page = door.signed_in("overseer").get(f"{narrower.path}/impact").text
    for words in (
        "Who would see less",
        "Millrace Surgery",
        "Direct care",
        "Clinician",
        "Problems and conditions",
        "Fewer than 5",
        "0 different",
        "stand in",
        "Why it came out so",
        "The agreement does not include this section.",
    ):
        assert words in page, words
    assert "This report may be wrong" not in page
    assert "Okoro" not in page
    (entry,) = door.trail(AuditAction.IMPACT_REPORTED)
    assert entry.body["agreement"] == "TB-CARE"


def test_the_report_says_who_gains_what(door: Door, wider: Amendment) -> None:
    wider.worked_out()
    page = door.signed_in("overseer").get(f"{wider.path}/impact").text
    gains = page[page.index("Who would see more") : page.index("Who would see less")]
    assert "Money, debt and benefits" in gains
    assert "Millrace Surgery" in gains


def test_a_report_on_another_text_is_not_this_ones(door: Door, narrower: Amendment) -> None:
    narrower.worked_out()
    author = door.signed_in("overseer")
    assert "Who would see less" in author.get(f"{narrower.path}/impact").text
    text = narrower.row.text.replace("retention: Nothing is kept.", "retention: Nothing is kept at all.")
    author.send(f"{narrower.path}/edit", text=text, digest=narrower.row.digest, do="save")
    assert "It has not been worked out for this text." in author.get(f"{narrower.path}/impact").text
    assert author.get(f"{narrower.path}/impact/report.json").status_code == 404


def test_only_those_who_may_write_it_have_it_worked_out(door: Door, narrower: Amendment) -> None:
    for who in ("pantry-lead", "guardian", "privacy-officer"):
        visitor = door.signed_in(who)
        page = visitor.get(f"{narrower.path}/impact")
        assert page.status_code == 200
        assert "Work it out" not in page.text
        assert visitor.send(f"{narrower.path}/impact", page="/governance/playground").status_code == 403, who
    assert not door.trail(AuditAction.IMPACT_REPORTED)
    assert "Work it out" in door.signed_in("ig-lead").get(f"{narrower.path}/impact").text


def test_once_somebody_signed_it_is_not_worked_out_again(door: Door, narrower: Amendment) -> None:
    narrower.submitted().worked_out().signed_by("guardian")
    author = door.signed_in("overseer")
    assert "Work it out again" not in author.get(f"{narrower.path}/impact").text
    assert author.send(f"{narrower.path}/impact", page="/governance/playground").status_code == 409


def test_the_report_can_be_kept_and_checked_elsewhere(door: Door, narrower: Amendment) -> None:
    narrower.worked_out()
    reader = door.signed_in("privacy-officer")
    report = reader.get(f"{narrower.path}/impact/report.json")
    signature = reader.get(f"{narrower.path}/impact/report.jws")
    assert report.headers["Content-Disposition"] == 'attachment; filename="TB-CARE-version-2-impact.json"'
    assert json.loads(report.data)["digest"] == narrower.row.digest
    door.broker.signing.verify_detached(report.data, signature.text)
    with door.broker.sessions() as session:
        kept = impact.latest(session, narrower.row)
        assert kept is not None
        assert hashlib.sha256(report.data).hexdigest() == kept.digest
        assert kept.digest in reader.get(f"{narrower.path}/impact").text


def test_what_did_not_come_out_the_same_is_said_loudly(door: Door, narrower: Amendment) -> None:
    narrower.submitted().worked_out()
    with door.broker.sessions() as session:
        kept = impact.latest(session, narrower.row)
        assert kept is not None
        changed = json.loads(json.dumps(kept.report))
        changed["fidelity"] |= {"different": 3, "holds": False}
        session.get_one(ImpactReport, kept.digest).report = changed
        session.commit()
    for page in ("impact", "sign"):
        text = door.signed_in("guardian").get(f"{narrower.path}/{page}").text
        assert "This report may be wrong" in text
        assert "3 recorded decisions came out differently" in text


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (EngineUnavailable("the rules were stopped: more than 180 seconds"), 503),
        (InvalidInput("draft-not-evaluated", "The rules were stopped: more than 180 seconds."), 422),
    ],
)
def test_a_limit_that_was_hit_is_said_plainly(
    door: Door, narrower: Amendment, monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(changes, "work_out", stopped)
    answer = door.signed_in("overseer").send(f"{narrower.path}/impact")
    assert answer.status_code == status
    assert "It could not be worked out" in answer.text
    assert "The rules were stopped: more than 180 seconds." in answer.text
    assert not door.trail(AuditAction.IMPACT_REPORTED)


def test_an_example_is_opened_only_by_those_it_concerns(door: Door, gp: Visitor, narrower: Amendment) -> None:
    found = gp.find(ADA_NUMBER, ADA_BORN)
    gp.send(f"{found}/team-permission/direct-care", sections=[Section.PROBLEMS.value], reason="In clinic.")
    narrower.worked_out()
    for who, opens in (("overseer", True), ("guardian", True), ("ig-lead", False)):
        page = door.signed_in(who).get(f"{narrower.path}/impact").text
        assert ("/governance/decisions/" in page) is opens, (who, SURGERY, COUNCIL)
