# METADATA
# title: The question
# description: |
#   Can this question be read? What cannot be read is never guessed at: an unreadable question, or one unreadable
#   choice of the resident's among many, refuses everything.
package broker.question

_a_number_or_null := {"number", "null"}

_a_text_or_null := {"string", "null"}

_a_list_or_null := {"array", "null"}

# METADATA
# description: What must be answered, one row for each section and source; empty where it is not a list.
# scope: document
default pairs := []

pairs := input.request.pairs if is_array(input.request.pairs)

# METADATA
# description: The resident's recorded choices; empty where they are not a list, which refuses everything.
# scope: document
default provisions := []

provisions := input.facts.provisions if is_array(input.facts.provisions)

# METADATA
# description: The recorded relationships; empty where they are not a list, which refuses everything.
# scope: document
default relationships := []

relationships := input.facts.relationships if is_array(input.facts.relationships)

# METADATA
# description: The sections and sources asked about together, once each, in order.
asked := {[pair.section, pair.source] | some pair in pairs}

# METADATA
# description: The sections asked about, once each.
sections := {section | some [section, _] in asked}

# METADATA
# description: The sources asked about, once each.
sources := {source | some [_, source] in asked}

# METADATA
# description: Reasons why the question cannot be read; empty where it can.
# scope: document
reasons contains "policy-unclear" if not _request_readable

reasons contains "policy-unclear" if not _subject_readable

reasons contains "policy-unclear" if not _facts_listed

reasons contains "policy-unclear" if {
	some provision in provisions
	not _provision_readable(provision)
}

reasons contains "policy-unclear" if {
	some relationship in relationships
	not _relationship_readable(relationship)
}

_request_readable if {
	is_string(input.request.id)
	is_number(input.request.time)
	is_string(input.request.purpose)
	is_array(input.request.sections)
	is_array(input.request.pairs)
	is_object(input.request.sources)
	type_name(input.request.break_glass) in {"object", "null"}

	# Every pair is one that was asked for, from a source that was described.
	count(sections - {section | some section in input.request.sections; is_string(section)}) == 0
	count(sources - object.keys(input.request.sources)) == 0
	every pair in pairs {
		pair.section
		pair.source
	}
}

_facts_listed if {
	is_array(input.facts.provisions)
	is_array(input.facts.relationships)
}

_subject_readable if {
	is_string(input.subject.organisation)
	is_string(input.subject.kind)
	is_boolean(input.subject.active)
	is_string(input.subject.role)
	type_name(input.subject.person) in _a_text_or_null
	is_boolean(input.subject.member)
	is_number(input.subject.assurance)
	type_name(object.get(input.subject, "resident", null)) in _a_text_or_null
	_acting_readable(object.get(input.subject, "acting", null))
	is_string(input.resident.id)
	is_string(input.resident.place)
}

# A question recorded before residents asked for their own record says nothing of who acts for whom.
_acting_readable(acting) if acting == null

_acting_readable(acting) if {
	is_object(acting)
	is_string(acting.proxy)
	is_string(acting.basis)
	is_array(acting.sections)
	type_name(acting.until) in _a_number_or_null
}

# A provision that does not say whether it permits or denies is not a permit, and may have been a denial.
_provision_readable(provision) if {
	is_object(provision)
	provision.type in {"permit", "deny"}
	type_name(provision.organisation) in _a_text_or_null
	type_name(provision.purposes) in _a_list_or_null
	type_name(provision.sections) in _a_list_or_null
	type_name(provision.labels) in _a_list_or_null
	is_number(provision.from)
	type_name(provision.until) in _a_number_or_null
	type_name(provision.ended) in _a_number_or_null
}

_relationship_readable(relationship) if {
	is_object(relationship)
	is_string(relationship.kind)
	is_string(relationship.organisation)
	type_name(relationship.person) in _a_text_or_null
	type_name(relationship.tier) in _a_text_or_null
	is_number(relationship.from)
	type_name(relationship.until) in _a_number_or_null
}
