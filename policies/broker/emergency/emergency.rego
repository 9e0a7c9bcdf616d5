# METADATA
# title: Break-glass
# description: |
#   May emergency access be declared here, and what does it lift? It is an explicit act with a reason, by somebody
#   who may, and it lifts named layers only. It is decided with identity: who is asking, and for what.
package broker.emergency

# What London's table may choose from. Nothing else can be lifted, whatever the table says: not the law, not an
# agreement, not a resident's refusal or withdrawal, not sensitivity.
_liftable := {"relationship", "consent-needed"}

_table := data.sharing.tables.break_glass

# METADATA
# description: Whether the requester declares an emergency, well or badly.
# scope: document
default declared := false

declared if input.request.break_glass != null

declared if input.request.purpose == "emergency"

# METADATA
# description: Why the declaration fails, if it does.
# scope: document
reasons contains "break-glass-not-permitted" if {
	declared
	not _may_declare
}

reasons contains "break-glass-no-reason" if {
	declared
	not _reason_stated
}

reasons contains "assurance-too-low" if {
	declared
	not _sure_enough
}

# A question recorded before uses were reviewed says nothing of it. Whatever else it says than no is a refusal.
reasons contains "break-glass-unreviewed" if {
	declared
	input.subject.review_overdue != false
}

# METADATA
# description: The only sections emergency access opens.
# scope: document
default sections := []

sections := _table.sections

# METADATA
# description: What a declaration that holds lifts.
lifts contains layer if {
	declared
	count(reasons) == 0
	some layer in _table.lifts
	layer in _liftable
}

# METADATA
# description: When a declaration that holds runs out, in seconds since 1970.
ends_at := input.request.time + (_table.minutes * 60) if is_number(input.request.time)

# METADATA
# description: What using emergency access always obliges the broker to do.
duties := {
	{"obligation": "notify-resident"},
	{"obligation": "notify-privacy-officer"},
	{"obligation": "review"},
}

# Emergency access is declared for emergency care and nothing else, and emergency care is never silent.
_may_declare if {
	input.request.purpose == "emergency"
	input.subject.kind in _table.kinds
	input.subject.role in _table.roles
}

_sure_enough if input.subject.assurance >= _table.assurance

_reason_stated if {
	is_string(input.request.break_glass.reason)
	trim_space(input.request.break_glass.reason) != ""
}
