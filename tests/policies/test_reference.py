"""The policy says what an independent model of policies/README.md says, of everything anybody thought to ask.

``make prove`` compares them a hundred thousand times; here a few hundred.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from benchmarks import cases
from broker.access.engines import PolicyEngine
from broker.access.engines.embedded import EmbeddedEngine
from broker.vocabulary import DenialReason, Layer
from tests.policies import reference
from tests.policies.comparing import Conditions, differences
from tests.policies.questions import owns, questions
from tests.policies.test_decisions import PATIENCE
from tests.policies.world import question_of, scenarios, the_bundle

SHARING = the_bundle().data["sharing"]
SCENARIOS = [scenario for scenario in scenarios()["scenarios"] if "spoil" not in scenario]
AGREEMENTS = 60
OF_OWN = {DenialReason.NOT_OWN_RECORD, DenialReason.BEYOND_PROXY}  # a made-up place has workers alone
OF_LABELS = {DenialReason.RESTRICTED_IN_LAW, DenialReason.SENSITIVE}  # reasons for an entry, never for a pair


@pytest.fixture(scope="module")
def conditions() -> Conditions:
    return Conditions(the_bundle())


def test_every_scenario_is_decided_alike(embedded: PolicyEngine, conditions: Conditions) -> None:
    for scenario in SCENARIOS:
        question = question_of(scenario)
        answer = embedded.decide(question, deadline=PATIENCE)
        model = reference.decide(question, SHARING, conditions.of(question))
        assert list(differences(answer, model)) == [], scenario["name"]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=questions())
def test_every_question_of_the_place_is_decided_alike(
    embedded: PolicyEngine, conditions: Conditions, question: dict[str, Any]
) -> None:
    answer = embedded.decide(question, deadline=PATIENCE)

    assert list(differences(answer, reference.decide(question, SHARING, conditions.of(question)))) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_every_question_of_a_made_up_place_is_decided_alike(seed: int) -> None:
    bundle = cases.world(AGREEMENTS, seed=seed, tidy=seed % 2 == 0)
    engine = EmbeddedEngine()
    engine.load(bundle)
    try:
        for question in islice(cases.questions(AGREEMENTS, seed=seed), 150):
            answer = engine.decide(question, deadline=PATIENCE)
            assert list(differences(answer, reference.decide(question, bundle.data["sharing"]))) == []
    finally:
        engine.close()


@pytest.mark.slow
def test_made_up_questions_are_permitted_often_enough_and_refused_in_every_way() -> None:
    """Otherwise to compare their answers would prove little."""
    found: Counter[str] = Counter()
    for seed in range(1, 9):
        sharing = cases.world(AGREEMENTS, seed=seed, tidy=seed % 2 == 0).data["sharing"]
        for question in islice(cases.questions(AGREEMENTS, seed=seed), 500):
            pairs = reference.decide(question, sharing)["pairs"]
            found["asked"] += 1
            found["permitted"] += any(not pair["reasons"] for pair in pairs)
            found.update({reason for pair in pairs for reason in pair["reasons"]})

    assert found["permitted"] >= 0.15 * found["asked"]
    refusals = {reason for reason in DenialReason if reason.layer is not Layer.ENGINE} - OF_LABELS - OF_OWN
    assert {reason.value for reason in refusals} <= found.keys()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=owns())
def test_every_question_of_ones_own_record_is_decided_alike(embedded: PolicyEngine, question: dict[str, Any]) -> None:
    answer = embedded.decide(question, deadline=PATIENCE)

    assert list(differences(answer, reference.decide(question, SHARING))) == []


def test_the_comparison_sees_a_difference_in_any_field(embedded: PolicyEngine, conditions: Conditions) -> None:
    question = question_of(SCENARIOS[0])
    answer = dict(embedded.decide(question, deadline=PATIENCE))
    pair = answer["pairs"][0]
    changes: list[dict[str, Any]] = [
        {"reasons": ["sensitive"]}, {"obligations": [{"obligation": "review"}]}, {"disclosure": "tell"},
        {"requestable": True}, {"valid_until": 1}, {"revision": "x"}, {"request": "x"}, {"pairs": answer["pairs"][1:]},
        {"pairs": [{**pair, "agreements": []}, *answer["pairs"][1:]]},
        {"pairs": [{**pair, "withheld_labels": []}, *answer["pairs"][1:]]},
    ]  # fmt: skip

    assert list(differences(answer, answer)) == []
    for change in changes:
        assert len(list(differences({**answer, **change}, answer))) == 1, change
