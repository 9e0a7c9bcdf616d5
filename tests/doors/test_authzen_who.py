"""Who may ask about whom at the AuthZEN door, and that it answers as the record door does."""

from __future__ import annotations

from datetime import timedelta

from broker.identity.models import Membership, Person
from broker.vocabulary import Role
from tests.doors.asking import (
    EVERY,
    QUESTION,
    SYSTEM,
    Ask,
    agreed,
    as_both_doors_say,
    ask,
    but,
    codes,
    decisions,
    post,
    system,
)
from tests.doors.conftest import House
from tests.doors.test_records import agree, find
from tests.people import BEN_BORN, BEN_NUMBER, FOOD_BANK, LONG_AGO, NOON, STRANGER_NUMBER

__all__ = ["agreed", "ask", "system"]  # fixtures


def test_both_doors_say_the_same_at_every_step_of_adas_choices(house: House, adviser: str, ada: str) -> None:
    handle = find(house, adviser)

    def step() -> list[bool]:
        asked = {"who": "adviser", "purpose": "advice-debt", "sections": EVERY}
        said = as_both_doors_say(house, adviser, handle, **asked)  # type: ignore[arg-type]
        assert [here for here, _ in said] == [there for _, there in said]
        return [here for here, _ in said]

    nothing, shared = [False] * 5, [True, True, True, False, False]
    assert step() == nothing
    consent = agree(house, adviser, ada, handle)
    assert step() == shared
    house.wait(timedelta(seconds=5))
    stop = {"stop_sections": ["housing"]}
    house.call("POST", f"/api/my/consents/{consent}/narrow", token=ada, json=stop)
    assert step() == [True, False, True, False, False]
    house.call("POST", "/api/my/withholdings", token=ada, json={"sections": ["money-and-benefits"]})
    assert step() == [True, False, False, False, False]
    house.call("POST", f"/api/my/consents/{consent}/withdraw", token=ada)
    assert step() == nothing


def test_both_doors_say_the_same_of_care(house: House, gp: str) -> None:
    said = as_both_doors_say(house, gp, find(house, gp), who="gp", purpose="direct-care", sections=EVERY)
    assert said == [(True, True), (True, True), (False, False), (True, True), (True, True)]


# ---- who may ask, and about whom -----------------------------------------------------------------------------------


def test_a_system_asks_about_its_organisations_own_people_and_about_itself(
    house: House, ask: Ask, agreed: str, system: str
) -> None:
    assert ask(QUESTION, token=system).get_json()["decision"] is True
    assert ask(but(QUESTION, "subject", SYSTEM), token=system).get_json()["decision"] is True
    by_system, for_worker = decisions(house)[0], decisions(house)[1]
    assert (for_worker.actor, for_worker.body["client"]) == ("person:adviser", "harvest-system")
    assert by_system.actor == "client:harvest-system"


def test_another_organisations_worker_and_nobody_are_refused_alike_to_the_last_byte(ask: Ask, system: str) -> None:
    theirs, nobodys = (ask(but(QUESTION, "subject.id", id), token=system) for id in ("gp", "nobody"))
    assert (theirs.status_code, theirs.data) == (nobodys.status_code, nobodys.data)
    assert theirs.get_json()["decision"] is False


def test_another_organisations_handle_and_none_are_refused_alike_to_the_last_byte(
    house: House, ask: Ask, gp: str
) -> None:
    theirs, none = (
        ask(but(QUESTION, "resource.properties.resident", handle)) for handle in (find(house, gp), "f" * 40)
    )
    assert (theirs.status_code, theirs.data) == (none.status_code, none.data)


def test_somebody_who_has_left_is_decided_and_refused(house: House, ask: Ask, agreed: str, system: str) -> None:
    with house.session() as session:
        session.add(Person(id="left", name="Ash Cole"))
        session.flush()
        works = {"organisation_code": FOOD_BANK, "started_at": LONG_AGO, "ended_at": LONG_AGO + timedelta(days=1)}
        session.add(Membership(person_id="left", role=Role.CASE_WORKER, **works))
        session.commit()
    said = ask(but(QUESTION, "subject.id", "left"), token=system).get_json()
    assert (said["decision"], codes(said)) == (False, {"not-a-member"})


def test_somebody_in_two_roles_is_asked_about_in_one(house: House, ask: Ask, agreed: str, system: str) -> None:
    with house.session() as session:
        works = {"organisation_code": FOOD_BANK, "started_at": LONG_AGO, "used_at": NOON}
        session.add(Membership(person_id="adviser", role=Role.ADMINISTRATOR, **works))
        session.commit()
    neither = ask(QUESTION, token=system)
    assert (neither.status_code, neither.get_json()["code"]) == (400, "role-needed")
    for role, yes in (("case-worker", True), ("administrator", False), ("clinician", False)):
        said = ask(but(QUESTION, "subject.properties", {"role": role}), token=system).get_json()
        assert said["decision"] is yes, role


def test_a_token_is_needed_and_the_right_one(house: House, ask: Ask, ada: str) -> None:
    missing = post(house, "evaluation", None, json=QUESTION)
    assert (missing.status_code, missing.get_json()["code"]) == (401, "token-missing")
    wrong = post(house, "evaluation", "x" * 40, json=QUESTION)
    assert (wrong.status_code, wrong.get_json()["code"]) == (401, "token-invalid")
    residents = ask(QUESTION, token=ada)
    assert (residents.status_code, residents.get_json()["code"]) == (403, "scope-missing")
    assert ask(QUESTION).status_code == 200


def test_a_stranger_and_nobody_get_one_answer_and_leave_as_many_entries(house: House, adviser: str, gp: str) -> None:
    """Ben has made choices; he is not told apart from somebody nobody here has heard of."""
    ben = house.token(resident="ben")
    given = {"organisation": "XX9T02", "purposes": ["direct-care"], "sections": ["housing"]}
    assert house.call("POST", "/api/my/consents", token=ben, json=given).status_code == 201
    house.call("POST", "/api/my/withholdings", token=ben, json={"sections": ["problems"]})
    sought = {"nhs_number": BEN_NUMBER, "born_on": BEN_BORN.isoformat()}
    for token, who, purpose in ((gp, "gp", "direct-care"), (adviser, "adviser", "advice-debt")):
        answers = []
        stranger = house.call("POST", "/api/residents/find", token=token, json=sought).get_json()["resident"]
        for handle in (stranger, find(house, token, STRANGER_NUMBER)):
            before = len(decisions(house))
            body = {
                "subject": {"type": "person", "id": who},
                "action": {"name": "share", "properties": {"purpose": purpose}},
                "resource": {"type": "record", "id": handle, "properties": {"sections": [*EVERY, "vaccinations"]}},
            }
            said = post(house, "evaluation", token, json=body).get_json()
            said["context"].pop("decision_id")
            answers.append((said, len(decisions(house)) - before))
        assert answers[0] == answers[1]
        assert (answers[0][0]["decision"], answers[0][1]) == (False, 1)
