"""Who may look at a resident, and what the resident has said about it: relationships and choices, as plain values.

Pure, like everything here: days are counted from ``now`` by whoever writes them down. Clinical threads decide who
somebody is known to, and are never written.
"""

from __future__ import annotations

from dataclasses import dataclass

from broker.vocabulary import ProvisionType, Purpose, RelationshipKind, Section, Sensitivity
from sandbox.neighbourhood import cast, named, staff
from sandbox.neighbourhood.dice import Dice
from sandbox.neighbourhood.people import Person
from sandbox.neighbourhood.traits import Trait


@dataclass(frozen=True, slots=True)
class Tie:
    """A legitimate relationship from ``from_hours`` before now, until ``until_hours`` after it (None: until ended)."""

    kind: RelationshipKind
    organisation: str
    source: str
    from_hours: int
    until_hours: int | None
    person: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One provision a resident made ``made_days`` ago. None means any, as in the broker. ``by`` is a proxy's index."""

    type: ProvisionType
    organisation: str | None
    purposes: frozenset[Purpose] | None
    sections: frozenset[Section] | None
    labels: frozenset[Sensitivity] | None
    made_days: int
    until_days: int | None
    ended_days: int | None = None  # days ago it was stopped
    by: int | None = None


_DAY = 24
_PURPOSES = {
    cast.LANTERN.code: frozenset({Purpose.ADVICE_DEBT, Purpose.ADVICE_HOUSING, Purpose.ADVICE_BENEFITS}),
    cast.CARERS.code: frozenset({Purpose.CARERS_SUPPORT}),
    cast.BEFRIENDING.code: frozenset({Purpose.SOCIAL_PRESCRIBING}),
    cast.SALTGATE.code: frozenset({Purpose.ADVICE_HOUSING, Purpose.SOCIAL_PRESCRIBING}),
    cast.LARDER.code: frozenset({Purpose.ADVICE_BENEFITS, Purpose.SOCIAL_PRESCRIBING}),
}
_SECTIONS = frozenset({
    Section.DEMOGRAPHICS, Section.ABOUT_ME, Section.INDIVIDUAL_REQUIREMENTS, Section.CONTACTS, Section.HOUSING,
    Section.MONEY, Section.SERVICES,
})  # fmt: skip


def ties(person: Person, *, seed: int) -> list[Tie]:
    """Every recorded relationship of a resident. Neighbourhood teams' follow from membership and are not here."""
    dice = Dice(seed, "ties", person.index)
    kind = RelationshipKind
    found = [Tie(kind.REGISTERED_PRACTICE, person.practice, "practice list", dice.between(60, 4000) * _DAY, None)]
    if person.known_to(cast.ST_BRANNOC_ACUTE.id):
        found.append(_episode(person, dice))
    if person.known_to(cast.FAIRLIGHT_MH.id):
        found.append(_care(kind.CASELOAD, cast.FAIRLIGHT.code, dice))
    if person.known_to(cast.THAMESWAY_COMMUNITY.id):
        found.append(_care(kind.CASELOAD, cast.THAMESWAY.code, dice))
    if person.known_to(cast.COUNCIL_ADULT_CARE.id):
        found.append(_care(kind.CASELOAD, cast.COUNCIL.code, dice))
    if person.has(Trait.CHILD_PROTECTION):
        worker = staff.CHILDRENS_WORKER.id
        found.append(Tie(kind.CASELOAD, cast.COUNCIL.code, "children's services", 90 * _DAY, 270 * _DAY, worker))
    if person.has(Trait.END_OF_LIFE):
        found.append(_care(kind.REFERRAL, cast.ST_EADWEN.code, dice))
    if person.has(Trait.HOMELESS) and dice.chance(500):
        found.append(
            Tie(kind.GATEWAY_CONTACT, cast.COUNCIL.code, "housing options desk", 2, 22, staff.HOUSING_OFFICER.id)
        )
    return found + _with_charities(person, dice)


def _with_charities(person: Person, dice: Dice) -> list[Tie]:
    kind = RelationshipKind
    found = []
    if person.known_to(cast.LANTERN_CASEWORK.id):
        found.append(_current_or_past(person, kind.CASELOAD, cast.LANTERN.code, dice))
    if person.cares_for is not None and (person.index in named.STORIES or dice.chance(600)):
        found.append(_current_or_past(person, kind.REFERRAL, cast.CARERS.code, dice))
    if person.has(Trait.LONELY):
        found.append(_current_or_past(person, kind.REFERRAL, cast.BEFRIENDING.code, dice))
    if person.has(Trait.DOMESTIC_ABUSE):
        found.append(Tie(kind.INVITED, cast.SALTGATE.code, "the resident", 40 * _DAY, 140 * _DAY, staff.ADVOCATE.id))
    if person.has(Trait.FOOD) and dice.chance(700):
        found.append(_current_or_past(person, kind.REFERRAL, cast.LARDER.code, dice))
    return found


def _care(kind: RelationshipKind, organisation: str, dice: Dice) -> Tie:
    return Tie(kind, organisation, "the organisation's own list", dice.between(20, 600) * _DAY, None)


def _episode(person: Person, dice: Dice) -> Tie:
    """A stay or clinic at the hospital: still open for some, over for most."""
    began = dice.between(70, 600)
    current = person.index in named.STORIES or dice.chance(300)
    until = dice.between(20, 200) if current else dice.between(-60, -5)
    return Tie(RelationshipKind.EPISODE, cast.ST_BRANNOC.code, "hospital episodes", began * _DAY, until * _DAY)


def _current_or_past(person: Person, kind: RelationshipKind, organisation: str, dice: Dice) -> Tie:
    began = dice.between(70, 400)
    current = person.index in named.STORIES or dice.chance(750)
    until = dice.between(30, 300) if current else dice.between(-60, -5)
    return Tie(kind, organisation, "the charity's own list", began * _DAY, until * _DAY)


def choices(person: Person, known: list[Tie], *, seed: int) -> list[Choice]:
    """What a resident has already decided: about a third of those a charity knows permit it, and a few say no."""
    if person.index in named.STORIES:
        return list(_TOLD.get(person.index, ()))
    dice = Dice(seed, "choices", person.index)
    made = [_permitted(tie.organisation, dice) for tie in known if tie.organisation in _PURPOSES and dice.chance(300)]
    if dice.chance(10):
        made.append(_withheld(dice))
    return made


def _permitted(organisation: str, dice: Dice) -> Choice:
    """A permit: in use for most; lapsed, or stopped by the resident, for a few."""
    drawn = dice.below(100)
    made = dice.between(30, 180)
    return permit(
        organisation,
        made_days=made,
        until_days=-dice.between(1, 20) if drawn < 10 else dice.between(30, 300),
        ended_days=dice.between(1, 20) if 10 <= drawn < 20 else None,
    )


def _withheld(dice: Dice) -> Choice:
    labels = dice.pick(
        (None, frozenset({Sensitivity.MENTAL_HEALTH, Sensitivity.SELF_HARM}), frozenset({Sensitivity.SEXUAL_HEALTH}))
    )
    organisation = dice.pick((None, cast.COUNCIL.code, cast.LANTERN.code)) if labels is None else None
    return deny(organisation=organisation, labels=labels, made_days=dice.between(10, 400))


def permit(
    organisation: str,
    *,
    made_days: int = 60,
    until_days: int = 180,
    ended_days: int | None = None,
    by: int | None = None,
) -> Choice:
    """A permit to one charity, for what it is for, of the sections it could need."""
    purposes = _PURPOSES[organisation]
    return Choice(
        ProvisionType.PERMIT, organisation, purposes, _SECTIONS, None, made_days, until_days, ended_days, by
    )  # fmt: skip


def deny(
    *, organisation: str | None = None, labels: frozenset[Sensitivity] | None = None, made_days: int = 90
) -> Choice:
    return Choice(ProvisionType.DENY, organisation, None, None, labels, made_days, None)


# What the residents with a story have decided. Ada has decided nothing yet: her story begins with being asked.
_TOLD: dict[int, tuple[Choice, ...]] = {
    named.DANIEL: (permit(cast.CARERS.code),),
    named.ROSA: (permit(cast.LANTERN.code),),
    named.IMANI: (deny(labels=frozenset({Sensitivity.SELF_HARM})),),
    named.GRACE: (
        permit(cast.LANTERN.code),
        deny(organisation=cast.LANTERN.code, labels=frozenset({Sensitivity.DOMESTIC_ABUSE, Sensitivity.SAFEGUARDING})),
    ),
    named.MARTIN: (deny(labels=frozenset({Sensitivity.HIV, Sensitivity.SEXUAL_HEALTH})),),
    named.CALLUM: (permit(cast.LANTERN.code, made_days=200, until_days=-10),),
    named.BETH: (permit(cast.LANTERN.code), deny(labels=frozenset({Sensitivity.TERMINATION}))),
    named.OLIVER: (permit(cast.BEFRIENDING.code, by=named.MARGARET),),
    named.SOFIA: (permit(cast.LANTERN.code, ended_days=14),),
    named.DENISE: (deny(),),
}
