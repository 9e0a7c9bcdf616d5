# METADATA
# title: The law
# description: |
#   What may nobody be given, whatever was agreed, permitted or declared? The labels that an Act restricts
#   (Gender Recognition Act 2004 s.22; Human Fertilisation and Embryology Act 1990 s.33A).
package broker.legal_bar

# METADATA
# description: Sensitivities that are always left out.
labels := {label |
	some label, entry in data.sharing.vocabulary.labels
	entry.in_law
}
