"""One decision, explained to three: each is told what is theirs to know, and every way to be allowed has been tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from broker.access import explain as words
from broker.access import pdp
from broker.access.engines import DECISION
from broker.access.engines.child import Case, evaluate_cases
from broker.errors import EngineUnavailable
from broker.governance import remedies
from broker.governance.explaining import Explanation, explain
from broker.governance.remedies import FOR_REQUESTER, FOR_RESIDENT, Remedy
from broker.governance.worlds import World
from broker.vocabulary import CONCEALABLE, DenialReason, Disclosure, Layer, Role, Section, Sensitivity
from tests.policies.world import asked, scenarios, the_bundle

CONCEALED = [reason for reason in DenialReason if reason.layer in CONCEALABLE | {Layer.LEGAL_BAR}]


@cache
def question_of(name: str) -> dict[str, Any]:
    (scenario,) = [each for each in scenarios()["scenarios"] if each["name"] == name]
    given = asked(scenarios()["base"], scenario)
    return pdp.question(given.request, given.facts)


def answer_to(question: Mapping[str, Any]) -> dict[str, Any]:
    bundle = the_bundle()
    (item,) = evaluate_cases(bundle.modules, [Case(question, bundle.data)], documents=[DECISION])
    answer: dict[str, Any] = item[DECISION]
    return answer


@cache
def explained(name: str) -> Explanation:
    return explain(the_bundle(), question_of(name), answer_to(question_of(name)))


def ways(name: str) -> list[str]:
    return [str(way) for way in explained(name).would_allow]


# ---- what would have made it allowed ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("an organisation that has left is refused", "the organisation comes back"),
        ("somebody who no longer works there is refused", "recorded as working there"),
        ("an IG lead reads no record", "as a clinician, as a social worker or as a care coordinator"),
        ("an emergency needs a stronger sign-in than everyday care", "signs in with a second step"),
        ("an emergency without a reason is refused", "the reason for the emergency is stated"),
        ("a relationship that has ended opens nothing", "a current referral, episode or caseload is recorded"),
        ("a tailored member of the team does not see problems", "a current referral, episode or caseload"),
        ("a role outside the agreement is refused", "a colleague asks as a case worker"),
        ("a role outside the agreement is refused", "MG-ADVICE adds the role social prescribing link worker"),
        ("a section outside the agreement is refused, and the others are not", "MG-ADVICE adds Legal information"),
        (
            "a source outside the agreement is refused, and the others are not",
            "MG-ADVICE adds the source st-brannoc-acute",
        ),
        ("an agreement for another place opens nothing here", "ADVICE-ELSEWHERE covers the place"),
        ("an agreement that not every party has signed opens nothing", "ADVICE-UNSIGNED is signed by every party"),
        ("an agreement that starts tomorrow opens nothing today", "ADVICE-TOMORROW starts"),
        ("a suspended agreement opens nothing", "ADVICE-SUSPENDED is resumed"),
        ("an agreement past its last day opens nothing", "ADVICE-EXPIRED is renewed"),
        ("an agreement under a suspended one opens nothing", "ADVICE-UNDER-SUSPENDED is resumed"),
        ("an agreement cannot open a section that the one above it does not", "adds Housing"),
        ("an agreement's own condition can refuse", "the conditions of ADVICE-CONDITIONED do not refuse"),
        ("a place may close a purpose", "no longer narrows LON-HOSPITALS-FOUR for this purpose and role"),
        ("Marlowe Green keeps family history where it is held", "no longer narrows MG-NEIGHBOURHOOD-TEAMS for Family"),
        ("a charity without an agreement for the purpose is refused", "adds this organisation as a recipient"),
        ("a permission runs out", "the resident gives permission for Housing and Money, debt and benefits"),
    ],
)
def test_an_ig_lead_is_told_what_would_have_made_it_allowed(name: str, expected: str) -> None:
    assert any(expected in way for way in ways(name)), ways(name)


def test_where_no_single_change_would_do_two_together_are_found() -> None:
    (way,) = explained("an administrator reads no record").would_allow
    assert way.remedies == (Remedy.ROLE, Remedy.PERMISSION)
    assert "a case worker, and the resident gives permission for Housing" in str(way)


def test_where_three_things_are_wrong_nothing_is_promised() -> None:
    assert ways("several things wrong with who is asking are all named") == []


@pytest.mark.parametrize(
    "name",
    [
        "a refusal outranks a permission, however new",
        "a withdrawn permission closes the record at once",
        "a resident may refuse everybody one section",
        "an emergency does not lift a refusal",
        "an emergency does not lift a withdrawal",
        "what is stopped of an invitation is closed",
        "a permission that ran out does not hide that an earlier one was withdrawn",
    ],
)
def test_nothing_is_ever_a_way_round_a_residents_refusal_but_their_own_change(name: str) -> None:
    found = explained(name)
    assert found.would_allow == ()
    assert not any(" allowed if " in sentence for sentence in found.for_requester)
    assert any(sentence.endswith("You can share it again.") for sentence in found.for_resident)


def test_an_emergency_is_never_suggested() -> None:
    for name in ("a relationship that has ended opens nothing", "emergency care that nobody declared is refused"):
        assert not any("emergency" in way for way in ways(name))


def test_the_law_is_said_and_never_offered_to_be_changed() -> None:
    found = explained("nothing that the law restricts is opened by a permission")
    for label in Sensitivity:
        if label.in_law:
            assert found.left_out[label.label] == "The law protects it."
    assert found.would_allow == ()


@pytest.mark.parametrize(
    "name",
    [
        "a role outside the agreement is refused",
        "an administrator reads no record",
        "a relationship that has ended opens nothing",
        "an agreement's own condition can refuse",
        "a charity without an agreement for the purpose is refused",
    ],
)
def test_every_way_has_been_tried_and_opens_what_it_says(name: str) -> None:
    bundle, question = the_bundle(), question_of(name)
    for way in explained(name).would_allow:
        world = World(question, bundle.data["sharing"])
        for change in way.changes:
            world = change.make(world)
        (item,) = evaluate_cases(
            bundle.modules, [Case(world.question, {"sharing": world.sharing})], documents=[DECISION]
        )
        permitted = {(row["section"], row["source"]) for row in item[DECISION]["pairs"] if not row["reasons"]}
        assert {(section.value, source) for section, source in way.pairs} <= permitted


def test_a_way_that_the_rules_do_not_confirm_is_not_listed() -> None:
    """With rules that refuse whatever is changed, nothing is offered at all."""
    name = "a role outside the agreement is refused"
    first = answer_to(question_of(name))

    def stubborn(modules: Any, cases: Any, *, documents: Any, **_: Any) -> list[dict[str, Any]]:
        real = evaluate_cases(modules, [Case(question_of(name), the_bundle().data)], documents=documents)
        return real * len(cases)

    found = explain(the_bundle(), question_of(name), first, evaluate=stubborn)
    assert found.would_allow == ()
    assert found.near_misses


# ---- the requester, who may not be told everything -------------------------------------------------------------------


NEVER_TOLD = [
    "a refusal under an agreement that never tells is not told",
    "a relationship that has ended opens nothing",
    "a refusal of who is asking says nothing of the resident's choices",
    "a role outside the agreement is refused",
    "an administrator reads no record",
]


@pytest.mark.parametrize("name", NEVER_TOLD)
def test_what_the_resident_chose_makes_no_difference_to_what_is_told(name: str) -> None:
    """The same question by somebody whom the resident has refused nothing has the same words."""
    question = question_of(name)
    refusing = _with_choices(question, [_deny(question)])
    permitting = _with_choices(question, [])
    assert _hidden(refusing).for_requester == _hidden(permitting).for_requester == _hidden(question).for_requester


def _hidden(question: Mapping[str, Any]) -> Explanation:
    """Explained as under an agreement that never tells."""
    return explain(the_bundle(), question, {**answer_to(question), "disclosure": Disclosure.NEVER.value})


def _with_choices(question: Mapping[str, Any], provisions: list[Any]) -> dict[str, Any]:
    return {**question, "facts": {**question["facts"], "provisions": provisions}}


def _deny(question: Mapping[str, Any]) -> dict[str, Any]:
    any_ = {"organisation": None, "purposes": None, "sections": None, "labels": None}
    when = {"from": question["request"]["time"] - 9, "until": None, "ended": None}
    return {"id": "refusal", "consent": "refusal", "type": "deny", **any_, **when}


@pytest.mark.parametrize("reason", CONCEALED)
def test_a_concealed_reason_leaves_no_word_with_the_requester(reason: DenialReason) -> None:
    found = unasked(reason, disclosure=Disclosure.NEVER)
    said = " ".join(found.for_requester).lower()
    assert found.for_requester == ()
    assert reason.value not in said


def test_a_requester_hears_of_no_agreement_by_name_and_of_no_near_miss() -> None:
    for name in (*NEVER_TOLD, "an agreement's own condition can refuse", "a suspended agreement opens nothing"):
        said = " ".join(explained(name).for_requester)
        assert "ADVICE" not in said
        assert "MG-" not in said
        assert "everything fits" not in said


def test_a_requester_is_only_offered_what_is_theirs_to_do() -> None:
    assert not FOR_REQUESTER & {Remedy.PERMISSION, Remedy.SHARE_AGAIN, Remedy.AGREEMENT_TEXT, Remedy.CONDITION}
    said = explained("a role outside the agreement is refused").for_requester
    assert "It could be allowed if a colleague asks as a case worker." in said


# ---- the resident ----------------------------------------------------------------------------------------------------


def test_a_resident_is_told_what_is_theirs_to_change_where_that_would_be_enough() -> None:
    assert frozenset({Remedy.PERMISSION, Remedy.SHARE_AGAIN}) == FOR_RESIDENT
    said = explained("permission for one section opens that one").for_resident
    assert any(
        "Not shared: Money, debt and benefits." in each and "You can give them permission." in each for each in said
    )


def test_a_resident_is_not_told_that_permission_would_help_where_it_would_not() -> None:
    said = explained("an agreement for another place opens nothing here").for_resident
    assert not any("You can" in each for each in said)


def test_a_resident_hears_what_they_keep_back_in_what_is_shared() -> None:
    said = explained("a resident may keep a sensitivity back from everybody").for_resident
    assert any(each.startswith("Left out, because you keep it back: ") for each in said)


# ---- every reason, and every fault -----------------------------------------------------------------------------------


def unasked(reason: DenialReason, *, disclosure: Disclosure = Disclosure.TELL) -> Explanation:
    """An answer that refuses one section for ``reason``, explained where the rules cannot be asked again."""
    row = {"section": "housing", "source": "a", "reasons": [reason.value], "agreements": [], "withheld_labels": []}
    answer = {"request": "r", "pairs": [row], "reasons": [], "disclosure": disclosure.value}
    question = {"request": {"pairs": [row]}, "subject": {"role": Role.CASE_WORKER.value}}

    def unavailable(*_: Any, **__: Any) -> Any:
        raise EngineUnavailable("the rules were stopped")

    return explain(the_bundle(), question, answer, evaluate=unavailable)


@pytest.mark.parametrize("reason", list(DenialReason))
def test_every_reason_is_explained_in_all_three_registers(reason: DenialReason) -> None:
    found = unasked(reason)
    assert found.problem == "the rules were stopped"
    assert found.for_resident[0].startswith("Not shared: Housing. ")
    (finding,) = found.for_ig_lead
    assert (finding.reason, finding.layer, finding.pairs) == (reason, reason.layer, ((Section.HOUSING, "a"),))
    if reason.layer is Layer.LEGAL_BAR:
        assert found.for_requester == ()
    else:
        (told,) = found.for_requester
        assert told.startswith(f"Housing: {reason.label}")
        assert words.hint(reason) in told


def test_every_row_says_which_layer_refused() -> None:
    layers = {row.section: row.layer for row in explained("permission for one section opens that one").rows}
    assert layers == {Section.HOUSING: None, Section.MONEY: Layer.CHOICES}


def test_an_answer_that_the_rules_no_longer_give_is_noticed() -> None:
    name = "a role outside the agreement is refused"
    other = {**answer_to(question_of(name)), "pairs": []}
    assert explained(name).same
    assert not explain(the_bundle(), question_of(name), other).same


def test_where_no_engine_answered_the_refusal_is_explained_as_ours() -> None:
    found = explain(the_bundle(), question_of("a role outside the agreement is refused"), None)
    assert {finding.reason for finding in found.for_ig_lead} == {DenialReason.POLICY_UNAVAILABLE}
    assert found.same, "there is no answer to be different from"


@pytest.mark.parametrize("question", [{}, {"request": 5}, {"subject": {}}, {"request": {"purpose": "direct-care"}}])
def test_a_question_that_cannot_be_read_is_explained_as_such(question: dict[str, Any]) -> None:
    assert explain(the_bundle(), question, answer_to(question)).problem == "The question cannot be read by the rules."


def test_rules_that_cannot_be_loaded_still_leave_what_the_answer_says() -> None:
    name = "a role outside the agreement is refused"
    broken = replace(the_bundle(), modules={"broker/decision/decision.rego": "package broker.decision\nresult := := 1"})
    found = explain(broken, question_of(name), answer_to(question_of(name)))
    assert found.problem
    assert "expecting expression" in found.problem
    assert found.for_ig_lead


def test_what_is_permitted_needs_no_change() -> None:
    found = explained("a GP reads a registered patient's record for their care")
    assert (found.would_allow, found.near_misses, found.for_requester) == ((), (), ())
    assert all(row.layer is None for row in found.rows)


def test_every_remedy_is_somebodys_to_make() -> None:
    assert frozenset(Remedy) == remedies.FOR_IG_LEAD | FOR_REQUESTER | FOR_RESIDENT
