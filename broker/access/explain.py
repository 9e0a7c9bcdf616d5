"""Say a decision in plain words, to whoever asks: the requester, the resident, the IG lead. Decides nothing.

The three are told different things. A requester is never told of the resident's choices, of sensitivity or of the law
unless the agreement says they may be; a resident and an IG lead see every reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from broker.access.request import Decision, Pair
from broker.vocabulary import CONCEALABLE, DenialReason, Layer, Section

# What would betray a choice, or a diagnosis, if a requester who may not be told learned of it.
_LAYERS = list(Layer)
_REASONS = list(DenialReason)
_SECTIONS = list(Section)

# What would make it allowed, for whoever can do something about it. No hint where nothing would, or should.
_HINTS: dict[DenialReason, str] = {
    DenialReason.ORGANISATION_UNKNOWN: "Ask the place's integrator to register the organisation.",
    DenialReason.ORGANISATION_INACTIVE: "Ask the place's integrator whether the organisation is to come back.",
    DenialReason.NOT_A_MEMBER: "Ask your organisation's administrator to check who works in which role.",
    DenialReason.ROLE_NOT_PERMITTED: "Ask a colleague whose role is to help this resident.",
    DenialReason.ASSURANCE_TOO_LOW: "Sign in again with a second step.",
    DenialReason.PURPOSE_UNKNOWN: "Choose one of the purposes in the list.",
    DenialReason.PURPOSE_TOO_BROAD: "Choose the exact purpose, such as debt advice rather than advice of any kind.",
    DenialReason.PURPOSE_NOT_FOR_KIND: "Choose the purpose of the service your organisation gives.",
    DenialReason.SECTION_UNKNOWN: "Choose from the sections in the list.",
    DenialReason.SECTION_NOT_FOR_PURPOSE: "Ask only for what this purpose needs.",
    DenialReason.NO_RELATIONSHIP: "Record the referral, episode or caseload first, or ask the resident.",
    DenialReason.BEYOND_TIER: "Ask a member of the team who sees this, or be referred to in your own right.",
    DenialReason.NOT_OWN_RECORD: "Ask the resident to name you as somebody who acts for them.",
    DenialReason.BEYOND_PROXY: "Ask the resident, or their GP practice, to let you see more.",
    DenialReason.NO_AGREEMENT: "Ask your IG lead whether an agreement is to be made for this purpose.",
    DenialReason.AGREEMENT_NOT_SIGNED: "Ask your IG lead which party has yet to sign.",
    DenialReason.AGREEMENT_NOT_STARTED: "Wait for the agreement's first day.",
    DenialReason.AGREEMENT_EXPIRED: "Ask your IG lead whether the agreement is to be renewed.",
    DenialReason.AGREEMENT_SUSPENDED: "Ask your IG lead why it is suspended, and until when.",
    DenialReason.OUTSIDE_PLACE: "Ask the place where this resident lives whether it has an agreement.",
    DenialReason.ROLE_NOT_IN_AGREEMENT: "Ask a colleague in a role that the agreement names.",
    DenialReason.SECTION_NOT_IN_AGREEMENT: "Ask your IG lead, if the service cannot do without it.",
    DenialReason.SOURCE_NOT_IN_AGREEMENT: "Ask your IG lead, if the service cannot do without it.",
    DenialReason.NARROWED_BY_PLACE: "Ask the place's IG lead why it was narrowed.",
    DenialReason.CONSENT_NEEDED: "Ask the resident.",
    DenialReason.CONSENT_WITHDRAWN: "Respect it. The resident may give permission again, of their own accord.",
    DenialReason.CONSENT_EXPIRED: "Ask the resident again.",
    DenialReason.CONSENT_WITHHELD: "Respect it. Only the resident can change it.",
    DenialReason.BREAK_GLASS_NOT_PERMITTED: "Ask a clinician who may use emergency access.",
    DenialReason.BREAK_GLASS_NO_REASON: "Say why it is an emergency.",
    DenialReason.BREAK_GLASS_UNREVIEWED: "Ask your privacy officer to review your earlier use, or ask a colleague.",
    DenialReason.BREAK_GLASS_SECTION: "Ask for what the emergency needs.",
    DenialReason.POLICY_UNAVAILABLE: "Try again in a few minutes.",
    DenialReason.POLICY_STALE: "Try again in a moment.",
    DenialReason.POLICY_UNCLEAR: "Tell the broker's operator, with the reference of this decision.",
    DenialReason.OBLIGATION_UNMET: "Tell the broker's operator, with the reference of this decision.",
}

# The same reasons, said to the person the record is about.
_TO_RESIDENT: dict[DenialReason, str] = {
    DenialReason.NO_RELATIONSHIP: "They are not caring for you, or helping you, at the moment.",
    DenialReason.BEYOND_TIER: "Their part in your neighbourhood team does not need this.",
    DenialReason.NOT_OWN_RECORD: "They did not act for you at that time.",
    DenialReason.BEYOND_PROXY: "What they may see for you does not reach this.",
    DenialReason.OUTSIDE_PLACE: "Their agreement does not cover where you live.",
    DenialReason.CONSENT_NEEDED: "You have not given them permission.",
    DenialReason.CONSENT_WITHDRAWN: "You stopped sharing this with them.",
    DenialReason.CONSENT_EXPIRED: "Your permission has run out.",
    DenialReason.CONSENT_WITHHELD: "You chose not to share this.",
    DenialReason.NARROWED_BY_PLACE: "The place where you live has decided not to share this.",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One reason, for one section or (None) for the whole request. Unpacks as ``section, sentence``.

    ``hint`` is what would make it allowed, empty where nothing would; ``sources`` are those it holds for.
    """

    section: Section | None
    reason: DenialReason
    sentence: str
    hint: str = ""
    sources: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Any]:
        yield self.section
        yield self.sentence


@dataclass(frozen=True, slots=True)
class Finding:
    """What an IG lead reads of a decision: a reason, the layer it comes from, and everything it holds for."""

    layer: Layer
    reason: DenialReason
    sentence: str
    hint: str
    pairs: tuple[tuple[Section, str], ...]  # (section, source)


def for_requester(decision: Decision, *, clinical: bool) -> list[Told]:
    """Why, layer by layer, as far as this requester may be told; once for each section, in the record's order.

    What may not be told leaves no trace here: it must look like a section with nothing in it.
    """
    concealed = frozenset[Layer]() if may_be_told(decision, clinical=clinical) else CONCEALABLE
    return [told for told in _each(decision) if told.reason.layer not in concealed | {Layer.LEGAL_BAR}]


def may_be_told(decision: Decision, *, clinical: bool) -> bool:
    """Whether this requester may learn that something was withheld."""
    return decision.disclosure.tells(clinical=clinical)


def for_resident(decision: Decision, *, theirs: Mapping[DenialReason, str] | None = None) -> list[str]:
    """What was shared and what was not, and why, to the person it is about.

    ``theirs`` says, for a reason, what the resident can do about it.
    """
    said = [f"Shared: {', '.join(_labels(_sections(decision, permitted=True)))}."] if decision.permitted else []
    for finding in for_ig_lead(decision):
        sections = {section for section, _ in finding.pairs}
        sentence = _TO_RESIDENT.get(finding.reason, finding.sentence)
        what = ", ".join(_labels(sections)) if sections else "Everything asked for"
        said.append(f"Not shared: {what}. {sentence} {(theirs or {}).get(finding.reason, '')}".rstrip())
    if _law_withholds(decision):
        said.append("What the law protects was left out of everything.")
    return said or ["Nothing was asked for that anybody holds."]


def for_ig_lead(decision: Decision) -> list[Finding]:
    """Every reason in the decision, in the order of the layers, with what it holds for and what would change it."""
    held: dict[DenialReason, list[tuple[Section, str]]] = {reason: [] for reason in decision.reasons}
    for pair in decision.pairs:
        for reason in pair.reasons:
            held.setdefault(reason, []).append((pair.section, pair.source))
    return [Finding(reason.layer, reason, reason.label, hint(reason), tuple(held[reason])) for reason in in_order(held)]


def hint(reason: DenialReason) -> str:
    """What would make it allowed; empty where nothing would."""
    return _HINTS.get(reason, "")


def in_order(reasons: Iterable[DenialReason]) -> list[DenialReason]:
    """``reasons`` once each, in the order of their layers and, within one, as the vocabulary lists them."""
    return sorted(set(reasons), key=lambda reason: (_LAYERS.index(reason.layer), _REASONS.index(reason)))


def _each(decision: Decision) -> list[Told]:
    whole = [_told(None, reason, ()) for reason in decision.reasons]
    held: dict[tuple[Section, DenialReason], list[str]] = {}
    for pair in decision.pairs:
        for reason in pair.reasons:
            held.setdefault((pair.section, reason), []).append(pair.source)
    if not decision.pairs:
        return _ordered(whole)
    return _ordered([_told(section, reason, tuple(sources)) for (section, reason), sources in held.items()])


def _told(section: Section | None, reason: DenialReason, sources: tuple[str, ...]) -> Told:
    return Told(section, reason, reason.label, hint(reason), sources)


def _ordered(told: list[Told]) -> list[Told]:
    return sorted(told, key=lambda each: (_LAYERS.index(each.reason.layer), _place(each.section), each.reason))


def _place(section: Section | None) -> int:
    return -1 if section is None else _SECTIONS.index(section)


def _sections(decision: Decision, *, permitted: bool) -> set[Section]:
    return {pair.section for pair in decision.pairs if pair.permitted is permitted}


def _labels(sections: set[Section]) -> list[str]:
    return [section.label for section in Section if section in sections]


def _law_withholds(decision: Decision) -> bool:
    return any(_withholds_by_law(pair) for pair in decision.pairs if pair.permitted)


def _withholds_by_law(pair: Pair) -> bool:
    return any(label.in_law for label in pair.withheld_labels)
