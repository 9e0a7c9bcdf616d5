# METADATA
# title: Who is asking, and for what
# description: |
#   Is this a known organisation and one of its people, in a role that reads records, surely enough signed in, with
#   a purpose that is theirs to have and that could need these sections?
package broker.identity

_kind := data.sharing.vocabulary.kinds[input.subject.kind]

_purpose := data.sharing.vocabulary.purposes[input.request.purpose]

# METADATA
# description: Reasons that refuse the whole request.
# scope: document
reasons contains "organisation-unknown" if not _kind

reasons contains "organisation-inactive" if {
	_kind
	not input.subject.active == true
}

reasons contains "not-a-member" if not input.subject.member == true

reasons contains "role-not-permitted" if not _role_reads_records

reasons contains "purpose-unknown" if not _purpose

# Whoever asks must say exactly what for. A grouping is for agreements and for the resident's choices to name.
reasons contains "purpose-too-broad" if {
	_purpose
	not _purpose.grouping == false
}

reasons contains "purpose-not-for-kind" if {
	_kind
	_purpose.grouping == false
	not _purpose_is_for_kind
}

reasons contains "assurance-too-low" if {
	_purpose.grouping == false
	not _sure_enough
}

reasons contains code if some code in data.broker.emergency.reasons

# METADATA
# description: For each section that is refused alone, why.
section_reasons[section] := codes if {
	some [section, _] in _outside
	codes := {code | some [outside, code] in _outside; outside == section}
}

_outside contains [section, code] if {
	some code, sections in _limits
	some section in data.broker.question.sections
	not section in sections
}

_role_reads_records if input.subject.role in data.sharing.tables.record_roles

_sure_enough if input.subject.assurance >= data.sharing.tables.assurance[input.request.purpose]

_purpose_is_for_kind if {
	input.subject.kind in data.sharing.tables.record_kinds
	input.subject.kind in data.sharing.tables.purposes[input.request.purpose].kinds
}

_limits["section-unknown"] := object.keys(data.sharing.vocabulary.sections)

# A section nobody has heard of is not also "too much"; a purpose nobody has heard of is refused as a whole.
_limits["section-not-for-purpose"] := sections if {
	sections := data.sharing.tables.purposes[input.request.purpose].sections
}

_limits["break-glass-section"] := data.broker.emergency.sections if data.broker.emergency.declared
