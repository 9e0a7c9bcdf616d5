package broker.condition_test

import data.broker.testing

# An agreement and the one above it, each agreed with conditions.
_chains := {"CARE": object.union(testing.chain, {"conditions": ["CARE", "LONDON"]})}

_conditions(conditions) := object.union({"CARE": {"deny": set()}, "LONDON": {"deny": set()}}, conditions)

_standing(conditions) := found if {
	found := data.broker.agreement.standing.CARE with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.chains as _chains
		with data.conditions as _conditions(conditions)
}

_obliged(conditions) := found if {
	found := data.broker.agreement.obligations with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.chains as _chains
		with data.conditions as _conditions(conditions)
}

test_conditions_that_refuse_nothing if _standing({}) == set()

test_a_condition_refuses if _standing({"CARE": {"deny": {"outside-place"}}}) == {"outside-place"}

test_so_does_one_of_an_agreement_above if _standing({"LONDON": {"deny": {"outside-place"}}}) == {"outside-place"}

test_nobody_elses_does if _standing({"OTHER": {"deny": {"outside-place"}}}) == set()

test_a_reason_nobody_knows_refuses if _standing({"CARE": {"deny": {"bad-weather"}}}) == {"policy-unclear"}

test_beside_one_that_is_known if {
	_standing({"CARE": {"deny": {"bad-weather", "outside-place"}}}) == {"policy-unclear", "outside-place"}
}

test_what_is_no_reason_at_all_refuses if {
	every denied in [{null}, {false}, {7}, {["outside-place"]}, {{"code": "outside-place"}}] {
		_standing({"CARE": {"deny": denied}}) == {"policy-unclear"}
	}
}

test_a_refusal_that_is_not_a_set_refuses if {
	every denied in [true, false, null, "outside-place", ["outside-place"], {"outside-place": true}] {
		_standing({"CARE": {"deny": denied}}) == {"policy-unclear"}
	}
}

test_conditions_that_are_not_here_refuse if {
	found := data.broker.agreement.standing.CARE with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.chains as _chains
		with data.conditions as {"CARE": {"deny": set()}}
	found == {"policy-unclear"}
}

test_conditions_that_say_nothing_of_refusing_refuse_nothing if {
	_standing({"CARE": {"obligations": {"review"}, "allow": true}}) == set()
}

test_a_condition_obliges if _obliged({"CARE": {"obligations": {"review"}}}) == {"CARE": [{"obligation": "review"}]}

test_so_does_one_above if _obliged({"LONDON": {"obligations": {"review"}}}) == {"CARE": [{"obligation": "review"}]}

test_an_obligation_nobody_knows_refuses_and_is_never_dropped if {
	_standing({"CARE": {"obligations": {"write-in-triplicate"}}}) == {"obligation-unmet"}
	_standing({"LONDON": {"obligations": {"review", "write-in-triplicate"}}}) == {"obligation-unmet"}
}

test_what_is_no_obligation_at_all_refuses if {
	every obliged in [{null}, {["review"]}, {{"obligation": "review"}}] {
		_standing({"CARE": {"obligations": obliged}}) == {"obligation-unmet"}
	}
}

test_obligations_that_are_not_a_set_refuse if {
	every obliged in [true, null, "review", ["review"], {"review": true}] {
		_standing({"CARE": {"obligations": obliged}}) == {"obligation-unmet"}
	}
}

# Whatever a condition says, what an agreement opens is never more than without it.
test_nothing_a_condition_says_opens_anything if {
	every said in ["allow", "permit", "labels", "standing", "sections"] {
		_standing({"CARE": {"deny": {"outside-place"}, said: true}}) == {"outside-place"}
	}
}
