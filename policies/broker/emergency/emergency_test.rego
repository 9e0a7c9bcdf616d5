package broker.emergency_test

import data.broker.testing

_emergency := object.union(
	testing.question,
	{"request": {"purpose": "emergency", "break_glass": {"reason": "Collapsed"}}},
)

test_everyday_care_declares_nothing if {
	not data.broker.emergency.declared with input as testing.question
	count(data.broker.emergency.lifts) == 0 with input as testing.question
}

test_a_declaration_that_holds_lifts_what_the_table_says if {
	data.broker.emergency.lifts == {"relationship", "consent-needed"} with input as _emergency
}

test_a_declaration_ends_after_its_minutes if {
	an_hour_on := testing.noon + (60 * 60)
	data.broker.emergency.ends_at == an_hour_on with input as _emergency
}

test_a_declaration_without_a_reason_fails if {
	silent := object.union(_emergency, {"request": {"break_glass": {"reason": " "}}})
	data.broker.emergency.reasons == {"break-glass-no-reason"} with input as silent
	count(data.broker.emergency.lifts) == 0 with input as silent
}

test_an_emergency_nobody_declared_fails if {
	silent := object.union(_emergency, {"request": {"break_glass": null}})
	data.broker.emergency.reasons == {"break-glass-no-reason"} with input as silent
}

test_a_declaration_for_another_purpose_fails if {
	declared := object.union(_emergency, {"request": {"purpose": "direct-care"}})
	data.broker.emergency.reasons == {"break-glass-not-permitted"} with input as declared
}

test_a_social_worker_may_not_declare if {
	declared := object.union(_emergency, {"subject": {"role": "social-worker"}})
	data.broker.emergency.reasons == {"break-glass-not-permitted"} with input as declared
}

test_a_charity_may_not_declare if {
	declared := object.union(_emergency, {"subject": {"kind": "vcfse"}})
	data.broker.emergency.reasons == {"break-glass-not-permitted"} with input as declared
}

test_a_weak_sign_in_may_not_declare if {
	declared := object.union(_emergency, {"subject": {"assurance": 1}})
	data.broker.emergency.reasons == {"assurance-too-low"} with input as declared
}

test_who_has_a_review_overdue_may_not_declare if {
	some said in [true, null, "false", 0]
	waiting := object.union(_emergency, {"subject": {"review_overdue": said}})
	data.broker.emergency.reasons == {"break-glass-unreviewed"} with input as waiting
	count(data.broker.emergency.lifts) == 0 with input as waiting
}

test_who_has_none_overdue_may_declare if {
	reviewed := object.union(_emergency, {"subject": {"review_overdue": false}})
	count(data.broker.emergency.reasons) == 0 with input as reviewed
}

test_a_review_overdue_changes_nothing_else if {
	waiting := object.union(testing.question, {"subject": {"review_overdue": true}})
	count(data.broker.emergency.reasons) == 0 with input as waiting
}

test_a_table_cannot_lift_a_refusal_a_withdrawal_or_an_agreement if {
	everything := ["agreement", "consent-withheld", "consent-withdrawn", "legal-bar", "sensitivity", "relationship"]
	data.broker.emergency.lifts == {"relationship"} with input as _emergency
		with data.sharing.tables.break_glass.lifts as everything
}

test_a_table_that_names_no_sections_opens_none if {
	data.broker.emergency.sections == [] with data.sharing.tables.break_glass as {}
}
