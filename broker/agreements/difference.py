"""What changes from one version of an agreement to the next, each change in a sentence and each called by its effect.

Pure, and cautious: a change in words that a machine cannot weigh is taken for a wider one. It compares this agreement
with itself; what the agreements above it go on to allow is the policy's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from broker.agreements.change import Change as Change
from broker.agreements.change import ChangeKind as ChangeKind
from broker.agreements.change import Difference as Difference
from broker.agreements.change import compatible, narrower, wider
from broker.agreements.document import Written
from broker.agreements.terms import Agreed, AgreementDocument, Party
from broker.agreements.wording import day, listed, small
from broker.vocabulary import Coded, Confidentiality, Disclosure, Obligation, Purpose, Role


def difference(old: Written | AgreementDocument | None, new: Written | AgreementDocument) -> Difference:
    """What ``new`` changes. None for ``old`` is a first version: all that it opens is wider; nobody is asked again."""
    after, conditions = _parts(new)
    if old is None:
        return Difference(tuple(_first(after)))
    before, earlier = _parts(old)
    found = [change for compare in _COMPARE for change in compare(before, after)]
    found += _conditions(earlier, conditions)
    if not found and before != after:
        found.append(compatible("", "The same things are said in another order."))
    return Difference(tuple(found))


_Item = TypeVar("_Item")


def _parts(version: Written | AgreementDocument) -> tuple[AgreementDocument, str | None]:
    if isinstance(version, Written):
        return version.document, version.conditions
    return version, None


# ---- a first version -----------------------------------------------------------------------------------------------


def _first(d: AgreementDocument) -> Iterator[Change]:
    if d.narrows:
        yield narrower("narrows", "Closes some of what the agreement above it opens, for those who live here.")
        return
    if d.receivers or d.recipient_kinds:
        kinds = [kind.label for kind in d.recipient_kinds]
        yield wider(
            "parties",
            f"{listed([*d.receivers, *kinds])} may receive.",
            codes=[*d.receivers, *(kind.value for kind in d.recipient_kinds)],
        )
    yield wider("purposes", f"It may be used for {_labels(d.purposes)}.", codes=d.purposes)
    sections = [agreed.section for agreed in d.sections]
    yield wider("sections", f"{_who(d.roles)} may see {listed(s.label for s in sections)}.", codes=sections)
    if d.labels:
        yield wider("labels", f"May release what is marked {_labels(d.labels)}.", codes=d.labels)
    if d.break_glass:
        yield wider("break_glass", "Emergency access may be used.")


# ---- who it is between, and where ----------------------------------------------------------------------------------


def _standing(old: AgreementDocument, new: AgreementDocument) -> Iterator[Change]:
    if old.id != new.id:
        yield wider("id", "This is another agreement, and cannot be compared with the one before it", again=True)
    if (old.level, old.place) != (new.level, new.place):
        yield wider("place", "It is for residents of another place", codes=[new.place or ""], again=True)
    if old.under != new.under:
        yield wider(
            "under",
            f"It is now under {new.under or 'no other'}, which may allow more",
            codes=[new.under or ""],
            again=True,
        )
    if old.narrows and not new.narrows:
        yield wider("narrows", "It no longer closes anything that the agreement above it opens", again=True)
    if new.narrows and not old.narrows:
        yield narrower("narrows", "It gives nobody anything now, and only closes what the one above it opens.")


def _recipients(old: AgreementDocument, new: AgreementDocument) -> Iterator[Change]:
    for code in _only(new.receivers, old.receivers):
        yield wider("parties", f"{code} may receive, once a resident says so where they must.", codes=[code])
    for code in _only(old.receivers, new.receivers):
        yield narrower("parties", f"{code} may no longer receive.", codes=[code])
    for kind in _only(new.recipient_kinds, old.recipient_kinds):
        sentence = f"An agreement under this one may now add: {small(kind.label)}."
        yield wider("recipients.kinds", sentence, codes=[kind])
    for kind in _only(old.recipient_kinds, new.recipient_kinds):
        sentence = f"An agreement under this one may no longer add: {small(kind.label)}."
        yield narrower("recipients.kinds", sentence, codes=[kind])


def _parties(old: AgreementDocument, new: AgreementDocument) -> Iterator[Change]:
    before = {party.organisation: party for party in old.parties}
    after = {party.organisation: party for party in new.parties}
    for code in _only(after, before):
        yield compatible("parties", f"{code} is now a party, and signs.", codes=[code])
    for code in _only(before, after):
        yield compatible("parties", f"{code} is no longer a party.", codes=[code])
    for code in [code for code in after if code in before]:
        if _apart_from_receiving(before[code]) != _apart_from_receiving(after[code]):
            yield compatible("parties", f"What is said of {code} has changed.", codes=[code])


def _apart_from_receiving(party: Party) -> tuple[object, ...]:
    return party.part, party.gives, party.contact, party.dspt, party.public_authority


# ---- what is opened, and for what ----------------------------------------------------------------------------------


def _purposes(old: AgreementDocument, new: AgreementDocument) -> Iterator[Change]:
    before, after = _covered(old.purposes), _covered(new.purposes)
    for purpose in _only(after, before):
        sentence = f"It may now be used for {small(purpose.label)}; residents are asked before it is."
        if purpose.permission != "explicit":
            sentence = f"It may now be used for {small(purpose.label)}."
        yield wider("purposes", sentence, codes=[purpose])
    for purpose in _only(before, after):
        yield narrower("purposes", f"It may no longer be used for {small(purpose.label)}.", codes=[purpose])
    if before == after and set(old.purposes) != set(new.purposes):
        named = [*_only(new.purposes, old.purposes), *_only(old.purposes, new.purposes)]
        yield compatible("purposes", "The same purposes are named in other words.", codes=named)


def _covered(purposes: Sequence[Purpose]) -> list[Purpose]:
    """Every purpose that somebody could ask for under ``purposes``. A grouping is nobody's to ask for."""
    return [each for each in Purpose if not each.grouping and any(each.within(named) for named in purposes)]


def _sections(old: AgreementDocument, new: AgreementDocument) -> Iterator[Change]:
    before, after = ([agreed.section for agreed in d.sections] for d in (old, new))
    for section in _only(after, before):
        yield wider("sections", f"{_who(new.roles)} may now see {section.label}.", codes=[section])
    for section in _only(before, after):
        yield narrower("sections", f"{_who(old.roles)} may no longer see {section.label}.", codes=[section])
    reasons = {agreed.section: agreed.because for agreed in old.sections}
    for agreed in new.sections:
        if agreed.section in reasons and reasons[agreed.section] != agreed.because:
            sentence = f"The reason for sharing {agreed.section.label} is put in other words."
            yield compatible("sections", sentence, codes=[agreed.section])


def _sources(old: AgreementDocument, new: AgreementDocument) -> Iterator[Change]:
    for code in _only(new.source_organisations, old.source_organisations):
        yield wider("sources.organisations", f"Adds {code} as a source", codes=[code], again=True)
    for code in _only(old.source_organisations, new.source_organisations):
        yield narrower("sources.organisations", f"{code} is no longer a source.", codes=[code])
    for kind in _only(new.source_kinds, old.source_kinds):
        yield wider(
            "sources.kinds", f"Adds every organisation of this kind as a source, {kind.label}", codes=[kind], again=True
        )
    for kind in _only(old.source_kinds, new.source_kinds):
        sentence = f"Organisations of this kind are no longer sources: {kind.label}."
        yield narrower("sources.kinds", sentence, codes=[kind])


def _roles(old: AgreementDocument, new: AgreementDocument) -> Iterator[Change]:
    for role in _only(new.roles, old.roles):
        yield wider("roles", f"Adds the role {small(role.label)}", codes=[role], again=True)
    for role in _only(old.roles, new.roles):
        yield narrower("roles", f"{_many(role)} may no longer look.", codes=[role])


def _labels_released(old: AgreementDocument, new: AgreementDocument) -> Iterator[Change]:
    for label in _only(new.labels, old.labels):
        yield wider("labels", f"May now release what is marked {small(label.label)}", codes=[label], again=True)
    for label in _only(old.labels, new.labels):
        sentence = f"May no longer release what is marked {small(label.label)}."
        yield narrower("labels", sentence, codes=[label])


# ---- law, disclosure, emergencies, duties --------------------------------------------------------------------------


def _basis(old: AgreementDocument, new: AgreementDocument) -> Iterator[Change]:
    for purpose in [purpose for purpose in _covered(new.purposes) if purpose in _covered(old.purposes)]:
        before, after = old.basis_of(purpose), new.basis_of(purpose)
        if (before.article_6, before.article_9) != (after.article_6, after.article_9):
            sentence = f"Stands on another basis in law for {small(purpose.label)} than residents were told"
            yield wider("lawful_basis", sentence, codes=[purpose], again=True)
    if (old.powers, old.s251, old.schedule_1) != (new.powers, new.s251, new.schedule_1):
        yield compatible("lawful_basis", "The powers or conditions relied on are stated differently.")


# The more a requester may be given without the resident's own word, the further down the list.
_STRICTEST_FIRST = (Confidentiality.EXPLICIT, Confidentiality.IMPLIED, Confidentiality.S251, Confidentiality.LAW)


def _confidentiality(old: AgreementDocument, new: AgreementDocument) -> Iterator[Change]:
    before, after = old.confidentiality, new.confidentiality
    if before is after:
        return
    sentence = f"The duty of confidentiality is now met by: {small(after.label)}"
    if _STRICTEST_FIRST.index(after) < _STRICTEST_FIRST.index(before):
        yield narrower("confidentiality", f"{sentence}.", codes=[after])
    else:
        yield wider("confidentiality", sentence, codes=[after], again=True)


_TELLS_LEAST_FIRST = (Disclosure.NEVER, Disclosure.CLINICIANS, Disclosure.TELL)


def _disclosure(old: AgreementDocument, new: AgreementDocument) -> Iterator[Change]:
    """To be told that something is withheld is to learn something: telling more people is wider."""
    if old.disclosure is new.disclosure:
        return
    sentence = f"When something is withheld: {small(new.disclosure.label)}"
    if _TELLS_LEAST_FIRST.index(new.disclosure) < _TELLS_LEAST_FIRST.index(old.disclosure):
        yield narrower("disclosure", f"{sentence}.", codes=[new.disclosure])
    else:
        yield wider("disclosure", sentence, codes=[new.disclosure], again=True)


def _break_glass(old: AgreementDocument, new: AgreementDocument) -> Iterator[Change]:
    if new.break_glass and not old.break_glass:
        yield wider("break_glass", "Emergency access may now be used", again=True)
    if old.break_glass and not new.break_glass:
        yield narrower("break_glass", "Emergency access may no longer be used.")


def _obligations(old: AgreementDocument, new: AgreementDocument) -> Iterator[Change]:
    before, after = (_duties(d.obligations) for d in (old, new))
    for duty in _only(after, before):
        yield narrower("obligations", f"Adds a duty: {_plain(duty)}.", codes=[duty])
    for duty in _only(before, after):
        yield wider("obligations", f"Drops a duty, {_plain(duty)}", codes=[duty], again=True)
    for duty in [duty for duty in after if duty in before and before[duty] != after[duty]]:
        yield wider("obligations", f"Changes how a duty is met, {_plain(duty)}", codes=[duty], again=True)


def _duties(agreed: Iterable[Agreed]) -> dict[Obligation, list[str]]:
    """Each obligation, and every set of parameters it is named with."""
    found: dict[Obligation, list[str]] = {}
    for each in agreed:
        found.setdefault(each.obligation, []).append(repr(sorted(each.parameters.items())))
    return {duty: sorted(every) for duty, every in found.items()}


def _plain(duty: Obligation) -> str:
    return small(duty.label.rstrip("."))


# ---- words and days ------------------------------------------------------------------------------------------------

_WEIGHED_BY_PEOPLE: dict[str, Callable[[AgreementDocument], object]] = {
    "retention": lambda d: d.retention,
    "disposal": lambda d: d.disposal,
    "onward_sharing": lambda d: d.onward_sharing,
    "flow.hosting": lambda d: d.flow.hosting if d.flow else None,
}
_CHANGED_WORDS = {
    "retention": "What is said of how long it is kept has changed, and may mean longer",
    "disposal": "What is said of how it is destroyed has changed, and may mean less",
    "onward_sharing": "What is said of passing it on has changed, and may mean further",
    "flow.hosting": "What is said of where it is held has changed, and may mean somewhere less safe",
}
_ONLY_WORDS: dict[str, tuple[str, Callable[[AgreementDocument], object]]] = {
    "title": ("The title has changed.", lambda d: d.title),
    "purpose_statement": ("What it is for is put in other words.", lambda d: d.purpose_statement),
    "benefits": ("What residents gain is put in other words.", lambda d: d.benefits),
    "changes_agreed": ("What has changed is put in other words.", lambda d: d.changes_agreed),
    "data_subjects": ("Whose information it is is put in other words.", lambda d: d.data_subjects),
    "geography": ("Where residents live is put in other words; the place is the same.", lambda d: d.geography),
    "flow": ("How information travels is put in other words.", lambda d: d.flow and (d.flow.method, d.flow.frequency)),
    "rights": ("Who answers residents has changed.", lambda d: d.rights),
    "security": ("How it is kept safe is put in other words.", lambda d: d.security),
    "incidents": ("Whom to tell of a breach, or how soon, has changed.", lambda d: d.incidents),
    "dpia": ("The impact assessment has been done again.", lambda d: (d.dpia_reference, d.dpia_on)),
    "review_on": ("The review has moved.", lambda d: d.review_on),
    "signatories": ("Who signs has changed.", lambda d: set(d.signatories)),
}


def _words(old: AgreementDocument, new: AgreementDocument) -> Iterator[Change]:
    for field, said in _WEIGHED_BY_PEOPLE.items():
        if said(old) != said(new):
            if said(old) is None:  # what was blank until now only adds to what was promised
                yield compatible(field, f"What was blank is filled in: {field}.")
            else:
                yield wider(field, _CHANGED_WORDS[field], again=True)
    for field, (sentence, say) in _ONLY_WORDS.items():
        if say(old) != say(new):
            yield compatible(field, sentence)


def _days(old: AgreementDocument, new: AgreementDocument) -> Iterator[Change]:
    """Longer is wider. A permission has an end of its own, so nobody is asked again. A narrowing is the other way."""
    both = old.narrows and new.narrows
    longer, shorter = (narrower, wider) if both else (wider, narrower)
    if new.from_on != old.from_on:
        change = longer if new.from_on < old.from_on else shorter
        yield change("from_on", f"It begins on {day(new.from_on)} and not on {day(old.from_on)}.")
    if new.until_on != old.until_on:
        change = longer if new.until_on > old.until_on else shorter
        yield change("until_on", f"It ends on {day(new.until_on)} and not on {day(old.until_on)}.")


def _conditions(old: str | None, new: str | None) -> Iterator[Change]:
    if old == new:
        return
    if old is None:
        yield narrower("conditions", "Adds conditions of its own, which can only refuse.")
    elif new is None:
        yield wider("conditions", "Takes away conditions of its own, which refused some requests", again=True)
    else:
        yield wider("conditions", "Changes conditions of its own, which may now refuse less", again=True)


_COMPARE = (
    _standing,
    _recipients,
    _parties,
    _purposes,
    _sections,
    _sources,
    _roles,
    _labels_released,
    _basis,
    _confidentiality,
    _disclosure,
    _break_glass,
    _obligations,
    _words,
    _days,
)


# ---- in words ------------------------------------------------------------------------------------------------------


def _only(these: Iterable[_Item], those: Iterable[_Item]) -> list[_Item]:
    there = set(those)
    return [each for each in these if each not in there]


def _who(roles: Sequence[Role]) -> str:
    return listed([_many(roles[0]), *(small(_many(role)) for role in roles[1:])]) if roles else "Nobody"


def _many(role: Role) -> str:
    return f"{role.label}s"


def _labels(codes: Iterable[Coded]) -> str:
    return listed(small(code.label) for code in codes)
