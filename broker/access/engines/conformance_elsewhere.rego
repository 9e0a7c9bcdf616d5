# METADATA
# title: Another package
# description: What the conformance vectors read from one package in another, and back.
package broker.conformance.elsewhere

open_sections[code] := sections if {
	some code, entry in input.entries
	entry.open == true
	sections := {section | some [other, section] in data.broker.conformance.pairs; other == code}
}

default declared := false

declared if input.purpose == "emergency"

declared if input.org == "nobody"
