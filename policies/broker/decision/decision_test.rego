package broker.decision_test

import data.broker.testing

_decided(difference) := found if {
	found := data.broker.decision.result with input as object.union(testing.question, difference)
		with data.sharing.revision as "a revision"
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.agreements as testing.agreements
}

test_the_whole_answer if {
	labels := {label | some label, _ in data.sharing.vocabulary.labels} - {"hiv", "mental-health"}
	_decided({}) == {
		"revision": "a revision",
		"request": "a question",
		"pairs": [{
			"section": "problems",
			"source": "gp",
			"reasons": [],
			"agreements": ["CARE"],
			"withheld_labels": [label | some label in labels],
		}],
		"reasons": [],
		"obligations": [],
		"disclosure": "tell",
		"requestable": false,
		"valid_until": testing.noon + (24 * testing.hour),
	}
}

test_no_question_has_an_answer if {
	found := data.broker.decision.result with input as {} with data.sharing.revision as "a revision"
	found == {
		"revision": "a revision",
		"request": "",
		"pairs": [],
		"reasons": ["policy-unclear"],
		"obligations": [],
		"disclosure": "tell",
		"requestable": false,
		"valid_until": null,
	}
}

test_the_first_layer_that_refuses_is_the_one_that_answers if {
	found := _decided({"subject": {"member": false}, "facts": {"relationships": [], "provisions": [testing.deny]}})
	found.pairs[0].reasons == ["not-a-member"]
}

test_a_refusal_relies_on_no_agreement_and_withholds_every_sensitivity if {
	found := _decided({"facts": {"provisions": [testing.deny]}})
	found.pairs[0].reasons == ["consent-withheld"]
	found.pairs[0].agreements == []
	count(found.pairs[0].withheld_labels) == count(data.sharing.vocabulary.labels)
}

test_break_glass_is_always_told_and_reviewed if {
	emergency := {"purpose": "emergency", "break_glass": {"reason": "Collapsed"}}
	found := _decided({"request": emergency, "facts": {"relationships": []}})
	found.pairs[0].agreements == ["CARE"]
	{duty.obligation | some duty in found.obligations} == {"notify-privacy-officer", "notify-resident", "review"}
	found.valid_until == testing.noon + testing.hour
}

test_break_glass_never_lifts_a_refusal if {
	emergency := {"purpose": "emergency", "break_glass": {"reason": "Collapsed"}}
	found := _decided({"request": emergency, "facts": {"provisions": [testing.deny]}})
	found.pairs[0].reasons == ["consent-withheld"]
	found.obligations == []
}
