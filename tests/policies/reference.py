"""The decision once more, in plain Python, to compare the Rego with. Written from the README beside it, not from it.

Reads whole questions only (``policies/schemas/input.json``); of a spoilt one the Rego alone is asked. Says each thing
once, in the README's words, and looks nothing up in an index. Where the two differ, one is wrong, or the README is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from broker.vocabulary import (
    DenialReason,
    Disclosure,
    Obligation,
    OrganisationKind,
    Permission,
    Purpose,
    RelationshipKind,
    Section,
    Sensitivity,
)

Facts = Mapping[str, Any]
Codes = set[str]
STRICTEST_FIRST = [Disclosure.NEVER, Disclosure.CLINICIANS, Disclosure.TELL]
STATES = {
    "draft": "agreement-not-signed", "in-review": "agreement-not-signed", "approved": "agreement-not-started",
    "suspended": "agreement-suspended", "ended": "agreement-expired", "superseded": "agreement-expired",
}  # fmt: skip
LIFTABLE = {"relationship", "consent-needed"}
ASKABLE = {"consent-needed", "consent-withdrawn", "consent-expired"}
AFTER_BREAK_GLASS = [Obligation.NOTIFY_PRIVACY_OFFICER, Obligation.NOTIFY_RESIDENT, Obligation.REVIEW]
ALL_LABELS = {label.value for label in Sensitivity}
IN_LAW = {label.value for label in Sensitivity if label.in_law}


def decide(question: Facts, data: Facts, conditions: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What ``data.broker.decision.result`` should be, ``data`` being the ``sharing`` document.

    ``conditions`` is what agreements' own conditions say of this question (``comparing.Conditions``).
    """
    return _Decision(question, data, conditions or {}).result()


class _Decision:
    def __init__(self, question: Facts, data: Facts, conditions: Mapping[str, Any]) -> None:
        self.asked, self.who, self.facts = question["request"], question["subject"], question["facts"]
        self.place, self.now, self.conditions = question["resident"]["place"], self.asked["time"], conditions
        self.data, self.tables = data, data["tables"]
        self.kind = OrganisationKind(self.who["kind"]) if self.who["kind"] in list(OrganisationKind) else None
        self.purpose = Purpose(self.asked["purpose"]) if self.asked["purpose"] in list(Purpose) else None
        self.law_answers = self.purpose is not None and self.purpose.permission is Permission.NOT_NEEDED
        self.declared = self.asked["break_glass"] is not None or self.purpose is Purpose.EMERGENCY
        self.emergency_faults = self.emergency() if self.declared else set()
        lifting = self.declared and not self.emergency_faults
        self.lifts = LIFTABLE & set(self.tables["break_glass"]["lifts"]) if lifting else set()
        self.relationships = [each for each in self.facts["relationships"] if self.relates(each)]
        self.kinds = {each["kind"] for each in self.relationships}
        self.candidates = {id: self.agreement(id, each) for id, each in data["agreements"].items() if self.names(each)}

    def current(self, thing: Facts) -> bool:
        ends = (thing["until"], thing.get("ended"))
        return bool(thing["from"] <= self.now) and all(end is None or self.now < end for end in ends)

    def covers(self, purposes: Iterable[str]) -> bool:
        """Whether the purpose asked for is at or below one of these."""
        return self.purpose is not None and any(above.value in purposes for above in self.purpose.lineage)

    # ---- who is asking, and for what -----------------------------------------------------------------------------

    def emergency(self) -> Codes:
        glass, declared, found = self.tables["break_glass"], self.asked["break_glass"], set()
        entitled = self.who["kind"] in glass["kinds"] and self.who["role"] in glass["roles"]
        if not (self.purpose is Purpose.EMERGENCY and entitled):
            found.add("break-glass-not-permitted")
        if not (declared and declared["reason"].strip()):
            found.add("break-glass-no-reason")
        if self.who["assurance"] < glass["assurance"]:
            found.add("assurance-too-low")
        return found

    def identity(self) -> Codes:
        found = self.emergency_faults | self.purposeful()
        if self.kind is None:
            found.add("organisation-unknown")
        elif not self.who["active"]:
            found.add("organisation-inactive")
        if not self.who["member"]:
            found.add("not-a-member")
        if self.who["role"] not in self.tables["record_roles"]:
            found.add("role-not-permitted")
        return found

    def purposeful(self) -> Codes:
        if self.purpose is None:
            return {"purpose-unknown"}
        if self.purpose.grouping:
            return {"purpose-too-broad"}
        allowed = set(self.tables["purposes"][self.purpose]["kinds"]) & set(self.tables["record_kinds"])
        unfit = {"purpose-not-for-kind"} if self.kind and self.kind not in allowed else set()
        weak = self.who["assurance"] < self.tables["assurance"][self.purpose]
        return unfit | ({"assurance-too-low"} if weak else set())

    def needless(self, section: str) -> Codes:
        found = set() if section in list(Section) else {"section-unknown"}
        if section not in self.tables["purposes"][str(self.purpose)]["sections"]:
            found.add("section-not-for-purpose")
        if self.declared and section not in self.tables["break_glass"]["sections"]:
            found.add("break-glass-section")
        return found

    # ---- relationship --------------------------------------------------------------------------------------------

    def relates(self, each: Facts) -> bool:
        longest = RelationshipKind(each["kind"]).longest
        if longest is not None and (each["until"] is None or each["until"] - each["from"] > longest):
            return False
        ours = each["organisation"] == self.who["organisation"] and each["person"] in (None, self.who["person"])
        return ours and self.current(each)

    def beyond(self, section: str) -> bool:
        """Whether a place in the neighbourhood team, or an invitation, is all they have, and no tier opens this."""
        tiers = {each["tier"] for each in self.relationships if each["kind"] == "neighbourhood-team"} - {None}
        opened = any(section in self.tables["tiers"][tier]["sections"] for tier in tiers)
        return self.kinds <= {"neighbourhood-team", "invited"} and "relationship" not in self.lifts and not opened

    # ---- sharing agreement ---------------------------------------------------------------------------------------

    def names(self, agreement: Facts) -> bool:
        """Whether an agreement names this organisation and purpose; under one that is not there, it is none."""
        whole = set(agreement["ancestors"]) <= self.data["agreements"].keys()
        named = self.who["organisation"] in agreement["recipients"]["organisations"]
        return whole and named and self.covers(agreement["purposes"])

    def agreement(self, id: str, own: Facts) -> dict[str, Any]:
        """An agreement with those above it (the chain), what narrows it here, and why it does not stand."""
        every = self.data["agreements"]
        chain = [own, *(every[above] for above in own["ancestors"])]
        named = [every[narrower] for narrower in own["narrowed_by"].get(self.place, [])]
        narrowings = [each for each in named if each["state"] in ("in-force", "suspended") and self.current(each)]
        found = {code for each in chain for code in self.faults(each)}
        for each in narrowings:
            if not self.covers(each["purposes"]) or self.who["role"] not in each["roles"]:
                found.add("narrowed-by-place")
        if self.purpose is Purpose.EMERGENCY and not all(each["break_glass"] for each in chain + narrowings):
            found.add("break-glass-not-permitted")
        ids = [id, *own["ancestors"], *(n for n in own["narrowed_by"].get(self.place, []) if every[n] in narrowings)]
        said = [self.conditions.get(each) for each in ids if every[each]["conditions"]]
        found |= {code for each in said for code in self.refusals_of(each)}
        duties = [duty for each in chain + narrowings for duty in each["obligations"]]
        duties += [{"obligation": code} for each in said if each for code in each["obligations"] or ()]
        return {
            "chain": chain,
            "narrowings": narrowings,
            "faults": found,
            "looked_at": [*chain, *named],
            "duties": duties,
        }

    def refusals_of(self, said: Any) -> Codes:
        """Why an agreement's own conditions refuse: what they deny, or say unclearly; None where they are not there."""
        if said is None or said["deny"] is None:
            return {"policy-unclear"}
        if said["obligations"] is None:
            return {"obligation-unmet", *self.denied(said["deny"])}
        unmet = any(code not in list(Obligation) for code in said["obligations"])
        return self.denied(said["deny"]) | ({"obligation-unmet"} if unmet else set())

    def denied(self, codes: Iterable[str]) -> Codes:
        return {code if code in list(DenialReason) else "policy-unclear" for code in codes}

    def faults(self, each: Facts) -> Codes:
        named = self.who["organisation"] in each["recipients"]["organisations"]
        checks = {
            "agreement-not-signed": each["signed"],
            "agreement-not-started": each["from"] <= self.now,
            "agreement-expired": self.now < each["until"],
            "outside-place": each["place"] in (None, self.place),
            "role-not-in-agreement": self.who["role"] in each["roles"],
            "no-agreement": self.covers(each["purposes"])
            and (named or self.who["kind"] in each["recipients"]["kinds"]),
        }
        found = {code for code, holds in checks.items() if not holds}
        return found if each["state"] == "in-force" else found | {STATES[each["state"]]}

    def outside(self, id: str, section: str) -> Codes:
        return self.short(id, "section-not-in-agreement", lambda each: section in each["sections"])

    def unreached(self, id: str, source: str) -> Codes:
        return self.short(id, "source-not-in-agreement", lambda each: self.reaches(each, source))

    def short(self, id: str, code: str, opens: Callable[[Facts], bool]) -> Codes:
        agreement = self.candidates[id]
        found = set() if all(map(opens, agreement["chain"])) else {code}
        return found if all(map(opens, agreement["narrowings"])) else found | {"narrowed-by-place"}

    def reaches(self, each: Facts, source: str) -> bool:
        described, sources = self.asked["sources"][source], each["sources"]
        return described["organisation"] in sources["organisations"] or described["kind"] in sources["kinds"]

    def bounds(self, id: str) -> list[Facts]:
        return list(self.candidates[id]["chain"] + self.candidates[id]["narrowings"])

    # ---- the resident's choices, and sensitive information -------------------------------------------------------

    def speaking(self, type: str, section: str) -> list[Facts]:
        """The choices of this type, from then on, that speak of this organisation, purpose and section. Null is any."""
        return [
            each
            for each in self.facts["provisions"]
            if each["type"] == type
            and each["organisation"] in (None, self.who["organisation"])
            and (each["purposes"] is None or self.covers(each["purposes"]))
            and (each["sections"] is None or section in each["sections"])
            and each["from"] <= self.now
        ]

    def refusals(self, section: str) -> list[Facts]:
        return [] if self.law_answers else [each for each in self.speaking("deny", section) if self.current(each)]

    def permission_needed(self, id: str, section: str) -> bool:
        if self.law_answers:
            return False
        explicit = any(each["confidentiality"] == "explicit" for each in self.bounds(id))
        by_purpose = self.purpose is not None and self.purpose.permission is Permission.EXPLICIT
        only_invited = "invited" in self.kinds and self.beyond(section)
        return explicit or by_purpose or only_invited or not (self.kind and self.kind.gives_care)

    def permission_missing(self, section: str) -> Codes:
        """A permission names the organisation and speaks of whole sections; ended early, it is withdrawn."""
        given = [each for each in self.speaking("permit", section) if each["labels"] is None and each["organisation"]]
        if any(self.current(each) for each in given):
            return set()
        if any(each["ended"] is not None and each["ended"] <= self.now for each in given):
            return {"consent-withdrawn"}
        return {"consent-expired"} if given else {"consent-needed"} - self.lifts

    def withheld(self, section: str, relied_on: list[str]) -> Codes:
        opened = {label for id in relied_on for label in set.intersection(*(set(b["labels"]) for b in self.bounds(id)))}
        return (
            ALL_LABELS - opened | IN_LAW | {label for each in self.refusals(section) for label in each["labels"] or ()}
        )

    # ---- the layers, in order ------------------------------------------------------------------------------------

    def pair(self, section: str, source: str) -> tuple[Codes, list[str], list[str]]:
        """The reasons, the agreements relied on, and those that say what is disclosed and owed."""
        if found := self.needless(section):
            return found, [], []
        if self.beyond(section) and "invited" not in self.kinds:
            return {"beyond-tier"}, [], []
        wrong = {
            id: found["faults"] | self.outside(id, section) | self.unreached(id, source)
            for id, found in self.candidates.items()
        }
        covering = [id for id, codes in wrong.items() if not codes]
        if not covering:  # what is wrong with those that come nearest
            nearest = min(map(len, wrong.values()))
            return {code for codes in wrong.values() if len(codes) == nearest for code in codes}, [], []
        if any(each["labels"] is None for each in self.refusals(section)):
            return {"consent-withheld"}, [], covering
        missing = self.permission_missing(section)
        relied_on = [id for id in covering if not (missing and self.permission_needed(id, section))]
        return (set(), relied_on, relied_on) if relied_on else (missing, [], covering)

    def whole(self) -> Codes:
        """What refuses everything: the reasons of the first layer that does."""
        if found := self.identity():
            return found
        if not self.relationships and "relationship" not in self.lifts:
            return {"no-relationship"}
        return set() if self.candidates else {"no-agreement"}

    def result(self) -> dict[str, Any]:
        asked = {(pair["section"], pair["source"]) for pair in self.asked["pairs"]}
        # Obligations and the like are reckoned for each section asked for, from each source that is.
        every = sorted((section, source) for section in {s for s, _ in asked} for source in {s for _, s in asked})
        whole = self.whole()
        found = {pair: (whole, [], []) if whole else self.pair(*pair) for pair in every}
        following = {id for _, _, ids in found.values() for id in ids}
        disclosure = self.disclosure(following)
        relied_on = {id for _, ids, _ in found.values() for id in ids}
        owing = relied_on if disclosure is Disclosure.TELL else following  # a refusal may have to look like no record
        return {
            "revision": self.data["revision"],
            "request": self.asked["id"],
            "pairs": [self.row(*pair, reasons, ids) for pair, (reasons, ids, _) in found.items() if pair in asked],
            "reasons": sorted(whole),
            "obligations": self.obligations(owing),
            "disclosure": disclosure.value,
            "requestable": self.requestable(whole, [reasons for reasons, _, _ in found.values()], every),
            "valid_until": self.valid_until(),
        }

    def row(self, section: str, source: str, reasons: Codes, ids: list[str]) -> dict[str, Any]:
        withheld = ALL_LABELS if reasons else self.withheld(section, ids)
        answer = {"reasons": sorted(reasons), "agreements": sorted(ids), "withheld_labels": sorted(withheld)}
        return {"section": section, "source": source, **answer}

    def disclosure(self, ids: Codes) -> Disclosure:
        said = {each["disclosure"] for id in ids for each in self.bounds(id)}
        return next((mode for mode in STRICTEST_FIRST if mode in said), Disclosure.TELL)

    def obligations(self, ids: Codes) -> list[Any]:
        owed = [duty for id in ids for duty in self.candidates[id]["duties"]]
        owed += [{"obligation": code.value} for code in AFTER_BREAK_GLASS if self.declared and ids]
        return [json.loads(text) for text in sorted({json.dumps(duty, sort_keys=True) for duty in owed})]

    def requestable(self, whole: Codes, reasons: list[Codes], every: list[tuple[str, str]]) -> bool:
        """Whether only permission is missing somewhere, or only a relationship, which an invitation would make."""
        if whole != {"no-relationship"}:
            return any(each and each <= ASKABLE for each in reasons)
        sections = [section for section, _ in every if not self.needless(section)]
        return any(not (c["faults"] | self.outside(id, each)) for id, c in self.candidates.items() for each in sections)

    def valid_until(self) -> int | None:
        looked_at = [each for agreement in self.candidates.values() for each in agreement["looked_at"]]
        resting = [*self.facts["relationships"], *self.facts["provisions"], *looked_at]
        instants = [each.get(edge) for each in resting for edge in ("from", "until", "ended")]
        instants += [self.now + self.tables["break_glass"]["minutes"] * 60] if self.lifts else []
        return min((instant for instant in instants if instant is not None and instant > self.now), default=None)
