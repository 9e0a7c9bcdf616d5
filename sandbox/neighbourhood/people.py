"""Each resident from (seed, index): who they are, where they live, who looks after whom, and which systems know them.

Says nothing clinical beyond the names of the threads (``traits``) that the story is later spun from.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from sandbox.neighbourhood import cast, names
from sandbox.neighbourhood.dice import Dice
from sandbox.neighbourhood.households import BLOCK, Household, Shape, homes_in, postcode_in
from sandbox.neighbourhood.named import GRACE, STORIES, Story
from sandbox.neighbourhood.numbers import NhsNumbers
from sandbox.neighbourhood.traits import Trait, thrown

ANCHOR = date(2026, 11, 1)  # ages are as of this day, so that a date of birth never moves

MOST_RESIDENTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Person:
    """One resident. ``cares_for`` and ``cared_for_by`` are indices; ``proxy_for`` is (index, legal basis) pairs.

    ``nhs_number`` is 10 digits, or None for somebody not traced. ``sources`` are ids of the systems that know them.
    """

    index: int
    nhs_number: str | None
    given_name: str
    family_name: str
    sex: str  # "female" or "male"
    born_on: date
    died_on: date | None
    household: str
    neighbourhood: cast.Neighbourhood
    practice: str
    line: str
    postcode: str
    telephone: str
    ethnic_category: tuple[str, str]
    language: tuple[str, str] | None  # set where an interpreter is needed
    traits: frozenset[Trait]
    sources: tuple[str, ...]
    cares_for: int | None
    cared_for_by: int | None
    proxy_for: tuple[tuple[int, str], ...]

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    def age(self, on: date = ANCHOR) -> int:
        return on.year - self.born_on.year - ((on.month, on.day) < (self.born_on.month, self.born_on.day))

    def known_to(self, source_id: str) -> bool:
        return source_id in self.sources

    def has(self, *traits: Trait) -> bool:
        """Whether any of ``traits`` is part of this life."""
        return not self.traits.isdisjoint(traits)


class Population:
    """The residents of one seed, each made afresh when asked for. Holds no resident."""

    def __init__(self, seed: int, residents: int) -> None:
        if not 1 <= residents <= MOST_RESIDENTS:
            raise ValueError("a place has from 1 to 1,000,000 residents")
        self.seed = seed
        self.residents = residents
        self._numbers = NhsNumbers(seed)
        # A block is asked about twelve times in a row when a place is read through: a few kept are enough.
        self._homes = lru_cache(maxsize=64)(lambda block: homes_in(seed, block))

    def person(self, index: int) -> Person:
        """The resident at ``index``. Raises IndexError outside the place."""
        if not 0 <= index < self.residents:
            raise IndexError(index)
        dice = Dice(self.seed, "person", index)
        story = STORIES.get(index)
        person = self._by_chance(index, self._homes(index // BLOCK)[index % BLOCK], dice)
        return person if story is None else _as_told(person, story, dice, residents=self.residents)

    def index_of(self, nhs_number: str) -> int | None:
        """The resident with this NHS number; None where nobody here has it."""
        index = self._numbers.index_of(nhs_number)
        if index is None or index >= self.residents or not _traced(self.seed, index):
            return None
        return index

    def nhs_number_of(self, index: int) -> str | None:
        """The NHS number of the resident at ``index``; None for the few who have none."""
        return self._numbers.of(index) if _traced(self.seed, index) else None

    def _by_chance(self, index: int, home: Household, dice: Dice) -> Person:
        place = index - home.first
        age = min(home.ages[place], 105)
        sex = "female" if dice.below(2) else "male"
        own_name = home.shape is Shape.SHARERS or (place == 1 and dice.chance(300))
        born_on = _born(dice, age)
        traits = thrown(dice, age=age, sex=sex)
        cares_for, cared_for_by = _care(self.seed, home, place, self.residents)
        return Person(
            index=index,
            nhs_number=self.nhs_number_of(index),
            given_name=dice.pick(names.FEMALE if sex == "female" else names.MALE),
            family_name=dice.pick(names.FAMILY) if own_name else home.family_name,
            sex=sex,
            born_on=born_on,
            died_on=ANCHOR - timedelta(days=dice.between(30, 700)) if age > 74 and dice.chance(15) else None,
            household=home.id,
            neighbourhood=home.neighbourhood,
            practice=home.practice,
            line=home.line,
            postcode=home.postcode,
            # Ofcom keeps 020 7946 0000 to 0999 for drama: nobody is ever called on it.
            telephone=f"020 7946 0{dice.below(1000):03d}",
            ethnic_category=dice.pick(names.ETHNIC_CATEGORIES),
            language=dice.pick(names.LANGUAGES) if Trait.INTERPRETER in traits else None,
            traits=traits,
            sources=_sources(traits, home.practice, age, dice, caring=cares_for is not None),
            cares_for=cares_for,
            cared_for_by=cared_for_by,
            proxy_for=_proxies(self.seed, home, place, self.residents),
        )


def person(index: int, *, seed: int) -> Person:
    """One resident of the largest place this seed makes."""
    return Population(seed, MOST_RESIDENTS).person(index)


def _as_told(person: Person, story: Story, dice: Dice, *, residents: int) -> Person:
    """The resident as the story has them, with chance left only in what it does not say."""
    near = cast.HILLTOP if story.practice == cast.HILLTOP_PRACTICE.code else cast.CANALSIDE
    care_source = cast.COUNCIL_ADULT_CARE.id
    called_for = set(_sources(story.traits, story.practice, 40, dice, caring=False)) | story.sources
    if not {Trait.SOCIAL_CARE, Trait.ADULT_SAFEGUARDING} & story.traits and care_source not in story.sources:
        called_for.discard(care_source)
    return Person(
        index=person.index,
        nhs_number=person.nhs_number,
        given_name=story.given_name,
        family_name=story.family_name,
        sex=story.sex,
        born_on=story.born_on,
        died_on=story.died_on,
        household=person.household,
        neighbourhood=near,
        practice=story.practice,
        # Where Grace lives is for very few to know: her record gives a letter box.
        line="PO Box 40" if person.index == GRACE else person.line,
        postcode=postcode_in(Dice(person.household, near.code), near),
        telephone=person.telephone,
        ethnic_category=person.ethnic_category,
        language=dice.pick(names.LANGUAGES) if Trait.INTERPRETER in story.traits else None,
        traits=story.traits,
        sources=tuple(source.id for source in cast.SOURCES if source.id in called_for),
        cares_for=None if story.cares_for is None or story.cares_for >= residents else story.cares_for,
        cared_for_by=next((i for i, s in STORIES.items() if s.cares_for == person.index and i < residents), None),
        proxy_for=tuple(pair for pair in story.proxy_for if pair[0] < residents),
    )


def _traced(seed: int, index: int) -> bool:
    story = STORIES.get(index)
    if story is not None:
        return story.traced
    return not Dice(seed, "traced", index).chance(4)


def _born(dice: Dice, age: int) -> date:
    """A birthday that makes them ``age`` on the anchor day."""
    latest = ANCHOR.replace(year=ANCHOR.year - age)
    return latest - timedelta(days=dice.below(365))


def _care(seed: int, home: Household, place: int, residents: int) -> tuple[int | None, int | None]:
    """Whom this member looks after, and who looks after them: in homes of two, where one cares for the other."""
    caring = home.shape is Shape.CARING or (
        home.shape is Shape.COUPLE and home.ages[0] > 68 and Dice(seed, "caring", home.first).chance(300)
    )
    if not caring or home.first + 1 >= residents or home.first in STORIES:
        return None, None
    return (None, home.first + 1) if place == 0 else (home.first, None)


def _proxies(seed: int, home: Household, place: int, residents: int) -> tuple[tuple[int, str], ...]:
    """Whom this member may act for: a parent for a young child, a carer with a power of attorney for a parent."""
    if home.first in STORIES:
        return ()
    dice = Dice(seed, "proxies", home.first)
    if home.shape is Shape.CARING and place == 1 and dice.chance(400):
        return ((home.first, "health-and-welfare-lasting-power-of-attorney"),)
    if home.shape is not Shape.FAMILY or place != 0 or not dice.chance(300):
        return ()
    children = range(home.first + home.parents, min(home.first + len(home.ages), residents))
    return tuple((child, "parental-responsibility") for child in children if home.ages[child - home.first] < 13)


_GP_SOURCES = {cast.LOCK_KEEPERS.code: cast.LOCK_KEEPERS_GP.id, cast.HILLTOP_PRACTICE.code: cast.HILLTOP_GP.id}
_HOSPITAL = frozenset({
    Trait.HOSPITAL, Trait.COPD, Trait.HEART_FAILURE, Trait.STROKE, Trait.CANCER, Trait.PREGNANT, Trait.HIV,
    Trait.SEXUAL_HEALTH, Trait.ASSISTED_FERTILISATION, Trait.TERMINATION, Trait.SELF_HARM,
})  # fmt: skip
_MENTAL_HEALTH = frozenset({Trait.SELF_HARM, Trait.BIPOLAR, Trait.DRUGS, Trait.ALCOHOL})
_COMMUNITY = frozenset({Trait.FRAILTY, Trait.END_OF_LIFE, Trait.LEARNING_DISABILITY, Trait.STROKE})
_COUNCIL = frozenset({Trait.SOCIAL_CARE, Trait.ADULT_SAFEGUARDING})
_ADVICE = frozenset({Trait.DEBT, Trait.BENEFITS, Trait.ARREARS, Trait.FOOD, Trait.HOMELESS})


def _sources(traits: frozenset[Trait], practice: str, age: int, dice: Dice, *, caring: bool) -> tuple[str, ...]:
    """The systems that know somebody, in the order of the cast."""
    known = []
    if practice in _GP_SOURCES:
        known.append(_GP_SOURCES[practice])
    if traits & _HOSPITAL:
        known.append(cast.ST_BRANNOC_ACUTE.id)
    if traits & _MENTAL_HEALTH or (traits & {Trait.DEPRESSION, Trait.DEMENTIA} and dice.chance(300)):
        known.append(cast.FAIRLIGHT_MH.id)
    if traits & _COMMUNITY or age < 3 or (Trait.DIABETES in traits and dice.chance(200)):
        known.append(cast.THAMESWAY_COMMUNITY.id)
    if age >= 18 and (traits & _COUNCIL or (caring and dice.chance(500))):
        known.append(cast.COUNCIL_ADULT_CARE.id)
    if age >= 18 and traits & _ADVICE and dice.chance(500):
        known.append(cast.LANTERN_CASEWORK.id)
    return tuple(known)
