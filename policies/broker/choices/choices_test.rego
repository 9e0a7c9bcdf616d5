package broker.choices_test

import data.broker.testing

_with(provisions) := object.union(testing.question, {"facts": {"provisions": provisions}})

_missing(difference) := found if {
	provision := object.union(testing.permit, difference)
	found := data.broker.choices.missing.problems with input as _with([provision])
}

test_permission_on_file if _missing({}) == set()

test_permission_for_other_sections if _missing({"sections": ["housing"]}) == {"consent-needed"}

test_permission_for_no_section if _missing({"sections": []}) == {"consent-needed"}

test_permission_for_another_purpose if _missing({"purposes": ["emergency"]}) == {"consent-needed"}

test_permission_that_names_nobody if _missing({"organisation": null}) == {"consent-needed"}

test_permission_for_a_sensitivity_alone if _missing({"labels": ["hiv"]}) == {"consent-needed"}

test_permission_withdrawn_this_second if _missing({"ended": testing.noon}) == {"consent-withdrawn"}

test_permission_run_out_this_second if _missing({"until": testing.noon}) == {"consent-expired"}

test_permission_for_another_second if _missing({"until": testing.noon + 1}) == set()

test_a_refusal_withholds if {
	data.broker.choices.withheld == {"problems"} with input as _with([testing.deny])
}

test_a_refusal_of_everybody_withholds if {
	refusal := object.union(testing.deny, {"organisation": null})
	data.broker.choices.withheld == {"problems"} with input as _with([refusal])
}

test_a_refusal_of_nothing_withholds_nothing if {
	refusal := object.union(testing.deny, {"sections": []})
	count(data.broker.choices.withheld) == 0 with input as _with([refusal])
}

test_a_refusal_undone_withholds_nothing if {
	refusal := object.union(testing.deny, {"ended": testing.noon})
	count(data.broker.choices.withheld) == 0 with input as _with([refusal])
}

test_a_refusal_by_sensitivity_leaves_the_section if {
	refusal := object.union(testing.deny, {"labels": ["hiv"]})
	count(data.broker.choices.withheld) == 0 with input as _with([refusal])
	data.broker.choices.withheld_labels.problems == {"hiv"} with input as _with([refusal])
}

test_an_invitation_alone_needs_permission if {
	invited := object.union(testing.relationship, {"kind": "invited"})
	asked := object.union(testing.question, {"facts": {"relationships": [invited]}})
	data.broker.choices.needed == {"problems"} with input as asked
	count(data.broker.choices.needed) == 0 with input as testing.question
}

test_where_the_law_answers_no_refusal_counts if {
	safeguarding := object.union(_with([testing.deny]), {"request": {"purpose": "safeguarding"}})
	count(data.broker.choices.withheld) == 0 with input as safeguarding
}
