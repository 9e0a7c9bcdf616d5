package broker.decision_test

import data.broker.testing

_decided(difference) := found if {
	found := data.broker.decision.result with input as object.union(testing.question, difference)
		with data.sharing.revision as "a revision"
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.chains as testing.chains
}

test_the_whole_answer if {
	labels := object.keys(data.sharing.vocabulary.labels) - {"hiv", "mental-health"}
	_decided({}) == {
		"revision": "a revision",
		"request": "a question",
		"pairs": [{
			"section": "problems",
			"source": "gp",
			"reasons": set(),
			"agreements": {"CARE"},
			"withheld_labels": labels,
		}],
		"reasons": set(),
		"obligations": set(),
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
		"reasons": {"policy-unclear"},
		"obligations": set(),
		"disclosure": "tell",
		"requestable": false,
		"valid_until": null,
	}
}

test_ones_own_record_is_decided_by_its_own_rules if {
	me := {"organisation": "", "kind": "", "active": false, "member": false, "person": null, "assurance": 3}
	asker := object.union(me, {"role": "resident", "resident": "a-resident", "acting": null})
	own := {"subject": asker, "request": {"purpose": "own-record"}, "facts": {"relationships": []}}
	_decided(own) == {
		"revision": "a revision",
		"request": "a question",
		"pairs": [{
			"section": "problems",
			"source": "gp",
			"reasons": set(),
			"agreements": [],
			"withheld_labels": {"gender-recognition", "assisted-fertilisation", "third-party", "safeguarding"},
		}],
		"reasons": set(),
		"obligations": set(),
		"disclosure": "never-tell",
		"requestable": false,
		"valid_until": null,
	}
	_decided(object.union(own, {"subject": {"resident": "a-neighbour"}})).reasons == {"not-own-record"}
}

test_what_somebody_acts_by_bounds_the_answer if {
	me := {"organisation": "", "kind": "", "active": false, "member": false, "person": null, "assurance": 3}
	acting := {"proxy": "a-proxy", "basis": "consent", "sections": ["problems"], "until": testing.noon + testing.hour}
	asker := object.union(me, {"role": "proxy", "resident": "a-carer", "acting": acting})
	own := {"subject": asker, "request": {"purpose": "own-record"}, "facts": {"relationships": []}}
	_decided(own).valid_until == testing.noon + testing.hour
}

test_the_first_layer_that_refuses_is_the_one_that_answers if {
	found := _decided({"subject": {"member": false}, "facts": {"relationships": [], "provisions": [testing.deny]}})
	found.pairs[0].reasons == {"not-a-member"}
}

test_a_refusal_relies_on_no_agreement_and_withholds_every_sensitivity if {
	found := _decided({"facts": {"provisions": [testing.deny]}})
	found.pairs[0].reasons == {"consent-withheld"}
	found.pairs[0].agreements == set()
	count(found.pairs[0].withheld_labels) == count(data.sharing.vocabulary.labels)
}

test_break_glass_is_always_told_and_reviewed if {
	emergency := {"purpose": "emergency", "break_glass": {"reason": "Collapsed"}}
	found := _decided({"request": emergency, "facts": {"relationships": []}})
	found.pairs[0].agreements == {"CARE"}
	{duty.obligation | some duty in found.obligations} == {"notify-privacy-officer", "notify-resident", "review"}
	found.valid_until == testing.noon + testing.hour
}

test_break_glass_never_lifts_a_refusal if {
	emergency := {"purpose": "emergency", "break_glass": {"reason": "Collapsed"}}
	found := _decided({"request": emergency, "facts": {"provisions": [testing.deny]}})
	found.pairs[0].reasons == {"consent-withheld"}
	found.obligations == set()
}

# ---- each layer, as it answers

_row(difference) := found if {
	found := _decided(difference).pairs[0]
}

# As ``_row``, where the agreement is otherwise.
_under(chain, difference) := found if {
	found := data.broker.decision.result with input as object.union(testing.question, difference)
		with data.sharing.revision as "a revision"
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.chains as {"CARE": object.union(testing.chain, chain)}
}

test_a_bundle_without_a_revision_answers_with_none if {
	without := object.remove(data.sharing, {"revision"})
	found := data.broker.decision.result with input as testing.question with data.sharing as without
	found.revision == ""
}

test_no_relationship_refuses_the_whole_request if {
	found := _decided({"facts": {"relationships": []}})
	found.reasons == {"no-relationship"}
	found.pairs[0].reasons == {"no-relationship"}
}

test_asking_could_help_where_only_a_relationship_is_missing if {
	_decided({"facts": {"relationships": []}}).requestable == true
	_under({"signed": false}, {"facts": {"relationships": []}}).requestable == false
	_under({"sections": {"problems": false}}, {"facts": {"relationships": []}}).requestable == false
}

test_no_agreement_refuses_the_whole_request if {
	found := data.broker.decision.result with input as testing.question with data.sharing.by_org_purpose as {}
	found.reasons == {"no-agreement"}
	found.requestable == false
}

test_a_section_beyond_the_tier if {
	member := object.union(testing.relationship, {"kind": "neighbourhood-team", "tier": "tailored"})
	_row({"facts": {"relationships": [member]}}).reasons == {"beyond-tier"}
}

test_the_layer_before_answers_for_a_section_too if {
	member := object.union(testing.relationship, {"kind": "neighbourhood-team", "tier": "tailored"})
	asked := {"sections": ["horoscope"], "pairs": [{"section": "horoscope", "source": "gp"}]}
	found := _row({"request": asked, "facts": {"relationships": [member]}})
	found.reasons == {"section-unknown", "section-not-for-purpose"}
}

test_a_section_no_agreement_opens if {
	found := _under({"sections": {"problems": false}}, {})
	found.pairs[0].reasons == {"section-not-in-agreement"}
	found.disclosure == "tell"
}

test_the_reasons_are_those_of_the_agreement_that_comes_nearest if {
	near := object.union(testing.chain, {"signed": false})
	far := object.union(testing.chain, {"signed": false, "places": ["EB"]})
	found := data.broker.decision.result with input as testing.question
		with data.sharing.by_org_purpose as {"GP1": {"direct-care": {"NEAR": true, "FAR": true}}}
		with data.sharing.chains as {"NEAR": near, "FAR": far}
	found.pairs[0].reasons == {"agreement-not-signed"}
}

test_permission_that_is_missing_refuses_and_could_be_asked_for if {
	found := _under({"explicit": true}, {})
	found.pairs[0].reasons == {"consent-needed"}
	found.requestable == true
}

test_permission_on_file_permits if {
	found := _under({"explicit": true}, {"facts": {"provisions": [testing.permit]}})
	found.pairs[0].agreements == {"CARE"}
	found.requestable == false
}

test_an_invitation_alone_needs_permission_under_every_agreement if {
	invited := object.union(testing.relationship, {"kind": "invited"})
	_row({"facts": {"relationships": [invited]}}).reasons == {"consent-needed"}
	_row({"facts": {"relationships": [invited], "provisions": [testing.permit]}}).agreements == {"CARE"}
}

test_what_is_neither_permitted_nor_refused_is_refused if {
	every choice in [{}, {"withheld": set()}, {"withheld": set(), "missing": set()}] {
		found := data.broker.decision.result with input as testing.question
			with data.broker.decision._choices as {"problems": choice}
			with data.sharing.by_org_purpose as testing.index
			with data.sharing.chains as testing.chains
		found.pairs[0].reasons == {"policy-unclear"}
		found.pairs[0].agreements == set()
	}
}

test_a_section_nothing_was_decided_of_is_refused if {
	found := data.broker.decision.result with input as testing.question
		with data.broker.decision._verdicts as {}
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.chains as testing.chains
	found.pairs[0].reasons == {"policy-unclear"}
	found.pairs[0].withheld_labels == data.broker.sensitivity.every_label
}

test_what_the_resident_keeps_back_is_left_out if {
	refusal := object.union(testing.deny, {"labels": ["hiv"]})
	found := _row({"facts": {"provisions": [refusal]}})
	found.reasons == set()
	"hiv" in found.withheld_labels
	not "hiv" in _row({}).withheld_labels
}

test_the_strictest_says_whether_it_may_be_told if {
	_under({"disclosures": ["tell"]}, {}).disclosure == "tell"
	_under({"disclosures": ["tell", "tell-clinicians"]}, {}).disclosure == "tell-clinicians"
	_under({"disclosures": ["tell", "tell-clinicians", "never-tell"]}, {}).disclosure == "never-tell"
	_under({"disclosures": ["shout"]}, {}).disclosure == "never-tell"
}

test_what_is_relied_on_obliges if {
	found := _under({"obligations": [{"obligation": "erase-after", "days": 30}]}, {})
	found.obligations == {{"obligation": "erase-after", "days": 30}}
}

test_what_is_refused_obliges_nothing_unless_it_must_look_like_an_empty_record if {
	refusal := {"facts": {"provisions": [testing.deny]}}
	duties := [{"obligation": "review"}]
	_under({"obligations": duties}, refusal).obligations == set()
	_under({"obligations": duties, "disclosures": ["never-tell"]}, refusal).obligations == {{"obligation": "review"}}
}
