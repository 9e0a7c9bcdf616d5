# METADATA
# title: Conformance
# description: >
#   The constructs the policy is written in, one rule for each. Every engine must answer
#   conformance.json as OPA does before it may decide anything.
package broker.conformance

default undefined_falls_to_the_default := "default"

undefined_falls_to_the_default := input.nowhere.at_all

default false_is_not_undefined := "default"

false_is_not_undefined := input.flag

rules_add_up contains "flag" if input.flag

rules_add_up contains "no-flag" if not input.flag

rules_add_up contains "always"

no_match_is_an_empty_object[code] := entry.open if {
	some code, entry in input.entries
	entry.open == "never"
}

a_value_per_key[code] := opened if {
	some code, entry in input.entries
	opened := {section | some section in entry.sections; section in input.wanted}
}

pairs contains [code, section] if {
	some code, entry in input.entries
	some section in entry.sections
}

a_bound_part_matches contains section if {
	some section in input.wanted
	pairs[["a", section]]
}

default every_one := false

every_one if {
	every section in input.wanted {
		some entry in input.entries
		section in entry.sections
	}
}

every_one_of_nothing if {
	every section in {section | some section in input.wanted; section == ""} {
		section == "never"
	}
}

sets := {
	"union": ({"b", "a"} | {"c", "a"}),
	"minus": {"a", "b", "c"} - {"b"},
	"both": {"a", "b"} & {"b", "c"},
	"counted": count({1, 2}),
	"listed": [letter | some letter in {"c", "a", "b"}],
}

objects := {
	"got": object.get(input, ["entries", "a", "open"], "none"),
	"missed": object.get(input, ["entries", "z", "open"], "none"),
	"null_is_a_value": object.get(input, "nothing", "none"),
	"keys": object.keys({"x": 1, "y": 2}),
	"merged": object.union({"a": {"b": 1}}, {"a": {"c": 2}}),
	"comprehended": {code: count(entry.sections) | some code, entry in input.entries},
}

null_compares := {
	"equal": input.nothing == null,
	"unequal": input.nothing != null,
}

default soonest := null

soonest := min({at | some at in input.instants; at > input.now})

in_force contains number if {
	some number, period in input.periods
	period.from <= input.now
	input.now < object.get(period, "until", input.now + 1)
}

choice := "first" if {
	input.wanted[0] == "allergies"
} else := "second" if {
	input.flag
} else := "last"

_allowed(code, section) if section in input.entries[code].sections

a_private_function contains code if {
	some code, _ in input.entries
	_allowed(code, "money")
}

conditions contains [id, code] if {
	some id in input.agreements
	some code in data.conditions[id].deny
}

looked_up contains id if some id, true in data.sharing.by_org_purpose[input.org][input.purpose]

text := {
	"formatted": sprintf("%s needs %d", ["Ada", 2]),
	"joined": concat(", ", ["a", "b"]),
	"split": split("a/b", "/"),
	"lower": lower("ABC"),
	"matched": regex.match(`^[a-z]+\d$`, "abc1"),
	"starts": startswith("abc", "ab"),
	"ordered": "10" < "9",
}

another_package := {
	"sections": data.broker.conformance.elsewhere.open_sections,
	"declared": data.broker.conformance.elsewhere.declared,
	"wanted": {code |
		some code, sections in data.broker.conformance.elsewhere.open_sections
		every section in input.wanted {
			section in sections
		}
	},
}

_graded(at) := "past" if {
	is_number(at)
	at < input.now
} else := "now" if {
	at == input.now
} else := "to come" if is_number(at)

_graded(at) := "never" if at == null

a_function_of_clauses := [_graded(at) | some at in [input.now - 1, input.now, input.now + 1, null]]

null_in_a_set contains code if {
	some code in ["nobody", "somebody", null]
	code in {null, input.org}
}

types contains name if {
	some value in [null, true, 1, "text", [], {}]
	name := type_name(value)
}

not_of_a_rule if not _has_instants

_has_instants if count(input.instants) > 0

first_of_many := input.periods[0].until
