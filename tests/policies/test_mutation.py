"""Every rule of the policy matters: take one out, and something notices. ``make prove`` tries each condition too."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.policies import mutation

RULE = """package broker.small

default open := false

open if {
	input.a == 1 # what "a" is
	not closed
	some b in input.bs
	every c in b { c > 2 }
}

open if {
	names := {n | some n in input.names; n != "x"}
	count(names) > 1
} else := 3

closed contains d if some d in input.ds

plain := {"é": 1}
"""


@pytest.mark.needs("opa")
def test_each_rule_and_condition_has_its_mutants_where_it_is() -> None:
    found = list(mutation.of("small.rego", RULE))

    counted = Counter((mutant.line, mutant.change) for mutant in found)
    assert {line for line, change in counted if change == "rule removed"} == {3, 5, 12, 17, 19}
    assert counted[7, "negation removed"] == counted[7, "condition removed"] == 1
    assert counted[6, "condition negated"] == 1
    assert (8, "condition negated") not in counted  # what a "some" declares is used below
    assert counted[9, "condition removed"] == 2  # the "every", and what it says of each
    assert counted[13, "condition removed"] == 3  # the name, and both parts of the comprehension
    for mutant in found:
        assert mutant.apply(RULE) != RULE
        assert RULE.encode()[mutant.start : mutant.end].decode() == mutant.was


@pytest.mark.needs("opa")
def test_a_negated_condition_and_a_removed_one_read_as_they_should() -> None:
    changed = {mutant.change: mutant.apply(RULE) for mutant in mutation.of("small.rego", RULE) if mutant.line in (6, 7)}

    assert "\tnot input.a == 1 # what" in changed["condition negated"]
    assert "\tclosed\n" in changed["negation removed"]
    assert "\ttrue\n\tsome b" in changed["condition removed"]


@pytest.mark.needs("opa")
def test_the_policy_as_it_is_survives() -> None:
    """Otherwise every mutant would seem to be noticed."""
    assert all(mutation.survives(mutation.untouched(module)) for module in list(mutation.policy())[:1])


@pytest.mark.slow
@pytest.mark.needs("opa")
@pytest.mark.timeout(600)
def test_no_rule_can_be_taken_out_unnoticed() -> None:
    # What reads FHIR Consents has as many rules as all the others, and slow tests: `make prove` takes those out too.
    decides = [mutant for mutant in mutation.every() if "fhir_consent" not in mutant.module]
    removed = [mutant for mutant in decides if mutant.change == "rule removed"]

    alive = [str(mutant) for mutant in removed if mutation.survives(mutant) and mutant.key not in mutation.EQUIVALENT]

    assert len(removed) > 100
    assert alive == []


@pytest.mark.needs("opa")
def test_what_is_said_to_change_nothing_is_there_and_has_its_reason() -> None:
    keys = {mutant.key for mutant in mutation.every()}

    assert mutation.EQUIVALENT.keys() <= keys
    assert all(reason.endswith(".") for reason in mutation.EQUIVALENT.values())
