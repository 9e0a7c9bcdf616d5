"""The AuthZEN searches: sections, purposes and one's own people, each of which would be permitted; page by page."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import Any

import pytest

from broker.api import authzen_search
from broker.identity.models import Membership, Person
from broker.vocabulary import Purpose, Role, Section
from tests.doors.asking import (
    ADVISER,
    FOR_DEBT,
    HOUSING,
    PROBLEMS,
    QUESTION,
    SYSTEM,
    Ask,
    agreed,
    ask,
    but,
    decisions,
    steadily,
    steady,
    system,
)
from tests.doors.conftest import House
from tests.doors.test_records import find
from tests.people import FOOD_BANK, LONG_AGO, NOON, SURGERY

__all__ = ["agreed", "ask", "steadily", "steady", "system"]  # fixtures

FOR_SECTIONS = {"subject": ADVISER, "action": FOR_DEBT, "resource": but(HOUSING, "id")}
FOR_PURPOSES = {"subject": ADVISER, "resource": HOUSING}
FOR_PEOPLE = {"subject": {"type": "person"}, "action": FOR_DEBT, "resource": HOUSING}
SEARCHES = [("resource", FOR_SECTIONS), ("action", FOR_PURPOSES), ("subject", FOR_PEOPLE)]


@pytest.fixture
def colleagues(house: House) -> list[str]:
    """Four more at the food bank, one an administrator and one who has left; and one more at the surgery."""
    staff = [
        ("amal", FOOD_BANK, Role.CASE_WORKER, None),
        ("bea", FOOD_BANK, Role.CASE_WORKER, None),
        ("cole", FOOD_BANK, Role.ADMINISTRATOR, None),
        ("dee", FOOD_BANK, Role.CASE_WORKER, house.time[0]),
        ("eli", SURGERY, Role.CLINICIAN, None),
    ]
    with house.session() as session:
        for person, organisation, role, until in staff:
            session.add(Person(id=person, name=person.title()))
            session.flush()
            works = {"organisation_code": organisation, "started_at": LONG_AGO, "used_at": NOON, "ended_at": until}
            session.add(Membership(person_id=person, role=role, **works))
        session.commit()
    return ["adviser", "amal", "bea"]


def found(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.get_json()
    return [
        result["properties"]["purpose"] if result.get("name") else result["id"]
        for result in answer.get_json()["results"]
    ]


# ---- what is found -------------------------------------------------------------------------------------------------


def test_the_sections_that_would_be_shared_are_found_by_one_decision(house: House, ask: Ask, agreed: str) -> None:
    answer = ask(FOR_SECTIONS, "search/resource")
    assert found(answer) == ["person-demographics", "housing", "money-and-benefits"]
    (entry,) = decisions(house)
    assert answer.get_json()["context"]["decisions"] == [entry.body["decision"]]
    assert answer.headers["Cache-Control"] == "no-store"


def test_before_ada_agrees_nothing_is_found(ask: Ask) -> None:
    for name, body in SEARCHES:
        said = ask(body, f"search/{name}").get_json()
        assert (said["results"], said["page"]["next_token"]) == ([], "")


def test_every_section_found_is_a_yes_and_every_other_a_no(house: House, ask: Ask, agreed: str) -> None:
    results = ask(FOR_SECTIONS, "search/resource").get_json()["results"]
    assert all(ask(but(QUESTION, "resource", result)).get_json()["decision"] for result in results)
    others = {section.value for section in Section} - {result["id"] for result in results}
    each = [{"resource": {**HOUSING, "id": section}} for section in sorted(others)]
    said = ask({**QUESTION, "evaluations": each}, "evaluations").get_json()["evaluations"]
    assert {answer["decision"] for answer in said} == {False}


def test_every_purpose_found_is_a_yes_and_every_other_a_no(ask: Ask, agreed: str) -> None:
    results = ask(FOR_PURPOSES, "search/action").get_json()["results"]
    assert results == [FOR_DEBT]
    for purpose in Purpose:
        said = ask(but(QUESTION, "action.properties.purpose", purpose.value)).get_json()
        assert said["decision"] is (purpose is Purpose.ADVICE_DEBT)


def test_ones_own_people_who_would_be_given_it_are_found_and_nobody_elses(
    ask: Ask, agreed: str, system: str, colleagues: list[str]
) -> None:
    answer = ask(FOR_PEOPLE, "search/subject", token=system)
    assert found(answer) == colleagues
    for result in answer.get_json()["results"]:
        assert ask(but(QUESTION, "subject", result), token=system).get_json()["decision"] is True
    for other in ("cole", "dee", "eli", "gp"):
        assert ask(but(QUESTION, "subject.id", other), token=system).get_json()["decision"] is False


def test_somebody_in_two_roles_is_found_in_the_one_that_would_do(
    house: House, ask: Ask, agreed: str, system: str
) -> None:
    with house.session() as session:
        works = {"organisation_code": FOOD_BANK, "started_at": LONG_AGO, "used_at": NOON}
        session.add(Membership(person_id="adviser", role=Role.LINK_WORKER, **works))
        session.commit()
    results = ask(FOR_PEOPLE, "search/subject", token=system).get_json()["results"]
    assert results == [{**ADVISER, "properties": {"role": "case-worker"}}]


def test_a_worker_finds_themselves_and_a_system_itself(
    ask: Ask, agreed: str, system: str, colleagues: list[str]
) -> None:
    assert found(ask(FOR_PEOPLE, "search/subject")) == ["adviser"]
    systems = but(FOR_PEOPLE, "subject.type", "client")
    assert ask(systems, "search/subject", token=system).get_json()["results"] == [SYSTEM]
    assert found(ask(systems, "search/subject")) == []


def test_the_id_of_what_is_sought_is_ignored(ask: Ask, agreed: str) -> None:
    assert found(ask(but(FOR_SECTIONS, "resource.id", "diary"), "search/resource")) == [
        "person-demographics",
        "housing",
        "money-and-benefits",
    ]
    assert found(ask(but(FOR_PEOPLE, "subject.id", "gp"), "search/subject")) == ["adviser"]
    assert found(ask({**FOR_PURPOSES, "action": {"name": "delete"}}, "search/action")) == ["advice-debt"]


def test_a_context_is_taken_and_unknown_fields_are_ignored(ask: Ask, agreed: str) -> None:
    for name, body in SEARCHES:
        assert found(ask({**body, "context": {"time": "1985-10-26T01:22-07:00"}, "foo": 1}, f"search/{name}"))


NOTHING_THERE = [
    ("resource", but(FOR_SECTIONS, "subject.id", "nobody")),
    ("resource", but(FOR_SECTIONS, "subject.id", "gp")),
    ("resource", but(FOR_SECTIONS, "resource.type", "spaceship")),
    ("resource", but(FOR_SECTIONS, "resource.type", "record")),  # nobody's residents are ever listed
    ("resource", but(FOR_SECTIONS, "resource.properties.resident", "0" * 40)),
    ("resource", but(FOR_SECTIONS, "action.name", "delete")),
    ("action", but(FOR_PURPOSES, "subject.type", "spaceship")),
    ("action", but(FOR_PURPOSES, "resource.id", "diary")),
    ("subject", but(FOR_PEOPLE, "subject.type", "spaceship")),
    ("subject", but(FOR_PEOPLE, "resource.type", "spaceship")),
    ("subject", but(FOR_PEOPLE, "action.properties.purpose", "curiosity")),
    ("subject", but(FOR_PEOPLE, "resource.properties.resident", "0" * 40)),
]


@pytest.mark.parametrize(("name", "body"), NOTHING_THERE)
def test_what_is_not_there_has_no_results_and_is_no_error(steadily: Ask, name: str, body: dict[str, Any]) -> None:
    answer, _ = steadily(body, f"search/{name}")
    assert answer.status_code == 200
    assert answer.get_json()["results"] == []
    assert answer.get_json()["page"] == {"next_token": "", "count": 0}


def test_another_organisations_handle_and_none_are_searched_alike(house: House, ask: Ask, gp: str) -> None:
    for name, body in SEARCHES:
        theirs, none = (
            ask(but(body, "resource.properties.resident", handle), f"search/{name}")
            for handle in (find(house, gp), "f" * 40)
        )
        assert (theirs.status_code, theirs.data) == (none.status_code, none.data)


WRONG = [
    ("subject", but(FOR_PEOPLE, "subject"), "subject"),
    ("subject", but(FOR_PEOPLE, "subject.type"), "subject.type"),
    ("subject", but(FOR_PEOPLE, "action"), "action"),
    ("subject", but(FOR_PEOPLE, "resource"), "resource"),
    ("subject", but(FOR_PEOPLE, "resource.id"), "resource.id"),
    ("resource", but(FOR_SECTIONS, "subject"), "subject"),
    ("resource", but(FOR_SECTIONS, "subject.id"), "subject.id"),
    ("resource", but(FOR_SECTIONS, "action"), "action"),
    ("resource", but(FOR_SECTIONS, "action.name"), "action.name"),
    ("resource", but(FOR_SECTIONS, "resource.type"), "resource.type"),
    ("resource", but(FOR_SECTIONS, "resource.properties"), "resource.properties.resident"),
    ("action", but(FOR_PURPOSES, "subject"), "subject"),
    ("action", but(FOR_PURPOSES, "resource"), "resource"),
    ("action", but(FOR_PURPOSES, "subject.id"), "subject.id"),
    ("action", but(FOR_PURPOSES, "resource.id"), "resource.id"),
    ("subject", {**FOR_PEOPLE, "page": "next"}, "page"),
    ("subject", {**FOR_PEOPLE, "page": {"limit": -1}}, "page.limit"),
    ("subject", {**FOR_PEOPLE, "page": {"limit": "10"}}, "page.limit"),
    ("subject", {**FOR_PEOPLE, "page": {"token": 7}}, "page.token"),
]


@pytest.mark.parametrize(("name", "body", "field"), WRONG)
def test_a_search_that_is_wrongly_said_is_named(steadily: Ask, name: str, body: dict[str, Any], field: str) -> None:
    answer, decided = steadily(body, f"search/{name}")
    assert answer.status_code == 400
    assert answer.get_json()["field"] == field
    assert decided == []


# ---- page by page --------------------------------------------------------------------------------------------------


def every_page(ask: Ask, name: str, body: dict[str, Any], *, limit: int | None, **options: Any) -> list[list[str]]:
    """What is on each page, following the tokens to the end."""
    pages, page = [], {} if limit is None else {"limit": limit}
    while True:
        answer = ask({**body, "page": page}, f"search/{name}", **options)
        pages.append(found(answer))
        said = answer.get_json()["page"]
        assert said["count"] == len(pages[-1])
        if not said["next_token"]:
            return pages
        page = {**page, "token": said["next_token"]}


def test_sections_come_a_page_at_a_time(ask: Ask, agreed: str) -> None:
    assert every_page(ask, "resource", FOR_SECTIONS, limit=2) == [
        ["person-demographics", "housing"],
        ["money-and-benefits"],
    ]
    assert every_page(ask, "resource", FOR_SECTIONS, limit=3) == [
        ["person-demographics", "housing", "money-and-benefits"]
    ]
    said = ask({**FOR_SECTIONS, "page": {"limit": 1}}, "search/resource").get_json()
    assert said["page"]["total"] == 3


def test_people_come_a_page_at_a_time(ask: Ask, agreed: str, system: str, colleagues: list[str]) -> None:
    for limit in (1, 2, 50):
        pages = every_page(ask, "subject", FOR_PEOPLE, limit=limit, token=system)
        assert [person for page in pages for person in page] == colleagues
        assert all(len(page) <= limit for page in pages)


def test_one_page_decides_no_more_than_so_many_and_the_next_goes_on(
    house: House, ask: Ask, agreed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authzen_search, "MOST", 4)
    pages = every_page(ask, "action", FOR_PURPOSES, limit=None)
    assert [purpose for page in pages for purpose in page] == ["advice-debt"]
    assert len(pages) == 3
    assert len(decisions(house)) == sum(not purpose.grouping for purpose in Purpose)


def test_no_results_wanted_is_no_results(ask: Ask, agreed: str) -> None:
    for name, body in SEARCHES:
        said = ask({**body, "page": {"limit": 0}}, f"search/{name}").get_json()
        assert said["results"] == []
        assert said["page"]["next_token"]


def test_a_token_goes_on_whether_or_not_the_limit_is_said_again(ask: Ask, agreed: str) -> None:
    first = ask({**FOR_SECTIONS, "page": {"limit": 2}}, "search/resource").get_json()["page"]["next_token"]
    for page in ({"token": first}, {"token": first, "limit": 2}):
        assert found(ask({**FOR_SECTIONS, "page": page}, "search/resource")) == ["money-and-benefits"]
    assert found(ask({**FOR_SECTIONS, "page": {"token": "", "limit": 1}}, "search/resource")) == ["person-demographics"]


def test_a_token_is_good_for_the_same_question_and_asker_alone(
    house: House, ask: Ask, agreed: str, system: str
) -> None:
    first = ask({**FOR_SECTIONS, "page": {"limit": 2}}, "search/resource").get_json()["page"]["next_token"]
    page = {"token": first, "limit": 2}
    assert ask({**FOR_SECTIONS, "page": page}, "search/resource").status_code == 200
    changed = [
        {**FOR_SECTIONS, "page": {**page, "limit": 3}},
        {**FOR_SECTIONS, "page": {**page, "properties": {"sort": "id"}}},
        {**FOR_SECTIONS, "page": page, "context": {"reason": "Another"}},
        {**but(FOR_SECTIONS, "action.properties.purpose", "advice-housing"), "page": page},
        {**but(FOR_SECTIONS, "resource.properties.resident", "0" * 40), "page": page},
    ]
    answers = [ask(body, "search/resource") for body in changed]
    answers.append(ask({**FOR_SECTIONS, "page": page}, "search/resource", token=system))
    answers.append(ask({**FOR_PURPOSES, "page": page}, "search/action"))
    assert [(answer.status_code, answer.get_json()["code"]) for answer in answers] == [(400, "page-of-another")] * 7


@pytest.mark.parametrize("token", ["x", "AAAA", "é", "A" * 500, "!!!!", "=" * 8])
def test_a_token_that_is_not_ours_is_refused(steadily: Ask, token: str) -> None:
    answer, _ = steadily({**FOR_SECTIONS, "page": {"token": token}}, "search/resource")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "page-token-wrong")


def test_a_token_changed_by_one_letter_is_refused_and_names_no_resident(house: House, ask: Ask, agreed: str) -> None:
    token = ask({**FOR_SECTIONS, "page": {"limit": 1}}, "search/resource").get_json()["page"]["next_token"]
    assert b"ada" not in urlsafe_b64decode(token)
    for place in (0, 20, 60):
        other = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        answer = ask({**FOR_SECTIONS, "page": {"token": other}}, "search/resource")
        assert (answer.status_code, answer.get_json()["code"]) == (400, "page-token-wrong")
    assert PROBLEMS["id"] not in found(ask({**FOR_SECTIONS, "page": {"token": token}}, "search/resource"))
