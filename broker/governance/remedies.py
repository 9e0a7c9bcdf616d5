"""Single changes that might make a refused request allowed: to who asks, to what is on file, to what was agreed.

Each is only a suggestion until the rules have been asked again with it made. None touches what the law restricts, none
declares an emergency, and none but the resident's own lifts a refusal or a withdrawal of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from broker.governance import worlds
from broker.governance.tracing import Trace
from broker.governance.worlds import World
from broker.vocabulary import Coded, DenialReason, Purpose, RelationshipKind, Role, Section

MOST_AGREEMENTS = 4  # that are tried for an organisation that no agreement covers


class Remedy(Coded):
    """What kind of change it is, and whose it would be to make."""

    SIGN_IN = "stronger-sign-in", "The requester signs in more strongly"
    PURPOSE = "exact-purpose", "The requester names an exact purpose"
    EMERGENCY_REASON = "emergency-reason", "The requester says why it is an emergency"
    ROLE = "another-role", "Somebody in another role asks"
    MEMBERSHIP = "membership", "The organisation's administrator records who works there"
    RETURN = "organisation-returns", "The place's integrator brings the organisation back"
    RELATIONSHIP = "relationship", "A relationship is recorded"
    PERMISSION = "permission", "The resident gives permission"
    SHARE_AGAIN = "share-again", "The resident shares it again"
    AGREEMENT_STATE = "agreement-state", "An agreement is signed, started, resumed or renewed"
    AGREEMENT_TEXT = "agreement-text", "An agreement's parties agree more"
    CONDITION = "condition", "An agreement's own condition is met or changed"
    NARROWING = "narrowing", "The resident's place narrows less"


# Whose register each may be told in. A requester is told what they can do themselves or ask a colleague for.
FOR_REQUESTER = frozenset({
    Remedy.SIGN_IN, Remedy.PURPOSE, Remedy.EMERGENCY_REASON, Remedy.ROLE, Remedy.MEMBERSHIP, Remedy.RETURN,
    Remedy.RELATIONSHIP,
})  # fmt: skip
FOR_RESIDENT = frozenset({Remedy.PERMISSION, Remedy.SHARE_AGAIN})
FOR_IG_LEAD = frozenset(Remedy) - {Remedy.SHARE_AGAIN}


@dataclass(frozen=True)
class Change:
    """One change. ``sentence`` is a clause ("MG-ADVICE adds {}"), and ``what`` goes in its place.

    Changes of one kind to one agreement are said together: ``either`` says that any one of them would do.
    """

    remedy: Remedy
    sentence: str
    make: Callable[[World], World] = field(repr=False, compare=False)
    what: str = ""
    agreement: str = ""
    either: bool = False


def changes(world: World, trace: Trace) -> list[Change]:
    """Every change that answers a reason in ``trace``, once each, those of the earliest layer first."""
    found = [*_who(world, trace), *_relationships(world, trace), *_agreements(world, trace), *_choices(world, trace)]
    return list(dict.fromkeys(found))


# ---- who asks, and for what ------------------------------------------------------------------------------------------


def _who(world: World, trace: Trace) -> Iterator[Change]:
    codes = {*trace.codes("identity"), *(code for pair in trace.result.get("pairs", ()) for code in pair["reasons"])}
    asked = world.question["request"]
    if DenialReason.ORGANISATION_INACTIVE in codes:
        yield Change(Remedy.RETURN, "the organisation comes back", worlds.subject(active=True))
    if DenialReason.NOT_A_MEMBER in codes:
        yield Change(
            Remedy.MEMBERSHIP, "this person is recorded as working there in this role", worlds.subject(member=True)
        )
    if {DenialReason.ROLE_NOT_PERMITTED, DenialReason.ROLE_NOT_IN_AGREEMENT} & codes:
        yield from _other_roles(world)
    if DenialReason.ASSURANCE_TOO_LOW in codes and (level := _sure_enough(world)):
        sentence = f"the requester signs in {_HOW.get(level, 'more strongly')}"
        yield Change(Remedy.SIGN_IN, sentence, worlds.subject(assurance=level))
    if DenialReason.PURPOSE_TOO_BROAD in codes and asked["purpose"] in list(Purpose):
        for purpose in Purpose(asked["purpose"]).reach:
            if not purpose.grouping:
                make = worlds.request(purpose=purpose.value)
                yield Change(Remedy.PURPOSE, "the exact purpose is {}", make, purpose.label.lower(), either=True)
    if DenialReason.BREAK_GLASS_NO_REASON in codes and asked["break_glass"] is not None:
        yield Change(
            Remedy.EMERGENCY_REASON,
            "the reason for the emergency is stated",
            worlds.request(break_glass={"reason": "stated"}),
        )


_HOW = {2: "with a second step", 3: "with a security key or smartcard"}


def _sure_enough(world: World) -> int:
    """How surely this purpose wants to know who asks, by London's tables; an emergency may want more."""
    tables, asked = world.sharing["tables"], world.question["request"]
    glass = tables["break_glass"]["assurance"] if asked["break_glass"] is not None else 0
    return max(int(tables["assurance"].get(asked["purpose"], 0)), int(glass))


def _other_roles(world: World) -> Iterator[Change]:
    for code in world.sharing["tables"]["record_roles"]:
        if code != world.question["subject"].get("role") and code in list(Role):
            what = f"as a {Role(code).label.lower()}"
            yield Change(Remedy.ROLE, "a colleague asks {}", worlds.subject(role=code), what, either=True)


# ---- relationships, and choices --------------------------------------------------------------------------------------


def _relationships(world: World, trace: Trace) -> Iterator[Change]:
    beyond = any(DenialReason.BEYOND_TIER in pair["reasons"] for pair in trace.result.get("pairs", ()))
    if DenialReason.NO_RELATIONSHIP in trace.codes("relationship") or beyond:
        recorded = _relationship(world, RelationshipKind.REFERRAL)
        sentence = "a current referral, episode or caseload is recorded"
        yield Change(Remedy.RELATIONSHIP, sentence, lambda given: worlds.with_facts(given, relationships=[recorded]))
    if DenialReason.NO_RELATIONSHIP in trace.codes("relationship"):
        sections = [s for s in world.question["request"]["sections"] if not _refused_by_resident(trace, s)]
        invited = _relationship(world, RelationshipKind.INVITED)
        permit = _permit(world, sections)
        yield Change(
            Remedy.PERMISSION,
            "the resident gives permission, which is an invitation too, for {}",
            lambda given: worlds.with_facts(given, relationships=[invited], provisions=[permit]),
            _labels(sections),
        )


def _choices(world: World, trace: Trace) -> Iterator[Change]:
    """Permission, where none was refused; and for the resident alone, to share again what they refused."""
    open_to_ask = {DenialReason.CONSENT_NEEDED.value, DenialReason.CONSENT_EXPIRED.value}
    for section in _sections(trace, open_to_ask):
        make = _given(_permit(world, [section]))
        yield Change(Remedy.PERMISSION, "the resident gives permission for {}", make, _labels([section]))
    refused = {DenialReason.CONSENT_WITHHELD.value, DenialReason.CONSENT_WITHDRAWN.value}
    for section in _sections(trace, refused):
        yield Change(Remedy.SHARE_AGAIN, "the resident shares {} again", _shared([section]), _labels([section]))


def everything_shared(world: World) -> World:
    """``world`` as it would be had the resident refused nothing and permitted everything to this organisation.

    What a requester may be told is worked out here, so that it cannot depend on what the resident chose.
    """
    permit = _permit(world, None)
    return worlds.asked(world, "facts", provisions=[permit])


def _refused_by_resident(trace: Trace, section: str) -> bool:
    return section in trace.codes("withheld") or DenialReason.CONSENT_WITHDRAWN.value in trace.under("missing", section)


def _sections(trace: Trace, codes: set[str]) -> list[str]:
    found = {pair["section"] for pair in trace.result.get("pairs", ()) if codes & set(pair["reasons"])}
    return [section.value for section in Section if section.value in found]


def _given(permit: Mapping[str, Any]) -> Callable[[World], World]:
    return lambda given: worlds.with_facts(given, provisions=[permit])


def _shared(sections: list[str]) -> Callable[[World], World]:
    """No refusal of these sections, and permission for them: as if the resident had changed their mind."""

    def make(given: World) -> World:
        kept = [each for each in given.question["facts"]["provisions"] if not _refuses(each, given, sections)]
        return worlds.asked(given, "facts", provisions=[*kept, _permit(given, sections)])

    return make


def _refuses(provision: Mapping[str, Any], world: World, sections: list[str]) -> bool:
    theirs = provision["organisation"] in (None, world.question["subject"]["organisation"])
    listed = provision["sections"] is None or any(section in provision["sections"] for section in sections)
    return provision["type"] == "deny" and provision["labels"] is None and theirs and listed


def _permit(world: World, sections: list[str] | None) -> dict[str, Any]:
    return {
        "id": "a permission that is not there",
        "consent": "a permission that is not there",
        "type": "permit",
        "organisation": world.question["subject"]["organisation"],
        "purposes": None,
        "sections": sections,
        "labels": None,
        "from": worlds.number(world.question["request"]["time"]) - 1,
        "until": None,
        "ended": None,
    }


def _relationship(world: World, kind: RelationshipKind) -> dict[str, Any]:
    return {
        "kind": kind.value,
        "organisation": world.question["subject"]["organisation"],
        "person": None,
        "team": None,
        "tier": None,
        "from": worlds.number(world.question["request"]["time"]) - 1,
        "until": None,
        "source": "a relationship that is not there",
    }


# ---- what was agreed -------------------------------------------------------------------------------------------------


def _agreements(world: World, trace: Trace) -> Iterator[Change]:
    for section, source in sorted(trace.refused):
        for id in trace.agreements:
            for code in trace.faults(id, section, source):
                yield from _for_fault(world, id, code, section, source)
                if code == DenialReason.NARROWED_BY_PLACE:
                    yield from _widened(world, trace, id, section, source)
            yield from _conditions(world, trace, id)
    if not trace.agreements and trace.result.get("reasons") == [DenialReason.NO_AGREEMENT.value]:
        yield from _joined(world)


def _for_fault(world: World, id: str, code: str, section: str, source: str) -> Iterator[Change]:
    """What would end one fault of one agreement: in itself, and in every agreement above it that has it too."""
    subject, chain = world.question["subject"], worlds.chain_of(world, id)
    bounds = (*chain, *worlds.narrowings_of(world, id))
    text, state = Remedy.AGREEMENT_TEXT, Remedy.AGREEMENT_STATE
    if code in _STATES:
        yield Change(state, f"{id} {_STATES[code]}", worlds.standing(chain), agreement=id)
    elif code == DenialReason.ROLE_NOT_IN_AGREEMENT:
        make = worlds.naming(chain, roles=[subject["role"]])
        yield Change(text, f"{id} adds the role {{}}", make, _label(Role, subject["role"]), id)
    elif code == DenialReason.SECTION_NOT_IN_AGREEMENT:
        yield Change(text, f"{id} adds {{}}", worlds.naming(chain, sections=[section]), _labels([section]), id)
    elif code == DenialReason.SOURCE_NOT_IN_AGREEMENT:
        make = worlds.reaching(chain, worlds.organisation_of(world, source))
        yield Change(text, f"{id} adds the source {{}}", make, source, id)
    elif code == DenialReason.OUTSIDE_PLACE:
        make = worlds.each(chain, place=None)
        yield Change(text, f"{id} covers the place where the resident lives", make, agreement=id)
    elif code == DenialReason.NO_AGREEMENT:
        yield Change(
            text,
            f"every agreement above {id} names this organisation and purpose",
            worlds.covering(world, chain),
            "",
            id,
        )
    elif code == DenialReason.BREAK_GLASS_NOT_PERMITTED:
        yield Change(text, f"{id} permits emergency access", worlds.each(bounds, break_glass=True), agreement=id)


def _widened(world: World, trace: Trace, id: str, section: str, source: str) -> Iterator[Change]:
    """What would end a narrowing, by what it narrows: the purpose or role, the section, or the source."""
    ids, code = worlds.narrowings_of(world, id), DenialReason.NARROWED_BY_PLACE.value
    sentence, kind = f"the resident's place no longer narrows {id} for {{}}", Remedy.NARROWING
    if code in trace.under("standing", id):
        role, purpose = world.question["subject"]["role"], world.question["request"]["purpose"]
        yield Change(kind, sentence, worlds.naming(ids, purposes=[purpose], roles=[role]), "this purpose and role", id)
    if code in trace.third("section_faults", id, section):
        yield Change(kind, sentence, worlds.naming(ids, sections=[section]), _labels([section]), id)
    if code in trace.third("source_faults", id, source):
        yield Change(
            kind, sentence, worlds.reaching(ids, worlds.organisation_of(world, source)), f"the source {source}", id
        )


def _conditions(world: World, trace: Trace, id: str) -> Iterator[Change]:
    """The conditions that refuse under this agreement: its own, of one above it, or of what narrows it."""
    bounds = {*worlds.chain_of(world, id), *worlds.narrowings_of(world, id)}
    for owner in sorted({owner for owner, _ in trace.found.get("refusals") or ()} & bounds):
        yield Change(
            Remedy.CONDITION,
            f"the conditions of {owner} do not refuse",
            worlds.each([owner], conditions=False),
            "",
            owner,
        )


_STATES: dict[str, str] = {
    DenialReason.AGREEMENT_NOT_SIGNED.value: "is signed by every party and put in force",
    DenialReason.AGREEMENT_NOT_STARTED.value: "starts",
    DenialReason.AGREEMENT_SUSPENDED.value: "is resumed",
    DenialReason.AGREEMENT_EXPIRED.value: "is renewed",
}


def _joined(world: World) -> Iterator[Change]:
    """An agreement with this organisation takes in the purpose; or one for the purpose, the organisation."""
    organisation, purpose = world.question["subject"]["organisation"], world.question["request"]["purpose"]
    standing = {id: entry for id, entry in sorted(world.sharing["agreements"].items()) if _stands_here(world, entry)}
    for id in _some(id for id, entry in standing.items() if organisation in entry["recipients"]["organisations"]):
        sentence = f"{id} adds the purpose {{}}"
        yield Change(Remedy.AGREEMENT_TEXT, sentence, worlds.joining(world, id), _label(Purpose, purpose), id)
    for id in _some(id for id, entry in standing.items() if purpose in entry["purposes"]):
        sentence = f"{id} adds this organisation as a recipient"
        yield Change(Remedy.AGREEMENT_TEXT, sentence, worlds.joining(world, id), "", id)


def _stands_here(world: World, entry: Mapping[str, Any]) -> bool:
    here = entry["place"] in (None, world.question["resident"]["place"])
    return here and entry["state"] == "in-force" and bool(entry["recipients"]["organisations"])


def _some(ids: Iterable[str]) -> list[str]:
    return list(ids)[:MOST_AGREEMENTS]


def _label(words: type[Coded], code: str) -> str:
    return words(code).label.lower() if code in list(words) else code


def _labels(sections: Iterable[str]) -> str:
    found = [section.label for section in Section if section.value in set(sections)]
    return " and ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)
