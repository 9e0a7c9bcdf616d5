# METADATA
# title: Sensitive information
# description: |
#   Within what is permitted, which sensitivities stay out? Everything that is not expressly agreed, and everything
#   the resident keeps back. What the law restricts stays out whatever was agreed.
package broker.sensitivity

# METADATA
# description: Every sensitivity there is; what is left out when nothing is permitted.
every_label := object.keys(data.sharing.vocabulary.labels)

# METADATA
# description: |
#   For each set of agreements that something is shared under, what none of them opens, and what the law restricts.
#   Everything, where it is shared under none.
left_out := {relied: labels |
	opened := data.broker.agreement.labels
	barred := data.broker.legal_bar.labels
	some relied in data.broker.decision.relied
	labels := (every_label - union({opened[id] | some id in relied})) | barred
}
