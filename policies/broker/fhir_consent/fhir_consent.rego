# METADATA
# title: FHIR consents
# description: |
#   What do these FHIR R4 Consents say of this request, and of each item in it? Reads the question alone: no table, no
#   agreement. A refusal outranks a permission, however old the one and new the other; what cannot be read is never
#   "no consent", and refuses everything.
package broker.fhir_consent

# METADATA
# description: The answer. Defined for any question; one that cannot be read is refused.
result := {
	"schema": "fhir-consent-decision/1",
	"decision": _decision,
	"reasons": _in_order(_reasons),
	"decided_by": _decided_by,
	"residuals": _residuals,
	"consents": _standings,
	"items": _judged_items,
}

# ---- what is known of each word ------------------------------------------------------------------------------------

_statuses := {"draft", "proposed", "active", "rejected", "inactive", "entered-in-error"}

_privacy := "http://terminology.hl7.org/CodeSystem/consentscope|patient-privacy"

# Elements that say which requests a provision is about, and those that say which information.
_gates := {"period", "actor", "action", "purpose"}

_content := {"class", "code", "securityLabel", "dataPeriod", "data"}

_others := {"type", "provision", "id", "extension"}

_elements := (_gates | _content) | _others

_meanings := {"instance", "related", "dependents", "authoredby"}

# Roles by which an actor is the one who receives. Any other role is not guessed at.
_recipient_roles := {
	"http://terminology.hl7.org/CodeSystem/v3-ParticipationType|IRCP",
	"http://terminology.hl7.org/CodeSystem/v3-ParticipationType|PRCP",
	"http://terminology.hl7.org/CodeSystem/v3-RoleCode|CAREGIVER",
	"http://terminology.hl7.org/CodeSystem/v3-RoleCode|CHILD",
	"http://terminology.hl7.org/CodeSystem/v3-RoleCode|DELEGATEE",
	"http://terminology.hl7.org/CodeSystem/v3-RoleCode|FAMMEMB",
	"http://terminology.hl7.org/CodeSystem/v3-RoleCode|FRND",
	"http://terminology.hl7.org/CodeSystem/v3-RoleCode|GRANTEE",
	"http://terminology.hl7.org/CodeSystem/v3-RoleCode|MTH",
	"http://terminology.hl7.org/CodeSystem/v3-RoleCode|PRN",
	"http://terminology.hl7.org/CodeSystem/v3-RoleCode|PROXY",
	"http://terminology.hl7.org/CodeSystem/v3-RoleCode|SIGOTHR",
	"http://terminology.hl7.org/CodeSystem/v3-RoleCode|SPS",
}

# ---- the question --------------------------------------------------------------------------------------------------

default _request := {}

_request := input.request if is_object(input.request)

default _consents := []

_consents := input.consents if is_array(input.consents)

default _items := []

_items := input.items if is_array(input.items)

default _directory := {}

_directory := input.directory if is_object(input.directory)

default _at := null

_at := _instant(input.at)[0] if is_string(input.at)

_request_faults contains "request-unreadable" if not _request_readable

_request_faults contains "instant-unreadable" if _at == null

_request_faults contains "patient-missing" if count(_patient) == 0

_request_faults contains "requester-missing" if count(_requester) == 0

_request_faults contains "purpose-missing" if count(_purposes) == 0

_request_faults contains "action-missing" if count(_actions) == 0

_request_readable if {
	is_array(input.consents)
	is_object(input.request)
	_items_listed
	_directory_readable
}

_items_listed if not _names_items

_names_items if _has(input, "items")

_items_listed if {
	is_array(input.items)
	every item in input.items { is_object(item) }
}

_directory_readable if not _names_directory

_names_directory if _has(input, "directory")

_directory_readable if {
	is_object(input.directory)
	every _, identifiers in input.directory { is_array(identifiers) }
}

_patient := _keys(object.get(_request, "patient", null), {})

# Who asks, and on whose behalf: themselves, their organisation, and any group they are in.
_requester := union({_keys(each, {}) | some each in _requesters})

_requesters := array.concat([_asker, object.get(_asker, "organisation", null)], _list(_asker, "groups"))

default _asker := {}

_asker := _request.requester if is_object(_request.requester)

_purposes := _codings(_list(_request, "purpose"))

_actions := _codings(_list(_request, "action"))

_roles := _recipient_roles | _codings([object.get(_asker, "role", null)])

# ---- reading a consent ---------------------------------------------------------------------------------------------

# For each consent, in order: whether it counts, and why not.
_standing := [[how, faults] |
	some consent in _consents
	[how, faults] := _stands(consent)
]

_stands(consent) := ["unreadable", {"not-a-consent"}] if {
	not _is_consent(consent)
} else := ["unreadable", _changed(consent)] if {
	count(_changed(consent)) > 0
} else := ["unreadable", {"status-unreadable"}] if {
	not _has_status(consent)
} else := ["not-active", {concat("-", ["status", consent.status])}] if {
	consent.status != "active"
} else := ["unreadable", _misdescribed(consent)] if {
	count(_misdescribed(consent)) > 0
} else := ["other-patient", {"other-patient"}] if {
	count(_keys(consent.patient, _contained(consent)) & _patient) == 0
} else := ["other-scope", {"other-scope"}] if {
	not _of_privacy(consent)
} else := ["unreadable", _unruly(consent)] if {
	count(_unruly(consent)) > 0
} else := ["counts", set()]

_is_consent(consent) if {
	is_object(consent)
	consent.resourceType == "Consent"
}

# What may change the meaning of everything else, in ways nobody here knows (FHIR R4 §2.2.2 and §3.1.0.1.6).
_changed(consent) := {code |
	some [element, code] in [["modifierExtension", "modifier-extension"], ["implicitRules", "implicit-rules"]]
	_has(consent, element)
}

_has_status(consent) if consent.status in _statuses

_misdescribed(consent) := union({
	{"patient-unresolvable" | not _tells_whose(consent)},
	{"scope-missing" | count(_codings([object.get(consent, "scope", null)])) == 0},
})

_tells_whose(consent) if _comparable(object.get(consent, "patient", null), _contained(consent), _patient)

_of_privacy(consent) if _privacy in _codings([consent.scope])

_unruly(consent) := union({
	{"category-missing" | count(_list(consent, "category")) == 0},
	{"policy-missing" | not _under_a_policy(consent)},
	{"provision-missing" | not _provides(consent)},
})

_provides(consent) if is_object(consent.provision)

# FHIR R4, invariant ppc-1.
_under_a_policy(consent) if {
	some policy in _list(consent, "policy")
	some element in ["uri", "authority"]
	is_string(policy[element])
}

_under_a_policy(consent) if {
	is_object(consent.policyRule)
	count(consent.policyRule) > 0
}

_identity(at, consent) := consent.id if {
	is_object(consent)
	is_string(consent.id)
} else := sprintf("#%d", [at])

_contained(consent) := {concat("", ["#", each.id]): _identifiers(each) |
	some each in _list(consent, "contained")
	is_object(each)
	is_string(each.id)
}

# ---- its provisions, level by level: Rego has no recursion, and nobody nests deeper than this on purpose -------------

_level_0 := [node |
	some at, [how, _] in _standing
	how == "counts"
	node := _node(at, "provision", [], _consents[at].provision, _contained(_consents[at]))
]

_level_1 := _below(_level_0)

_level_2 := _below(_level_1)

_level_3 := _below(_level_2)

_level_4 := _below(_level_3)

_level_5 := _below(_level_4)

_level_6 := _below(_level_5)

_level_7 := _below(_level_6)

_too_deep := _below(_level_7)

_below(level) := [node |
	some parent in level
	some n, rule in _list(parent.rule, "provision")
	path := sprintf("%s.provision[%d]", [parent.path, n])
	node := _node(parent.consent, path, parent.lineage, rule, parent.contained)
]

# ``lineage`` names it and all above it; ``content`` the elements by which it is about some information only.
_node(at, path, above, rule, contained) := {
	"consent": at,
	"path": path,
	"key": concat(" ", [sprintf("%d", [at]), path]),
	"lineage": array.concat(above, [concat(" ", [sprintf("%d", [at]), path])]),
	"rule": rule,
	"content": _elements_of(rule) & _content,
	"contained": contained,
}

_elements_of(rule) := object.keys(rule) if {
	is_object(rule)
} else := set()

_nodes := [node |
	some level in [_level_0, _level_1, _level_2, _level_3, _level_4, _level_5, _level_6, _level_7]
	some node in level
]

# What is wrong inside each consent that would count.
_wrong[at] contains code if {
	some node in _nodes
	at := node.consent
	some code in _faults(node)
}

_wrong[at] contains "nested-too-deep" if {
	some node in _too_deep
	at := node.consent
}

_wrong[at] contains "id-twice" if {
	some at, consent in _consents
	count(_called[_identity(at, consent)]) > 1
}

_called[id] contains at if {
	some at, consent in _consents
	id := _identity(at, consent)
}

_faults(node) := {"provision-unreadable"} if {
	not _is_a_rule(node)
} else := union({_element_faults(node, element) | some element in object.keys(node.rule)})

_is_a_rule(node) if is_object(node.rule)

_element_faults(_, element) := {"element-unknown"} if not _known(element)

_element_faults(node, "type") := {"type-unreadable" | not _has_type(node)}

_element_faults(node, "provision") := {"provision-unreadable" | count(_list(node.rule, "provision")) == 0}

_element_faults(node, "period") := {"period-unreadable" | _bounded[node.rule.period] == null}

_element_faults(node, "dataPeriod") := {"period-unreadable" | _bounded[node.rule.dataPeriod] == null}

# Each period, read once.
_bounded := {period: _bounds(period) |
	some node in _nodes
	some element in {"period", "dataPeriod"}
	period := node.rule[element]
}

_element_faults(node, "purpose") := _coding_faults(node.rule.purpose)

_element_faults(node, "class") := _coding_faults(node.rule.class)

_element_faults(node, "securityLabel") := _coding_faults(node.rule.securityLabel)

_element_faults(node, "action") := _concept_faults(node.rule.action)

_element_faults(node, "code") := _concept_faults(node.rule.code)

_element_faults(node, "actor") := {"actor-unreadable"} if {
	count(_list(node.rule, "actor")) == 0
} else := {code |
	some actor in node.rule.actor
	some code in _actor_faults(actor, node.contained)
}

_element_faults(node, "data") := {"reference-unreadable"} if {
	count(_list(node.rule, "data")) == 0
} else := {"reference-unreadable" |
	some each in _list(node.rule, "data")
	not _meant(each, node)
}

_known(element) if element in _elements

_known(element) if startswith(element, "_")

_has_type(node) if node.rule.type in {"permit", "deny"}

# A list that is there says something, so one that says nothing is not read as "any", nor as "none".
_coding_faults(codings) := {"coding-unreadable" | not _all_coded(codings)}

_all_coded(codings) if {
	is_array(codings)
	count(codings) > 0
	every coding in codings { _coded(coding) }
}

_coded(coding) if {
	is_object(coding)
	_is_text(coding.system)
	_is_text(coding.code)
}

_concept_faults(concepts) := {"coding-unreadable" | not _all_concepts(concepts)}

_all_concepts(concepts) if {
	is_array(concepts)
	count(concepts) > 0
	every concept in concepts { count(_codings([concept])) > 0 }
}

_actor_faults(actor, contained) := {"actor-unreadable"} if {
	not is_object(actor)
} else := {"actor-role-unknown"} if {
	count(_codings([object.get(actor, "role", null)]) & _roles) == 0
} else := {"actor-unresolvable"} if {
	not _tells_who(actor, contained)
} else := set()

_tells_who(actor, contained) if _comparable(object.get(actor, "reference", null), contained, _requester)

_meant(each, node) if {
	is_object(each)
	each.meaning in _meanings
	count(_keys(object.get(each, "reference", null), node.contained)) > 0
}

# Why each consent that would count cannot be read after all.
_unread[at] := codes if {
	some at, [how, _] in _standing
	how == "counts"
	codes := {code | some code in _wrong[at]}
	count(codes) > 0
}

_standings := [standing |
	some at, [how, faults] in _standing
	standing := {
		"consent": _identity(at, _consents[at]),
		"standing": _told(at, how),
		"reasons": _in_order(faults | object.get(_unread, at, set())),
	}
]

_told(at, how) := "unreadable" if {
	_unread[at]
} else := how

_all_readable if {
	count(_request_faults) == 0
	every standing in _standings { standing.standing != "unreadable" }
}

# ---- which provisions are about this request -----------------------------------------------------------------------

_about_it contains node.key if {
	some node in _nodes
	is_object(node.rule)
	every element in _gates { _lets_in(element, node) }
}

_open := [node |
	_all_readable
	found := _about_it
	some node in _nodes
	every key in node.lineage { found[key] }
]

# An absent element does not restrict. The alternatives of one element are any of them; different elements, all.
_lets_in(element, node) if not _names(node, element)

_names(node, element) if _has(node.rule, element)

_lets_in("period", node) if {
	[from, until] := _bounded[node.rule.period]
	from <= _at
	_at < until
}

_lets_in("purpose", node) if count(_codings(node.rule.purpose) & _purposes) > 0

_lets_in("action", node) if count(_codings(node.rule.action) & _actions) > 0

_lets_in("actor", node) if {
	some actor in node.rule.actor
	count(_keys(actor.reference, node.contained) & _requester) > 0
}

# ---- which of them are about this information ----------------------------------------------------------------------

# Each by its place in ``_open``. What each is about is worked out once, and looked up for every item: both are many.
_every := {n | some n, _ in _open}

_permitting_ones := {n | some n, node in _open; _permits(node)}

_naming[element] contains n if {
	some n, node in _open
	some element in node.content
}

_listing[element][coding] contains n if {
	some n, node in _open
	some element in (node.content & {"class", "code", "securityLabel"})
	some coding in _codings(node.rule[element])
}

_pointing[meaning][key] contains n if {
	some n, node in _open
	some each in _list(node.rule, "data")
	meaning := each.meaning
	some key in _keys(each.reference, node.contained)
}

_meaning[meaning] contains n if {
	some n, node in _open
	some each in _list(node.rule, "data")
	meaning := each.meaning
}

_periods[n] := period if {
	some n, node in _open
	period := _bounded[node.rule.dataPeriod]
}

# The provisions that are not about an item, and those of which that cannot be told, because it does not say enough.
_outlook(item) := [no, maybe] if {
	answers := {_answer(element, item) | some element, _ in _naming}
	no := union({each[0] | some each in answers})
	maybe := union({each[1] | some each in answers}) - no
}

_answer("class", item) := _by_codes("class", _stated(item, "class"))

_answer("code", item) := _by_codes("code", _stated(item, "codes"))

_answer("securityLabel", item) := _by_codes("securityLabel", _stated(item, "labels"))

_answer("dataPeriod", item) := _dated[object.get(item, "date", null)]

# Each date, looked at once.
_dated := {date: _by_date(_instant(date)) |
	some date in {object.get(item, "date", null) | some item in array.concat([_request], _items)}
}

_answer("data", item) := [(_naming.data - found) - unsure, unsure] if {
	meant := {meaning: _meant_of(item, meaning) | some meaning, _ in _meaning}
	found := union({_listed(_pointing[meaning], keys) | some meaning, keys in meant; is_set(keys)})
	unsure := union({_meaning[meaning] | some meaning, keys in meant; keys == null}) - found
}

_by_codes(element, null) := [set(), _naming[element]]

_by_codes(element, found) := [_naming[element] - _listed(_listing[element], found), set()] if is_set(found)

_listed(listing, keys) := union({listing[key] | some key in keys})

# Something of a day or a year is within a period where all of it is, and outside where none of it is.
_by_date(null) := [set(), _naming.dataPeriod]

_by_date([first, last]) := [outside, partly - outside] if {
	outside := {n | some n, from in _starts; last <= from} | {n | some n, until in _ends; until <= first}
	partly := {n | some n, from in _starts; first < from} | {n | some n, until in _ends; until < last}
}

_starts := {n: period[0] | some n, period in _periods}

_ends := {n: period[1] | some n, period in _periods}

_meant_of(item, "instance") := _itself(item)

_meant_of(item, "authoredby") := _named(item, "author")

_meant_of(item, "related") := _itself_and(item, "related")

_meant_of(item, "dependents") := _itself_and(item, "depends_on")

_itself(item) := null if {
	not _has(item, "id")
} else := _keys({"reference": item.id, "identifier": object.get(item, "identifier", null)}, {})

_named(item, element) := null if {
	not _has(item, element)
} else := union({_keys(each, {}) | some each in _list(item, element)}) if {
	every each in _list(item, element) { count(_keys(each, {})) > 0 }
} else := null

_itself_and(item, element) := null if {
	_named(item, element) == null
} else := null if {
	_itself(item) == null
} else := _named(item, element) | _itself(item)

_stated(item, element) := null if {
	not _all_listed(item, element)
} else := _codings(item[element])

_all_listed(item, element) if {
	is_array(item[element])
	every coding in item[element] { _coded(coding) }
}

# ---- the decision on one item --------------------------------------------------------------------------------------

_judged_items := [object.union({"item": n, "id": _text_or_null(item, "id")}, _judgements[_outlooks[n]]) |
	some n, item in _items
] if {
	_all_readable
} else := [judged |
	some n, item in _items
	judged := {
		"item": n,
		"id": _text_or_null(item, "id"),
		"decision": "deny",
		"reasons": _in_order(_unreadable_reasons),
		"decided_by": [],
	}
]

_outlooks := [_outlook(item) | some item in _items]

# One for all the items that the same provisions are about.
_judgements := {outlook: judgement |
	some outlook in {each | some each in _outlooks}
	deciding := _deciding(_settled(outlook))
	judgement := {
		"decision": _verdict(deciding),
		"reasons": _in_order(_why(deciding)),
		"decided_by": _places(deciding),
	}
}

# Those that are about it, and those that may be: only where all above them are.
_settled([no, maybe]) := [(_every - out) - unsure, unsure] if {
	out := _with_exceptions(no)
	unsure := _with_exceptions(maybe) - out
}

_with_exceptions(numbers) := union({numbers} | {_beneath[n] | some n in (numbers & _excepted)})

# The exceptions to each, and to those.
_beneath[above] contains n if {
	some n, node in _open
	some key in node.lineage
	key != node.key
	above := _number[key]
}

_number := {node.key: n | some n, node in _open}

# Iterated, for engines differ on whether an object that nothing was put in is there.
_excepted := {above | some above, _ in _beneath}

# What cannot be told of an item counts against it: then a refusal is about it, and a permission is not.
_deciding([sure, unsure]) := _outranking(_innermost(sure | (unsure - _permitting_ones)))

# An exception decides instead of what it is an exception to.
_innermost(applying) := applying - {n | some n, exceptions in _beneath; count(exceptions & applying) > 0}

_outranking(leaves) := leaves - _permitting_ones if {
	count(leaves - _permitting_ones) > 0
} else := leaves

_permits(node) if node.rule.type == "permit"

_verdict(deciding) := "not-applicable" if {
	count(deciding) == 0
} else := "permit" if {
	count(deciding - _permitting_ones) == 0
} else := "deny"

_why(deciding) := {"nothing-on-file"} if {
	count(deciding) == 0
} else := {_because(_open[n]) | some n in deciding}

_because(node) := "permitted" if {
	_permits(node)
} else := "refused" if {
	_has(node.rule, "type")
} else := "type-missing"

_places(numbers) := [_place[n] | some n in numbers]

_place := [{"consent": _identity(node.consent, _consents[node.consent]), "path": node.path} | some node in _open]

# ---- the decision on the request -----------------------------------------------------------------------------------

# What the request says of the information it wants is known; of the rest a provision may be about some.
_of_it := _settled(_outlook(_request))

_sure_leaves := _innermost(_of_it[0])

_unsure := _of_it[1]

_refusing := _sure_leaves - _permitting_ones

_permitting := _sure_leaves & _permitting_ones

_opening := _unsure & _permitting_ones

# Refusals that no exception could open.
_closing := {n | some n in _refusing; not _may_be_opened(n)}

_may_be_opened(n) if count(_beneath[n] & _opening) > 0

_decision := "deny" if {
	not _all_readable
} else := "deny" if {
	count(_closing) > 0
} else := "permit" if {
	count(_permitting | _opening) > 0
} else := "not-applicable"

_reasons := _unreadable_reasons if {
	not _all_readable
} else := {_because(_open[n]) | some n in _closing} if {
	count(_closing) > 0
} else := {"permitted"} if {
	_decision == "permit"
} else := {"nothing-on-file"}

_unreadable_reasons := _request_faults | {"consent-unreadable" |
	some standing in _standings
	standing.standing == "unreadable"
}

_decided_by := _places(_closing) if {
	count(_closing) > 0
} else := array.concat(_places(_permitting), _places(_opening))

# What a permission still depends on, in the shape of IHE Privacy Consent on FHIR: what must not be given, and what may
# be all the same. Empty where nothing is left to look at.
_residuals := [] if {
	_decision != "permit"
} else := array.concat(_forbid_all, [_residual(n) | some n in _unsure]) if {
	_matters
} else := []

_matters if count(_refusing) > 0

_matters if count(_permitting) == 0

_matters if count(_unsure - _permitting_ones) > 0

_forbid_all := [object.union(place, {"type": "forbid"}) | some place in _places(_refusing)] if {
	count(_refusing) > 0
} else := [{"type": "forbid", "consent": null, "path": null}] if {
	count(_permitting) == 0
} else := []

_residual(n) := object.union(
	object.union(_place[n], {"type": _effect(_open[n])}),
	{element: _open[n].rule[element] | some element in _open[n].content},
)

_effect(node) := "permit" if {
	_permits(node)
} else := "forbid"

# ---- codes, references and dates -----------------------------------------------------------------------------------

# Codes compare by system and code, exactly; a code without its system is nobody's. Takes Codings and CodeableConcepts.
_codings(listed) := {coding |
	some each in listed
	is_object(each)
	some found in array.concat([each], _list(each, "coding"))
	_coded(found)
	coding := concat("|", [found.system, found.code])
}

# What a reference can be recognised by: where it points, and identifiers. Never what it is called.
_keys(reference, contained) := {key |
	some place in _pointers(reference)
	some key in ((_address(place) | object.get(contained, place, set())) | object.get(_found_at, place, set()))
} | _identifiers(reference)

_address(place) := set() if {
	startswith(place, "#")
} else := {concat(" ", ["reference", place])}

_found_at := {place: _identifiers({"identifier": identifiers}) | some place, identifiers in _directory}

_pointers(reference) := {place |
	is_object(reference)
	_is_text(reference.reference)
	place := split(reference.reference, "/_history/")[0]
}

_identifiers(reference) := {key |
	is_object(reference)
	some each in _one_or_more(object.get(reference, "identifier", null))
	is_object(each)
	_is_text(each.system)
	_is_text(each.value)
	key := concat("", ["identifier ", each.system, "|", each.value])
}

# Whether two can be told apart at all: one known by reference alone and another by identifier alone cannot.
_comparable(reference, contained, theirs) if count(_kinds(_keys(reference, contained)) & _kinds(theirs)) > 0

_kinds(keys) := {split(key, " ")[0] | some key in keys}

# Seconds from the beginning of a FHIR period to its end, both included; far off where it is open. Null: unreadable.
_bounds(period) := [from, until] if {
	is_object(period)
	count({name | some name in ["start", "end"]; _has(period, name)}) > 0
	from := _start(period)
	until := _end(period)
	from < until
} else := null

# What is there and no date has no bound: then there is no period.
_start(period) := _instant(period.start)[0]

_start(period) := _earliest if not _has(period, "start")

_end(period) := _instant(period.end)[1]

_end(period) := _latest if not _has(period, "end")

_earliest := _instant("1800")[0]

_latest := _instant("9999")[1]

# The first second of a FHIR date, dateTime or instant, and the first after it. Without a zone it is UTC. Null: none.
_instant(text) := _read(text) if {
	is_string(text)
} else := null

_read(text) := [86400 * first, 86400 * (first + 1)] if {
	regex.match(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`, text)
	first := _date(text)
} else := [first, first + 1] if {
	regex.match(`^[0-9-]{10}T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]+)?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$`, text)
	parts := split(text, "T")
	first := ((86400 * _date(parts[0])) + _clock(parts[1])) - _offset(parts[1])
} else := [86400 * first, 86400 * (first + _length(text))] if {
	regex.match(`^[0-9]{4}-[0-9]{2}$`, text)
	first := _date(concat("-", [text, "01"]))
} else := [86400 * first, 86400 * next] if {
	regex.match(`^[0-9]{4}$`, text)
	first := _new_year(_year(text))
	next := _new_year(_year(text) + 1)
} else := null

# Days since the beginning of year 1.
_date(text) := (_new_year(year) + _before(year, parts[1])) + (day - 1) if {
	parts := split(text, "-")
	year := _year(parts[0])
	day := _two[parts[2]]
	day >= 1
	day <= _days_in(year, parts[1])
}

_new_year(year) := (((365 * whole) + _quotient(whole, 4)) - _quotient(whole, 100)) + _quotient(whole, 400) if {
	whole := year - 1
}

_quotient(number, by) := (number - (number % by)) / by

_before(year, month) := _months[month][0] + 1 if {
	_leap(year)
	_two[month] > 2
} else := _months[month][0]

_days_in(year, "02") := 29 if {
	_leap(year)
} else := 28

_days_in(_, month) := _months[month][1] if month != "02"

_length(text) := _days_in(_year(parts[0]), parts[1]) if parts := split(text, "-")

_leap(year) if {
	year % 4 == 0
	year % 100 != 0
}

_leap(year) if year % 400 == 0

# Fractions of a second are left out.
_clock(time) := ((3600 * _two[parts[0]]) + (60 * _two[parts[1]])) + _two[second] if {
	parts := split(time, ":")
	second := split(split(split(split(parts[2], "Z")[0], ".")[0], "+")[0], "-")[0]
}

_offset(time) := _minutes(split(time, "+")[1]) if {
	regex.match(`[+]`, time)
} else := 0 - _minutes(split(time, "-")[1]) if {
	regex.match(`[-]`, time)
} else := 0

_minutes(zone) := (3600 * _two[parts[0]]) + (60 * _two[parts[1]]) if parts := split(zone, ":")

# By month: the days before it in a common year, and its own.
_months := {
	"01": [0, 31], "02": [31, 28], "03": [59, 31], "04": [90, 30], "05": [120, 31], "06": [151, 30],
	"07": [181, 31], "08": [212, 31], "09": [243, 30], "10": [273, 31], "11": [304, 30], "12": [334, 31],
}

_two := {
	"00": 0, "01": 1, "02": 2, "03": 3, "04": 4, "05": 5, "06": 6, "07": 7, "08": 8, "09": 9,
	"10": 10, "11": 11, "12": 12, "13": 13, "14": 14, "15": 15, "16": 16, "17": 17, "18": 18, "19": 19,
	"20": 20, "21": 21, "22": 22, "23": 23, "24": 24, "25": 25, "26": 26, "27": 27, "28": 28, "29": 29,
	"30": 30, "31": 31, "32": 32, "33": 33, "34": 34, "35": 35, "36": 36, "37": 37, "38": 38, "39": 39,
	"40": 40, "41": 41, "42": 42, "43": 43, "44": 44, "45": 45, "46": 46, "47": 47, "48": 48, "49": 49,
	"50": 50, "51": 51, "52": 52, "53": 53, "54": 54, "55": 55, "56": 56, "57": 57, "58": 58, "59": 59,
	"60": 60, "61": 61, "62": 62, "63": 63, "64": 64, "65": 65, "66": 66, "67": 67, "68": 68, "69": 69,
	"70": 70, "71": 71, "72": 72, "73": 73, "74": 74, "75": 75, "76": 76, "77": 77, "78": 78, "79": 79,
	"80": 80, "81": 81, "82": 82, "83": 83, "84": 84, "85": 85, "86": 86, "87": 87, "88": 88, "89": 89,
	"90": 90, "91": 91, "92": 92, "93": 93, "94": 94, "95": 95, "96": 96, "97": 97, "98": 98, "99": 99,
}

# A year by its two halves, because nothing here reads a number out of text.
_year(text) := (100 * hundreds) + _two[last] if {
	some century, hundreds in _centuries
	startswith(text, century)
	last := _after(century, split(text, century))
}

_centuries := {"18": 18, "19": 19, "20": 20, "21": 21, "99": 99}

_after(_, parts) := parts[1] if count(parts) == 2

# Both halves are the same, as in 2020.
_after(century, parts) := century if count(parts) == 3

# ---- reading JSON of any shape -------------------------------------------------------------------------------------

_has(object_, element) if {
	is_object(object_)
	element in object.keys(object_)
}

_list(object_, element) := object_[element] if {
	is_object(object_)
	is_array(object_[element])
} else := []

_in_order(codes) := [code | some code in codes]

_one_or_more(value) := value if {
	is_array(value)
} else := [value]

_text_or_null(object_, element) := object_[element] if {
	is_string(object_[element])
} else := null

_is_text(value) if {
	is_string(value)
	value != ""
}
