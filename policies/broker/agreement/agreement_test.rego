package broker.agreement_test

import data.broker.testing

_standing(difference) := found if {
	found := data.broker.agreement.standing with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.chains as {"CARE": object.union(testing.chain, difference)}
}

_stands(difference) if _standing(difference) == {"CARE": set()}

_falls(difference, code) if _standing(difference) == {"CARE": {code}}

test_an_agreement_in_force_stands if _stands({})

test_an_unsigned_agreement_does_not if _falls({"signed": false}, "agreement-not-signed")

test_every_state_but_in_force_is_refused if {
	others := object.keys(data.sharing.vocabulary.states) - {"in-force"}
	every state in others {
		not _stands({"states": [state]})
		not _stands({"states": ["in-force", state]})
		not _falls({"states": [state]}, "no-agreement")
	}
}

test_a_state_nobody_knows_is_refused if _falls({"states": ["asleep"]}, "no-agreement")

test_a_version_that_was_superseded_is_over if _falls({"states": ["superseded"]}, "agreement-expired")

test_an_agreement_begun_this_second if _stands({"from": testing.noon})

test_an_agreement_not_yet_begun if _falls({"from": testing.noon + 1}, "agreement-not-started")

test_an_agreement_over if _falls({"until": testing.noon}, "agreement-expired")

test_an_agreement_without_dates if {
	found := data.broker.agreement.standing with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.chains as {"CARE": object.remove(testing.chain, ["from", "until"])}
	found == {"CARE": {"agreement-not-started", "agreement-expired"}}
}

test_an_agreement_of_no_one_place if _stands({"places": []})

test_another_place if _falls({"places": ["EB"]}, "outside-place")

test_an_agreement_for_two_places_is_for_neither if _falls({"places": ["EB", "MG"]}, "outside-place")

test_another_role if _falls({"roles": {"case-worker": true, "clinician": false}}, "role-not-in-agreement")

test_a_purpose_that_one_above_does_not_name if _falls({"purposes": {"direct-care": false}}, "no-agreement")

test_an_organisation_that_one_above_does_not_name if {
	_falls({"recipients": [{"organisations": {"GP2": true}, "kinds": {}}]}, "no-agreement")
}

test_a_kind_that_one_above_does_not_name if {
	recipients := [{"organisations": {"GP1": true}, "kinds": {}}, {"organisations": {}, "kinds": {}}]
	_falls({"recipients": recipients}, "no-agreement")
}

test_an_agreement_whose_parent_is_gone_is_no_candidate if {
	found := data.broker.agreement.standing with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.chains as {}
	found == {}
}

test_break_glass_is_honoured_at_every_level if {
	emergency := object.union(
		testing.question,
		{"request": {"purpose": "emergency", "break_glass": {"reason": "Collapsed"}}},
	)
	found := data.broker.agreement.standing.CARE with input as emergency
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.chains as {"CARE": object.union(testing.chain, {"break_glass": false})}
	found == {"break-glass-not-permitted"}
}

test_without_an_emergency_break_glass_is_not_asked_for if _stands({"break_glass": false})

test_a_section_that_is_not_agreed if {
	found := data.broker.agreement.section_faults with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.chains as {"CARE": object.union(testing.chain, {"sections": {"problems": false}})}
	found == {["CARE", "problems", "section-not-in-agreement"]}
}

_unreached(sources) := found if {
	found := data.broker.agreement.source_faults with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.chains as {"CARE": object.union(testing.chain, {"sources": sources})}
}

test_a_source_is_reached_by_what_it_is_called if _unreached(testing.chain.sources) == set()

test_or_by_its_kind if _unreached([{"organisations": {}, "kinds": {"gp-practice": true}}]) == set()

test_and_must_be_at_every_level if {
	sources := array.concat(testing.chain.sources, [{"organisations": {}, "kinds": {"hospice": true}}])
	_unreached(sources) == {["CARE", "gp", "source-not-in-agreement"]}
}

test_a_source_that_says_nothing_of_itself_is_not_reached if {
	unsaid := json.patch(testing.question, [{"op": "replace", "path": "/request/sources/gp", "value": {}}])
	found := data.broker.agreement.source_faults with input as unsaid
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.chains as testing.chains
	found == {["CARE", "gp", "source-not-in-agreement"]}
}

test_permission_is_asked_for_under_an_explicit_agreement if {
	every explicit in [true, null] {
		found := data.broker.agreement.explicit with input as testing.question
			with data.sharing.by_org_purpose as testing.index
			with data.sharing.chains as {"CARE": object.union(testing.chain, {"explicit": explicit})}
		found == {"CARE"}
	}
}

test_and_under_no_other if {
	found := data.broker.agreement.explicit with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.chains as testing.chains
	found == set()
}

test_what_an_agreement_obliges_and_discloses if {
	more := {"obligations": [{"obligation": "review"}], "disclosures": ["never-tell"]}
	duties := data.broker.agreement.obligations with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.chains as {"CARE": object.union(testing.chain, more)}
	duties == {"CARE": [{"obligation": "review"}]}
}

test_an_agreement_that_says_nothing_of_who_or_whence_or_how_it_stands_is_no_candidate if {
	every unsaid in ["recipients", "sources", "states"] {
		_standing({unsaid: []}) == {}
	}
}

# ---- narrowings

_narrowed(document, narrowing) := found if {
	found := data.broker.agreement[document] with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.chains as {"CARE": object.union(testing.chain, {"narrowed_by": {"MG": ["NARROWS"]}})}
		with data.sharing.agreements as {"NARROWS": object.union(testing.narrowing, narrowing)}
}

_closing := {"sections": {"problems": false}}

_closed := {["CARE", "problems", "narrowed-by-place"]}

test_a_narrowing_that_leaves_all_open_changes_nothing if {
	_narrowed("section_faults", {}) == set()
	_narrowed("standing", {}) == {"CARE": set()}
}

test_a_narrowing_closes_a_section if _narrowed("section_faults", _closing) == _closed

test_a_suspended_narrowing_closes_it_still if {
	_narrowed("section_faults", object.union(_closing, {"state": "suspended"})) == _closed
}

test_a_narrowing_that_is_over_does_not if {
	_narrowed("section_faults", object.union(_closing, {"until": testing.noon})) == set()
}

test_nor_one_that_has_not_begun if {
	_narrowed("section_faults", object.union(_closing, {"from": testing.noon + 1})) == set()
}

test_nor_one_that_was_never_agreed if {
	_narrowed("section_faults", object.union(_closing, {"state": "draft"})) == set()
}

test_a_narrowing_of_another_place_does_not if {
	found := data.broker.agreement.section_faults with input as testing.question
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.chains as {"CARE": object.union(testing.chain, {"narrowed_by": {"EB": ["NARROWS"]}})}
		with data.sharing.agreements as {"NARROWS": object.union(testing.narrowing, _closing)}
	found == set()
}

test_a_narrowing_closes_a_source if {
	found := _narrowed("source_faults", {"sources": {"organisations": {"GP1": false}}})
	found == {["CARE", "gp", "narrowed-by-place"]}
}

test_a_narrowing_leaves_open_a_source_by_its_kind if {
	sources := {"organisations": {"GP1": false}, "kinds": {"gp-practice": true}}
	_narrowed("source_faults", {"sources": sources}) == set()
}

test_a_narrowing_closes_a_role_or_a_purpose if {
	_narrowed("standing", {"roles": {"clinician": false}}) == {"CARE": {"narrowed-by-place"}}
	_narrowed("standing", {"purposes": {"direct-care": false}}) == {"CARE": {"narrowed-by-place"}}
}

test_a_narrowing_closes_a_sensitivity if {
	_narrowed("labels", {"labels": {"hiv": false}}) == {"CARE": {"mental-health"}}
}

test_a_narrowing_asks_for_permission if _narrowed("explicit", {"confidentiality": "explicit"}) == {"CARE"}

test_a_narrowing_discloses_less if {
	_narrowed("disclosures", {"disclosure": "never-tell"}) == {["CARE", "tell"], ["CARE", "never-tell"]}
}

test_a_narrowing_obliges if {
	_narrowed("obligations", {"obligations": [{"obligation": "review"}]}) == {"CARE": [{"obligation": "review"}]}
}

test_a_narrowing_has_its_instants_though_it_does_not_bind if {
	found := _narrowed("instants", {"state": "draft", "from": 1, "until": 2})
	found == {1, 2, testing.chain.from, testing.chain.until}
}

test_a_narrowing_may_forbid_break_glass if {
	emergency := object.union(
		testing.question,
		{"request": {"purpose": "emergency", "break_glass": {"reason": "Collapsed"}}},
	)
	forbidding := {"break_glass": false, "purposes": {"emergency": true}}
	found := data.broker.agreement.standing.CARE with input as emergency
		with data.sharing.by_org_purpose as testing.index
		with data.sharing.chains as {"CARE": object.union(testing.chain, {"narrowed_by": {"MG": ["NARROWS"]}})}
		with data.sharing.agreements as {"NARROWS": object.union(testing.narrowing, forbidding)}
	found == {"break-glass-not-permitted"}
}

# ---- conditions

test_a_narrowing_is_bound_by_its_own_conditions if {
	_narrowed("conditioned", {"conditions": true}) == {["CARE", "NARROWS"]}
	_narrowed("conditioned", {}) == set()
}
