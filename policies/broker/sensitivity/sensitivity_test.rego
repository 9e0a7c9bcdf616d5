package broker.sensitivity_test

import data.broker.testing

test_what_an_agreement_opens if {
	found := data.broker.sensitivity.opened with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.agreements as testing.agreements
	found == {"CARE": {"hiv", "mental-health"}}
}

test_no_agreement_opens_what_the_law_restricts if {
	more := {"labels": {"gender-recognition": true}}
	found := data.broker.sensitivity.opened with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.agreements as {
			"CARE": object.union(testing.agreement, more),
			"LONDON": object.union(testing.london, more),
		}
	found == {"CARE": {"hiv", "mental-health"}}
}
