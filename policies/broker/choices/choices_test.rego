package broker.choices_test

import data.broker.testing

_with(provisions) := object.union(testing.question, {"facts": {"provisions": provisions}})

_all_missing(question) := found if {
	found := data.broker.choices.missing with input as question
}

_missing(difference) := found if {
	provision := object.union(testing.permit, difference)
	found := object.get(_all_missing(_with([provision])), "problems", set())
}

test_permission_on_file if _missing({}) == set()

test_permission_for_other_sections if _missing({"sections": ["housing"]}) == {"consent-needed"}

test_permission_for_no_section if _missing({"sections": []}) == {"consent-needed"}

test_permission_for_another_purpose if _missing({"purposes": ["emergency"]}) == {"consent-needed"}

test_permission_for_the_purpose_itself if _missing({"purposes": ["direct-care"]}) == set()

test_permission_for_no_purpose if _missing({"purposes": []}) == {"consent-needed"}

_for(purpose, provision) := object.union(_with([provision]), {"request": {"purpose": purpose}})

test_permission_for_a_wider_purpose if {
	permission := object.union(testing.permit, {"purposes": ["community-services"]})
	every purpose in ["advice-debt", "social-prescribing", "carers-support"] {
		_all_missing(_for(purpose, permission)) == {}
	}
}

test_permission_for_a_narrower_purpose if {
	permission := object.union(testing.permit, {"purposes": ["care-coordination"]})
	data.broker.choices.missing.problems == {"consent-needed"} with input as _for("direct-care", permission)
}

test_permission_for_a_purpose_beside_it if {
	permission := object.union(testing.permit, {"purposes": ["advice-housing"]})
	data.broker.choices.missing.problems == {"consent-needed"} with input as _for("advice-debt", permission)
}

test_permission_for_care_is_none_for_an_emergency if {
	permission := object.union(testing.permit, {"purposes": ["direct-care"]})
	data.broker.choices.missing.problems == {"consent-needed"} with input as _for("emergency", permission)
}

test_a_refusal_of_a_wider_purpose_withholds if {
	refusal := object.union(testing.deny, {"purposes": ["advice"]})
	data.broker.choices.withheld == {"problems"} with input as _for("advice-debt", refusal)
}

test_a_refusal_of_a_narrower_purpose_does_not if {
	refusal := object.union(testing.deny, {"purposes": ["care-coordination"]})
	count(data.broker.choices.withheld) == 0 with input as _for("direct-care", refusal)
}

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

_asking(question, chain) := found if {
	found := data.broker.choices.asking with input as question
		with data.sharing.by_org_purpose as {"GP1": {question.request.purpose: {"CARE": true}}}
		with data.sharing.chains as {"CARE": object.union(testing.chain, chain)}
}

test_care_among_those_who_give_it_asks_for_no_permission if _asking(testing.question, {}) == set()

test_a_purpose_that_needs_permission_asks_for_it if {
	_asking(object.union(testing.question, {"request": {"purpose": "advice-debt"}}), {}) == {"CARE"}
}

test_an_organisation_that_gives_no_care_asks_for_it if {
	_asking(object.union(testing.question, {"subject": {"kind": "vcfse"}}), {}) == {"CARE"}
}

test_an_agreement_that_rests_on_permission_asks_for_it if _asking(testing.question, {"explicit": true}) == {"CARE"}

test_where_the_law_answers_nothing_asks_for_it if {
	safeguarding := {"request": {"purpose": "safeguarding"}, "subject": {"kind": "vcfse"}}
	_asking(object.union(testing.question, safeguarding), {"explicit": true}) == set()
}
