"""What the AuthZEN door keeps from a requester who may not be told: exactly what the record door keeps, and no less."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from broker.identity.models import Membership, Person, Relationship
from broker.vocabulary import RelationshipKind, Role
from tests import texts
from tests.doors.asking import EVERY, as_both_doors_say, codes, post
from tests.doors.conftest import House
from tests.doors.test_records import agree, find, view
from tests.people import COUNCIL, FOOD_BANK, LONG_AGO, NOON, SURGERY

ASKED = ["problems", "housing"]


def told_by(disclosure: str, **more: Any) -> list[Any]:
    """Care by the council's social workers, who are not clinicians, under this disclosure."""
    here = {"level": "place", "place": "TB", "under": "LON-TOLD", "recipients": {"kinds": []}}
    parties = [texts.party(COUNCIL, receives=True), texts.party(SURGERY)]
    return [
        texts.agreement("LON-TOLD", roles=["social-worker"]),
        texts.agreement("TB-TOLD", parties=parties, roles=["social-worker"], disclosure=disclosure, **here, **more),
    ]


@pytest.fixture
def worker(house: House) -> str:
    """A social worker who has Ada on their caseload."""
    with house.session() as session:
        session.add(Person(id="worker", name="Bo Lund"))
        session.flush()
        works = {"organisation_code": COUNCIL, "started_at": LONG_AGO, "used_at": NOON}
        session.add(Membership(person_id="worker", role=Role.SOCIAL_WORKER, **works))
        caseload = {"kind": RelationshipKind.CASELOAD, "source": "caseload", "from_at": LONG_AGO}
        session.add(Relationship(resident_id="ada", organisation_code=COUNCIL, **caseload))
        session.commit()
    return house.token(person="worker")


def evaluated(house: House, token: str, handle: str, *, sections: list[str] = ASKED) -> dict[str, Any]:
    """The answer about a record, without what differs each time."""
    body = {
        "subject": {"type": "person", "id": "worker"},
        "action": {"name": "share", "properties": {"purpose": "direct-care"}},
        "resource": {"type": "record", "id": handle, "properties": {"sections": sections}},
    }
    answer: dict[str, Any] = post(house, "evaluation", token, json=body).get_json()
    answer["context"].pop("decision_id")
    return answer


def searched(house: House, token: str, handle: str) -> list[str]:
    body = {
        "subject": {"type": "person", "id": "worker"},
        "action": {"name": "share", "properties": {"purpose": "direct-care"}},
        "resource": {"type": "record-section", "properties": {"resident": handle}},
    }
    return [result["id"] for result in post(house, "search/resource", token, json=body).get_json()["results"]]


@pytest.mark.parametrize("disclosure", ["never-tell", "tell-clinicians"])
@pytest.mark.parametrize("refused", [{"sections": None}, {"sections": ASKED}, {"sections": ["problems"]}])
def test_what_may_not_be_told_looks_permitted_to_the_last_byte(
    house: House, ada: str, worker: str, disclosure: str, refused: dict[str, Any]
) -> None:
    house.adopt(*told_by(disclosure, obligations=[{"obligation": "no-onward-sharing"}]))
    handle = find(house, worker)
    before = evaluated(house, worker, handle), searched(house, worker, handle)
    assert before[0]["decision"] is True
    kept = house.call("POST", "/api/my/withholdings", token=ada, json={"organisation": COUNCIL, **refused})
    assert kept.status_code == 201
    assert (evaluated(house, worker, handle), searched(house, worker, handle)) == before
    assert view(house, worker, handle, purpose="direct-care", sections=ASKED).status_code == 200


def test_what_may_be_told_is_a_no_that_says_so(house: House, ada: str, worker: str) -> None:
    house.adopt(*told_by("tell"))
    handle = find(house, worker)
    assert evaluated(house, worker, handle)["decision"] is True
    house.call("POST", "/api/my/withholdings", token=ada, json={"organisation": COUNCIL, "sections": ["problems"]})
    said = evaluated(house, worker, handle)
    assert (said["decision"], codes(said)) == (False, {"consent-withheld"})
    assert said["context"]["sections"][0]["sources"] == {"permitted": 0, "withheld": 1}
    assert "problems" not in searched(house, worker, handle)


def test_one_who_may_not_be_told_is_told_neither_counts_nor_agreements_nor_an_end(
    house: House, ada: str, worker: str
) -> None:
    house.adopt(*told_by("never-tell"))
    said = evaluated(house, worker, find(house, worker))
    assert (said["context"]["agreements"], said["context"]["valid_until"]) == ([], None)
    assert all("sources" not in each for each in said["context"]["sections"])


def test_what_is_outside_the_agreement_is_refused_openly_whatever_is_concealed(
    house: House, ada: str, worker: str
) -> None:
    house.adopt(*told_by("never-tell", sections=texts.because(texts.ADVICE_SECTIONS)))
    handle = find(house, worker)
    answers = []
    for sections in (["housing"], None):
        house.call("POST", "/api/my/withholdings", token=ada, json={"organisation": COUNCIL, "sections": sections})
        answers.append(evaluated(house, worker, handle))
    assert answers[0] == answers[1]
    assert answers[0]["decision"] is False
    assert codes(answers[0]) == {"section-not-in-agreement"}
    assert [each["decision"] for each in answers[0]["context"]["sections"]] == [False, True]


@pytest.mark.parametrize("disclosure", ["tell", "tell-clinicians", "never-tell"])
def test_both_doors_say_the_same_whatever_may_be_told(house: House, adviser: str, ada: str, disclosure: str) -> None:
    """With a referral, so that permission alone is missing; then with it; then with some of it withheld."""
    house.wait(timedelta(seconds=1))
    house.adopt(texts.advice(disclosure=disclosure))
    with house.session() as session:
        referral = {"kind": RelationshipKind.REFERRAL, "source": "referral", "from_at": LONG_AGO}
        session.add(Relationship(resident_id="ada", organisation_code=FOOD_BANK, **referral))
        session.commit()
    handle, said = find(house, adviser), []

    def step() -> None:
        both = as_both_doors_say(house, adviser, handle, who="adviser", purpose="advice-debt", sections=EVERY)
        assert [here for here, _ in both] == [there for _, there in both]
        said.append([here for here, _ in both])

    step()
    agree(house, adviser, ada, handle)
    step()
    house.call("POST", "/api/my/withholdings", token=ada, json={"sections": ["housing"]})
    step()
    withheld_looks = disclosure != "tell"
    assert said == [[False] * 5, [True, True, True, False, False], [True, withheld_looks, True, False, False]]
