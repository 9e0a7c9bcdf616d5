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

test_a_grouping_is_too_broad_and_that_is_all_that_is_said if {
	groupings := {purpose | some purpose, entry in data.sharing.vocabulary.purposes; entry.grouping}
	groupings == {"advice", "community-services"}
	every purpose in groupings {
		_reasons({"request": {"purpose": purpose}}) == {"purpose-too-broad"}
	}
}

test_a_purpose_that_does_not_say_whether_it_is_a_grouping_is_refused if {
	found := data.broker.identity.reasons with input as testing.question
		with data.sharing.vocabulary.purposes as {"direct-care": {"permission": "implied"}}
	found == {"purpose-too-broad"}
}

test_a_weak_sign_in if _reasons({"subject": {"assurance": 0}}) == {"assurance-too-low"}

test_nobody_at_all_is_refused if {
	expected := {"organisation-unknown", "not-a-member", "role-not-permitted", "purpose-unknown"}
	data.broker.identity.reasons == expected with input as {}
}

test_a_section_the_purpose_could_need if {
	data.broker.identity.section_reasons == {} with input as testing.question
}

test_a_section_the_purpose_could_not_need if {
	asked := {"sections": ["money-and-benefits"], "pairs": [{"section": "money-and-benefits", "source": "gp"}]}
	question := object.union(testing.question, {"request": asked})
	found := data.broker.identity.section_reasons with input as question
	found["money-and-benefits"] == {"section-not-for-purpose"}
}

test_a_section_nobody_has_heard_of if {
	asked := {"sections": ["horoscope"], "pairs": [{"section": "horoscope", "source": "gp"}]}
	question := object.union(testing.question, {"request": asked})
	found := data.broker.identity.section_reasons with input as question
	found.horoscope == {"section-unknown", "section-not-for-purpose"}
}

test_a_section_an_emergency_does_not_open if {
	asked := {
		"purpose": "emergency",
		"break_glass": {"reason": "Collapsed"},
		"sections": ["housing"],
		"pairs": [{"section": "housing", "source": "gp"}],
	}
	question := object.union(testing.question, {"request": asked})
	found := data.broker.identity.section_reasons with input as question
	"break-glass-section" in found.housing
}

test_a_badly_declared_emergency_is_refused_here if {
	_reasons({"request": {"break_glass": {"reason": "Collapsed"}}}) == {"break-glass-not-permitted"}
}
