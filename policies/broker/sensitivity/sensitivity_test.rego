package broker.sensitivity_test

import data.broker.testing

_left_out(relied, labels) := found if {
	every_one := data.broker.sensitivity.left_out with input as testing.question
		with data.broker.decision.relied as {relied}
		with data.broker.agreement.labels as labels
	found := every_one[relied]
}

_all := object.keys(data.sharing.vocabulary.labels)

test_every_sensitivity_there_is if data.broker.sensitivity.every_label == _all

test_what_an_agreement_opens_is_not_left_out if {
	_left_out({"CARE"}, {"CARE": {"hiv"}, "OTHER": {"mental-health"}}) == _all - {"hiv"}
}

test_what_either_of_two_opens_is_not_left_out if {
	_left_out({"CARE", "OTHER"}, {"CARE": {"hiv"}, "OTHER": {"mental-health"}}) == _all - {"hiv", "mental-health"}
}

test_what_the_law_restricts_is_left_out_whatever_was_agreed if {
	_left_out({"CARE"}, {"CARE": {"hiv", "gender-recognition"}}) == _all - {"hiv"}
}

test_under_no_agreement_everything_is_left_out if _left_out(set(), {"CARE": {"hiv"}}) == _all
