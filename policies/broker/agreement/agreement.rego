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
	"superseded": "agreement-expired",
}

# A narrowing binds while it is in force, and goes on binding while it is suspended: to suspend it widens nothing.
_binding_states := {"in-force", "suspended"}

# The agreements that name this organisation and purpose, each with all that is above it. They are indexed, and put
# together when they are published, so that the cost does not grow with their number. One above which an agreement
# cannot be found has no chain, and is then no candidate at all.
_chains[id] := chain if {
	chains := data.sharing.chains
	some id, _ in data.sharing.by_org_purpose[input.subject.organisation][input.request.purpose]
	chain := chains[id]

	# Nor is one that does not say for whom, from whom, or in what state.
	count(chain.recipients) > 0
	count(chain.sources) > 0
	count(chain.states) > 0
}

# What narrows each of them, or one above it, for the residents of this place: binding or not.
_local[id] := members if {
	some id, chain in _chains
	narrowings := chain.narrowed_by[input.resident.place]
	members := {narrowing: member |
		some narrowing in narrowings
		member := data.sharing.agreements[narrowing]
	}
}

# Those that bind now.
_narrowings[id] := members if {
	some id, all in _local
	members := {narrowing: member |
		some narrowing, member in all
		member.state in _binding_states
		_started(member)
		_not_over(member)
	}
}

# METADATA
# description: |
#   For each agreement that names this organisation and purpose, why it does not stand: its own faults and those of
#   every agreement above it. Empty where it stands.
standing[id] := faults if {
	organisation := input.subject.organisation
	kind := input.subject.kind
	role := input.subject.role
	purpose := input.request.purpose
	some id, chain in _chains
	faults := union({
		{"agreement-not-signed" | not chain.signed == true},
		{"agreement-not-started" | not _started(chain)},
		{"agreement-expired" | not _not_over(chain)},
		{"outside-place" | some place in chain.places; not place == input.resident.place},
		{"role-not-in-agreement" | not chain.roles[role]},
		{"no-agreement" | not chain.purposes[purpose]},
		# The agreement itself names the organisation; one above may name its kind, for others to add under it.
		{"no-agreement" |
			some named in chain.recipients
			not named.organisations[organisation]
			not named.kinds[kind]
		},
		# "No override allowed" is honoured at every level.
		{"break-glass-not-permitted" | data.broker.emergency.declared; not chain.break_glass == true},
		{code |
			some state in chain.states
			state != "in-force"
			code := object.get(_refused_by_state, state, "no-agreement")
		},
		{code | some [candidate, code] in _faults; candidate == id},
	})
}

# Those that stand. What they open, ask and oblige is worked out for no others.
_standing[id] := chain if {
	some id, chain in _chains
	standing[id] == set()
}

# METADATA
# description: Every agreement, section and reason where the agreement does not open the section.
# scope: document
section_faults contains [id, section, "section-not-in-agreement"] if {
	some id, chain in _chains
	some section in data.broker.question.sections
	not chain.sections[section]
}

section_faults contains [id, section, "narrowed-by-place"] if {
	some id, members in _narrowings
	some member in members
	some section in data.broker.question.sections
	not member.sections[section]
}

# METADATA
# description: Every agreement, source and reason where the agreement does not reach the source.
# scope: document
source_faults contains [id, source, "source-not-in-agreement"] if {
	some source in data.broker.question.sources
	organisation := object.get(input.request, ["sources", source, "organisation"], null)
	kind := object.get(input.request, ["sources", source, "kind"], null)
	some id, chain in _chains
	some named in chain.sources
	not named.kinds[kind]
	not named.organisations[organisation]
}

source_faults contains [id, source, "narrowed-by-place"] if {
	some source in data.broker.question.sources
	organisation := object.get(input.request, ["sources", source, "organisation"], null)
	kind := object.get(input.request, ["sources", source, "kind"], null)
	some id, members in _narrowings
	some member in members
	not member.sources.kinds[kind]
	not member.sources.organisations[organisation]
}

# METADATA
# description: For each agreement that stands, the sensitivities it may release.
labels[id] := open if {
	some id, chain in _standing
	not _narrowings[id]
	open := object.keys(chain.labels)
}

labels[id] := open if {
	some id, chain in _standing
	members := _narrowings[id]
	agreed := object.keys(chain.labels)
	kept_in := {label | some label in agreed; some member in members; not member.labels[label]}
	open := agreed - kept_in
}

# METADATA
# description: Agreements that stand, under which explicit permission is needed (common-law confidentiality).
# scope: document
explicit contains id if {
	some id, chain in _standing
	not chain.explicit == false
}

explicit contains id if {
	some id, members in _narrowings
	some member in members
	member.confidentiality == "explicit"
}

# METADATA
# description: Every agreement that stands, with what it or one above it says of telling that something is withheld.
# scope: document
disclosures contains [id, disclosure] if {
	some id, chain in _standing
	some disclosure in chain.disclosures
}

disclosures contains [id, disclosure] if {
	some id, members in _narrowings
	some member in members
	disclosure := member.disclosure
}

# METADATA
# description: For each agreement that stands, what it and those above it oblige. A condition may only add.
obligations[id] := duties if {
	some id, chain in _standing
	duties := array.concat(chain.obligations, _added(id))
}

# What narrowings and conditions oblige, beside what was agreed.
_added(id) := array.concat(
	[duty | some member in object.get(_narrowings, id, {}); some duty in member.obligations],
	[{"obligation": code} |
		some [candidate, owner] in conditioned
		candidate == id
		some [obliging, code] in data.broker.condition.obligations
		obliging == owner
	],
)

# METADATA
# description: |
#   Every agreement, with each that bounds it and was agreed with conditions of its own. No other conditions are looked
#   up: the embedded engine reads every agreement's as soon as one is.
# scope: document
conditioned contains [id, owner] if {
	some id, chain in _chains
	some owner in chain.conditions
}

conditioned contains [id, owner] if {
	some id, members in _narrowings
	some owner, member in members
	not member.conditions == false
}

# METADATA
# description: Every instant at which an agreement that was looked at, or a narrowing of one, begins or ends.
# scope: document
instants contains instant if {
	some chain in _chains
	some instant in chain.instants
}

instants contains instant if {
	some members in _local
	some member in members
	some instant in [member.from, member.until]
}

# What a narrowing, or a condition, has against it.
_faults contains [id, "break-glass-not-permitted"] if {
	data.broker.emergency.declared
	some id, members in _narrowings
	some member in members
	not member.break_glass == true
}

_faults contains [id, "narrowed-by-place"] if {
	some id, members in _narrowings
	some member in members
	not _leaves_open(member)
}

# The conditions of an agreement, of one above it and of a narrowing can only refuse.
_faults contains [id, code] if {
	some [id, owner] in conditioned
	some [refusing, code] in data.broker.condition.refusals
	refusing == owner
}

_started(member) if member.from <= input.request.time

_not_over(member) if input.request.time < member.until

_names_role(member) if member.roles[input.subject.role]

_names_purpose(member) if member.purposes[input.request.purpose]

_leaves_open(narrowing) if {
	_names_purpose(narrowing)
	_names_role(narrowing)
}
