# METADATA
# title: Sharing agreement
# description: |
#   Which agreements let this organisation have these sections from these sources, for this purpose, about somebody
#   who lives here? An agreement opens only what every agreement above it also opens, and what the resident's place
#   has not narrowed. An agreement for a place can narrow London's; it can never widen it.
package broker.agreement

# Every state but one is a refusal; a state nobody has heard of is one too.
_refused_by_state := {
	"draft": "agreement-not-signed",
	"in-review": "agreement-not-signed",
	"approved": "agreement-not-started",
	"suspended": "agreement-suspended",
	"ended": "agreement-expired",
}

# A narrowing binds while it is in force, and goes on binding while it is suspended: to suspend it widens nothing.
_binding_states := {"in-force", "suspended"}

# Indexed by organisation and purpose, so that the cost does not grow with the number of agreements.
_candidates[id] := agreement if {
	some id, _ in data.sharing.by_org_purpose[input.subject.organisation][input.request.purpose]
	agreement := data.sharing.agreements[id]
}

# The agreement itself and those above it. Each must hold.
_chain[id] := members if {
	some id, agreement in _candidates
	above := [member |
		some ancestor in agreement.ancestors
		member := data.sharing.agreements[ancestor]
	]

	# An agreement above that cannot be found holds nothing up: this one is then no candidate at all.
	count(above) == count(agreement.ancestors)
	members := array.concat([agreement], above)
}

# What the resident's place has narrowed.
_narrowings[id] := members if {
	some id, agreement in _candidates
	members := [member |
		some narrowing in agreement.narrowed_by[input.resident.place]
		member := data.sharing.agreements[narrowing]
		member.state in _binding_states
		member.from <= input.request.time
		input.request.time < member.until
	]
}

# Everything that bounds what an agreement may open.
_bounds[id] := array.concat(members, _narrowings[id]) if some id, members in _chain

# METADATA
# description: |
#   For each agreement that names this organisation and purpose, why it does not stand: its own faults and those of
#   every agreement above it. Empty where it stands.
standing[id] := codes if {
	some id, _ in _chain
	codes := {code | some [candidate, code] in _faults; candidate == id}
}

# METADATA
# description: For each section, and each agreement, why the agreement does not open it. Empty where it does.
section_faults[section] := faults if {
	some section in data.broker.question.sections
	faults := {id: codes |
		some id, members in _chain
		left_out := {"section-not-in-agreement" | some member in members; not member.sections[section]}
		narrowed := {"narrowed-by-place" | some member in _narrowings[id]; not member.sections[section]}
		codes := left_out | narrowed
	}
}

# METADATA
# description: For each source, and each agreement, why the agreement does not reach it. Empty where it does.
source_faults[source] := faults if {
	some source in data.broker.question.sources
	described := input.request.sources[source]
	faults := {id: codes |
		some id, members in _chain
		left_out := {"source-not-in-agreement" | some member in members; not _reaches(member, described)}
		narrowed := {"narrowed-by-place" | some member in _narrowings[id]; not _reaches(member, described)}
		codes := left_out | narrowed
	}
}

# METADATA
# description: For each agreement, the sensitivities it may release.
labels[id] := open if {
	some id, members in _bounds
	open := {label |
		some label, _ in members[0].labels
		every member in members {
			member.labels[label]
		}
	}
}

# METADATA
# description: Agreements under which the resident's explicit permission is needed (common-law confidentiality).
explicit contains id if {
	some id, members in _bounds
	some member in members
	member.confidentiality == "explicit"
}

# METADATA
# description: For each agreement, what it and those above it say of telling a requester that something is withheld.
disclosures[id] := {member.disclosure | some member in members} if some id, members in _bounds

# METADATA
# description: For each agreement, what it and those above it oblige. A condition module may add, never take away.
obligations[id] := duties if {
	some id, members in _bounds
	agreed := {duty | some member in members; some duty in member.obligations}
	added := {{"obligation": code} | some code in data.conditions[id].obligations}
	duties := agreed | added
}

# METADATA
# description: Every instant at which an agreement that was looked at, or a narrowing of one, begins or ends.
# scope: document
instants contains instant if {
	some members in _chain
	some member in members
	some instant in [member.from, member.until]
}

instants contains instant if {
	some agreement in _candidates
	some narrowing in agreement.narrowed_by[input.resident.place]
	member := data.sharing.agreements[narrowing]
	some instant in [member.from, member.until]
}

_faults contains [id, "agreement-not-signed"] if {
	some id, members in _chain
	some member in members
	not member.signed == true
}

_faults contains [id, code] if {
	some id, members in _chain
	some member in members
	member.state != "in-force"
	code := object.get(_refused_by_state, member.state, "no-agreement")
}

_faults contains [id, "agreement-not-started"] if {
	some id, members in _chain
	some member in members
	not _started(member)
}

_faults contains [id, "agreement-expired"] if {
	some id, members in _chain
	some member in members
	not _not_over(member)
}

_faults contains [id, "outside-place"] if {
	some id, members in _chain
	some member in members
	not _covers(member)
}

_faults contains [id, "role-not-in-agreement"] if {
	some id, members in _chain
	some member in members
	not _names_role(member)
}

_faults contains [id, "no-agreement"] if {
	some id, members in _chain
	some member in members
	not _names(member)
}

# "No override allowed" is honoured at every level.
_faults contains [id, "break-glass-not-permitted"] if {
	data.broker.emergency.declared
	some id, members in _bounds
	some member in members
	not member.break_glass == true
}

_faults contains [id, "narrowed-by-place"] if {
	some id, members in _narrowings
	some member in members
	not _leaves_open(member)
}

# One agreement's own conditions can only refuse.
_faults contains [id, code] if {
	some id, _ in _chain
	some code in data.conditions[id].deny
}

_started(member) if member.from <= input.request.time

_not_over(member) if input.request.time < member.until

_names_role(member) if member.roles[input.subject.role]

_covers(member) if member.place == null

_covers(member) if member.place == input.resident.place

# The agreement itself names the organisation; one above may name its kind, for others to add under it.
_names(member) if {
	member.purposes[input.request.purpose]
	member.recipients.organisations[input.subject.organisation]
}

_names(member) if {
	member.purposes[input.request.purpose]
	member.recipients.kinds[input.subject.kind]
}

_leaves_open(narrowing) if {
	narrowing.purposes[input.request.purpose]
	narrowing.roles[input.subject.role]
}

_reaches(member, described) if member.sources.organisations[described.organisation]

_reaches(member, described) if member.sources.kinds[described.kind]
