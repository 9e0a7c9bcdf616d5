"""The decision once more, in plain Python, to compare the Rego with. Written from the README beside it, not from it.

Reads whole questions only; of a spoilt one the Rego alone is asked. Looks nothing up in an index.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from broker import vocabulary as v

Facts = Mapping[str, Any]
Codes = set[str]
STRICTEST_FIRST = [v.Disclosure.NEVER, v.Disclosure.CLINICIANS, v.Disclosure.TELL]
STATES = {"draft": "not-signed", "in-review": "not-signed", "approved": "not-started", "suspended": "suspended"}
LIFTABLE = {"relationship", "consent-needed"}
ASKABLE = {"consent-needed", "consent-withdrawn", "consent-expired"}
AFTER_BREAK_GLASS = [v.Obligation.NOTIFY_PRIVACY_OFFICER, v.Obligation.NOTIFY_RESIDENT, v.Obligation.REVIEW]
ALL_LABELS, IN_LAW = set(map(str, v.Sensitivity)), {label.value for label in v.Sensitivity if label.in_law}


def decide(question: Facts, data: Facts, conditions: Mapping[str, Any] | None = None) -> dict[str, Any]:
    kind = _OwnRecord if question["request"]["purpose"] == v.Purpose.OWN_RECORD else _Decision
    return kind(question, data, conditions or {}).result()


def _unmet(checks: Mapping[str, Any]) -> Codes:
    return {code for code, holds in checks.items() if not holds}


class _Decision:
    def __init__(self, question: Facts, data: Facts, conditions: Mapping[str, Any]) -> None:
        self.asked, self.who, self.facts = question["request"], question["subject"], question["facts"]
        self.place, self.now, self.conditions = question["resident"]["place"], self.asked["time"], conditions
        self.whose, self.age = question["resident"]["id"], question["resident"]["age"]
        self.data, self.tables, self.own = data, data["tables"], data["tables"]["own_record"]
        self.for_another = self.who["role"] == v.Role.PROXY
        self.kind = v.OrganisationKind(self.who["kind"]) if self.who["kind"] in list(v.OrganisationKind) else None
        self.purpose = v.Purpose(self.asked["purpose"]) if self.asked["purpose"] in list(v.Purpose) else None
        self.law_answers = self.purpose is not None and self.purpose.permission is v.Permission.NOT_NEEDED
        self.declared = self.asked["break_glass"] is not None or self.purpose is v.Purpose.EMERGENCY
        self.emergency_faults = self.emergency() if self.declared else set()
        lifting = self.declared and not self.emergency_faults
        self.lifts = LIFTABLE & set(self.tables["break_glass"]["lifts"]) if lifting else set()
        self.relationships = [each for each in self.facts["relationships"] if self.relates(each)]
        self.kinds = {each["kind"] for each in self.relationships}
        self.candidates = {id: self.agreement(id, each) for id, each in data["agreements"].items() if self.names(each)}

    def current(self, thing: Facts) -> bool:
        return thing["from"] <= self.now and all(
            e is None or self.now < e for e in (thing["until"], thing.get("ended"))
        )

    def covers(self, purposes: Iterable[str]) -> bool:
        return self.purpose is not None and any(above.value in purposes for above in self.purpose.lineage)

    def emergency(self) -> Codes:
        glass, declared = self.tables["break_glass"], self.asked["break_glass"]
        entitled = self.who["kind"] in glass["kinds"] and self.who["role"] in glass["roles"]
        checks = {
            "break-glass-not-permitted": self.purpose is v.Purpose.EMERGENCY and entitled,
            "break-glass-no-reason": declared and declared["reason"].strip(),
            "assurance-too-low": self.who["assurance"] >= glass["assurance"],
            "break-glass-unreviewed": self.who.get("review_overdue", False) is False,
        }
        return _unmet(checks)

    def identity(self) -> Codes:
        checks = {
            "organisation-unknown": self.kind,
            "organisation-inactive": self.who["active"] or not self.kind,
            "not-a-member": self.who["member"],
            "role-not-permitted": self.who["role"] in self.tables["record_roles"],
        }
        return _unmet(checks) | self.emergency_faults | self.purposeful()

    def purposeful(self) -> Codes:
        if self.purpose is None or self.purpose.grouping:
            return {"purpose-too-broad" if self.purpose else "purpose-unknown"}
        allowed = set(self.tables["purposes"][self.purpose]["kinds"]) & set(self.tables["record_kinds"])
        sure = self.who["assurance"] >= self.tables["assurance"][self.purpose]
        return _unmet({"purpose-not-for-kind": not self.kind or self.kind in allowed, "assurance-too-low": sure})

    def needless(self, section: str) -> Codes:
        checks = {
            "section-unknown": section in list(v.Section),
            "section-not-for-purpose": section in self.tables["purposes"][str(self.purpose)]["sections"],
            "break-glass-section": not self.declared or section in self.tables["break_glass"]["sections"],
        }
        return _unmet(checks)

    def relates(self, each: Facts) -> bool:
        longest = v.RelationshipKind(each["kind"]).longest
        brief = longest is None or (each["until"] is not None and each["until"] - each["from"] <= longest)
        ours = each["organisation"] == self.who["organisation"] and each["person"] in (None, self.who["person"])
        return brief and ours and self.current(each)

    def beyond(self, section: str) -> bool:
        tiers = {each["tier"] for each in self.relationships if each["kind"] == "neighbourhood-team"} - {None}
        opened = any(section in self.tables["tiers"][tier]["sections"] for tier in tiers)
        return self.kinds <= {"neighbourhood-team", "invited"} and "relationship" not in self.lifts and not opened

    def names(self, agreement: Facts) -> bool:
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
        left_open = all(self.covers(each["purposes"]) and self.who["role"] in each["roles"] for each in narrowings)
        found |= _unmet({"narrowed-by-place": left_open})
        if self.purpose is v.Purpose.EMERGENCY and not all(each["break_glass"] for each in chain + narrowings):
            found.add("break-glass-not-permitted")
        ids = [id, *own["ancestors"], *(n for n in own["narrowed_by"].get(self.place, []) if every[n] in narrowings)]
        said = [self.conditions.get(each) for each in ids if every[each]["conditions"]]
        found |= {code for each in said for code in self.refusals_of(each)}
        duties = [duty for each in chain + narrowings for duty in each["obligations"]]
        duties += [{"obligation": code} for each in said if each for code in each["obligations"] or ()]
        more = {"duties": duties, "looked_at": [*chain, *named], "bounds": chain + narrowings}
        return {"chain": chain, "narrowings": narrowings, "faults": found, **more}

    def refusals_of(self, said: Any) -> Codes:
        """Why an agreement's own conditions refuse: what they deny, or say unclearly; None where they are not there."""
        if said is None or said["deny"] is None:
            return {"policy-unclear"}
        owed, denied = said["obligations"], said["deny"]
        met = owed is not None and all(code in list(v.Obligation) for code in owed)
        codes = {code if code in list(v.DenialReason) else "policy-unclear" for code in denied}
        return codes if met else codes | {"obligation-unmet"}

    def faults(self, each: Facts) -> Codes:
        receives, who = each["recipients"], self.who
        named = who["organisation"] in receives["organisations"] or who["kind"] in receives["kinds"]
        checks = {
            "agreement-not-signed": each["signed"],
            "agreement-not-started": each["from"] <= self.now,
            "agreement-expired": self.now < each["until"],
            "outside-place": each["place"] in (None, self.place),
            "role-not-in-agreement": self.who["role"] in each["roles"],
            "no-agreement": self.covers(each["purposes"]) and named,
        }
        found = _unmet(checks)
        return found if each["state"] == "in-force" else found | {f"agreement-{STATES.get(each['state'], 'expired')}"}

    def outside(self, id: str, section: str) -> Codes:
        return self.short(id, "section-not-in-agreement", lambda each: section in each["sections"])

    def short(self, id: str, code: str, opens: Callable[[Facts], bool]) -> Codes:
        agreement = self.candidates[id]
        found = set() if all(map(opens, agreement["chain"])) else {code}
        return found if all(map(opens, agreement["narrowings"])) else found | {"narrowed-by-place"}

    def speaking(self, type: str, section: str) -> list[Facts]:
        """The choices of this type, from then on, that speak of this organisation, purpose and section. Null is any."""
        begun = [each for each in self.facts["provisions"] if each["type"] == type and each["from"] <= self.now]
        ours = [each for each in begun if each["organisation"] in (None, self.who["organisation"])]
        meant = [each for each in ours if each["purposes"] is None or self.covers(each["purposes"])]
        return [each for each in meant if each["sections"] is None or section in each["sections"]]

    def refusals(self, section: str) -> list[Facts]:
        return [] if self.law_answers else [each for each in self.speaking("deny", section) if self.current(each)]

    def permission_needed(self, id: str, section: str) -> bool:
        explicit = any(each["confidentiality"] == "explicit" for each in self.candidates[id]["bounds"])
        by_purpose = self.purpose is not None and self.purpose.permission is v.Permission.EXPLICIT
        only_invited = "invited" in self.kinds and self.beyond(section)
        careless = not (self.kind and self.kind.gives_care)
        return not self.law_answers and (explicit or by_purpose or only_invited or careless)

    def permission_missing(self, section: str) -> Codes:
        """A permission names the organisation and speaks of whole sections; ended early, it is withdrawn."""
        given = [each for each in self.speaking("permit", section) if each["labels"] is None and each["organisation"]]
        if any(self.current(each) for each in given):
            return set()
        if any(each["ended"] is not None and each["ended"] <= self.now for each in given):
            return {"consent-withdrawn"}
        return {"consent-expired"} if given else {"consent-needed"} - self.lifts

    def withheld(self, section: str, relied_on: list[str]) -> Codes:
        agreed = [set.intersection(*(set(n["labels"]) for n in self.candidates[id]["bounds"])) for id in relied_on]
        kept_back = {label for each in self.refusals(section) for label in each["labels"] or ()}
        return ALL_LABELS - set().union(*agreed) | IN_LAW | kept_back

    def pair(self, section: str, source: str) -> tuple[Codes, list[str], list[str]]:
        """The reasons, the agreements relied on, and those that say what is disclosed and owed."""
        open_to_them = "invited" in self.kinds or not self.beyond(section)
        if early := self.needless(section) or _unmet({"beyond-tier": open_to_them}):
            return early, [], []
        asked, code = self.asked["sources"][source], "source-not-in-agreement"
        by = {"organisations": asked["organisation"], "kinds": asked["kind"]}
        far = {i: self.short(i, code, lambda n: any(by[k] in n["sources"][k] for k in by)) for i in self.candidates}
        wrong = {id: c["faults"] | self.outside(id, section) | far[id] for id, c in self.candidates.items()}
        covering = [id for id, codes in wrong.items() if not codes]
        if not covering:  # what is wrong with those that come nearest
            nearest = min(map(len, wrong.values()))
            return {code for codes in wrong.values() if len(codes) == nearest for code in codes}, [], []
        if any(each["labels"] is None for each in self.refusals(section)):
            return {"consent-withheld"}, [], covering
        missing = self.permission_missing(section)
        relied_on = [id for id in covering if not (missing and self.permission_needed(id, section))]
        return (set(), relied_on, relied_on) if relied_on else (missing, [], covering)

    def result(self) -> dict[str, Any]:
        asked = {(pair["section"], pair["source"]) for pair in self.asked["pairs"]}
        every = sorted((section, source) for section in {s for s, _ in asked} for source in {s for _, s in asked})
        related = self.relationships or "relationship" in self.lifts
        whole = self.identity() or _unmet({"no-relationship": related}) or _unmet({"no-agreement": self.candidates})
        found = {pair: (whole, [], []) if whole else self.pair(*pair) for pair in every}
        following = {id for _, _, ids in found.values() for id in ids}
        said = {each["disclosure"] for id in following for each in self.candidates[id]["bounds"]}
        disclosure = next((mode for mode in STRICTEST_FIRST if mode in said), v.Disclosure.TELL)
        relied_on = {id for _, ids, _ in found.values() for id in ids}
        owing = relied_on if disclosure is v.Disclosure.TELL else following  # a refusal may have to look like no record
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

    def obligations(self, ids: Codes) -> list[Any]:
        owed = [duty for id in ids for duty in self.candidates[id]["duties"]]
        owed += [{"obligation": code.value} for code in AFTER_BREAK_GLASS if self.declared and ids]
        return [json.loads(text) for text in sorted({json.dumps(duty, sort_keys=True) for duty in owed})]

    def requestable(self, whole: Codes, reasons: list[Codes], every: list[tuple[str, str]]) -> bool:
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


class _OwnRecord(_Decision):
    """A resident's own record, or that of somebody they act for: no agreement is asked, and no choice but a proxy's."""

    def unfit(self) -> Codes:
        old = self.who["role"] != "resident" or self.age >= self.own["from_age"]
        checks = {
            "purpose-not-for-kind": self.who["role"] in ("resident", "proxy"),
            "role-not-permitted": old,
            "assurance-too-low": self.who["assurance"] >= self.tables["assurance"]["own-record"],
            "break-glass-not-permitted": not self.declared,
        }
        return _unmet(checks)

    def stranger(self) -> Codes:
        at_work = self.who["organisation"] != "" or self.who["person"] is not None
        asker, acting = self.who.get("resident"), self.who.get("acting")
        theirs = acting if self.for_another else asker == self.whose
        return _unmet({"not-own-record": asker is not None and not at_work and theirs})

    def section(self, section: str) -> Codes:
        opened = (self.who.get("acting") or {}).get("sections", []) if self.for_another else list(v.Section)
        readable = self.tables["purposes"]["own-record"]["sections"]
        if section not in list(v.Section):
            return {"section-unknown"}
        if section not in opened:
            return {"beyond-proxy"}
        if section not in readable:
            return {"restricted-in-law"}
        return _unmet({"consent-withheld": not any(each["labels"] is None for each in self.refusals(section))})

    def refusals(self, section: str) -> list[Facts]:
        """What the resident withholds from everyone binds whoever acts for them, and never themself."""
        every = [each for each in self.speaking("deny", section) if each["organisation"] is None and self.current(each)]
        return every if self.for_another else []

    def withheld(self, section: str, relied_on: list[str]) -> Codes:
        kept_back = {label for each in self.refusals(section) for label in each["labels"] or ()}
        return ALL_LABELS - set(self.own["labels_for_proxies" if self.for_another else "labels"]) | IN_LAW | kept_back

    def result(self) -> dict[str, Any]:
        whole = self.unfit() or self.stranger()
        pairs = sorted({(pair["section"], pair["source"]) for pair in self.asked["pairs"]})
        return {
            "revision": self.data["revision"],
            "request": self.asked["id"],
            "pairs": [self.row(*pair, whole or self.section(pair[0]), []) for pair in pairs],
            "reasons": sorted(whole),
            "obligations": [],
            "disclosure": v.Disclosure.NEVER.value,
            "requestable": False,
            "valid_until": self.valid_until(),
        }

    def valid_until(self) -> int | None:
        acting = self.who.get("acting") or {}
        ends = [super().valid_until(), acting.get("until")]
        return min((end for end in ends if end is not None and end > self.now), default=None)
