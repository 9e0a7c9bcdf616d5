"""Many questions at the AuthZEN door: what they share, where they stop, and what is wrong with one of them."""

from __future__ import annotations

from typing import Any

import pytest

from broker.api.authzen_shapes import MOST_EVALUATIONS
from tests.doors.asking import (
    HOUSING,
    MONEY,
    PROBLEMS,
    QUESTION,
    Ask,
    agreed,
    ask,
    but,
    codes,
    decisions,
    steadily,
    steady,
)
from tests.doors.conftest import House

__all__ = ["agreed", "ask", "steadily", "steady"]  # fixtures


def test_many_are_answered_in_order_with_what_they_share_said_once(ask: Ask, agreed: str) -> None:
    body = {**but(QUESTION, "resource"), "evaluations": [{"resource": each} for each in (HOUSING, PROBLEMS, MONEY)]}
    said = ask(body, "evaluations").get_json()
    assert set(said) == {"evaluations"}
    assert [each["decision"] for each in said["evaluations"]] == [True, False, True]


def test_each_may_say_everything_itself(ask: Ask, agreed: str) -> None:
    body = {"evaluations": [QUESTION, but(QUESTION, "resource", PROBLEMS)]}
    assert [each["decision"] for each in ask(body, "evaluations").get_json()["evaluations"]] == [True, False]


def test_its_own_word_replaces_what_is_shared_and_only_what_identifies_is_filled_in(ask: Ask, agreed: str) -> None:
    care = {"name": "share", "properties": {"purpose": "direct-care"}}
    properties = {"resident": "$ada"}
    shared = {**QUESTION, "resource": {"type": "record-section", "properties": properties}}
    own = [
        {"resource": {"id": "housing", "properties": properties}},  # its type is filled in
        {"resource": {"id": "housing"}},  # its properties are not
        {"resource": HOUSING, "action": care},
    ]
    answers = ask({**shared, "evaluations": own}, "evaluations").get_json()["evaluations"]
    assert [each["decision"] for each in answers] == [True, False, False]
    assert answers[1]["context"]["error"]["field"] == "resource.properties.resident"
    assert codes(answers[2]) == {"purpose-not-for-kind"}


def test_a_shared_context_holds_unless_one_has_its_own(house: House, ask: Ask, agreed: str) -> None:
    body = {**QUESTION, "context": {"reason": "Arrears"}, "evaluations": [{}, {"context": {"reason": "Eviction"}}]}
    assert ask(body, "evaluations").status_code == 200
    assert [entry.note for entry in decisions(house)] == ["Eviction", "Arrears"]


@pytest.mark.parametrize(
    ("item", "status", "field"),
    [
        ({}, 400, "resource"),
        ({"resource": "housing"}, 400, "resource"),
        ({"resource": {"type": "record-section"}}, 400, "resource.id"),
        ({"resource": but(HOUSING, "properties")}, 400, "resource.properties.resident"),
        ({"resource": HOUSING, "subject": {"type": "person", "id": "gp"}}, 404, "subject"),
        ({"resource": but(HOUSING, "properties.resident", "0" * 40)}, 404, "resident"),
    ],
)
def test_what_is_wrong_with_one_is_its_own_no_and_the_others_are_answered(
    steadily: Ask, item: dict[str, Any], status: int, field: str
) -> None:
    body = {**but(QUESTION, "resource"), "evaluations": [{"resource": HOUSING}, item, {"resource": MONEY}]}
    answer, _ = steadily(body, "evaluations")
    assert answer.status_code == 200
    first, wrong, last = answer.get_json()["evaluations"]
    assert (first["decision"], wrong["decision"], last["decision"]) == (True, False, True)
    error = wrong["context"]["error"]
    assert (error["status"], error["field"]) == (status, field)
    assert error["message"]


@pytest.mark.parametrize("more", [{}, {"evaluations": []}])
def test_with_none_it_is_one_question(steadily: Ask, more: dict[str, Any]) -> None:
    answer, _ = steadily({**QUESTION, **more}, "evaluations")
    assert answer.status_code == 200
    assert set(answer.get_json()) == {"decision", "context"}
    assert answer.get_json()["decision"] is True
    wrong, _ = steadily({**but(QUESTION, "subject.id"), **more}, "evaluations")
    assert (wrong.status_code, wrong.get_json()["field"]) == (400, "subject.id")


@pytest.mark.parametrize(
    ("semantic", "expected"),
    [
        (None, [True, False, True, False]),
        ("execute_all", [True, False, True, False]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
def test_it_stops_where_it_was_told_to_and_decides_no_more(
    steadily: Ask, semantic: str | None, expected: list[bool]
) -> None:
    each = [{"resource": resource} for resource in (HOUSING, PROBLEMS, MONEY, PROBLEMS)]
    options = {"options": {"evaluations_semantic": semantic, "another_option": "value"}} if semantic else {}
    answer, decided = steadily({**but(QUESTION, "resource"), "evaluations": each, **options}, "evaluations")
    assert [said["decision"] for said in answer.get_json()["evaluations"]] == expected
    assert len(decided) == len(expected)


def test_a_wrong_one_is_a_denial_to_stop_at_and_never_a_permit(ask: Ask, agreed: str) -> None:
    each = [{"resource": "x"}, {"resource": HOUSING}, {"resource": MONEY}]
    for semantic, expected in (("deny_on_first_deny", [False]), ("permit_on_first_permit", [False, True])):
        body = {**but(QUESTION, "resource"), "evaluations": each, "options": {"evaluations_semantic": semantic}}
        answers = ask(body, "evaluations").get_json()["evaluations"]
        assert [answer["decision"] for answer in answers] == expected


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"evaluations": "housing"}, "evaluations"),
        ({"evaluations": {"resource": HOUSING}}, "evaluations"),
        ({"evaluations": ["housing"]}, "evaluations.0"),
        ({"evaluations": [QUESTION], "subject": "adviser"}, "subject"),
        ({"evaluations": [QUESTION], "options": "execute_all"}, "options"),
        ({"evaluations": [QUESTION], "options": {"evaluations_semantic": "sometimes"}}, "evaluations_semantic"),
        ({"evaluations": [QUESTION], "options": {"evaluations_semantic": 7}}, "evaluations_semantic"),
        ({"evaluations": [QUESTION] * (MOST_EVALUATIONS + 1)}, "evaluations"),
    ],
)
def test_a_wrong_whole_is_400_and_nothing_in_it_is_answered(steadily: Ask, change: dict[str, Any], field: str) -> None:
    answer, decided = steadily({**QUESTION, **change}, "evaluations")
    assert answer.status_code == 400
    assert field in answer.get_json()["field"]
    assert decided == []
