"""What holds of every decision, whatever is asked: tried on questions nobody thought of, on every engine."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.access.engines import PolicyEngine
from broker.errors import EngineUnclear
from broker.vocabulary import OrganisationKind, Permission, Purpose, Sensitivity
from tests.policies.questions import JUNK, provisions, questions, spoilt
from tests.policies.world import TICK, the_bundle

PATIENCE = timedelta(seconds=10)
SHARING = the_bundle().data["sharing"]
LABELS = {label.value for label in Sensitivity}
IN_LAW = {label.value for label in Sensitivity if label.in_law}
few = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
many = settings(parent=few, max_examples=300)


def decided(engine: PolicyEngine, question: Mapping[str, Any]) -> Mapping[str, Any]:
    return engine.decide(question, deadline=PATIENCE)


def permitted(answer: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {(row["section"], row["source"]): row for row in answer["pairs"] if not row["reasons"]}


# ---- what always holds ---------------------------------------------------------------------------------------------


@few
@given(question=questions())
def test_every_pair_is_permitted_or_refused_and_never_neither(policy: PolicyEngine, question: dict[str, Any]) -> None:
    answer = decided(policy, question)

    rows = [(row["section"], row["source"]) for row in answer["pairs"]]
    assert rows == sorted((pair["section"], pair["source"]) for pair in question["request"]["pairs"])
    for row in answer["pairs"]:
        assert bool(row["agreements"]) == (not row["reasons"] and not _is_own(question))
        assert set(row["withheld_labels"]) >= (LABELS if row["reasons"] else IN_LAW)
        assert row["reasons"] == sorted(set(row["reasons"]))
        assert set(row["reasons"]) <= SHARING["vocabulary"]["reasons"].keys()
        assert not answer["reasons"] or row["reasons"] == answer["reasons"]


def _is_own(question: Mapping[str, Any]) -> bool:
    """Whether it is one's own record that is asked for, which is under no agreement."""
    return bool(question["request"]["purpose"] == Purpose.OWN_RECORD)


@few
@given(question=questions().filter(lambda question: not _is_own(question)))
def test_a_release_never_exceeds_an_agreement_or_any_above_it(policy: PolicyEngine, question: dict[str, Any]) -> None:
    for (section, source), row in permitted(decided(policy, question)).items():
        described = question["request"]["sources"][source]
        opened: set[str] = set()
        for id in row["agreements"]:
            agreement = SHARING["agreements"][id]
            above = [agreement, *(SHARING["agreements"][parent] for parent in agreement["ancestors"])]
            for each in above:
                assert each["signed"]
                assert each["state"] == "in-force"
                assert each["from"] <= TICK < each["until"]
                assert each["purposes"][question["request"]["purpose"]]
                assert each["sections"][section]
                assert each["roles"][question["subject"]["role"]]
                assert each["place"] in (None, question["resident"]["place"])
                assert described["organisation"] in each["sources"]["organisations"] or (
                    described["kind"] in each["sources"]["kinds"]
                )
            assert agreement["recipients"]["organisations"][question["subject"]["organisation"]]
            opened |= set.intersection(*(set(each["labels"]) for each in above))
        assert LABELS - set(row["withheld_labels"]) <= opened - IN_LAW


@few
@given(question=questions(), data=st.data())
def test_another_refusal_never_permits_more(
    policy: PolicyEngine, question: dict[str, Any], data: st.DataObject
) -> None:
    before = permitted(decided(policy, question))
    refused = copy.deepcopy(question)
    refused["facts"]["provisions"].append(data.draw(provisions(question["subject"]["organisation"], "deny")))

    after = permitted(decided(policy, refused))

    assert after.keys() <= before.keys()
    for pair, row in after.items():
        assert set(row["withheld_labels"]) >= set(before[pair]["withheld_labels"])


@few
@given(question=questions())
def test_what_has_ended_permits_nothing(policy: PolicyEngine, question: dict[str, Any]) -> None:
    """As if every permission had run out and been taken out: the same is permitted."""
    without = copy.deepcopy(question)
    over = [p for p in without["facts"]["provisions"] if _over(p)]
    without["facts"]["provisions"] = [p for p in without["facts"]["provisions"] if not _over(p)]
    withdrawn = any(p["type"] == "permit" and p["ended"] is not None and p["ended"] <= TICK for p in over)

    before, after = permitted(decided(policy, question)), permitted(decided(policy, without))

    # Taking history away may only help where a withdrawal on file kept an emergency out.
    assert before.keys() <= after.keys()
    if not (withdrawn or any(p["type"] == "permit" for p in over)):
        assert before.keys() == after.keys()


def _over(provision: Mapping[str, Any]) -> bool:
    return any(provision[end] is not None and provision[end] <= TICK for end in ("until", "ended"))


@few
@given(question=questions(), code=st.text(max_size=12).filter(lambda code: code not in list(Purpose)))
def test_a_purpose_nobody_knows_permits_nothing(policy: PolicyEngine, question: dict[str, Any], code: str) -> None:
    question["request"]["purpose"] = code

    answer = decided(policy, question)

    assert not permitted(answer)
    assert "purpose-unknown" in answer["reasons"]


@few
@given(question=questions())
def test_break_glass_lifts_a_missing_relationship_or_permission_and_nothing_else(
    policy: PolicyEngine, question: dict[str, Any]
) -> None:
    question["request"] |= {"purpose": "emergency", "break_glass": {"reason": "Collapsed"}}
    question["subject"] |= {"role": "clinician", "assurance": 2}

    answer = decided(policy, question)

    assert not {"no-relationship", "beyond-tier", "consent-needed"} & _all_reasons(answer) or (
        "break-glass-not-permitted" in answer["reasons"]
    )
    opened = permitted(answer)
    if opened:
        assert {"notify-resident", "notify-privacy-officer", "review"} <= {
            d["obligation"] for d in answer["obligations"]
        }
    for section, _ in opened:
        assert section in SHARING["tables"]["break_glass"]["sections"]
        assert not any(_refuses(provision, question, section) for provision in question["facts"]["provisions"])


def _all_reasons(answer: Mapping[str, Any]) -> set[str]:
    return {reason for row in answer["pairs"] for reason in row["reasons"]}


def _refuses(provision: Mapping[str, Any], question: Mapping[str, Any], section: str) -> bool:
    return (
        provision["type"] == "deny"
        and provision["labels"] is None
        and provision["from"] <= TICK
        and not _over(provision)
        and provision["organisation"] in (None, question["subject"]["organisation"])
        and (provision["purposes"] is None or "emergency" in provision["purposes"])
        and (provision["sections"] is None or section in provision["sections"])
    )


@few
@given(question=questions())
def test_an_organisation_that_gives_no_care_needs_permission(policy: PolicyEngine, question: dict[str, Any]) -> None:
    """Except where the law answers instead of the resident."""
    if question["subject"]["kind"] in {kind.value for kind in OrganisationKind if kind.gives_care}:
        return
    if Purpose(question["request"]["purpose"]).permission is Permission.NOT_NEEDED:
        return
    question["facts"]["provisions"] = [p for p in question["facts"]["provisions"] if p["type"] == "deny"]

    assert not permitted(decided(policy, question))


# ---- the two engines -----------------------------------------------------------------------------------------------


@pytest.mark.needs("opa")
@many
@given(question=questions())
def test_both_engines_give_one_decision(embedded: PolicyEngine, opa: PolicyEngine, question: dict[str, Any]) -> None:
    assert decided(embedded, question) == decided(opa, question)


@pytest.mark.needs("opa")
@many
@given(question=spoilt())
def test_a_spoilt_question_is_never_answered_more_freely_by_one_engine(
    embedded: PolicyEngine, opa: PolicyEngine, question: dict[str, Any]
) -> None:
    """The embedded engine may also give up, which refuses; what it does answer, OPA answers too."""
    theirs = decided(opa, question)
    try:
        ours = decided(embedded, question)
    except EngineUnclear:
        return
    assert ours == theirs


@few
@given(question=st.sampled_from(JUNK) | st.dictionaries(st.sampled_from(["request", "subject"]), st.sampled_from(JUNK)))
def test_nonsense_has_an_answer_and_it_is_no(policy: PolicyEngine, question: Any) -> None:
    answer = decided(policy, question)

    assert answer["pairs"] == []
    assert answer["reasons"] == ["policy-unclear"]
    assert not answer["requestable"]
    assert answer["valid_until"] is None
