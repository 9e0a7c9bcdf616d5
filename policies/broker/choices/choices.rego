# METADATA
# title: The resident's choices
# description: |
#   What has this resident permitted, and what have they refused? A refusal outranks a permission, always. Where the
#   law answers instead (safeguarding), neither is asked for.
package broker.choices

_purpose := data.sharing.vocabulary.purposes[input.request.purpose]

_gives_care if data.sharing.vocabulary.kinds[input.subject.kind].gives_care

# What breaks the confidence is the law, so the resident's choice does not decide (Care Act 2014 s.42).
_law_answers if _purpose.permission == "not-needed"

# Everything on file that speaks of this organisation and purpose, and whether it is still in use.
_provisions contains [provision, standing] if {
	some provision in data.broker.question.provisions
	provision.from <= input.request.time
	provision.organisation in {null, input.subject.organisation}
	_speaks_of_purpose(provision)
	standing := _standing(provision)
}

# A choice that names a purpose speaks of everything below it too. Null means any; an empty list means none.
_speaks_of_purpose(provision) if provision.purposes == null

_speaks_of_purpose(provision) if {
	is_array(provision.purposes)
	some purpose in provision.purposes
	_purpose.lineage[purpose]
}

_denials contains provision if {
	not _law_answers
	some [provision, standing] in _provisions
	provision.type == "deny"
	standing == "in-use"
}

# A permission names the organisation it is given to, and speaks of whole sections: one that names nobody, or only
# some sensitivities, opens nothing.
_permits contains [sections, standing] if {
	some [provision, standing] in _provisions
	sections := provision.sections
	provision.type == "permit"
	provision.organisation == input.subject.organisation
	provision.labels == null
}

# METADATA
# description: Sections the resident refuses to share with this organisation for this purpose.
# scope: document
withheld contains section if {
	some provision in _denials
	provision.labels == null
	some section in _covered(provision.sections)
}

# METADATA
# description: For each section in which the resident refuses to share some sensitivities, those.
withheld_labels[section] := labels if {
	some [section, _] in _kept_back
	labels := {label | some [within, label] in _kept_back; within == section}
}

_kept_back contains [section, label] if {
	some provision in _denials
	is_array(provision.labels)
	some section in _covered(provision.sections)
	some label in provision.labels
}

# METADATA
# description: The agreements under which the resident's permission must be on file.
# scope: document
asking contains id if {
	_permission_needed
	some id in object.keys(data.broker.agreement.standing)
}

asking contains id if {
	not _law_answers
	some id in data.broker.agreement.explicit
}

# METADATA
# description: Sections that need the resident's permission under every agreement, because it is all the asker has.
# scope: document
needed contains section if {
	not _law_answers
	some section in data.broker.relationship.only_invited
}

_permission_needed if _purpose.permission == "explicit"

# An organisation that gives no care cannot infer permission from being cared for.
_permission_needed if {
	not _law_answers
	not _gives_care
}

# METADATA
# description: |
#   For each section without permission on file, why it is missing. A permission in use outranks one withdrawn, and
#   one withdrawn one that has run out. Break-glass lifts that none was ever given, and never a withdrawal.
# scope: document
missing[section] := {"consent-withdrawn"} if some section in (_withdrawn - _permitted)

missing[section] := {"consent-expired"} if some section in ((_run_out - _withdrawn) - _permitted)

missing[section] := {"consent-needed"} if {
	not "consent-needed" in data.broker.emergency.lifts
	some section in (((data.broker.question.sections - _permitted) - _withdrawn) - _run_out)
}

_permitted := union({_covered(sections) | some [sections, standing] in _permits; standing == "in-use"})

_withdrawn := union({_covered(sections) | some [sections, standing] in _permits; standing == "withdrawn"})

_run_out := union({_covered(sections) | some [sections, standing] in _permits; standing == "run-out"})

# METADATA
# description: Every instant at which a choice begins or ends.
instants contains instant if {
	some provision in data.broker.question.provisions
	some instant in [provision.from, provision.until, provision.ended]
	is_number(instant)
}

# Ending a permission early withdraws it; letting it run out is no refusal.
_standing(provision) := "withdrawn" if {
	is_number(provision.ended)
	provision.ended <= input.request.time
} else := "run-out" if {
	is_number(provision.until)
	provision.until <= input.request.time
} else := "in-use"

# The sections asked about that a provision speaks of. Null means any; an empty list means none, and never everything.
_covered(null) := data.broker.question.sections

_covered(listed) := data.broker.question.sections & {section | some section in listed} if is_array(listed)
