# METADATA
# title: The decision
# description: |
#   For every section and source asked about: permitted, or refused by the first layer that refuses it. The layers
#   are asked in order, and no later one can restore what an earlier one refused.
package broker.decision

# METADATA
# description: The answer. Defined for any input; what cannot be read is refused.
# entrypoint: true
result := {
	"revision": _revision,
	"request": _request,
	"pairs": _rows,
	"reasons": [code | some code in _reasons],
	"obligations": [duty | some duty in _duties],
	"disclosure": _disclosure,
	"requestable": _requestable,
	"valid_until": _valid_until,
}

default _revision := ""

_revision := data.sharing.revision

default _request := ""

_request := input.request.id if is_string(input.request.id)

_pairs := {[pair.section, pair.source] | some pair in data.broker.question.pairs}

# One row for each pair, ordered by section then source. Each document is bound once, and each step of a look-up on
# its own, because there may be hundreds of pairs.
_rows := [row |
	verdict := _refused(_reasons)
	some [section, source] in _pairs
	row := _row(section, source, verdict)
] if {
	count(_reasons) > 0
} else := [row |
	verdicts := _verdicts
	unreached_by := data.broker.agreement.source_faults
	some [section, source] in _pairs
	unreached := object.get(unreached_by, source, null)
	found := object.get(verdicts, section, {})
	verdict := object.get(found, unreached, _refused({"policy-unclear"}))
	row := _row(section, source, verdict)
]

_row(section, source, verdict) := {
	"section": section,
	"source": source,
	"reasons": verdict.reasons,
	"agreements": verdict.agreements,
	"withheld_labels": verdict.withheld_labels,
}

# What refuses everything: the reasons of the first layer that does.
_reasons := data.broker.question.reasons if {
	count(data.broker.question.reasons) > 0
} else := data.broker.identity.reasons if {
	count(data.broker.identity.reasons) > 0
} else := data.broker.relationship.reasons if {
	count(data.broker.relationship.reasons) > 0
} else := {"no-agreement"} if {
	count(data.broker.agreement.standing) == 0
} else := set()

# What refuses a section whatever its source, in the layers before agreements; empty where nothing does.
_section_reasons[section] := codes if {
	some section, identity in data.broker.identity.section_reasons
	relationship := data.broker.relationship.section_reasons[section]
	codes := _first(identity, relationship)
}

_first(codes, _) := codes if count(codes) > 0

_first(codes, next) := next if count(codes) == 0

# Where nothing refuses everything, each section is decided once for all the sources that agreements treat alike.
_verdicts[section] := verdicts if {
	count(_reasons) == 0
	standing := {id | some id, faults in data.broker.agreement.standing; count(faults) == 0}
	alike := {faults | some faults in data.broker.agreement.source_faults}
	some section, unopened in data.broker.agreement.section_faults
	opening := {id | some id in standing; count(unopened[id]) == 0}
	reasons := _section_reasons[section]
	choice := _choices[section]
	verdicts := {unreached: verdict |
		some unreached in alike
		covering := {id | some id in opening; count(unreached[id]) == 0}
		verdict := _verdict(reasons, choice, covering, _misses(covering, unopened, unreached))
	}
}

# What the resident's choices make of a section: why it is refused, for which agreements, and what is kept back.
_choices[section] := {"withheld": withheld, "missing": missing, "closed": closed, "kept_back": kept_back} if {
	some section, missing in data.broker.choices.missing
	withheld := {"consent-withheld" | section in data.broker.choices.withheld}
	asking := _asking(section)
	closed := {id | count(missing - data.broker.choices.lifted) > 0; some id in asking}
	kept_back := data.broker.choices.withheld_labels[section]
}

# The agreements under which a section needs the resident's permission.
_asking(section) := {id | some id, _ in data.broker.agreement.standing} if {
	section in data.broker.choices.needed
} else := data.broker.choices.asking

# The layers, in order. ``covering`` are the agreements that open the section and reach the source. The last clause
# has no condition, so that nothing is ever neither permitted nor refused.
_verdict(reasons, choice, covering, misses) := _refused(reasons) if {
	count(reasons) > 0
} else := _refused(misses) if {
	count(covering) == 0
} else := _refused_by_choice(choice.withheld, covering) if {
	count(choice.withheld) > 0
} else := _refused_by_choice(choice.missing, covering) if {
	count(covering - choice.closed) == 0
} else := _permitted(covering - choice.closed, choice.kept_back) if {
	# Said again, not implied: to reach this clause is not yet to be permitted.
	count(reasons) == 0
	count(choice.withheld) == 0
	count(covering - choice.closed) > 0
} else := _refused({"policy-unclear"})

_permitted(relied, kept_back) := {
	"reasons": [],
	"agreements": [id | some id in relied],
	"withheld_labels": [label | some label in withheld],
	"counted": relied,
} if {
	opened := union({labels | some id, labels in data.broker.sensitivity.opened; id in relied})
	withheld := data.broker.sensitivity.every_label - (opened - kept_back)
}

_refused(codes) := {
	"reasons": [code | some code in codes],
	"agreements": [],
	"withheld_labels": _every_label,
	"counted": set(),
}

# Where only the resident's choices stand in the way, the agreements that would have been relied on still say
# whether the requester may be told so.
_refused_by_choice(codes, covering) := object.union(_refused(codes), {"counted": covering})

_every_label := [label | some label in data.broker.sensitivity.every_label]

# Why no agreement covers a section and a source: what is wrong with those that come nearest.
_misses(covering, _, _) := set() if count(covering) > 0

_misses(covering, unopened, unreached) := {code | some codes in misses; count(codes) == fewest; some code in codes} if {
	count(covering) == 0
	misses := [codes |
		some id, faults in data.broker.agreement.standing
		opened := unopened[id]
		reached := unreached[id]
		codes := (faults | opened) | reached
	]
	fewest := min([count(codes) | some codes in misses])
}

# The agreements that count towards what follows from the decision.
_counted contains id if {
	some verdicts in _verdicts
	some verdict in verdicts
	some id in verdict.counted
}

_relied_on contains id if {
	some verdicts in _verdicts
	some verdict in verdicts
	some id in verdict.agreements
}

_said := {disclosure | some id in _counted; some disclosure in data.broker.agreement.disclosures[id]}

# The strictest wins, and one that nobody has heard of is the strictest of all.
_disclosure := "tell" if {
	count(_said - {"tell"}) == 0
} else := "tell-clinicians" if {
	count(_said - {"tell", "tell-clinicians"}) == 0
} else := "never-tell"

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
	count(_relied_on) > 0
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
	some section in data.broker.question.sections
	count(data.broker.identity.section_reasons[section]) == 0
	some id, faults in data.broker.agreement.section_faults[section]
	count(faults) == 0
	count(data.broker.agreement.standing[id]) == 0
}

# The answer holds until the first instant at which anything it rests on begins or ends.
default _valid_until := null

_valid_until := min(_instants) if count(_instants) > 0

_instants contains instant if {
	count(data.broker.question.reasons) == 0
	instants := (data.broker.agreement.instants | data.broker.choices.instants) | data.broker.relationship.instants
	some instant in instants
	instant > input.request.time
}

_instants contains data.broker.emergency.ends_at if count(data.broker.emergency.lifts) > 0
