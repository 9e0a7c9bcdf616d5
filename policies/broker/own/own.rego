# METADATA
# title: One's own record
# description: |
#   What may somebody read of what is held about themself, or about somebody they act for? It is theirs by law (UK
#   GDPR Art. 15), so no relationship with an organisation and no sharing agreement is asked. What the law bars stays
#   out, and so does what a professional must judge first: what is about others, and safeguarding (DPA 2018 Sch. 2
#   para. 16, Sch. 3).
#   A proxy reads only what their levels open, less what no proxy is shown and what the resident withholds from
#   everyone.
package broker.own

# METADATA
# description: Whether this is what is asked for, by whomever. Nothing else is decided here, and this nowhere else.
# scope: document
default asked := false

asked if input.request.purpose == "own-record"

# METADATA
# description: What refuses the whole request, the reasons of the first layer that does.
# scope: document
reasons := _unfit if {
	count(_unfit) > 0
} else := {"not-own-record" | not _theirs}

# Somebody at work has other purposes, whatever they are to the resident.
_unfit contains "purpose-not-for-kind" if not _role_is_ones_own

_unfit contains "role-not-permitted" if {
	input.subject.role == "resident"
	not _old_enough
}

_unfit contains "assurance-too-low" if not _sure_enough

_unfit contains "break-glass-not-permitted" if data.broker.emergency.declared

# METADATA
# description: For each section, why it is refused (nothing where it is not), and the sensitivities that are left out.
answers[section] := {"reasons": codes, "withheld_labels": labels} if {
	some section in data.broker.question.sections
	codes := _refusal(section)
	labels := _left_out(codes, section)
}

# METADATA
# description: Every instant at which what somebody acts by ends.
instants contains until if {
	asked
	until := input.subject.acting.until
	is_number(until)
}

_table := data.sharing.tables.own_record

_role_is_ones_own if input.subject.role in {"resident", "proxy"}

_sure_enough if input.subject.assurance >= data.sharing.tables.assurance["own-record"]

_old_enough if input.resident.age >= _table.from_age

# Whoever works for an organisation asks as that, and never as a resident.
_asks_as_a_resident if {
	input.subject.organisation == ""
	input.subject.person == null
	is_string(input.subject.resident)
}

_theirs if {
	input.subject.role == "resident"
	_asks_as_a_resident
	input.subject.resident == input.resident.id
}

# What they act by was looked up for these two, just now; where nothing stands there is none.
_theirs if {
	_for_another
	_asks_as_a_resident
	is_string(input.subject.acting.proxy)
}

_for_another if input.subject.role == "proxy"

_refusal(section) := {"section-unknown"} if {
	not data.sharing.vocabulary.sections[section]
} else := {"beyond-proxy"} if {
	_for_another
	not _opened_to_them[section]
} else := {"restricted-in-law"} if {
	not _theirs_to_read[section]
} else := {"consent-withheld"} if {
	some provision in _withholdings
	provision.labels == null
	_covers(provision, section)
} else := set()

_opened_to_them[section] if some section in input.subject.acting.sections

_theirs_to_read[section] if some section in data.sharing.tables.purposes["own-record"].sections

# Each table says what may be read, so that one that is missing opens nothing.
_open := _table.labels if input.subject.role == "resident"

_open := _table.labels_for_proxies if _for_another

_closed := (data.broker.sensitivity.every_label - {label | some label in _open}) | data.broker.legal_bar.labels

_left_out(codes, _) := data.broker.sensitivity.every_label if count(codes) > 0

_left_out(codes, section) := _closed | kept if {
	count(codes) == 0
	kept := {label |
		some provision in _withholdings
		_covers(provision, section)
		some label in provision.labels
	}
}

# What the resident withholds from everyone they withhold from whoever acts for them. It never binds themself.
_withholdings contains provision if {
	_for_another
	some provision in data.broker.question.provisions
	provision.type == "deny"
	provision.organisation == null
	_speaks_of_this(provision)
	provision.from <= input.request.time
	_not_over(provision.until)
	_not_over(provision.ended)
}

_speaks_of_this(provision) if provision.purposes == null

_speaks_of_this(provision) if "own-record" in provision.purposes

# Null means any; an empty list means none, and never everything.
_covers(provision, _) if provision.sections == null

_covers(provision, section) if section in provision.sections

_not_over(instant) if instant == null

_not_over(instant) if input.request.time < instant
