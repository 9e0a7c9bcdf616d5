package broker.agreement_test

import data.broker.testing

_standing(care, london) := found if {
	found := data.broker.agreement.standing.CARE with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.agreements as {
			"CARE": object.union(testing.agreement, care),
			"LONDON": object.union(testing.london, london),
		}
}

test_an_agreement_in_force_stands if _standing({}, {}) == set()

test_an_unsigned_agreement_does_not if _standing({"signed": false}, {}) == {"agreement-not-signed"}

test_nor_one_under_an_unsigned_one if _standing({}, {"signed": false}) == {"agreement-not-signed"}

test_every_state_but_in_force_is_refused if {
	others := {state | some state, _ in data.sharing.vocabulary.states} - {"in-force"}
	every state in others {
		count(_standing({"state": state}, {})) > 0
		count(_standing({}, {"state": state})) > 0
	}
}

test_a_state_nobody_knows_is_refused if _standing({"state": "asleep"}, {}) == {"no-agreement"}

test_an_agreement_not_yet_begun if _standing({"from": testing.noon + 1}, {}) == {"agreement-not-started"}

test_an_agreement_over if _standing({"until": testing.noon}, {}) == {"agreement-expired"}

test_an_agreement_without_dates if {
	undated := {"CARE": object.remove(testing.agreement, ["from", "until"]), "LONDON": testing.london}
	found := data.broker.agreement.standing.CARE with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.agreements as undated
	found == {"agreement-not-started", "agreement-expired"}
}

test_another_place if _standing({"place": "EB"}, {}) == {"outside-place"}

test_another_role if _standing({}, {"roles": {"case-worker": false, "clinician": false}}) == {"role-not-in-agreement"}

test_a_kind_the_agreement_above_does_not_name if {
	_standing({}, {"recipients": {"kinds": {"gp-practice": false}}}) == {"no-agreement"}
}

test_break_glass_is_honoured_at_every_level if {
	emergency := object.union(
		testing.question,
		{"request": {"purpose": "emergency", "break_glass": {"reason": "Collapsed"}}},
	)
	found := data.broker.agreement.standing.CARE with input as emergency
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.agreements as {
			"CARE": testing.agreement,
			"LONDON": object.union(testing.london, {"break_glass": false}),
		}
	found == {"break-glass-not-permitted"}
}

test_an_agreement_whose_parent_is_gone_is_no_candidate if {
	found := data.broker.agreement.standing with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.agreements as {"CARE": testing.agreement}
	found == {}
}

test_a_condition_refuses if {
	_standing({}, {}) == {"outside-place"} with data.conditions.CARE.deny as {"outside-place"}
}

test_labels_are_what_every_level_opens if {
	found := data.broker.agreement.labels.CARE with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.agreements as {
			"CARE": testing.agreement,
			"LONDON": json.patch(testing.london, [{"op": "remove", "path": "/labels/hiv"}]),
		}
	found == {"mental-health"}
}

_narrowed(narrowing) := object.union(testing.agreements, {
	"CARE": object.union(testing.agreement, {"narrowed_by": {"MG": ["NARROWS"]}}),
	"NARROWS": json.patch(
		object.union(testing.agreement, narrowing),
		[{"op": "remove", "path": "/sections/problems"}],
	),
})

test_a_narrowing_closes_a_section if {
	found := data.broker.agreement.section_faults.problems.CARE with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.agreements as _narrowed({})
	found == {"narrowed-by-place"}
}

test_a_suspended_narrowing_closes_it_still if {
	found := data.broker.agreement.section_faults.problems.CARE with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.agreements as _narrowed({"state": "suspended"})
	found == {"narrowed-by-place"}
}

test_a_narrowing_that_is_over_does_not if {
	found := data.broker.agreement.section_faults.problems.CARE with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.agreements as _narrowed({"until": testing.noon})
	found == set()
}

test_a_narrowing_of_another_place_does_not if {
	elsewhere := object.union(testing.question, {"resident": {"place": "EB"}})
	found := data.broker.agreement.section_faults.problems.CARE with input as elsewhere
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.agreements as _narrowed({})
	found == set()
}
