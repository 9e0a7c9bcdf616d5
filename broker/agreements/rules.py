"""What must hold between the fields of one agreement. Each rule is a sentence an IG lead would agree with.

Pure. Knows nothing of other agreements: that one never opens more than the agreement above it, the policy sees to.
What need only hold before anybody signs is in ``lawful``: a practice that is tightened later must never make an
agreement that was signed before unreadable.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from broker.agreements.terms import AgreementDocument
from broker.vocabulary import Confidentiality, Level, Permission, Purpose


@dataclass(frozen=True)
class Broken:
    """One rule that does not hold, and the field to look at. ``detail`` says what to do."""

    code: str
    field: str
    detail: str


Rule = Callable[[AgreementDocument], Iterator[Broken]]


def broken(document: AgreementDocument, *, unread: Collection[str] = ()) -> Iterator[Broken]:
    """Every rule that ``document`` breaks. One that reads a field of ``unread``, which is not known, is not asked."""
    return asked(_RULES, document, unread=unread)


def asked(
    rules: dict[Rule, tuple[str, ...]], document: AgreementDocument, *, unread: Collection[str]
) -> Iterator[Broken]:
    """What each of ``rules`` finds, but for those that read a field of ``unread``."""
    for rule, reads in rules.items():
        if not any(name in unread for name in reads):
            yield from rule(document)


def _level(d: AgreementDocument) -> Iterator[Broken]:
    if (d.level is Level.PLACE) != (d.place is not None):
        yield Broken("place-and-level", "place", "An agreement for a place names it, and no other agreement does.")


def _under(d: AgreementDocument) -> Iterator[Broken]:
    if (d.level is Level.LONDON) != (d.under is None):
        yield Broken("under-and-level", "under", "Every agreement is under another, except London's.")
    elif d.under == d.id:
        yield Broken("under-itself", "under", "An agreement cannot be under itself.")


def _parties(d: AgreementDocument) -> Iterator[Broken]:
    seen: set[str] = set()
    for index, party in enumerate(d.parties):
        if party.organisation in seen:
            yield Broken("named-twice", f"parties[{index}].organisation", "This organisation is a party already.")
        seen.add(party.organisation)
    if len(seen) < 2:
        yield Broken("one-party", "parties", "An agreement is between two organisations or more.")


def _signatories(d: AgreementDocument) -> Iterator[Broken]:
    parties = {party.organisation: None for party in d.parties}
    named: set[str] = set()
    for index, signatory in enumerate(d.signatories):
        here = f"signatories[{index}].organisation"
        if signatory.organisation not in parties:
            yield Broken("not-a-party", here, "Only a party signs. Name it among the parties, or take this away.")
        elif signatory.organisation in named:
            yield Broken("named-twice", here, "One person signs for each party.")
        named.add(signatory.organisation)
    for missing in [party for party in parties if party not in named]:
        yield Broken("signatory-missing", "signatories", f"Name who signs for {missing}.")


def _people(d: AgreementDocument) -> Iterator[Broken]:
    if len({signatory.name for signatory in d.signatories}) != len(d.signatories):
        yield Broken("signs-twice", "signatories", "Nobody signs for two parties.")


def _receivers(d: AgreementDocument) -> Iterator[Broken]:
    if d.narrows and (d.receivers or d.recipient_kinds):
        yield Broken("narrows-and-receives", "narrows", "An agreement that narrows another gives nobody anything.")
    if d.narrows and d.level is not Level.PLACE:
        yield Broken("narrows-and-level", "narrows", "Only a place narrows what is above it.")
    if not (d.narrows or d.receivers or d.recipient_kinds):
        yield Broken("nobody-receives", "parties", "Nobody would receive anything under this agreement.")
    if d.recipient_kinds and d.level is Level.PLACE:
        yield Broken("recipients-and-level", "recipients.kinds", "Nothing is made under an agreement for a place.")


def _sections(d: AgreementDocument) -> Iterator[Broken]:
    seen: set[str] = set()
    for index, agreed in enumerate(d.sections):
        if agreed.section in seen:
            yield Broken("named-twice", f"sections[{index}].section", "This section is in the agreement already.")
        seen.add(agreed.section)


def _sources(d: AgreementDocument) -> Iterator[Broken]:
    if not (d.source_organisations or d.source_kinds):
        yield Broken("list-empty", "sources", "Name at least one organisation, or kind, whose systems answer.")


def _labels(d: AgreementDocument) -> Iterator[Broken]:
    for index, label in enumerate(d.labels):
        if label.in_law:
            detail = "The law does not let an agreement release this. Take it away."
            yield Broken("restricted-in-law", f"labels[{index}]", detail)


def _confidentiality(d: AgreementDocument) -> Iterator[Broken]:
    if d.confidentiality is not Confidentiality.IMPLIED:
        return
    for index, purpose in enumerate(d.purposes):
        if purpose.permission is Permission.EXPLICIT:
            detail = "Permission for this purpose cannot be implied. Make confidentiality explicit."
            yield Broken("purpose-needs-permission", f"purposes[{index}]", detail)


def _break_glass(d: AgreementDocument) -> Iterator[Broken]:
    if d.break_glass != (Purpose.EMERGENCY in d.purposes):
        detail = "Emergency access goes with the emergency purpose: have both, or neither."
        yield Broken("break-glass-and-purpose", "break_glass", detail)


def _days(d: AgreementDocument) -> Iterator[Broken]:
    if d.until_on < d.from_on:
        yield Broken("ends-before-start", "until_on", "The last day comes before the first.")
    elif d.review_on > d.until_on:
        yield Broken("review-too-late", "review_on", "Review the agreement before it ends.")


# Each rule, and the fields it reads.
_RULES: dict[Rule, tuple[str, ...]] = {
    _level: ("level", "place"),
    _under: ("level", "under", "id"),
    _parties: ("parties",),
    _signatories: ("parties", "signatories"),
    _people: ("signatories",),
    _receivers: ("narrows", "parties", "recipients", "level"),
    _sections: ("sections",),
    _sources: ("sources",),
    _labels: ("labels",),
    _confidentiality: ("purposes", "confidentiality"),
    _break_glass: ("break_glass", "purposes"),
    _days: ("from_on", "review_on", "until_on"),
}
