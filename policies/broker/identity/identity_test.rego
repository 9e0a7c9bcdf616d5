package broker.identity_test

import data.broker.testing

_reasons(difference) := found if {
	found := data.broker.identity.reasons with input as object.union(testing.question, difference)
}

test_a_clinician_at_work_is_not_refused if count(_reasons({})) == 0

test_an_unknown_organisation if _reasons({"subject": {"kind": ""}}) == {"organisation-unknown"}

test_an_organisation_that_left if _reasons({"subject": {"active": false}}) == {"organisation-inactive"}

test_somebody_who_left if _reasons({"subject": {"member": false}}) == {"not-a-member"}

test_a_role_that_reads_no_record if _reasons({"subject": {"role": "ig-lead"}}) == {"role-not-permitted"}

test_a_kind_that_reads_no_record if _reasons({"subject": {"kind": "integrator"}}) == {"purpose-not-for-kind"}

test_a_purpose_of_other_kinds if _reasons({"request": {"purpose": "advice-debt"}}) == {"purpose-not-for-kind"}

test_an_unknown_purpose if _reasons({"request": {"purpose": "curiosity"}}) == {"purpose-unknown"}

test_a_weak_sign_in if _reasons({"subject": {"assurance": 0}}) == {"assurance-too-low"}

test_nobody_at_all_is_refused if {
	expected := {"organisation-unknown", "not-a-member", "role-not-permitted", "purpose-unknown"}
	data.broker.identity.reasons == expected with input as {}
}

test_a_section_the_purpose_could_need if {
	data.broker.identity.section_reasons.problems == set() with input as testing.question
}

test_a_section_the_purpose_could_not_need if {
	asked := {"sections": ["money-and-benefits"], "pairs": [{"section": "money-and-benefits", "source": "gp"}]}
	question := object.union(testing.question, {"request": asked})
	found := data.broker.identity.section_reasons with input as question
	found["money-and-benefits"] == {"section-not-for-purpose"}
}
