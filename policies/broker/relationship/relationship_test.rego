package broker.relationship_test

import data.broker.testing

_with(differences) := object.union(testing.question, {"facts": {"relationships": [relationship |
	some difference in differences
	relationship := object.union(testing.relationship, difference)
]}})

_team := {"kind": "neighbourhood-team", "team": "a-team"}

test_a_current_relationship_opens_every_section if {
	count(data.broker.relationship.reasons) == 0 with input as _with([{}])
	data.broker.relationship.section_reasons == {} with input as _with([{}])
}

test_no_relationship if data.broker.relationship.reasons == {"no-relationship"} with input as _with([])

test_a_relationship_that_is_over if {
	data.broker.relationship.reasons == {"no-relationship"} with input as _with([{"until": testing.noon}])
}

test_a_relationship_that_has_not_begun if {
	data.broker.relationship.reasons == {"no-relationship"} with input as _with([{"from": testing.noon + 1}])
}

test_another_organisations_relationship if {
	data.broker.relationship.reasons == {"no-relationship"} with input as _with([{"organisation": "GP2"}])
}

test_a_colleagues_own_relationship if {
	data.broker.relationship.reasons == {"no-relationship"} with input as _with([{"person": "somebody-else"}])
}

test_a_kind_nobody_knows if {
	data.broker.relationship.reasons == {"no-relationship"} with input as _with([{"kind": "friend"}])
}

test_a_bounded_kind_may_not_be_without_an_end if {
	data.broker.relationship.reasons == {"no-relationship"} with input as _with([{"kind": "gateway-contact"}])
}

test_a_bounded_kind_may_last_as_long_as_it_may if {
	within := {"kind": "gateway-contact", "until": testing.noon + (23 * testing.hour)}
	count(data.broker.relationship.reasons) == 0 with input as _with([within])
}

test_a_tier_opens_its_own_sections if {
	within := object.union(_team, {"tier": "aligned"})
	data.broker.relationship.section_reasons == {} with input as _with([within])
}

test_a_tier_opens_no_others if {
	within := object.union(_team, {"tier": "tailored"})
	data.broker.relationship.section_reasons.problems == {"beyond-tier"} with input as _with([within])
}

test_no_tier_opens_nothing if {
	data.broker.relationship.section_reasons.problems == {"beyond-tier"} with input as _with([_team])
}

_only_invited(differences) := found if {
	found := data.broker.relationship.only_invited with input as _with(differences)
}

_invited := {"kind": "invited"}

test_an_invitation_opens_no_section_of_itself if _only_invited([_invited]) == {"problems"}

test_an_invitation_takes_nothing_from_another_relationship if _only_invited([_invited, {}]) == set()

test_an_invitation_takes_nothing_from_a_tier if {
	within := object.union(_team, {"tier": "aligned"})
	_only_invited([_invited, within]) == set()
}

test_an_invitation_adds_nothing_to_a_tier if {
	within := object.union(_team, {"tier": "tailored"})
	_only_invited([_invited, within]) == {"problems"}
}

test_without_an_invitation_nothing_is_only_invited if _only_invited([_team]) == set()

test_break_glass_lifts_this_layer if {
	request := {"purpose": "emergency", "break_glass": {"reason": "Collapsed"}}
	count(data.broker.relationship.reasons) == 0 with input as object.union(_with([]), {"request": request})
}
