package broker.legal_bar_test

test_exactly_what_the_law_restricts_is_barred if {
	data.broker.legal_bar.labels == {"assisted-fertilisation", "gender-recognition"}
}

test_a_sensitivity_the_law_leaves_to_others_is_not_barred if {
	not "mental-health" in data.broker.legal_bar.labels
}
