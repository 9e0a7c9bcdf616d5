# METADATA
# title: Relationship with the resident
# description: |
#   Why may this person look at this resident at all? A relationship belongs to an organisation, and to one person
#   where it names one. Being in the resident's neighbourhood team opens what the member's tier is for; being invited
#   by the resident, what the resident permits; every other kind leaves the sections to the agreement.
package broker.relationship

# METADATA
# description: The relationships that hold for this requester now.
current contains relationship if {
	some relationship in data.broker.question.relationships
	relationship.organisation == input.subject.organisation
	relationship.person in {null, input.subject.person}
	relationship.from <= input.request.time
	_not_over(relationship)
	_not_too_long(relationship)
}

# METADATA
# description: Reasons that refuse the whole request.
reasons contains "no-relationship" if {
	not "relationship" in data.broker.emergency.lifts
	count(current) == 0
}

# METADATA
# description: For each section that is refused alone, why.
section_reasons[section] := {"beyond-tier"} if {
	not _opens_every_section
	some section in data.broker.question.sections
	not section in _tier_sections
}

# METADATA
# description: Sections that nothing but the resident's invitation opens. It says yes to what it names, and no more.
# scope: document
only_invited contains section if {
	not "relationship" in data.broker.emergency.lifts
	_invited
	not _opens_more_than_it_says
	some section in data.broker.question.sections
	not section in _tier_sections
}

_kinds := {relationship.kind | some relationship in current}

_known := data.sharing.vocabulary.relationship_kinds

_invited if "invited" in _kinds

_opens_more_than_it_says if count(_kinds - {"invited", "neighbourhood-team"}) > 0

# METADATA
# description: Every instant at which a relationship begins or ends.
instants contains instant if {
	some relationship in data.broker.question.relationships
	some instant in [relationship.from, relationship.until]
	is_number(instant)
}

_opens_every_section if "relationship" in data.broker.emergency.lifts

_opens_every_section if count(_kinds - {"neighbourhood-team"}) > 0

# A member without a tier, or with one nobody has described, sees nothing through the team.
_tier_sections contains section if {
	some relationship in current
	relationship.kind == "neighbourhood-team"
	some section in data.sharing.tables.tiers[relationship.tier].sections
}

_not_over(relationship) if relationship.until == null

_not_over(relationship) if input.request.time < relationship.until

# Some kinds may not last: a first contact at a front door is over in a day, and one with no end is no contact.
_not_too_long(relationship) if _known[relationship.kind].longest == null

_not_too_long(relationship) if {
	longest := _known[relationship.kind].longest
	is_number(longest)
	is_number(relationship.until)
	relationship.until - relationship.from <= longest
}
