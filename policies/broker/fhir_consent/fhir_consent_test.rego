package broker.fhir_consent_test

# The decision vectors (vectors/) say what is decided of whole consents; here each rule shows only its difference.

_consent := {
	"resourceType": "Consent", "id": "c", "status": "active",
	"scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
	"category": [{"coding": [{"system": "k", "code": "INFA"}]}],
	"patient": {"reference": "Patient/1"},
	"policy": [{"uri": "urn:policy"}],
	"provision": {"type": "permit"},
}

_request := {
	"patient": {"reference": "Patient/1"},
	"requester": {"reference": "Practitioner/1"},
	"purpose": [{"system": "p", "code": "TREAT"}],
	"action": [{"coding": [{"system": "a", "code": "access"}]}],
}

_question := {"at": "2026-06-01T10:00:00Z", "request": _request, "consents": [_consent]}

_answer(question) := found if found := data.broker.fhir_consent.result with input as question

_consented(difference) := object.union(_question, {"consents": [object.union(_consent, difference)]})

_given(provision) := object.union(_question, {"consents": [_ruled("c", provision)]})

_ruled(id, provision) := object.union(object.remove(_consent, ["provision"]), {"id": id, "provision": provision})

_decided(question) := _answer(question).decision

_whether(element, value) := _decided(_given({"type": "permit", element: value}))

_judged(provision, item) := _answer(object.union(_given(provision), {"items": [item]})).items[0].decision

_about(element, value, item) := _judged({"type": "permit", element: value}, item)

_why_not(question) := found if {
	answer := _answer(question)
	answer.decision == "deny"
	answer.consents[0].standing == "unreadable"
	found := answer.consents[0].reasons
}

_wrong(element, value) := _why_not(_given({"type": "permit", element: value}))

_missing(element) := _why_not(object.union(_question, {"consents": [object.remove(_consent, [element])]}))

_concept(code) := {"coding": [{"system": "k", "code": code}]}

_recipient := {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]}

_actor(reference) := [{"role": _recipient, "reference": reference}]

_asked_by(requester) := object.union(_given({"type": "permit", "actor": _actor({"reference": "Organization/1"})}), {
	"request": object.union(object.remove(_request, ["requester"]), {"requester": requester}),
})

# ---- the question

test_the_whole_answer if {
	_answer(object.union(_question, {"items": [{"id": "A/1"}, {}]})) == {
		"schema": "fhir-consent-decision/1",
		"decision": "permit",
		"reasons": ["permitted"],
		"decided_by": [{"consent": "c", "path": "provision"}],
		"residuals": [],
		"consents": [{"consent": "c", "standing": "counts", "reasons": []}],
		"items": [
			{
				"item": 0, "id": "A/1", "decision": "permit", "reasons": ["permitted"],
				"decided_by": [{"consent": "c", "path": "provision"}],
			},
			{
				"item": 1, "id": null, "decision": "permit", "reasons": ["permitted"],
				"decided_by": [{"consent": "c", "path": "provision"}],
			},
		],
	}
}

test_no_question if {
	answer := _answer({})
	answer.decision == "deny"
	answer.reasons == [
		"action-missing", "instant-unreadable", "patient-missing", "purpose-missing", "request-unreadable",
		"requester-missing",
	]
	answer.items == []
}

_refused_for(question, code) if {
	answer := _answer(question)
	answer.decision == "deny"
	answer.reasons == [code]
	answer.decided_by == []
}

_without(element) := object.union(
	object.remove(_question, ["request"]),
	{"request": object.remove(_request, [element])},
)

test_a_request_that_does_not_say_enough if {
	_refused_for(_without("requester"), "requester-missing")
	_refused_for(_without("purpose"), "purpose-missing")
	_refused_for(_without("action"), "action-missing")
	_refused_for(object.union(_without("patient"), {"consents": []}), "patient-missing")
}

test_no_purpose if {
	_refused_for(object.union(_question, {"request": {"purpose": []}}), "purpose-missing")
}

test_no_action if _refused_for(object.union(_question, {"request": {"action": "access"}}), "action-missing")

test_no_instant if _refused_for(object.remove(_question, ["at"]), "instant-unreadable")

test_an_instant_that_is_none if _refused_for(object.union(_question, {"at": "noon"}), "instant-unreadable")

test_consents_that_are_no_list if _refused_for(object.union(_question, {"consents": {}}), "request-unreadable")

test_items_that_are_no_list if _refused_for(object.union(_question, {"items": {}}), "request-unreadable")

test_items_that_are_null if _refused_for(object.union(_question, {"items": null}), "request-unreadable")

test_a_request_that_is_text if {
	answer := _answer(object.union(_question, {"request": "please"}))
	"request-unreadable" in answer.reasons
}

test_an_item_that_is_no_object if {
	answer := _answer(object.union(_question, {"items": [{"id": "A/1"}, "A/2"]}))
	answer.reasons == ["request-unreadable"]
	answer.items == [
		{"item": 0, "id": "A/1", "decision": "deny", "reasons": ["request-unreadable"], "decided_by": []},
		{"item": 1, "id": null, "decision": "deny", "reasons": ["request-unreadable"], "decided_by": []},
	]
}

test_a_directory_that_cannot_be_read if {
	every directory in [null, [], {"Organization/1": "XX9"}] {
		_refused_for(object.union(_question, {"directory": directory}), "request-unreadable")
	}
}

test_an_id_that_is_no_text_is_not_told if {
	_answer(object.union(_question, {"items": [{"id": 7}]})).items[0].id == null
}

# ---- reading a consent

test_what_is_no_consent if {
	_why_not(object.union(_question, {"consents": ["Consent/1"]})) == ["not-a-consent"]
	_why_not(_consented({"resourceType": "Contract"})) == ["not-a-consent"]
	_answer(object.union(_question, {"consents": ["Consent/1"]})).consents[0].consent == "#0"
}

test_what_may_change_its_meaning if {
	_why_not(_consented({"modifierExtension": []})) == ["modifier-extension"]
	_why_not(_consented({"implicitRules": "urn:x"})) == ["implicit-rules"]
}

test_a_status_that_cannot_be_read if {
	_why_not(_consented({"status": "on"})) == ["status-unreadable"]
	_missing("status") == ["status-unreadable"]
}

test_a_status_that_does_not_count if {
	every status in ["draft", "proposed", "rejected", "inactive", "entered-in-error"] {
		answer := _answer(_consented({"status": status}))
		answer.decision == "not-applicable"
		answer.reasons == ["nothing-on-file"]
		answer.consents == [{"consent": "c", "standing": "not-active", "reasons": [concat("-", ["status", status])]}]
	}
}

test_what_a_consent_must_have if {
	_missing("patient") == ["patient-unresolvable"]
	_missing("scope") == ["scope-missing"]
	_missing("category") == ["category-missing"]
	_missing("policy") == ["policy-missing"]
	_missing("provision") == ["provision-missing"]
}

test_a_policy_by_its_authority if _decided(_consented({"policy": [{"authority": "urn:board"}]})) == "permit"

test_a_policy_that_says_nothing if {
	_why_not(_consented({"policy": [{"uri": null}]})) == ["policy-missing"]
}

test_a_policy_rule if {
	ruled := object.remove(_consent, ["policy"])
	_decided(object.union(_question, {"consents": [object.union(ruled, {"policyRule": _concept("OPTIN")})]})) == "permit"
	_why_not(object.union(_question, {"consents": [object.union(ruled, {"policyRule": {}})]})) == ["policy-missing"]
}

test_another_person if {
	answer := _answer(_consented({"patient": {"reference": "Patient/2"}}))
	answer.decision == "not-applicable"
	answer.consents[0].standing == "other-patient"
	answer.consents[0].reasons == ["other-patient"]
}

test_another_scope if {
	other := {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "research"}]}
	answer := _answer(_consented({"scope": other}))
	answer.decision == "not-applicable"
	answer.consents[0].standing == "other-scope"
	answer.consents[0].reasons == ["other-scope"]
}

test_two_with_one_id if {
	_why_not(object.union(_question, {"consents": [_consent, _consent]})) == ["id-twice"]
}

test_one_that_cannot_be_read_refuses_beside_one_that_can if {
	answer := _answer(object.union(_question, {"consents": [_consent, _ruled("d", {"type": "maybe"})], "items": [{}]}))
	answer.decision == "deny"
	answer.reasons == ["consent-unreadable"]
	answer.items[0].decision == "deny"
	answer.items[0].reasons == ["consent-unreadable"]
	[each.standing | some each in answer.consents] == ["counts", "unreadable"]
}

# ---- reading a provision

test_what_a_provision_says_wrongly if {
	_wrong("type", "allow") == ["type-unreadable"]
	_wrong("documentType", []) == ["element-unknown"]
	_wrong("provision", []) == ["provision-unreadable"]
	_wrong("provision", ["deny"]) == ["provision-unreadable"]
	_wrong("period", {}) == ["period-unreadable"]
	_wrong("dataPeriod", "2022") == ["period-unreadable"]
	_wrong("purpose", []) == ["coding-unreadable"]
	_wrong("purpose", {"system": "p", "code": "TREAT"}) == ["coding-unreadable"]
	_wrong("class", ["Observation"]) == ["coding-unreadable"]
	_wrong("securityLabel", [{"system": "s", "code": ""}]) == ["coding-unreadable"]
	_wrong("action", []) == ["coding-unreadable"]
	_wrong("action", "access") == ["coding-unreadable"]
	_wrong("code", [{"text": "Asthma"}]) == ["coding-unreadable"]
	_wrong("actor", []) == ["actor-unreadable"]
	_wrong("actor", ["Practitioner/1"]) == ["actor-unreadable"]
	_wrong("actor", [{"role": _concept("CST"), "reference": {"reference": "Practitioner/1"}}]) == ["actor-role-unknown"]
	_wrong("actor", _actor({"display": "Practitioner one"})) == ["actor-unresolvable"]
	_wrong("actor", _actor({"identifier": {"system": "s", "value": "v"}})) == ["actor-unresolvable"]
	_wrong("data", []) == ["reference-unreadable"]
	_wrong("data", ["A/1"]) == ["reference-unreadable"]
	_wrong("data", [{"meaning": "like", "reference": {"reference": "A/1"}}]) == ["reference-unreadable"]
	_wrong("data", [{"meaning": "instance"}]) == ["reference-unreadable"]
}

test_what_extends_without_changing if {
	_whether("extension", []) == "permit"
	_whether("id", "p1") == "permit"
	_whether("_type", {}) == "permit"
}

test_every_level_is_read_and_none_deeper if {
	levels := [_nested_4, _nested_7]
	every provision in levels { _decided(_given(provision)) == "permit" }
	_why_not(_given({"type": "deny", "provision": [_nested_7]})) == ["nested-too-deep"]
}

_nested_4 := {"type": "deny", "provision": [_nested_3]}

_nested_3 := {"type": "deny", "provision": [{"type": "deny", "provision": [_nested_1]}]}

_nested_1 := {"type": "deny", "provision": [{"type": "permit"}]}

_nested_7 := {"type": "deny", "provision": [{"type": "deny", "provision": [{"type": "deny", "provision": [_nested_4]}]}]}

test_no_type_is_no_permission if {
	answer := _answer(_given({"purpose": [{"system": "p", "code": "TREAT"}]}))
	answer.decision == "deny"
	answer.reasons == ["type-missing"]
	_decided(_given({"purpose": [{"system": "p", "code": "OTHER"}]})) == "not-applicable"
	_decided(_given({"provision": [{"type": "permit"}]})) == "permit"
}

# ---- what a provision is about

test_a_purpose if {
	_whether("purpose", [{"system": "p", "code": "X"}, {"system": "p", "code": "TREAT"}]) == "permit"
	_whether("purpose", [{"system": "q", "code": "TREAT"}]) == "not-applicable"
}

test_an_action if {
	_whether("action", [{"coding": [{"system": "a", "code": "access"}]}]) == "permit"
	_whether("action", [_concept("collect")]) == "not-applicable"
}

test_an_actor if {
	_whether("actor", _actor({"reference": "Practitioner/1/_history/2"})) == "permit"
	_whether("actor", _actor({"reference": "Practitioner/2"})) == "not-applicable"
}

test_an_actor_in_any_of_the_ways_somebody_is_known if {
	_decided(_asked_by({"reference": "Practitioner/1", "organisation": {"reference": "Organization/1"}})) == "permit"
	_decided(_asked_by({"reference": "Practitioner/1", "groups": [{"reference": "Organization/1"}]})) == "permit"
	_decided(_asked_by({"reference": "Practitioner/1"})) == "not-applicable"
}

test_an_actor_by_identifier if {
	ours := [{"system": "s", "value": "v"}]
	asked := object.union(_asked_by({"identifier": ours}), {"directory": {"Organization/1": ours}})
	_decided(asked) == "permit"
	_decided(object.union(asked, {"directory": {"Organization/1": [{"system": "s", "value": "w"}]}})) == "not-applicable"
	contained := object.union(
		_ruled("c", {"type": "permit", "actor": _actor({"reference": "#o"})}),
		{"contained": [{"resourceType": "Organization", "id": "o", "identifier": ours}]},
	)
	_decided(object.union(asked, {"consents": [contained]})) == "permit"
}

test_a_role_that_is_stated if {
	given := _given({"type": "permit", "actor": [{"role": _concept("CST"), "reference": {"reference": "Practitioner/1"}}]})
	stated := {"requester": {"role": {"system": "k", "code": "CST"}}}
	_decided(object.union(given, {"request": stated})) == "permit"
}

test_roles_of_those_who_act_for_somebody if {
	role := {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH"}]}
	_whether("actor", [{"role": role, "reference": {"reference": "Practitioner/1"}}]) == "permit"
}

test_a_class if {
	wanted := [{"system": "t", "code": "Observation"}]
	_about("class", wanted, {"class": wanted}) == "permit"
	_about("class", wanted, {"class": []}) == "not-applicable"
	_about("class", wanted, {}) == "not-applicable"
	_judged({"type": "deny", "class": wanted}, {}) == "deny"
	_judged({"type": "deny", "class": wanted}, {"class": ["Observation"]}) == "deny"
	_judged({"type": "deny", "class": wanted}, {"class": "Observation"}) == "deny"
	_judged({"type": "deny", "class": wanted}, {"class": [{"system": "t", "code": "Other"}]}) == "not-applicable"
}

test_a_code if {
	_about("code", [_concept("1"), _concept("2")], {"codes": [{"system": "k", "code": "2"}]}) == "permit"
	_about("code", [_concept("1")], {"codes": [{"system": "k", "code": "2"}]}) == "not-applicable"
}

test_a_label if {
	label := [{"system": "s", "code": "N"}]
	_about("securityLabel", label, {"labels": label}) == "permit"
	_about("securityLabel", label, {"labels": []}) == "not-applicable"
}

test_a_time_of_the_information if {
	year := {"start": "2022", "end": "2022"}
	_about("dataPeriod", year, {"date": "2022-12-31T23:59:59Z"}) == "permit"
	_about("dataPeriod", year, {"date": "2022"}) == "permit"
	_about("dataPeriod", year, {"date": "2023"}) == "not-applicable"
	_about("dataPeriod", year, {"date": "2021-12-31"}) == "not-applicable"
	_about("dataPeriod", year, {}) == "not-applicable"
	_judged({"type": "deny", "dataPeriod": {"start": "2022-06"}}, {"date": "2022"}) == "deny"
	_judged({"type": "deny", "dataPeriod": {"end": "2022-06"}}, {"date": "2022"}) == "deny"
	_judged({"type": "deny", "dataPeriod": year}, {}) == "deny"
	_judged({"type": "deny", "dataPeriod": year}, {"date": "2023-01-01"}) == "not-applicable"
	_judged({"type": "deny", "dataPeriod": year}, {"date": "2021-12-31"}) == "not-applicable"
}

_pointing(meaning, item) := [_about("data", pointed, item), _judged({"type": "deny", "data": pointed}, item)] if {
	pointed := [{"meaning": meaning, "reference": {"reference": "A/1"}}]
}

_yes := ["permit", "deny"]

_no := ["not-applicable", "not-applicable"]

_perhaps := ["not-applicable", "deny"]

test_one_thing if {
	_pointing("instance", {"id": "A/1"}) == _yes
	_pointing("instance", {"id": "A/2"}) == _no
	_pointing("instance", {}) == _perhaps
}

test_what_is_related_to_one_thing if {
	_pointing("related", {"id": "A/1", "related": []}) == _yes
	_pointing("related", {"id": "A/2", "related": [{"reference": "A/1"}]}) == _yes
	_pointing("related", {"id": "A/2", "related": []}) == _no
	_pointing("related", {"id": "A/2"}) == _perhaps
	_pointing("related", {"related": []}) == _perhaps
}

test_what_depends_on_one_thing if {
	_pointing("dependents", {"id": "A/2", "depends_on": [{"reference": "A/1"}]}) == _yes
	_pointing("dependents", {"id": "A/2", "depends_on": []}) == _no
}

test_what_somebody_wrote if {
	_pointing("authoredby", {"author": [{"reference": "A/1"}]}) == _yes
	_pointing("authoredby", {"author": [{"reference": "A/2"}]}) == _no
	_pointing("authoredby", {"author": [{"display": "A"}]}) == _perhaps
	_pointing("authoredby", {}) == _perhaps
}

test_several_things_are_alternatives if {
	pointed := [
		{"meaning": "instance", "reference": {"reference": "A/1"}},
		{"meaning": "instance", "reference": {"reference": "A/2"}},
	]
	_about("data", pointed, {"id": "A/2"}) == "permit"
	_about("data", pointed, {"id": "A/3"}) == "not-applicable"
}

test_different_elements_are_all_required if {
	label := [{"system": "s", "code": "N"}]
	both := {"type": "permit", "securityLabel": label, "dataPeriod": {"end": "2022"}}
	_judged(both, {"labels": label, "date": "2022"}) == "permit"
	_judged(both, {"labels": [], "date": "2022"}) == "not-applicable"
	_judged(both, {"labels": label, "date": "2023"}) == "not-applicable"
	_judged(both, {"labels": label}) == "not-applicable"
}

# ---- exceptions, and several consents

_restricted := [{"system": "s", "code": "R"}]

_unless_restricted := {"type": "permit", "provision": [{"type": "deny", "securityLabel": _restricted}]}

test_an_exception_decides_instead if {
	_judged(_unless_restricted, {"labels": _restricted}) == "deny"
	_judged(_unless_restricted, {"labels": []}) == "permit"
	_judged(_unless_restricted, {}) == "deny"
}

test_an_exception_holds_only_within_what_it_is_an_exception_to if {
	within := {"type": "deny", "securityLabel": _restricted, "provision": [{"type": "permit"}]}
	_judged(within, {"labels": _restricted}) == "permit"
	_judged(within, {"labels": []}) == "not-applicable"
	_judged(within, {}) == "deny"
	elsewhere := {"type": "deny", "purpose": [{"system": "p", "code": "X"}], "provision": [{"type": "permit"}]}
	_decided(_given(elsewhere)) == "not-applicable"
}

test_a_refusal_outranks_among_exceptions if {
	_decided(_given({"type": "permit", "provision": [{"type": "permit"}, {"type": "deny"}]})) == "deny"
}

test_a_refusal_outranks_among_consents if {
	both := [_ruled("new", {"type": "permit"}), _ruled("old", {"type": "deny", "securityLabel": _restricted})]
	answer := _answer(object.union(_question, {"consents": both, "items": [{"labels": _restricted}, {"labels": []}]}))
	[judged.decision | some judged in answer.items] == ["deny", "permit"]
	answer.items[0].decided_by == [{"consent": "old", "path": "provision"}]
	answer.residuals == [{"type": "forbid", "consent": "old", "path": "provision", "securityLabel": _restricted}]
}

# ---- the decision on the request

test_a_refusal_without_exceptions if {
	answer := _answer(_given({"type": "deny"}))
	answer.decision == "deny"
	answer.reasons == ["refused"]
	answer.decided_by == [{"consent": "c", "path": "provision"}]
	answer.residuals == []
}

test_a_refusal_with_exceptions_permits_those if {
	answer := _answer(_given({"type": "deny", "provision": [{"type": "permit", "securityLabel": _restricted}]}))
	answer.decision == "permit"
	answer.decided_by == [{"consent": "c", "path": "provision.provision[0]"}]
	answer.residuals == [
		{"type": "forbid", "consent": "c", "path": "provision"},
		{"type": "permit", "consent": "c", "path": "provision.provision[0]", "securityLabel": _restricted},
	]
}

test_exceptions_elsewhere_open_nothing if {
	closed := [_ruled("a", {"type": "deny", "provision": [{"type": "permit", "securityLabel": _restricted}]})]
	_decided(object.union(_question, {"consents": array.concat(closed, [_ruled("b", {"type": "deny"})])})) == "deny"
}

test_a_refusal_with_exceptions_is_not_forgotten_beside_a_permission_of_all if {
	refusal := _ruled("a", {"type": "deny", "provision": [{"type": "permit", "securityLabel": _restricted}]})
	answer := _answer(object.union(_question, {"consents": [refusal, _ruled("b", {"type": "permit"})]}))
	answer.decision == "permit"
	[residual.type | some residual in answer.residuals] == ["forbid", "permit"]
}

test_a_permission_of_some_closes_the_rest if {
	answer := _answer(_given({"type": "permit", "securityLabel": _restricted}))
	answer.decision == "permit"
	answer.residuals == [
		{"type": "forbid", "consent": null, "path": null},
		{"type": "permit", "consent": "c", "path": "provision", "securityLabel": _restricted},
	]
}

test_a_permission_of_all_needs_nothing_beside_it if {
	both := [_ruled("a", {"type": "permit"}), _ruled("b", {"type": "permit", "securityLabel": _restricted})]
	answer := _answer(object.union(_question, {"consents": both}))
	answer.decision == "permit"
	answer.residuals == []
}

test_a_refusal_of_some_alone_permits_nothing if {
	answer := _answer(_given({"type": "deny", "securityLabel": _restricted}))
	answer.decision == "not-applicable"
	answer.residuals == []
}

test_what_the_request_says_of_itself_is_known if {
	given := _given(_unless_restricted)
	_decided(object.union(given, {"request": {"labels": _restricted}})) == "deny"
	plain := _answer(object.union(given, {"request": {"labels": []}}))
	plain.decision == "permit"
	plain.residuals == []
}

test_only_what_decides_says_why if {
	elsewhere := {"class": [{"system": "t", "code": "Other"}]}
	both := [_ruled("a", {"type": "deny", "securityLabel": _restricted}), _ruled("b", elsewhere)]
	given := object.union(_question, {"consents": both})
	known := {"labels": _restricted, "class": []}
	answer := _answer(object.union(given, {"items": [known]}))
	answer.items[0].reasons == ["refused"]
	_answer(object.union(given, {"request": known})).reasons == ["refused"]
}

# ---- dates

_until(end, at) := _decided(object.union(_given({"type": "permit", "period": {"end": end}}), {"at": at}))

test_the_end_belongs_to_a_period if {
	every end, last in {
		"2026": "2026-12-31T23:59:59Z",
		"2028-02": "2028-02-29T23:59:59Z",
		"2026-02": "2026-02-28T23:59:59Z",
		"2100-02": "2100-02-28T23:59:59Z",
		"2000-02": "2000-02-29T23:59:59Z",
		"2026-11": "2026-11-30T23:59:59.999Z",
		"2026-06-01": "2026-06-01T23:59:59Z",
		"2026-06-01T12:30:15Z": "2026-06-01T12:30:15Z",
		"2026-06-01T12:30:15.5+01:30": "2026-06-01T11:00:15Z",
		"2026-06-01T12:30:15-01:30": "2026-06-01T14:00:15Z",
		"2028-03-01": "2028-03-01T23:59:59Z",
	} {
		_until(end, last) == "permit"
	}
}

test_and_what_comes_after_does_not if {
	every end, next in {
		"2026": "2027-01-01T00:00:00Z",
		"2028-02": "2028-03-01T00:00:00Z",
		"2026-02": "2026-03-01T00:00:00Z",
		"2100-02": "2100-03-01T00:00:00Z",
		"2000-02": "2000-03-01T00:00:00Z",
		"2026-11": "2026-12-01T00:00:00Z",
		"2026-06-01": "2026-06-02T00:00:00Z",
		"2026-06-01T12:30:15Z": "2026-06-01T12:30:16Z",
		"2026-06-01T12:30:15.5+01:30": "2026-06-01T11:00:16Z",
		"2026-06-01T12:30:15-01:30": "2026-06-01T14:00:16Z",
		"2028-03-01": "2028-03-02T00:00:00Z",
	} {
		_until(end, next) == "not-applicable"
	}
}

test_the_start_belongs_to_a_period if {
	started := _given({"type": "permit", "period": {"start": "2026-06-01T10:00:00Z"}})
	_decided(started) == "permit"
	_decided(object.union(started, {"at": "2026-06-01T09:59:59Z"})) == "not-applicable"
}

test_dates_that_are_none if {
	every text in [
		"2026-13", "2026-02-29", "2026-04-31", "2026-01-00", "26", "2026-1-1", "2026-06-01T10:00:00",
		"2026-06-01T24:00:00Z", "1066", "2026-00", "", 2026,
	] {
		_wrong("period", {"end": text}) == ["period-unreadable"]
	}
}

test_a_period_the_wrong_way_round if _wrong("period", {"start": "2027", "end": "2026"}) == ["period-unreadable"]
