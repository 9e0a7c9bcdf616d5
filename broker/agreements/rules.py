"""What must hold between the fields of one agreement. Each rule is a sentence an IG lead would agree with.

Pure. Knows nothing of other agreements: that one never opens more than the agreement above it, the policy sees to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.errors import InvalidInput
from broker.vocabulary import Confidentiality, Level, Permission, Purpose, Section

if TYPE_CHECKING:
    from broker.agreements.document import AgreementDocument

_Broken = tuple[str, str, str] | None  # code, field, detail


def check(document: AgreementDocument) -> None:
    """Raise InvalidInput for the first rule broken between fields."""
    for rule in _RULES:
        broken = rule(document)
        if broken is not None:
            code, name, detail = broken
            raise InvalidInput(code, detail, field=name)


def _level(d: AgreementDocument) -> _Broken:
    if (d.level is Level.PLACE) != (d.place is not None):
        return "place-and-level", "place", "An agreement for a place names it, and no other agreement does."
    if (d.level is Level.LONDON) != (d.under is None):
        return "under-and-level", "under", "Every agreement is under another, except London's."
    if d.under == d.id:
        return "under-itself", "under", "An agreement cannot be under itself."
    return None


def _parties(d: AgreementDocument) -> _Broken:
    seen: set[str] = set()
    for index, party in enumerate(d.parties):
        if party.organisation in seen:
            return "named-twice", f"parties[{index}].organisation", "This organisation is a party already."
        seen.add(party.organisation)
    return None


def _signatories(d: AgreementDocument) -> _Broken:
    parties = {party.organisation for party in d.parties}
    if len(parties) < 2:
        return "one-party", "parties", "An agreement is between two organisations or more."
    named: set[str] = set()
    for index, signatory in enumerate(d.signatories):
        if signatory.organisation not in parties:
            return "not-a-party", f"signatories[{index}].organisation", "Only a party signs."
        if signatory.organisation in named:
            return "named-twice", f"signatories[{index}].organisation", "One person signs for each party."
        named.add(signatory.organisation)
    if len({signatory.name for signatory in d.signatories}) != len(d.signatories):
        return "signs-twice", "signatories", "Nobody signs for two parties."
    if parties - named:
        return "signatory-missing", "signatories", f"Name who signs for {sorted(parties - named)[0]}."
    return None


def _receivers(d: AgreementDocument) -> _Broken:
    if d.narrows and (d.receivers or d.recipient_kinds):
        return "narrows-and-receives", "narrows", "An agreement that narrows another gives nobody anything."
    if d.narrows and d.level is not Level.PLACE:
        return "narrows-and-level", "narrows", "Only a place narrows what is above it."
    if not (d.narrows or d.receivers or d.recipient_kinds):
        return "nobody-receives", "parties", "Nobody would receive anything under this agreement."
    if d.recipient_kinds and d.level is Level.PLACE:
        return "recipients-and-level", "recipients.kinds", "Nothing is made under an agreement for a place."
    return None


def _sections(d: AgreementDocument) -> _Broken:
    seen: set[Section] = set()
    for index, agreed in enumerate(d.sections):
        if agreed.section in seen:
            return "named-twice", f"sections[{index}].section", "This section is in the agreement already."
        seen.add(agreed.section)
    return None


def _sources(d: AgreementDocument) -> _Broken:
    if not (d.source_organisations or d.source_kinds):
        return "list-empty", "sources", "Name at least one organisation, or kind, whose systems answer."
    return None


def _labels(d: AgreementDocument) -> _Broken:
    for index, label in enumerate(d.labels):
        if label.in_law:
            return "restricted-in-law", f"labels[{index}]", "The law does not let an agreement release this."
    return None


def _confidentiality(d: AgreementDocument) -> _Broken:
    for index, purpose in enumerate(d.purposes):
        if purpose.permission is Permission.EXPLICIT and d.confidentiality is Confidentiality.IMPLIED:
            return "purpose-needs-permission", f"purposes[{index}]", "Permission for this purpose cannot be implied."
    return None


def _break_glass(d: AgreementDocument) -> _Broken:
    if d.break_glass != (Purpose.EMERGENCY in d.purposes):
        return "break-glass-and-purpose", "break_glass", "Emergency access goes with the emergency purpose."
    return None


def _days(d: AgreementDocument) -> _Broken:
    if d.until_on < d.from_on:
        return "ends-before-start", "until_on", "The last day comes before the first."
    if d.review_on > d.until_on:
        return "review-too-late", "review_on", "Review the agreement before it ends."
    return None


_RULES = (
    _level,
    _parties,
    _signatories,
    _receivers,
    _sections,
    _sources,
    _labels,
    _confidentiality,
    _break_glass,
    _days,
)
