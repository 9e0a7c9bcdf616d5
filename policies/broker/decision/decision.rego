# METADATA
# title: The decision
# description: |
#   For every section and source asked about: permitted, or refused by the first layer that refuses it. The layers
#   are asked in order, and no later one can restore what an earlier one refused. One's own record has rules of its own.
package broker.decision

# METADATA
# description: The answer. Defined for any input; what cannot be read is refused.
# entrypoint: true
result := {
	"revision": _revision,
	"request": _request,
	"pairs": _rows,
	"reasons": _reasons,
	"obligations": _duties,
	"disclosure": _disclosure,
	"requestable": _requestable,
	"valid_until": _valid_until,
}

default _revision := ""

_revision := data.sharing.revision

default _request := ""

_request := input.request.id if is_string(input.request.id)

# One row for each pair, ordered by section then source. Each document is bound once, because there may be hundreds.
_rows := [row |
	left_out := data.broker.sensitivity.every_label
	some [section, source] in data.broker.question.asked
	row := {
		"section": section,
		"source": source,
		"reasons": _reasons,
		"agreements": [],
		"withheld_labels": left_out,
	}
] if {
	count(_reasons) > 0
} else := [row |
	answers := data.broker.own.answers
	some [section, source] in data.broker.question.asked
	answer := answers[section]
	row := {
		"section": section,
		"source": source,
		"reasons": answer.reasons,
		"agreements": [],
		"withheld_labels": answer.withheld_labels,
	}
] if {
	data.broker.own.asked
} else := [row |
	verdicts := _verdicts
	reaches := _reaches
	unopened := data.broker.sensitivity.left_out
	kept_back := data.broker.choices.withheld_labels
	every_label := data.broker.sensitivity.every_label
	some [section, source] in data.broker.question.asked
	verdict := object.get(object.get(verdicts, section, {}), object.get(reaches, source, null), _unclear)
	left_out := object.get(unopened, verdict.agreements, every_label)
	also := object.get(kept_back, section, set())
	row := {
		"section": section,
		"source": source,
		"reasons": verdict.reasons,
		"agreements": verdict.agreements,
		"withheld_labels": (left_out | also),
	}
]

# What refuses everything: the reasons of the first layer that does.
_reasons := data.broker.question.reasons if {
	count(data.broker.question.reasons) > 0
} else := data.broker.own.reasons if {
	data.broker.own.asked
} else := data.broker.identity.reasons if {
	count(data.broker.identity.reasons) > 0
} else := data.broker.relationship.reasons if {
	count(data.broker.relationship.reasons) > 0
} else := {"no-agreement"} if {
	count(data.broker.agreement.standing) == 0
} else := set()

# What refuses a section whatever its source, in the layers before agreements: the reasons of the first that does.
_section_reasons := object.union(data.broker.relationship.section_reasons, data.broker.identity.section_reasons)

# The agreements that stand.
_standing := {id | some id, faults in data.broker.agreement.standing; count(faults) == 0}

# For each section, why each agreement does not open it.
_shut[section] := faults if {
	found := data.broker.agreement.section_faults
	some section in data.broker.question.sections
	faults := {[id, code] | some [id, shut, code] in found; shut == section}
}

# For each source, why each agreement does not reach it. Sources that are alike in it are decided once.
_reaches[source] := faults if {
	found := data.broker.agreement.source_faults
	some source in data.broker.question.sources
	faults := {[id, code] | some [id, beyond, code] in found; beyond == source}
}

_alike := {faults: reaching |
	some faults in {each | some each in _reaches}
	reaching := _standing - {id | some [id, _] in faults}
}

# Where nothing refuses everything, what is decided of each section from sources that are alike.
_verdicts[section] := verdicts if {
	not data.broker.own.asked
	count(_reasons) == 0
	alike := _alike
	some section, shut in _shut
	reasons := object.get(_section_reasons, section, set())
	opening := _standing - {id | some [id, _] in shut}
	choice := _choices[section]
	verdicts := {unreached: verdict |
		some unreached, reaching in alike
		verdict := _verdict(reasons, choice, opening & reaching, shut | unreached)
	}
}

# What the resident's choices make of a section: why it is refused, and under which agreements.
_choices[section] := {"withheld": withheld, "missing": missing, "closed": closed} if {
	some section in data.broker.question.sections
	withheld := {"consent-withheld" | section in data.broker.choices.withheld}
	missing := object.get(data.broker.choices.missing, section, set())
	closed := {id | count(missing) > 0; some id in _asking(section)}
}

# The agreements under which a section needs the resident's permission.
_asking(section) := object.keys(data.broker.agreement.standing) if {
	section in data.broker.choices.needed
} else := data.broker.choices.asking

# The layers, in order. ``covering`` are the agreements that open the section and reach the source. The last clause
# has no condition, so that nothing is ever neither permitted nor refused.
_verdict(reasons, choice, covering, faults) := _refused(reasons, set()) if {
	count(reasons) > 0
} else := _refused(_misses(faults), set()) if {
	count(covering) == 0
} else := _refused(choice.withheld, covering) if {
	count(choice.withheld) > 0
} else := _refused(choice.missing, covering) if {
	count(covering - choice.closed) == 0
} else := {"reasons": set(), "agreements": opening, "counted": opening} if {
	# Said again, not implied: to reach this clause is not yet to be permitted.
	count(reasons) == 0
	count(choice.withheld) == 0
	opening := covering - choice.closed
	count(opening) > 0
} else := _unclear

# Where only the resident's choices stand in the way, the agreements that would have been relied on still count:
# they say whether the requester may be told so.
_refused(codes, counted) := {"reasons": codes, "agreements": set(), "counted": counted}

_unclear := _refused({"policy-unclear"}, set())

# Why no agreement covers a section and a source: what is wrong with those that come nearest.
_misses(faulty) := {code | some codes in misses; count(codes) == fewest; some code in codes} if {
	misses := [codes |
		some id, faults in data.broker.agreement.standing
		codes := faults | {code | some [missing, code] in faulty; missing == id}
	]
	fewest := min([count(codes) | some codes in misses])
}

# METADATA
# description: The sets of agreements that something is shared under, once each.
relied := {verdict.agreements | some verdicts in _verdicts; some verdict in verdicts}

_relied_on := union(relied)

# The agreements that count towards what follows from the decision.
_counted := union({verdict.counted | some verdicts in _verdicts; some verdict in verdicts})

_said := {disclosure | some [id, disclosure] in data.broker.agreement.disclosures; id in _counted}

# The strictest wins, and one that nobody has heard of is the strictest of all.
default _disclosure := "never-tell"

_disclosure := "never-tell" if {
	# That something about them waits to be judged may itself be what harms.
	data.broker.own.asked
} else := "tell" if {
	count(_said - {"tell"}) == 0
} else := "tell-clinicians" if {
	count(_said - {"tell", "tell-clinicians"}) == 0
}

# Where a refusal may have to look like an empty record, it obliges as the record would have.
_duties contains duty if {
	some id in _obliging
	some duty in data.broker.agreement.obligations[id]
}

_obliging := _relied_on if {
	_disclosure == "tell"
} else := _counted

_duties contains duty if {
	data.broker.emergency.declared
	count(_obliging) > 0
	some duty in data.broker.emergency.duties
}

# Asking the resident could change the answer: permission is all that is missing somewhere.
default _requestable := false

_requestable if {
	some verdicts in _verdicts
	some verdict in verdicts
	some code in verdict.reasons
	code in {"consent-needed", "consent-withdrawn", "consent-expired"}
}

# Giving permission is an invitation too: where only a relationship is missing, and an agreement would open a section
# to somebody who has one, asking the resident could make one.
_requestable if {
	_reasons == {"no-relationship"}
	some id in _standing
	closed := {section | some [closing, section, _] in data.broker.agreement.section_faults; closing == id}
	some section in (data.broker.question.sections - closed)
	not data.broker.identity.section_reasons[section]
}

# The answer holds until the first instant at which anything it rests on begins or ends.
default _valid_until := null

_valid_until := min(_instants) if count(_instants) > 0

_instants contains instant if {
	count(data.broker.question.reasons) == 0
	now := input.request.time
	layers := [
		data.broker.agreement.instants,
		data.broker.choices.instants,
		data.broker.relationship.instants,
		data.broker.own.instants,
	]
	some instants in layers
	some instant in instants
	instant > now
}

_instants contains data.broker.emergency.ends_at if count(data.broker.emergency.lifts) > 0
