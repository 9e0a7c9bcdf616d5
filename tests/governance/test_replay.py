"""Questions asked again are answered as they would be one by one. None of it is a decision, and nothing is released."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from benchmarks.cases import DAY, questions, world
from broker.access.engines import Bundle
from broker.agreements import actions
from broker.agreements.document import write
from broker.errors import EngineUnclear
from broker.governance import replay as replaying
from broker.governance.recorded import decisions
from broker.governance.replay import as_at, draft_bundle, replay
from broker.vocabulary import AuditAction, Purpose, Section
from tests import texts
from tests.doors.conftest import BY, House
from tests.governance.asking import Ask
from tests.people import GP, NOON

AGREEMENTS = 20


def asked_over_time(count: int, *, seed: int) -> list[dict[str, Any]]:
    """Random questions, most of them several times: by others, about others, at other times and in another order."""
    chance = random.Random(seed)
    drawn = list(islice(questions(AGREEMENTS, seed=seed, ordinary=True), count // 6))
    found = []
    for number in range(count):
        question = chance.choice(drawn)
        request, facts = question["request"], question["facts"]
        person = f"worker-{chance.randrange(3)}"
        again = {
            **question,
            "request": {
                **request,
                "id": f"r{number}",
                "time": request["time"] + chance.choice((-DAY, -60, 0, 1, 60, DAY)),
            },
            "resident": {**question["resident"], "id": f"resident-{number}", "age": chance.randint(0, 99)},
            "subject": {**question["subject"], "person": question["subject"]["person"] and person},
            "facts": {
                "relationships": [
                    {**each, "person": {"worker-1": person}.get(each["person"], each["person"]), "source": str(number)}
                    for each in _shuffled(facts["relationships"], chance)
                ],
                "provisions": _shuffled(facts["provisions"], chance),
            },
        }
        found.append(again)
    return found


def _shuffled(some: list[Any], chance: random.Random) -> list[Any]:
    return chance.sample(some, len(some))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_asking_alike_questions_once_changes_no_answer(seed: int) -> None:
    rules, asked = world(AGREEMENTS, seed=seed, tidy=False), asked_over_time(500, seed=seed)
    once, each = replay(rules, asked), replay(rules, asked, alike_once=False)
    assert once.answers == each.answers
    assert once.asked < each.asked == len(asked)


@pytest.mark.slow
def test_it_would_show_if_an_answer_were_kept_a_second_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    rules, asked = world(AGREEMENTS, tidy=False), asked_over_time(500, seed=1)
    right = replay(rules, asked, alike_once=False).answers
    evaluated = replaying._evaluated

    def late(*given: Any) -> Iterator[Any]:
        for answer in evaluated(*given):
            until = answer and answer["valid_until"]
            yield {**answer, "valid_until": until + 1} if answer and until else answer

    monkeypatch.setattr(replaying, "_evaluated", lambda *given: list(late(*given)))
    found = replay(rules, asked).answers
    assert [_without_end(each) for each in found] != [_without_end(each) for each in right]


def _without_end(answer: dict[str, Any] | None) -> dict[str, Any]:
    return {**(answer or {}), "valid_until": None}


def ordinary(count: int) -> list[dict[str, Any]]:
    """One question, of many residents, at one time."""
    question = next(questions(AGREEMENTS, ordinary=True))
    return [
        {
            **question,
            "request": {**question["request"], "id": f"r{n}"},
            "resident": {**question["resident"], "id": f"r{n}"},
        }
        for n in range(count)
    ]


def test_one_question_about_many_residents_is_asked_once_and_each_has_its_own_answer() -> None:
    replayed = replay(world(AGREEMENTS), ordinary(5))
    assert replayed.asked == 1
    assert [answer and answer["request"] for answer in replayed.answers] == [f"r{n}" for n in range(5)]


@pytest.mark.parametrize(
    "reads",
    [
        "input.request.time > 5",
        'input.request["time"] > 5',
        "input.request.id == `r3`",
        "input.resident.id == `r3`",
        "input.subject.person == `r3`",
        "some x in input.facts.relationships; x.source == `r3`",
        "walk(input, [_, `r3`])",
        "data.broker.emergency.ends_at > 5",
    ],
)
def test_where_a_condition_reads_what_is_not_compared_each_is_asked(reads: str) -> None:
    rules = with_condition(reads)
    replayed = replay(rules, ordinary(5))
    assert replayed.asked == 5
    assert replayed.answers == replay(rules, ordinary(5), alike_once=False).answers


@pytest.mark.parametrize(
    ("reads", "differing"),
    [
        ("input.resident.age < 18", "age"),
        ("input.resident.neighbourhood == 18  # and not input.request.time", "neighbourhood"),
    ],
)
def test_what_a_condition_reads_of_residents_is_compared(reads: str, differing: str) -> None:
    rules, asked = with_condition(reads), ordinary(4)
    for number, question in enumerate(asked):
        question["resident"][differing] = 16 + number
    replayed = replay(rules, asked)
    assert replayed.asked == 4
    assert replayed.answers == replay(rules, asked, alike_once=False).answers
    assert replay(world(AGREEMENTS), asked).asked == 1


def with_condition(reads: str) -> Bundle:
    rules = world(AGREEMENTS)
    text = f'package conditions["DSA-00002"]\n\ndeny contains "outside-place" if {{\n\t{reads}\n}}\n'
    return replace(rules, modules={**rules.modules, "conditions/DSA-00002.rego": text})


def test_an_emergency_is_asked_for_each_time_it_was_declared() -> None:
    asked = ordinary(3)
    for number, question in enumerate(asked):
        question["request"] |= {"break_glass": {"reason": "stated"}, "time": question["request"]["time"] + number}
    assert replay(world(AGREEMENTS), asked).asked == 3


def test_rules_that_cannot_be_loaded_are_a_fault_and_no_answer() -> None:
    broken = replace(world(AGREEMENTS), modules={"broker/decision.rego": "package broker.decision\n\nresult := {"})
    with pytest.raises(EngineUnclear):
        replay(broken, ordinary(1))


def test_replaying_leaves_nothing_on_the_trail_and_asks_no_source(house: House, ask: Ask) -> None:
    ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    with house.session() as session:
        found = list(decisions(house.broker, session, by=BY, now=NOON))
        drafted = actions.draft(
            session, write(texts.care(roles=["case-worker"])), author=BY, trail=house.broker.trail, now=NOON
        )
        rules = draft_bundle(house.broker, session, drafted, now=NOON)
        session.commit()
        before = house.broker.trail.head(session).size
        answers = replay(rules, [each.question for each in found]).answers
        assert house.broker.trail.head(session).size == before
    assert answers[0] is not None
    assert answers[0]["pairs"][0]["reasons"] == ["role-not-in-agreement"]
    assert all(not source.asked for source in house.sources.values())


# ---- drafts ----------------------------------------------------------------------------------------------------------


def test_a_draft_stands_in_for_the_version_that_counts_as_if_it_were_signed_and_begun(house: House) -> None:
    later = texts.advice(from_on="2027-01-05", title="Next year's")
    with house.session() as session:
        drafted = actions.draft(session, write(later), author=BY, trail=house.broker.trail, now=NOON)
        entry = draft_bundle(house.broker, session, drafted, now=NOON).data["sharing"]["agreements"]["TB-ADVICE"]
        assert (entry["state"], entry["signed"]) == ("in-force", True)
        assert entry["from"] <= int(NOON.timestamp())
        assert drafted.state.value == "draft"
        assert not drafted.signatures


def test_a_drafts_own_conditions_are_in_it_and_those_it_gave_up_are_not(house: House) -> None:
    condition = 'package conditions["TB-ADVICE"]\n\ndeny contains "outside-place" if input.resident.age < 18\n'
    with house.session() as session:
        written = replace(write(texts.advice()), conditions=condition)
        drafted = actions.draft(session, written, author=BY, trail=house.broker.trail, now=NOON)
        assert "conditions/TB-ADVICE.rego" in draft_bundle(house.broker, session, drafted, now=NOON).modules
        drafted.conditions = None
        assert "conditions/TB-ADVICE.rego" not in draft_bundle(house.broker, session, drafted, now=NOON).modules
        session.rollback()
        assert not house.broker.trail.entries(session, actions=[AuditAction.DECISIONS_READ])


def test_as_it_is_now_an_agreement_has_begun_or_ended_for_good() -> None:
    rules = as_at(world(AGREEMENTS, tidy=False), NOON.replace(year=2027, month=1, day=15))
    asked = next(questions(AGREEMENTS, ordinary=True))
    times = [0, 1, 1_800_000_000, 250_000_000_000]
    answers = replay(
        rules,
        [
            {**asked, "facts": {"relationships": [], "provisions": []}, "request": asked["request"] | {"time": time}}
            for time in times
        ],
    ).answers
    assert len({str(answer and answer["pairs"]) for answer in answers}) == 1
