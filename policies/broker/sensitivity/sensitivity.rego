# METADATA
# title: Sensitive information
# description: |
#   Within what is permitted, which sensitivities stay out? Everything that is not expressly agreed, and everything
#   the resident keeps back. What the law restricts stays out whatever was agreed.
package broker.sensitivity

# METADATA
# description: Every sensitivity there is; what is left out when nothing is permitted.
every_label := {label | some label, _ in data.sharing.vocabulary.labels}

# METADATA
# description: For each agreement, the sensitivities it really opens.
opened[id] := open if {
	some id, labels in data.broker.agreement.labels
	open := labels - data.broker.legal_bar.labels
}
