"""To ask for less never shows more: what is sensitive is known from the whole record, whatever part of it is asked for.

What is read for its labels alone is shown nowhere, changes nothing else, and is on the trail as what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from broker.access.release import Refused, Release, release_record
from broker.access.request import AccessRequest, BreakGlass, Requester
from broker.database import new_id
from broker.errors import EngineUnavailable
from broker.records.source import RecordEntry
from broker.vocabulary import AuditAction, DenialReason, Purpose, Role, Section, Sensitivity
from tests.doors.conftest import House
from tests.doors.reading import Holding, Reader, entry, names
from tests.doors.test_records import find, view
from tests.people import ADVISER, GP, NOON, SURGERY

HIV = entry(Section.PROBLEMS, 1, "HIV infection")
RASH = entry(Section.ALLERGIES, 1, "Rash noted at clinic 7", linked=(HIV.id,))
PENICILLIN = entry(Section.ALLERGIES, 2, "Penicillin")
ASTHMA = entry(Section.PROBLEMS, 2, "Asthma")
INHALER = entry(Section.MEDICATIONS, 1, "Salbutamol", linked=(ASTHMA.id, PENICILLIN.id))
# What the law keeps from everybody, the resident too.
CERTIFICATE = entry(Section.PROBLEMS, 3, "Old name", stated_labels=frozenset({Sensitivity.GENDER_RECOGNITION}))
LETTER = entry(Section.ALLERGIES, 3, "Noted with the certificate", linked=(CERTIFICATE.id,))
ALLERGIES = Section.ALLERGIES.value
ADA = Requester("", Role.RESIDENT, assurance=3, resident="ada")


@pytest.fixture(autouse=True)
def _held(house: House, ada: str) -> None:
    """The surgery holds what is linked to what Ada lets nobody at work see, or the law nobody."""
    held = (HIV, RASH, PENICILLIN, ASTHMA, INHALER, CERTIFICATE, LETTER)
    house.sources["millrace-gp"] = Holding("millrace-gp", SURGERY, entries=held)
    body = {"organisation": None, "sections": None, "labels": ["hiv"]}
    assert house.call("POST", "/api/my/withholdings", token=ada, json=body).status_code == 201


def released(
    house: House, *sections: Section, by: Requester = GP, purpose: Purpose = Purpose.DIRECT_CARE, glass: bool = False
) -> Release:
    asked = AccessRequest(
        new_id(),
        by,
        "ada",
        purpose,
        frozenset(sections),
        NOON,
        break_glass=BreakGlass("Found on the floor") if glass else None,
        reason="Clinic",
    )
    with house.session() as session:
        return release_record(house.broker, session, asked)


def shown(release: Release, section: Section) -> list[RecordEntry]:
    (part,) = (part for part in release.view.sections if part.section is section)
    return [each for joined in part.entries for each in (joined.entry, *joined.others)]


def titles(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["title"] for part in answer.get_json()["sections"] for each in part["entries"]]


def newest(house: House, action: AuditAction = AuditAction.DECISION) -> Mapping[str, Any]:
    with house.session() as session:
        return house.broker.trail.entries(session, actions=(action,), limit=1)[0].body


def asked_of(house: House) -> list[frozenset[Section]]:
    return [asked for source in house.sources.values() for asked in source.asked]


@pytest.mark.parametrize(
    ("by", "purpose", "glass"),
    [
        (GP, Purpose.DIRECT_CARE, False),
        (GP, Purpose.EMERGENCY, True),
        (ADA, Purpose.OWN_RECORD, False),
    ],
    ids=["at work", "in an emergency", "their own"],
)
def test_a_section_is_the_same_asked_alone_or_with_others(
    house: House, by: Requester, purpose: Purpose, glass: bool
) -> None:
    every = (Section.ALLERGIES, Section.PROBLEMS)
    together = released(house, *every, by=by, purpose=purpose, glass=glass)
    for section in every:
        alone = released(house, section, by=by, purpose=purpose, glass=glass)
        assert [e.id for e in shown(alone, section)] == [e.id for e in shown(together, section)]
        assert [e.labels for e in shown(alone, section)] == [e.labels for e in shown(together, section)]
        assert {part.section for part in alone.view.sections} == {section}
        assert {pair.section for pair in alone.decision.pairs} == {section}
        assert (alone.decision.disclosure, alone.decision.duties) == (
            together.decision.disclosure,
            together.decision.duties,
        )
    assert PENICILLIN.id in {e.id for e in shown(together, Section.ALLERGIES)}
    assert LETTER.id not in {e.id for e in shown(together, Section.ALLERGIES)}


def test_what_nothing_withholds_is_still_shown_alone(house: House) -> None:
    surgery = house.sources["millrace-gp"]
    assert isinstance(surgery, Holding)
    surgery.entries = (RASH, PENICILLIN)
    assert [e.id for e in shown(released(house, Section.ALLERGIES), Section.ALLERGIES)] == [RASH.id, PENICILLIN.id]


def test_no_link_leads_to_what_was_not_asked_for(house: House) -> None:
    (alone,) = shown(released(house, Section.MEDICATIONS, by=ADA, purpose=Purpose.OWN_RECORD), Section.MEDICATIONS)
    both = released(house, Section.MEDICATIONS, Section.PROBLEMS, by=ADA, purpose=Purpose.OWN_RECORD)
    (among,) = shown(both, Section.MEDICATIONS)
    assert (alone.linked, among.linked) == ((), (ASTHMA.id,))


def test_the_same_at_every_door(house: House, gp: str, ada: str) -> None:
    handle = find(house, gp)
    own = {"sections": [ALLERGIES]}
    work = view(house, gp, handle, purpose="direct-care", sections=[ALLERGIES])
    mine = house.call("POST", "/api/my/record", token=ada, json=own)
    theirs = Reader(house, gp).get(f"AllergyIntolerance?patient={handle}")
    assert (titles(work), titles(mine), names(theirs)) == (
        ["Penicillin"],
        ["Rash noted at clinic 7", "Penicillin"],
        ["Penicillin"],
    )
    for each in (work, mine, theirs):
        assert not any(words in each.text for words in ("certificate", "HIV", "Asthma", "Salbutamol"))
    together = view(house, gp, handle, purpose="direct-care", sections=[ALLERGIES, "problems"])
    assert set(titles(together)) == {"Penicillin", "Asthma"}


def test_the_trail_says_what_was_read_for_its_labels_alone(house: House) -> None:
    released(house, Section.MONEY, by=ADA, purpose=Purpose.OWN_RECORD)
    decision, read = newest(house), newest(house, AuditAction.RECORD_VIEWED_BY_RESIDENT)
    assert decision["sections"] == ["money-and-benefits"]
    assert set(decision["permitted"]) == {"money-and-benefits"}
    beside = decision["read_for_labels"]
    assert {"problems", ALLERGIES} <= set(beside)
    assert "money-and-benefits" not in beside
    assert beside["housing"] == ["council-care", "millrace-gp"]
    assert Section.SAFEGUARDING.value not in beside, "which the rules let no resident read"
    assert read["released"] == {"money-and-benefits": 1}
    for section, sources in beside.items():
        for source in sources:
            assert any(Section(section) in asked for asked in house.sources[source].asked)


def test_a_source_that_is_read_for_its_labels_alone_is_invisible(house: House, ada: str) -> None:
    surgery = house.sources["millrace-gp"]
    assert isinstance(surgery, Holding)
    surgery.at_most = frozenset({Section.PROBLEMS, Section.ALLERGIES})
    answers = []
    for fault in (None, RuntimeError("gone")):
        surgery.fault = fault
        answers.append(released(house, Section.MONEY, by=ADA, purpose=Purpose.OWN_RECORD))
        assert surgery.asked.pop(), "it was read"
        seen = newest(house, AuditAction.RECORD_VIEWED_BY_RESIDENT)
        assert (seen["sources"], seen["gaps"]) == (["council-care"], [])
    for answer in answers:
        assert [source.source for source in answer.view.sources] == ["council-care"]
        assert answer.view.not_understood == {}
        assert answer.view.sections == answers[0].view.sections


def test_where_nothing_asked_is_permitted_nothing_is_asked_at_all(house: House) -> None:
    for by, purpose, section in (
        (ADVISER, Purpose.ADVICE_DEBT, Section.HOUSING),
        (ADVISER, Purpose.ADVICE_DEBT, Section.PROBLEMS),
        (GP, Purpose.DIRECT_CARE, Section.MONEY),
    ):
        with pytest.raises(Refused):
            released(house, section, by=by, purpose=purpose)
        assert "read_for_labels" not in newest(house)
    assert asked_of(house) == []


def test_only_what_the_same_request_could_be_given_is_read(house: House) -> None:
    """The agreement opens allergies, problems and a few others to the surgery: nothing else is read for anything."""
    released(house, Section.ALLERGIES)
    opened = {Section(each) for each in newest(house)["read_for_labels"]}
    for asked in asked_of(house):
        assert asked <= opened | {Section.ALLERGIES}
    for section in opened:
        assert released(house, section).decision.permitted
    with pytest.raises(Refused):
        released(house, Section.MONEY)


def test_a_directory_is_asked_alone(house: House) -> None:
    surgery = house.sources["millrace-gp"]
    assert isinstance(surgery, Holding)
    surgery.at_most = frozenset(Section) - {Section.MONEY}
    house.sources["council-care"].personal = False
    released(house, Section.MONEY, by=ADA, purpose=Purpose.OWN_RECORD)
    assert asked_of(house) == [frozenset({Section.MONEY})]


def test_where_it_cannot_be_decided_what_else_to_read_everything_is_refused(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = house.broker.policy.engine
    decide = engine.decide

    def failing(question: Mapping[str, Any], **how: Any) -> Mapping[str, Any]:
        if ALLERGIES not in question["request"]["sections"]:
            raise EngineUnavailable("gone")
        return decide(question, **how)

    monkeypatch.setattr(engine, "decide", failing)
    with pytest.raises(Refused) as refused:
        released(house, Section.ALLERGIES)
    assert refused.value.decision.reasons == (DenialReason.POLICY_UNAVAILABLE,)
    assert {pair.section for pair in refused.value.decision.pairs} == {Section.ALLERGIES}
    assert refused.value.decision.duties == ()
    assert asked_of(house) == []
    said = newest(house)
    assert (said["permitted_any"], said["permitted"], said["reasons"]) == (False, {}, ["policy-unavailable"])
