"""What nobody may learn at the API: who exists, and what a resident keeps from those who may not be told."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from broker.identity.models import Membership, Person, Relationship
from broker.notices.models import Notice
from broker.vocabulary import AuditAction, Obligation, RelationshipKind, Role, Section
from tests import texts
from tests.doors.conftest import House
from tests.doors.test_records import find, view
from tests.people import BEN_BORN, BEN_NUMBER, COUNCIL, LONG_AGO, NOON, STRANGER_NUMBER, SURGERY

COLLAPSED = {"purpose": "emergency", "break_glass": {"reason": "Collapsed"}}
ALLERGIES = [Section.ALLERGIES.value]


@pytest.mark.parametrize("sections", [ALLERGIES, ["vaccinations"], ["housing", "vaccinations"], ["safeguarding"]])
def test_a_stranger_and_nobody_get_one_answer_and_leave_as_many_entries(
    house: House, gp: str, sections: list[str]
) -> None:
    stranger = house.call(
        "POST", "/api/residents/find", token=gp, json={"nhs_number": BEN_NUMBER, "born_on": BEN_BORN.isoformat()}
    ).get_json()["resident"]
    answers = []
    for handle in (stranger, find(house, gp, STRANGER_NUMBER)):
        before = len(decisions(house))
        answer = view(house, gp, handle, purpose="direct-care", sections=sections)
        answers.append((answer.status_code, without_ids(answer), len(decisions(house)) - before))
    assert answers[0] == answers[1]
    assert answers[0][0] == 403
    assert answers[0][2] == 1


def test_an_emergency_that_finds_nobody_is_decided_written_down_and_reviewed(house: House, gp: str) -> None:
    answer = view(house, gp, find(house, gp, STRANGER_NUMBER), sections=ALLERGIES, **COLLAPSED)
    assert answer.status_code == 200
    assert [source["state"] for source in answer.get_json()["sources"]] == ["not-asked"]
    assert not house.sources["millrace-gp"].asked
    assert [entry.note for entry in decisions(house)] == ["Collapsed"]
    with house.session() as session:
        notices = session.scalars(select(Notice)).all()
    assert {notice.kind for notice in notices} == {Obligation.NOTIFY_PRIVACY_OFFICER, Obligation.REVIEW}
    assert {notice.organisation_code for notice in notices} == {SURGERY}


def test_an_emergency_for_a_charity_finds_nobody_and_somebody_alike(house: House, adviser: str) -> None:
    for number in (STRANGER_NUMBER, BEN_NUMBER):
        answer = view(house, adviser, find(house, adviser, number), sections=ALLERGIES, **COLLAPSED)
        assert (answer.status_code, answer.get_json()["requestable"]) == (403, False)


def test_a_refusal_that_may_not_be_told_is_an_empty_record_to_the_last_field(house: House, ada: str) -> None:
    """The council's social workers are not clinicians, and this agreement tells nobody else."""
    here = {"level": "place", "place": "TB", "under": "LON-TOLD", "recipients": {"kinds": []}}
    telling = {"disclosure": "tell-clinicians", "obligations": [{"obligation": "no-onward-sharing"}]}
    house.adopt(
        texts.agreement("LON-TOLD", roles=["social-worker"]),
        texts.agreement(
            "TB-TOLD",
            parties=[texts.party(COUNCIL, receives=True), texts.party(SURGERY)],
            roles=["social-worker"],
            **here,
            **telling,
        ),
    )
    worker = _social_worker(house)
    asked = {"purpose": "direct-care", "sections": ["problems", "housing"]}
    held = {id: source.holds for id, source in house.sources.items()}
    for source in house.sources.values():
        source.holds = dict.fromkeys(source.holds, ())
    empty = view(house, worker, find(house, worker), **asked)
    for id, source in house.sources.items():
        source.holds = held[id]
    assert "Asthma" in view(house, worker, find(house, worker), **asked).text
    for refused in ({"sections": None}, {"sections": ["problems", "housing"]}):
        kept = house.call("POST", "/api/my/withholdings", token=ada, json={"organisation": COUNCIL, **refused})
        withheld = view(house, worker, find(house, worker), **asked)
        assert (withheld.status_code, without_ids(withheld)) == (200, without_ids(empty))
        house.call("POST", f"/api/my/consents/{kept.get_json()['id']}/withdraw", token=ada)


def decisions(house: House) -> list[Any]:
    with house.session() as session:
        return house.broker.trail.entries(session, actions=[AuditAction.DECISION], limit=100)


def without_ids(answer: Any) -> dict[str, Any]:
    passing = ("decision", "made_at", "reference")
    return {name: value for name, value in answer.get_json().items() if name not in passing}


def _social_worker(house: House) -> str:
    with house.session() as session:
        session.add(Person(id="worker", name="Bo Lund"))
        session.flush()
        works = {"organisation_code": COUNCIL, "started_at": LONG_AGO, "used_at": NOON}
        session.add(Membership(person_id="worker", role=Role.SOCIAL_WORKER, **works))
        caseload = {"kind": RelationshipKind.CASELOAD, "source": "caseload", "from_at": LONG_AGO}
        session.add(Relationship(resident_id="ada", organisation_code=COUNCIL, **caseload))
        session.commit()
    return house.token(person="worker")
