# METADATA
# title: The resident's choices
# description: |
#   What has this resident permitted, and what have they refused? A refusal outranks a permission, always. Where the
#   law answers instead (safeguarding), neither is asked for.
package broker.choices

_gives_care if data.sharing.vocabulary.kinds[input.subject.kind].gives_care

# What breaks the confidence is the law, so the resident's choice does not decide (Care Act 2014 s.42).
_law_answers if data.sharing.vocabulary.purposes[input.request.purpose].permission == "not-needed"

# Everything on file that speaks of this organisation and purpose.
_provisions contains provision if {
	some provision in data.broker.question.provisions
	provision.from <= input.request.time
	provision.organisation in {null, input.subject.organisation}
	_any_or_listed(provision.purposes, input.request.purpose)
}

_denials contains provision if {
	not _law_answers
	some provision in _provisions
	provision.type == "deny"
	_in_use(provision)
}

# A permission names the organisation it is given to, and speaks of whole sections: one that names nobody, or only
# some sensitivities, opens nothing.
_permits contains provision if {
	some provision in _provisions
	provision.type == "permit"
	provision.organisation == input.subject.organisation
	provision.labels == null
}

# METADATA
# description: Sections the resident refuses to share with this organisation for this purpose.
withheld contains section if {
	some provision in _denials
	provision.labels == null
	some section in data.broker.question.sections
	_any_or_listed(provision.sections, section)
}

# METADATA
# description: For each section, the sensitivities the resident refuses to share within it.
withheld_labels[section] := labels if {
	some section in data.broker.question.sections
	labels := {label |
		some provision in _denials
		_any_or_listed(provision.sections, section)
		is_array(provision.labels)
		some label in provision.labels
	}
}

# METADATA
# description: The agreements under which the resident's permission must be on file.
# scope: document
asking contains id if {
	some id, _ in data.broker.agreement.standing
	_permission_needed
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

_permission_needed if data.sharing.vocabulary.purposes[input.request.purpose].permission == "explicit"

# An organisation that gives no care cannot infer permission from being cared for.
_permission_needed if {
	not _law_answers
	not _gives_care
}

# METADATA
# description: For each section, why permission is missing; empty where it is on file.
missing[section] := codes if {
	some section in data.broker.question.sections
	standings := {_standing(provision) |
		some provision in _permits
		_any_or_listed(provision.sections, section)
	}
	codes := _missing(standings)
}

# METADATA
# description: What of that break-glass lifts. A withdrawn permission is a refusal, and is never lifted.
lifted contains "consent-needed" if "consent-needed" in data.broker.emergency.lifts

# METADATA
# description: Every instant at which a choice begins or ends.
instants contains instant if {
	some provision in data.broker.question.provisions
	some instant in [provision.from, provision.until, provision.ended]
	is_number(instant)
}

_missing(standings) := set() if "in-use" in standings

_missing(standings) := {"consent-withdrawn"} if {
	not "in-use" in standings
	"consent-withdrawn" in standings
}

_missing(standings) := {"consent-expired"} if standings == {"consent-expired"}

_missing(standings) := {"consent-needed"} if count(standings) == 0

_in_use(provision) if _standing(provision) == "in-use"

# Ending a permission early withdraws it; letting it run out is no refusal.
_standing(provision) := "consent-withdrawn" if _ended(provision)

_standing(provision) := "consent-expired" if {
	not _ended(provision)
	_run_out(provision)
}

_standing(provision) := "in-use" if {
	not _ended(provision)
	not _run_out(provision)
}

_ended(provision) if {
	is_number(provision.ended)
	provision.ended <= input.request.time
}

_run_out(provision) if {
	is_number(provision.until)
	provision.until <= input.request.time
}

# Null means any. An empty list means none: it never turns into everything.
_any_or_listed(listed, _) if listed == null

_any_or_listed(listed, code) if code in listed
