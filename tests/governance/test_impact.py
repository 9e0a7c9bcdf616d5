"""Before a change is approved, its report says who would gain what and who would lose it: signed, and naming nobody."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from broker.agreements import actions, document
from broker.agreements.document import AgreementDocument, write
from broker.agreements.models import SharingAgreement
from broker.audit.event import Event
from broker.errors import Conflict, InvalidInput
from broker.governance import impact, replay
from broker.governance.models import DecisionRecord, ImpactReport
from broker.governance.publishing import publish
from broker.identity.models import Relationship, Resident
from broker.vocabulary import AuditAction, Purpose, RelationshipKind, Section
from tests import texts
from tests.doors.conftest import BY, House
from tests.governance.asking import Ask
from tests.people import ADA_NUMBER, ADVISER, BEN_BORN, FOOD_BANK, GP, LONG_AGO, NOON, SURGERY

pytestmark = pytest.mark.slow  # each report asks the rules in child processes

LESS = set(texts.CARE_SECTIONS) - {Section.ALLERGIES}  # what the surgery's agreement opens, until it is changed


def drafted(session: Session, house: House, text: AgreementDocument, conditions: str | None = None) -> SharingAgreement:
    written = replace(write(text), conditions=conditions)
    return actions.draft(session, written, author=BY, trail=house.broker.trail, now=house.time[0])


def reported(house: House, text: AgreementDocument, conditions: str | None = None) -> dict[str, Any]:
    with house.session() as session:
        agreement = drafted(session, house, text, conditions)
        made = impact.report(house.broker, session, agreement, by=BY, now=house.time[0])
        impact.verify(house.broker, made)
        return made.report


def many_patients(house: House, count: int) -> list[str]:
    """Residents registered at the surgery, beside Ada."""
    ids = [f"patient-{number}" for number in range(count)]
    with house.session() as session:
        for number, id in enumerate(ids):
            nhs_number = _number(number)
            session.add(
                Resident(
                    id=id,
                    nhs_number=nhs_number,
                    born_on=BEN_BORN,
                    given_name="Someone",
                    family_name=id,
                    neighbourhood_code="TB-1",
                )
            )
        session.flush()
        for id in ids:
            session.add(
                Relationship(
                    resident_id=id,
                    organisation_code=SURGERY,
                    kind=RelationshipKind.REGISTERED_PRACTICE,
                    source="list",
                    from_at=LONG_AGO,
                )
            )
        session.commit()
    return ids


def _number(at: int) -> str:
    """A made-up NHS number, from the range that is never given to anybody."""
    for end in range(10):
        digits = f"99911{at:04}{end}"
        check = 11 - sum(int(digit) * (10 - place) for place, digit in enumerate(digits[:9])) % 11
        if check == (end if end else 11):
            return digits
    return _number(at + 1000)


@pytest.fixture
def asked(house: House, ask: Ask) -> House:
    """A surgery that asked for what it may have of six patients, and for one section more of two."""
    house.adopt(texts.care(sections=texts.because(LESS)))
    patients = many_patients(house, 6)
    for patient in patients:
        ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS, Section.HOUSING, resident=patient)
    for patient in patients[:2]:
        ask(GP, Purpose.DIRECT_CARE, Section.ALLERGIES, resident=patient)
    return house


def rows(report: dict[str, Any], table: str, **which: str) -> list[dict[str, Any]]:
    return [row for row in report[table] if all(row[name] == value for name, value in which.items())]


# ---- gains and losses ------------------------------------------------------------------------------------------------


def test_a_narrower_text_shows_losses_and_no_gain(asked: House) -> None:
    report = reported(asked, texts.care(sections=texts.because(LESS - {Section.PROBLEMS})))
    assert report["gains"] == report["labels_gained"] == report["sensitive"] == []
    lost = rows(report, "losses", purpose="direct-care")
    assert [(row["organisation"], row["role"], row["section"]) for row in lost] == [(SURGERY, "clinician", "problems")]
    assert (lost[0]["requests"], lost[0]["residents"]) == (6, 6)
    assert report["totals"]["losing"]["residents"] == 6
    assert report["totals"]["gaining"] == {"requests": 0, "residents": 0, "synthetic": 0}
    assert not report["none"]


def test_a_wider_text_shows_gains_and_no_loss(asked: House) -> None:
    report = reported(asked, texts.care())
    assert report["losses"] == report["labels_lost"] == []
    gained = rows(report, "gains", purpose="direct-care")
    assert [row["section"] for row in gained] == ["allergies-and-adverse-reaction"]
    assert (gained[0]["requests"], gained[0]["residents"]) == ("<5", "<5")


def test_a_change_of_words_alone_says_that_it_changes_nothing(asked: House) -> None:
    report = reported(asked, texts.care(title="Care, said more plainly", sections=texts.because(LESS)))
    assert report["none"]
    assert report["gains"] == report["losses"] == report["labels_gained"] == report["terms"] == []
    assert report["requests"]["recorded"] == 8


def test_the_sentences_of_what_changed_are_in_the_report(asked: House) -> None:
    report = reported(asked, texts.care(sections=texts.because(LESS), roles=["clinician", "case-worker"]))
    assert [change["field"] for change in report["changes"]] == ["roles"]
    assert report["compared_with"] == 2
    assert [row["role"] for row in report["gains"]] == ["case-worker"] * len(report["gains"])


def test_an_obligation_dropped_is_an_effect_though_nothing_is_gained(house: House, ask: Ask) -> None:
    house.adopt(texts.care(obligations=[{"obligation": "notify-resident"}]))
    ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    report = reported(house, texts.care())
    assert report["gains"] == report["losses"] == []
    assert {(row["term"], row["before"], row["after"]) for row in report["terms"]} == {
        ("obligation", "notify-resident", "")
    }
    assert not report["none"]


def test_a_condition_that_refuses_some_shows_whom(asked: House) -> None:
    condition = 'package conditions["TB-CARE"]\n\ndeny contains "outside-place" if input.resident.age < 18\n'
    report = reported(asked, texts.care(sections=texts.because(LESS)), condition)
    assert report["gains"] == []
    assert {row["section"] for row in rows(report, "losses", purpose="direct-care")} >= {"problems", "housing"}
    example = next(each for each in report["exceptions"] if each["decision"] is not None)
    assert (example["before"], example["after"]) == ([], ["outside-place"])


@pytest.mark.parametrize("condition", ["not rego at all", "package broker.decision\n\nallow := true\n"])
def test_conditions_that_cannot_be_evaluated_are_refused_in_words(house: House, condition: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        reported(house, texts.care(), condition)
    assert refused.value.code == "draft-not-evaluated"


# ---- what is sensitive -----------------------------------------------------------------------------------------------


def with_safeguarding(house: House, **changes: Any) -> AgreementDocument:
    sections = texts.because({*texts.CARE_SECTIONS, Section.SAFEGUARDING})
    house.adopt(texts.agreement("LON-CARE", sections=sections, labels=["mental-health", "safeguarding"]))
    return texts.care(sections=sections, **changes)


def test_a_sensitivity_newly_opened_is_listed_and_needs_a_reason(house: House, ask: Ask) -> None:
    house.adopt(texts.agreement("LON-CARE", labels=["mental-health"]))
    ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    report = reported(house, texts.care(labels=["mental-health"]))
    assert {
        "organisation": SURGERY,
        "purpose": "direct-care",
        "section": "problems",
        "label": "mental-health",
    } in report["sensitive"]
    assert report["gains"] == []
    assert rows(report, "labels_gained", section="problems", label="mental-health")


def test_a_section_that_is_sensitive_whole_is_listed_though_nobody_asked_for_it(house: House) -> None:
    report = reported(house, with_safeguarding(house))
    assert [(each["section"], each["label"]) for each in report["sensitive"]] == [("safeguarding", "")] * len(
        report["sensitive"]
    )
    assert report["sensitive"]
    assert report["requests"]["recorded"] == 0


def test_a_sensitivity_that_the_agreement_above_keeps_shut_is_not_listed(house: House) -> None:
    assert reported(house, texts.care(labels=["mental-health"]))["sensitive"] == []


# ---- requests nobody made --------------------------------------------------------------------------------------------


def test_a_first_agreement_has_a_report_though_nobody_has_asked(house: House) -> None:
    befriending = texts.advice(
        parties=[texts.party("GB-CHC-9900002", receives=True), texts.party(SURGERY)],
        roles=["link-worker"],
    ).as_mapping()
    report = reported(house, document.from_mapping({**befriending, "id": "TB-FRIENDS"}))
    assert {row["organisation"] for row in report["gains"]} == {"GB-CHC-9900002"}
    assert all(row["requests"] == 0 and row["residents"] == 0 and row["synthetic"] > 0 for row in report["gains"])
    assert report["requests"]["synthetic"] > 0
    assert not report["requests"]["enough"]
    assert all(each["decision"] is None for each in report["exceptions"])


def test_what_is_made_up_is_never_counted_as_a_request_or_a_resident(asked: House) -> None:
    report = reported(asked, texts.care(sections=texts.because(LESS - {Section.MEDICATIONS})))
    lost = rows(report, "losses", section="medications-and-medical-devices")
    assert lost
    assert {(row["requests"], row["residents"]) for row in lost} == {(0, 0)}
    assert report["totals"]["losing"]["residents"] == 0


def test_an_agreement_above_is_seen_through_those_under_it(asked: House) -> None:
    fewer = {*texts.ADVICE_SECTIONS, *texts.CARE_SECTIONS} - {Section.PROBLEMS}
    report = reported(asked, texts.agreement("LON-CARE", sections=texts.because(fewer)))
    assert [row["residents"] for row in rows(report, "losses", section="problems", purpose="direct-care")] == [6]


def test_a_narrowing_by_a_place_shows_losses_there_and_no_gain(asked: House) -> None:
    narrowing = texts.agreement(
        "TB-NARROW",
        level="place",
        place="TB",
        under="LON-CARE",
        narrows=True,
        recipients={"kinds": []},
        sections=texts.because({*texts.ADVICE_SECTIONS, *texts.CARE_SECTIONS} - {Section.PROBLEMS}),
    )
    report = reported(asked, narrowing)
    assert report["gains"] == report["labels_gained"] == []
    assert [row["residents"] for row in rows(report, "losses", section="problems", purpose="direct-care")] == [6]
    example = next(each for each in report["exceptions"] if each["decision"] is not None)
    assert example["after"] == ["narrowed-by-place"]


def test_decisions_of_others_are_not_opened(asked: House, ask: Ask) -> None:
    ask(ADVISER, Purpose.ADVICE_DEBT, Section.MONEY)
    reported(asked, texts.advice(title="Said more plainly"))
    with asked.session() as session:
        entry = asked.broker.trail.entries(session, actions=[AuditAction.DECISIONS_READ])[0]
    assert (entry.body["organisations"], entry.body["opened"], entry.body["why"]) == ([FOOD_BANK], 1, "impact-report")


# ---- nobody in it ----------------------------------------------------------------------------------------------------


def test_a_report_names_nobody_and_no_count_below_five(asked: House, ask: Ask) -> None:
    ask(GP, Purpose.DIRECT_CARE, Section.ALLERGIES, resident="ada")
    text = json.dumps(reported(asked, texts.care()))
    for personal in (ADA_NUMBER, '"ada"', "patient-", "Okoro", '"gp"'):
        assert personal not in text
    report = json.loads(text)
    shown = [row[name] for table in ("gains", "losses") for row in report[table] for name in ("requests", "residents")]
    assert all(count == 0 or count == "<5" or count >= 5 for count in shown)


def test_a_total_does_not_say_what_a_line_keeps_back(asked: House) -> None:
    """Six lose problems, two of whom lose allergies as well: eight, said exactly, would be two."""
    asked.adopt(texts.care())
    report = reported(asked, texts.care(sections=texts.because(LESS - {Section.PROBLEMS})))
    few = rows(report, "losses", section="allergies-and-adverse-reaction", purpose="direct-care")
    assert [row["requests"] for row in few] == ["<5"]
    assert report["totals"]["losing"]["requests"] == "6 or more"


# ---- signed, and of one text -----------------------------------------------------------------------------------------


def test_a_report_belongs_to_exactly_one_text(asked: House) -> None:
    with asked.session() as session:
        agreement = drafted(session, asked, texts.care(title="First"))
        assert impact.latest(session, agreement) is None
        made = impact.report(asked.broker, session, agreement, by=BY, now=NOON)
        assert impact.latest(session, agreement) is made
        actions.edit(
            session, agreement, write(texts.care(title="Second")), author=BY, trail=asked.broker.trail, now=NOON
        )
        assert impact.latest(session, agreement) is None
        actions.edit(
            session, agreement, write(texts.care(title="First")), author=BY, trail=asked.broker.trail, now=NOON
        )
        assert impact.latest(session, agreement) is made


def test_the_newest_report_is_the_latest_and_the_same_one_twice_is_one(asked: House) -> None:
    with asked.session() as session:
        agreement = drafted(session, asked, texts.care(title="First"))
        made = [impact.report(asked.broker, session, agreement, by=BY, now=NOON.replace(minute=at)) for at in (1, 2, 2)]
        assert impact.latest(session, agreement) is made[1]
        assert made[1].digest == made[2].digest != made[0].digest


Change = Callable[[ImpactReport], dict[str, Any]]


@pytest.mark.parametrize(
    "change",
    [
        lambda made: {"report": {**made.report, "gains": [], "none": True}},
        lambda made: {"signature": made.signature[:-6] + "AAAAAA"},
        lambda made: {"agreement_digest": "0" * 64},
        lambda made: {"agreement_number": 9},
    ],
)
def test_a_report_that_was_changed_does_not_verify(asked: House, change: Change) -> None:
    with asked.session() as session:
        agreement = drafted(session, asked, texts.care(roles=["clinician", "case-worker"]))
        made = impact.report(asked.broker, session, agreement, by=BY, now=NOON)
        impact.verify(asked.broker, made)
        session.execute(update(ImpactReport).values(**change(made)))
        session.commit()
        session.expire_all()
        with pytest.raises(Conflict):
            impact.verify(asked.broker, session.scalars(select(ImpactReport)).one())


def test_a_report_stands_until_the_rules_in_force_change(asked: House) -> None:
    with asked.session() as session:
        agreement = drafted(session, asked, texts.care(title="First"))
        made = impact.report(asked.broker, session, agreement, by=BY, now=NOON)
        assert impact.stands(session, made)
        publish(asked.broker, session, by=BY, now=NOON.replace(minute=5))
        assert not impact.stands(session, made)


def test_making_a_report_is_on_the_trail_after_what_it_opened_and_decides_nothing(asked: House) -> None:
    with asked.session() as session:
        before = asked.broker.trail.head(session).size
    report = reported(asked, texts.care(title="First"))
    with asked.session() as session:
        entries = asked.broker.trail.entries(session, limit=10)
        assert [entry.action for entry in entries if entry.index >= before][::-1] == [
            AuditAction.AGREEMENT_CHANGED,
            AuditAction.DECISIONS_READ,
            AuditAction.IMPACT_REPORTED,
        ]
    assert entries[0].body["digest"] == report["digest"]
    assert all(not source.asked for source in asked.sources.values())


def test_decisions_are_written_while_a_report_is_made(asked: House, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated, event = replay._evaluated, Event(action=AuditAction.SIGNED_IN, actor="operator:tests")

    def meanwhile(*given: Any) -> Any:
        asked.broker.trail.record(event, now=NOON)
        return evaluated(*given)

    monkeypatch.setattr(replay, "_evaluated", meanwhile)
    assert reported(asked, texts.care(title="First", sections=texts.because(LESS)))["none"]


def test_a_report_says_whether_the_record_agrees_with_the_rules(asked: House) -> None:
    assert reported(asked, texts.care(title="First"))["fidelity"] == {
        "replayed": 8,
        "same": 8,
        "different": 0,
        "unanswered": 0,
        "unknown_revision": 0,
        "holds": True,
        "examples": [],
    }


def test_decisions_past_their_days_are_no_part_of_a_report(asked: House) -> None:
    with asked.session() as session:
        session.execute(update(DecisionRecord).values(kept_until=NOON))
        session.commit()
    assert reported(asked, texts.care(title="First"))["requests"]["recorded"] == 0
