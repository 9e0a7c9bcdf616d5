# METADATA
# title: An agreement's own conditions
# description: |
#   What do the conditions that agreements were agreed with refuse, and what do they oblige? They can do nothing else,
#   and what they say unclearly is a refusal: a condition that is missing, or that uses a word nobody knows, never
#   leaves an agreement standing.
package broker.condition

# METADATA
# description: Every agreement with conditions, and each reason they give why nothing may be shared under it.
# scope: document
refusals contains [owner, code] if {
	some [_, owner] in data.broker.agreement.conditioned
	denied := data.conditions[owner].deny
	type_name(denied) == "set"
	some code in denied
	_reason(code)
}

# Agreed with conditions, and they are not here.
refusals contains [owner, "policy-unclear"] if {
	some [_, owner] in data.broker.agreement.conditioned
	not data.conditions[owner]
}

# Not a set of reasons at all.
refusals contains [owner, "policy-unclear"] if {
	some [_, owner] in data.broker.agreement.conditioned
	denied := data.conditions[owner].deny
	type_name(denied) != "set"
}

# A reason nobody knows still refuses. Handed on, it would be no answer, and would refuse what others may share too.
refusals contains [owner, "policy-unclear"] if {
	some [_, owner] in data.broker.agreement.conditioned
	denied := data.conditions[owner].deny
	type_name(denied) == "set"
	some code in denied
	not _reason(code)
}

# What nobody knows how to do cannot be done, so nothing may be shared that depends on it.
refusals contains [owner, "obligation-unmet"] if {
	some [_, owner] in data.broker.agreement.conditioned
	obliged := data.conditions[owner].obligations
	type_name(obliged) == "set"
	some code in obliged
	not _obligation(code)
}

refusals contains [owner, "obligation-unmet"] if {
	some [_, owner] in data.broker.agreement.conditioned
	obliged := data.conditions[owner].obligations
	type_name(obliged) != "set"
}

# METADATA
# description: Every agreement with conditions, and each thing they oblige the broker to do.
# scope: document
obligations contains [owner, code] if {
	some [_, owner] in data.broker.agreement.conditioned
	obliged := data.conditions[owner].obligations
	type_name(obliged) == "set"
	some code in obliged
	_obligation(code)
}

_reason(code) if data.sharing.vocabulary.reasons[code]

_obligation(code) if data.sharing.vocabulary.obligations[code]
