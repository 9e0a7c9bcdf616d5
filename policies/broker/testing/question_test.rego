# METADATA
# title: What tests share
# description: One question that is permitted, and the chain of agreements it is permitted under. Each test shows its difference.
package broker.testing

noon := 1795262400

hour := 3600

question := {
	"request": {
		"id": "a question",
		"time": noon,
		"purpose": "direct-care",
		"sections": ["problems"],
		"pairs": [{"section": "problems", "source": "gp"}],
		"sources": {"gp": {"organisation": "GP1", "kind": "gp-practice"}},
		"break_glass": null,
	},
	"subject": {
		"organisation": "GP1",
		"kind": "gp-practice",
		"active": true,
		"role": "clinician",
		"person": "a-clinician",
		"member": true,
		"assurance": 2,
	},
	"resident": {"id": "a-resident", "place": "MG", "neighbourhood": "MG-N", "age": 70},
	"facts": {"relationships": [relationship], "provisions": []},
}

relationship := {
	"kind": "registered-practice",
	"organisation": "GP1",
	"person": null,
	"team": null,
	"tier": null,
	"from": noon - hour,
	"until": null,
	"source": "the practice list",
}

permit := {
	"id": "a-provision",
	"consent": "a-consent",
	"type": "permit",
	"organisation": "GP1",
	"purposes": null,
	"sections": null,
	"labels": null,
	"from": noon - hour,
	"until": null,
	"ended": null,
}

deny := object.union(permit, {"type": "deny"})

chain := {
	"signed": true,
	"states": ["in-force"],
	"from": noon - hour,
	"until": noon + (24 * hour),
	"instants": [noon - hour, noon + (24 * hour)],
	"places": ["MG"],
	"recipients": [
		{"organisations": {"GP1": true}, "kinds": {}},
		{"organisations": {}, "kinds": {"gp-practice": true}},
	],
	"sources": [{"organisations": {"GP1": true}, "kinds": {}}],
	"purposes": {"direct-care": true, "emergency": true},
	"sections": {"problems": true, "housing": true},
	"roles": {"clinician": true},
	"labels": {"mental-health": true, "hiv": true},
	"explicit": false,
	"disclosures": ["tell"],
	"break_glass": true,
	"obligations": [],
	"conditions": [],
	"narrowed_by": {},
}

chains := {"CARE": chain}

narrowing := {
	"state": "in-force",
	"from": noon - hour,
	"until": noon + hour,
	"sources": {"organisations": {"GP1": true}, "kinds": {}},
	"purposes": {"direct-care": true},
	"sections": {"problems": true, "housing": true},
	"roles": {"clinician": true},
	"labels": {"mental-health": true, "hiv": true},
	"confidentiality": "implied",
	"disclosure": "tell",
	"break_glass": true,
	"obligations": [],
	"conditions": false,
}

index := {"GP1": {"direct-care": {"CARE": true}, "emergency": {"CARE": true}}}
