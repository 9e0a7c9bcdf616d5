package broker.question_test

import data.broker.testing

test_a_whole_question_can_be_read if {
	count(data.broker.question.reasons) == 0 with input as testing.question
}

test_no_question_cannot_be_read if {
	data.broker.question.reasons == {"policy-unclear"} with input as {}
}

test_facts_that_are_missing_cannot_be_read if {
	unread := object.remove(testing.question, ["facts"])
	data.broker.question.reasons == {"policy-unclear"} with input as unread
}

test_a_provision_without_a_type_closes_everything if {
	provision := object.remove(testing.permit, ["type"])
	unread := object.union(testing.question, {"facts": {"provisions": [provision]}})
	data.broker.question.reasons == {"policy-unclear"} with input as unread
}

test_a_time_that_is_text_cannot_be_read if {
	unread := object.union(testing.question, {"request": {"time": "2026-11-21T12:00:00Z"}})
	data.broker.question.reasons == {"policy-unclear"} with input as unread
}

test_a_pair_that_was_not_asked_for_cannot_be_read if {
	unread := object.union(testing.question, {"request": {"sections": ["housing"]}})
	data.broker.question.reasons == {"policy-unclear"} with input as unread
}

test_a_source_that_is_not_described_cannot_be_read if {
	pairs := [{"section": "problems", "source": "elsewhere"}]
	unread := object.union(testing.question, {"request": {"pairs": pairs}})
	data.broker.question.reasons == {"policy-unclear"} with input as unread
}

test_a_relationship_without_a_beginning_closes_everything if {
	relationship := object.remove(testing.relationship, ["from"])
	unread := object.union(testing.question, {"facts": {"relationships": [relationship]}})
	data.broker.question.reasons == {"policy-unclear"} with input as unread
}

test_a_pair_that_is_no_pair_cannot_be_read if {
	every pair in ["problems", 3, null, ["problems", "gp"], {"section": "problems"}, {"source": "gp"}] {
		unread := object.union(testing.question, {"request": {"pairs": [pair]}})
		data.broker.question.reasons == {"policy-unclear"} with input as unread
	}
}

test_who_acts_for_whom_can_be_read if {
	acting := {"proxy": "a-proxy", "basis": "consent", "sections": ["problems"], "until": null}
	asker := {"subject": {"resident": "a-carer", "acting": acting}}
	count(data.broker.question.reasons) == 0 with input as object.union(testing.question, asker)
}

test_acting_for_somebody_by_what_cannot_be_read_closes_everything if {
	every acting in ["a-proxy", {}, {"proxy": "a-proxy", "basis": "consent", "sections": null, "until": null}] {
		unread := object.union(testing.question, {"subject": {"acting": acting}})
		data.broker.question.reasons == {"policy-unclear"} with input as unread
	}
}

test_any_part_of_it_that_cannot_be_read_closes_everything if {
	acting := {"proxy": "a-proxy", "basis": "consent", "sections": ["problems"], "until": null}
	every spoilt in [{"proxy": 7}, {"basis": null}, {"sections": "problems"}, {"until": "tomorrow"}] {
		asker := {"subject": {"acting": object.union(acting, spoilt)}}
		data.broker.question.reasons == {"policy-unclear"} with input as object.union(testing.question, asker)
	}
}

test_a_resident_who_is_no_text_closes_everything if {
	unread := object.union(testing.question, {"subject": {"resident": 7}})
	data.broker.question.reasons == {"policy-unclear"} with input as unread
}
