"""What a story is made of: facts of a life, each held by the settings that would know it. Speaks no source's format."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from sandbox.neighbourhood import cast
from sandbox.neighbourhood.codes import Concept
from sandbox.neighbourhood.dice import Dice
from sandbox.neighbourhood.named import STORIES
from sandbox.neighbourhood.people import Person
from sandbox.neighbourhood.traits import Trait


class Setting(StrEnum):
    """Where somebody is seen; each is one source system for any one resident."""

    GP = "gp"
    ACUTE = "acute"
    MENTAL_HEALTH = "mental-health"
    COMMUNITY = "community"


GP, ACUTE, MENTAL_HEALTH, COMMUNITY = Setting
SETTING_OF = {
    cast.LOCK_KEEPERS_GP.id: GP,
    cast.HILLTOP_GP.id: GP,
    cast.ST_BRANNOC_ACUTE.id: ACUTE,
    cast.FAIRLIGHT_MH.id: MENTAL_HEALTH,
    cast.THAMESWAY_COMMUNITY.id: COMMUNITY,
}


class Kind(StrEnum):
    """What sort of fact it is. ``fhir`` has one way of writing each."""

    PROBLEM = "problem"
    ALLERGY = "allergy"
    PRESCRIBED = "prescribed"
    TAKEN = "taken"  # what a setting was told the person takes, as on a discharge
    VITAL = "vital"
    RESULT = "result"
    SOCIAL = "social"
    VISIT = "visit"
    BOOKING = "booking"
    PROCEDURE = "procedure"
    VACCINATION = "vaccination"
    REFERRAL = "referral"
    PLAN = "plan"
    FLAG = "flag"
    DOCUMENT = "document"
    CONTACT = "contact"
    RELATIVE = "relative"  # an illness in the family; the category is an HL7 RoleCode, the note its words
    CASELOAD = "caseload"
    DEVICE = "device"
    DIET = "diet"


@dataclass(frozen=True, slots=True)
class Quantity:
    """``unit`` as people write it; ``ucum`` as machines do."""

    value: float
    unit: str
    ucum: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact. ``note`` is free text or a dose; ``category`` a word its kind gives meaning to.

    ``key`` names it within the story, so that a fact may be ``about`` another. ``stated`` is the sensitivity the
    source itself writes on it; most write none.
    """

    kind: Kind
    what: Concept
    on: date
    held_by: tuple[Setting, ...]
    until: date | None = None
    status: str = ""
    value: Quantity | Concept | None = None
    parts: tuple[tuple[Concept, Quantity], ...] = ()
    note: str = ""
    category: str = ""
    key: str = ""
    about: str = ""
    stated: tuple[Concept, ...] = ()


@dataclass(slots=True)
class Life:
    """A story being told: the threads of ``traits`` add facts to it, each with dice of its own.

    ``today`` is the day the records are read on: what lies after it is planned, never past.
    """

    person: Person
    seed: int
    today: date
    facts: list[Fact] = field(default_factory=list)
    dice: Dice = field(init=False)

    def __post_init__(self) -> None:
        self.dice = Dice(self.seed, "story", self.person.index)

    def turn_to(self, trait: Trait) -> None:
        """Take the dice of one thread, so that no thread changes how another falls."""
        self.dice = Dice(self.seed, "story", self.person.index, trait.value)

    @property
    def alive(self) -> bool:
        return self.person.died_on is None

    @property
    def named(self) -> bool:
        return self.person.index in STORIES

    def add(self, kind: Kind, what: Concept, on: date, *held_by: Setting, **more: object) -> None:
        """Add one fact. ``more`` are the fields of ``Fact``."""
        self.facts.append(Fact(kind, what, on, held_by, **more))  # type: ignore[arg-type]  # checked by Fact

    def ago(self, fewest: int, most: int) -> date:
        """A past day, between ``fewest`` and ``most`` days before the last, and never before birth."""
        last = self.person.died_on or self.today
        return max(self.person.born_on, last - timedelta(days=self.dice.between(fewest, most)))

    def ahead(self, fewest: int, most: int) -> date:
        return self.today + timedelta(days=self.dice.between(fewest, most))

    def perhaps(self, per_mille: int) -> bool:
        """By chance for most; always for the residents whose story is told, so that it can be relied on."""
        drawn = self.dice.below(1000)
        return self.named or drawn < per_mille
