package broker.own_test

import data.broker.testing

_asked := ["problems", "housing", "safeguarding"]

_me := {
	"organisation": "",
	"kind": "",
	"active": false,
	"role": "resident",
	"person": null,
	"member": false,
	"assurance": 3,
	"resident": "a-resident",
	"acting": null,
}

_acting := {"proxy": "a-proxy", "basis": "consent", "sections": ["problems"], "until": testing.noon + testing.hour}

_another := {"role": "proxy", "resident": "a-carer", "acting": _acting}

_own := object.union(testing.question, {
	"subject": _me,
	"request": {
		"purpose": "own-record",
		"sections": _asked,
		"pairs": [{"section": section, "source": "gp"} | some section in _asked],
	},
	"facts": {"relationships": []},
})

_reasons(difference) := found if {
	found := data.broker.own.reasons with input as object.union(_own, difference)
}

_answers(difference) := found if {
	found := data.broker.own.answers with input as object.union(_own, difference)
}

_withholding(difference) := {
	"subject": _another,
	"facts": {"provisions": [object.union(testing.deny, object.union({"organisation": null}, difference))]},
}

_all := object.keys(data.sharing.vocabulary.labels)

_never_told := {"gender-recognition", "assisted-fertilisation", "third-party", "safeguarding"}

test_a_resident_reads_their_own_record if {
	_reasons({}) == set()
	_answers({}).problems == {"reasons": set(), "withheld_labels": _never_told}
	_answers({}).housing.reasons == set()
}

test_nothing_else_is_decided_here if {
	data.broker.own.asked with input as _own
	not data.broker.own.asked with input as testing.question
	count(data.broker.own.instants) == 0 with input as object.union(testing.question, {"subject": _another})
}

test_another_residents_is_not_ones_own if {
	_reasons({"subject": {"resident": "a-neighbour"}}) == {"not-own-record"}
	_reasons({"subject": {"resident": null}}) == {"not-own-record"}
}

test_somebody_who_does_not_act_opens_nothing_by_what_they_could_act_by if {
	_reasons({"subject": object.union(_me, {"resident": "a-neighbour", "acting": _acting})}) == {"not-own-record"}
}

test_a_worker_never_asks_so if {
	_reasons({"subject": {"role": "clinician"}}) == {"purpose-not-for-kind"}
	_reasons({"subject": {"organisation": "GP1"}}) == {"not-own-record"}
	_reasons({"subject": {"person": "a-clinician"}}) == {"not-own-record"}
	_reasons({"subject": testing.question.subject}) == {"purpose-not-for-kind", "assurance-too-low"}
}

test_a_weak_sign_in if _reasons({"subject": {"assurance": 2}}) == {"assurance-too-low"}

test_a_child_too_young_for_pages_of_their_own if {
	_reasons({"resident": {"age": 12}}) == {"role-not-permitted"}
	_reasons({"resident": {"age": 13}}) == set()
}

test_it_is_no_emergency if {
	_reasons({"request": {"break_glass": {"reason": "Collapsed"}}}) == {"break-glass-not-permitted"}
}

test_a_section_nobody_has_heard_of if {
	unknown := {"sections": ["horoscope"], "pairs": [{"section": "horoscope", "source": "gp"}]}
	_answers({"request": unknown}).horoscope.reasons == {"section-unknown"}
}

test_safeguarding_must_be_judged_first if {
	_answers({}).safeguarding == {"reasons": {"restricted-in-law"}, "withheld_labels": _all}
}

test_a_proxy_reads_what_their_levels_open if {
	found := _answers({"subject": _another})
	_reasons({"subject": _another}) == set()
	found.problems.reasons == set()
	found.housing.reasons == {"beyond-proxy"}
	found.safeguarding.reasons == {"beyond-proxy"}
	"hiv" in found.problems.withheld_labels
	not "mental-health" in found.problems.withheld_labels
}

test_a_proxy_reads_for_a_child if {
	_reasons({"subject": _another, "resident": {"age": 4}}) == set()
}

test_no_level_opens_safeguarding if {
	opened := {"acting": object.union(_acting, {"sections": _asked})}
	found := _answers({"subject": object.union(_another, opened)})
	found.housing.reasons == set()
	found.safeguarding.reasons == {"restricted-in-law"}
}

test_nobody_acts_by_nothing if {
	_reasons({"subject": object.union(_another, {"acting": null})}) == {"not-own-record"}
	_reasons({"subject": object.union(_another, {"resident": null})}) == {"not-own-record"}
	_reasons({"subject": object.union(_me, {"role": "proxy"})}) == {"not-own-record"}
	_answers({"subject": object.union(_another, {"acting": null})}).problems.reasons == {"beyond-proxy"}
}

test_it_holds_until_what_they_act_by_ends if {
	{testing.noon + testing.hour} == data.broker.own.instants with input as object.union(_own, {"subject": _another})
	count(data.broker.own.instants) == 0 with input as _own
}

test_what_is_withheld_from_everyone_is_withheld_from_a_proxy if {
	_answers(_withholding({})).problems.reasons == {"consent-withheld"}
	_answers(_withholding({"sections": ["problems"]})).problems.reasons == {"consent-withheld"}
	_answers(_withholding({"purposes": ["own-record"]})).problems.reasons == {"consent-withheld"}
	_answers(_withholding({"until": testing.noon + 1})).problems.reasons == {"consent-withheld"}
}

test_and_nothing_else_is if {
	every difference in [
		{"organisation": "GP1"},
		{"type": "permit"},
		{"sections": ["housing"]},
		{"sections": []},
		{"purposes": ["direct-care"]},
		{"purposes": []},
		{"until": testing.noon},
		{"ended": testing.noon},
		{"from": testing.noon + 1},
	] {
		_answers(_withholding(difference)).problems.reasons == set()
	}
}

test_a_label_withheld_from_everyone_is_withheld_from_a_proxy if {
	found := _answers(_withholding({"labels": ["mental-health"], "sections": ["problems"]}))
	found.problems.reasons == set()
	"mental-health" in found.problems.withheld_labels
	elsewhere := _answers(_withholding({"labels": ["mental-health"], "sections": ["housing"]}))
	not "mental-health" in elsewhere.problems.withheld_labels
}

test_it_never_binds_the_resident if {
	everything := {"subject": _me}
	found := _answers(object.union(_withholding({"labels": ["hiv"]}), everything))
	_answers(object.union(_withholding({}), everything)).problems.reasons == set()
	not "hiv" in found.problems.withheld_labels
}

test_without_a_table_nothing_is_read if {
	unread := data.broker.own.answers with input as _own with data.sharing.tables.own_record as {}
	unread.problems.withheld_labels == _all
	unlisted := data.broker.own.answers with input as _own with data.sharing.tables.purposes as {}
	unlisted.problems.reasons == {"restricted-in-law"}
	data.broker.own.reasons == {"role-not-permitted"} with input as _own with data.sharing.tables.own_record as {}
}
