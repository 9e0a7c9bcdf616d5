"""A trace is what the rules themselves said: every document of it is there, and near misses say what is lacking."""

from __future__ import annotations

from typing import Any

import pytest

from broker.access import pdp
from broker.access.engines import DECISION
from broker.governance.tracing import DOCUMENTS, Trace, decision_of, in_words, lacks, layer_of, near_misses, trace
from broker.governance.worlds import World, within_reach
from broker.vocabulary import DenialReason, Disclosure, Layer, Section
from tests.policies.world import asked, scenarios, the_bundle


def question_of(name: str) -> dict[str, Any]:
    (scenario,) = [each for each in scenarios()["scenarios"] if each["name"] == name]
    given = asked(scenarios()["base"], scenario)
    return pdp.question(given.request, given.facts)


def traced(name: str) -> Trace:
    bundle = the_bundle()
    (found,) = trace(bundle.modules, [World(question_of(name), bundle.data["sharing"])])
    return found


def test_every_document_of_a_trace_is_one_the_rules_have() -> None:
    found = traced("a role outside the agreement is refused")
    assert found.problems == {}
    assert {name for name, value in found.found.items() if value is None} == set()
    assert DOCUMENTS["result"] == DECISION


def test_a_near_miss_says_exactly_what_is_lacking() -> None:
    (miss,) = near_misses(traced("a role outside the agreement is refused"))
    assert str(miss) == "MG-ADVICE: everything fits but the role."
    assert miss.faults == (DenialReason.ROLE_NOT_IN_AGREEMENT,)
    assert {section for section, _ in miss.pairs} == {Section.HOUSING}


def test_what_an_agreements_own_conditions_refuse_is_said_to_be_theirs() -> None:
    (miss,) = near_misses(traced("an agreement's own condition can refuse"))
    assert "its conditions refuse (outside-place)" in miss.sentence


def test_what_is_permitted_has_no_near_miss() -> None:
    assert near_misses(traced("a GP reads a registered patient's record for their care")) == []


def test_a_refusal_before_agreements_has_no_near_miss() -> None:
    assert near_misses(traced("somebody who no longer works there is refused")) == []


@pytest.mark.parametrize("reason", list(DenialReason))
def test_whatever_an_agreement_lacks_has_words(reason: DenialReason) -> None:
    assert lacks(reason)
    assert lacks(reason, conditioned=True)


def test_only_the_agreements_that_could_matter_are_asked_about() -> None:
    name = "a role outside the agreement is refused"
    bundle = the_bundle()
    whole = World(question_of(name), bundle.data["sharing"])
    fewer = within_reach(whole)
    assert set(fewer.sharing["agreements"]) < set(bundle.data["sharing"]["agreements"])
    one, other = trace(bundle.modules, [whole, fewer])
    assert one.found == other.found


# ---- the decision an answer is ---------------------------------------------------------------------------------------


def test_an_answer_is_read_as_the_decision_it_was() -> None:
    found = traced("a role outside the agreement is refused")
    decision = decision_of(question_of("a role outside the agreement is refused"), found.result)
    assert decision.disclosure is Disclosure(found.result["disclosure"])
    assert {layer_of(pair) for pair in decision.pairs} == {Layer.AGREEMENT}


@pytest.mark.parametrize(
    ("answer", "reason"), [(None, DenialReason.POLICY_UNAVAILABLE), ({"odd": 1}, DenialReason.POLICY_UNCLEAR)]
)
def test_no_answer_refused_everything(answer: Any, reason: DenialReason) -> None:
    decision = decision_of(question_of("a role outside the agreement is refused"), answer)
    assert decision.reasons == (reason,)
    assert decision.pairs
    assert not decision.permitted


@pytest.mark.parametrize("question", [{}, {"request": 5}, {"request": {"pairs": []}}, {"request": {"time": "noon"}}])
def test_an_odd_question_is_read_all_the_same(question: dict[str, Any]) -> None:
    assert not decision_of(question, None).permitted


def test_lists_are_said_as_people_say_them() -> None:
    assert [in_words(each) for each in ([], ["a"], ["a", "b"], ["a", "b", "a", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert in_words(["a", "b"], last="or") == "a or b"
