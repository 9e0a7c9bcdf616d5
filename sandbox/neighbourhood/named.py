"""The residents with a story of their own, at the lowest indices of every place. None of them is anybody real.

``STORIES`` fixes what matters to the story; everything else about them is thrown by the seed like everybody's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from sandbox.neighbourhood import cast
from sandbox.neighbourhood.traits import Trait


@dataclass(frozen=True, slots=True)
class Story:
    """``cares_for``, ``proxy_for`` are indices; ``legal_basis`` is a code of England-NHSProxyLegalBasis."""

    given_name: str
    family_name: str
    sex: str
    born_on: date
    about: str
    traits: frozenset[Trait] = frozenset()
    practice: str = cast.LOCK_KEEPERS.code
    sources: frozenset[str] = frozenset()  # besides those the traits call for
    traced: bool = True  # whether they have an NHS number
    died_on: date | None = None
    cares_for: int | None = None
    proxy_for: tuple[tuple[int, str], ...] = field(default=())


ADA, DANIEL, ROSA, THEO, IMANI, GRACE, SAMUEL, FOLAKE, ALEX, PRITI, NIKHIL, JOAN = range(12)
MARTIN, CALLUM, YUSUF, ELSIE, BETH, OLIVER, MARGARET, SOFIA, DENISE, OTHER_ADA = range(12, 22)

# Households of the first two blocks of twelve residents, in order.
NAMED_HOUSEHOLDS = ((2, 3, 1, 2, 1, 2, 1), (1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1))

STORIES: dict[int, Story] = {
    ADA: Story(
        "Ada", "Bright", "female", date(1964, 3, 14),
        "The story's main resident: long-term conditions, debts, and a past she would rather choose who sees",
        frozenset({
            Trait.DIABETES, Trait.COPD, Trait.HYPERTENSION, Trait.DEPRESSION, Trait.SELF_HARM, Trait.ALCOHOL,
            Trait.SEXUAL_HEALTH, Trait.PENICILLIN, Trait.SMOKER, Trait.HEARING, Trait.DEBT, Trait.BENEFITS,
            Trait.ARREARS, Trait.SOCIAL_CARE, Trait.HOSPITAL, Trait.LONELY,
        }),
        sources=frozenset(each.id for each in cast.SOURCES) - {cast.HILLTOP_GP.id, cast.MARLOWE_DIRECTORY.id},
    ),
    DANIEL: Story(
        "Daniel", "Bright", "male", date(1961, 9, 2), "Ada's husband, who looks after her and has a support plan",
        frozenset({Trait.HYPERTENSION, Trait.ANXIETY, Trait.ARTHRITIS}),
        sources=frozenset({cast.COUNCIL_ADULT_CARE.id}), cares_for=ADA,
    ),
    ROSA: Story(
        "Rosa", "Delgado-Finch", "female", date(1991, 6, 21), "A mother who acts for her young son",
        frozenset({Trait.DEBT, Trait.FOOD, Trait.INTERPRETER}), sources=frozenset({cast.LANTERN_CASEWORK.id}),
        proxy_for=((THEO, "parental-responsibility"),),
    ),
    THEO: Story(
        "Theo", "Delgado-Finch", "male", date(2017, 5, 9), "A child of nine whose mother acts for him",
        frozenset({Trait.ASTHMA, Trait.PEANUT, Trait.HOSPITAL}),
    ),
    IMANI: Story(
        "Imani", "Delgado-Finch", "female", date(2011, 1, 30), "Fifteen, and old enough to choose for herself",
        frozenset({Trait.ANXIETY, Trait.SELF_HARM}), sources=frozenset({cast.FAIRLIGHT_MH.id}),
    ),
    GRACE: Story(
        "Grace", "Holloway", "female", date(1997, 11, 5), "Living somewhere safe after domestic abuse",
        frozenset({Trait.DOMESTIC_ABUSE, Trait.ANXIETY, Trait.ADULT_SAFEGUARDING, Trait.ARREARS, Trait.HOSPITAL}),
        practice=cast.HILLTOP_PRACTICE.code,
        sources=frozenset({cast.LANTERN_CASEWORK.id, cast.COUNCIL_ADULT_CARE.id}),
    ),
    SAMUEL: Story(
        "Samuel", "Oyelaran", "male", date(1944, 2, 18), "Living with dementia; his daughter holds power of attorney",
        frozenset({
            Trait.DEMENTIA, Trait.FRAILTY, Trait.ATRIAL_FIBRILLATION, Trait.HYPERTENSION, Trait.SOCIAL_CARE,
            Trait.HEARING, Trait.HOSPITAL,
        }),
        practice=cast.HILLTOP_PRACTICE.code,
        sources=frozenset({cast.THAMESWAY_COMMUNITY.id, cast.COUNCIL_ADULT_CARE.id, cast.FAIRLIGHT_MH.id}),
    ),
    FOLAKE: Story(
        "Folake", "Oyelaran", "female", date(1975, 8, 27), "Samuel's daughter and carer",
        frozenset({Trait.DEPRESSION, Trait.BENEFITS}), practice=cast.HILLTOP_PRACTICE.code,
        sources=frozenset({cast.COUNCIL_ADULT_CARE.id}), cares_for=SAMUEL,
        proxy_for=((SAMUEL, "health-and-welfare-lasting-power-of-attorney"),),
    ),
    ALEX: Story(
        "Alex", "Marchetti", "female", date(1989, 4, 3), "Holds a gender recognition certificate; the law protects it",
        frozenset({Trait.GENDER_IDENTITY, Trait.GENDER_RECOGNITION, Trait.DEPRESSION, Trait.HOSPITAL}),
    ),
    PRITI: Story(
        "Priti", "Varma", "female", date(1990, 10, 12), "Expecting a child after assisted fertilisation",
        frozenset({Trait.FERTILITY, Trait.ASSISTED_FERTILISATION, Trait.PREGNANT, Trait.HOSPITAL}),
    ),
    NIKHIL: Story("Nikhil", "Varma", "male", date(1988, 12, 1), "Priti's husband", frozenset({Trait.FERTILITY})),
    JOAN: Story(
        "Joan", "Whitlock", "female", date(1935, 7, 7), "Near the end of life, with her wishes written down",
        frozenset({Trait.END_OF_LIFE, Trait.FRAILTY, Trait.HEART_FAILURE, Trait.KIDNEY, Trait.SOCIAL_CARE}),
        practice=cast.HILLTOP_PRACTICE.code,
        sources=frozenset({cast.THAMESWAY_COMMUNITY.id, cast.COUNCIL_ADULT_CARE.id, cast.ST_BRANNOC_ACUTE.id}),
    ),
    MARTIN: Story(
        "Martin", "Lowe", "male", date(1982, 5, 16), "Keeps his HIV and sexual health care to himself",
        frozenset({Trait.HIV, Trait.SEXUAL_HEALTH, Trait.HOSPITAL}),
    ),
    CALLUM: Story(
        "Callum", "Reeve", "male", date(2000, 1, 8), "In temporary housing, using drugs and alcohol, wanting to stop",
        frozenset({
            Trait.DRUGS, Trait.ALCOHOL, Trait.SELF_HARM, Trait.HOMELESS, Trait.DEBT, Trait.FOOD, Trait.HOSPITAL,
        }),
        sources=frozenset({cast.LANTERN_CASEWORK.id, cast.FAIRLIGHT_MH.id}),
    ),
    YUSUF: Story(
        "Yusuf", "Karaca", "male", date(1996, 9, 19), "Newly arrived, and not yet given an NHS number",
        frozenset({Trait.INTERPRETER, Trait.HOMELESS, Trait.FOOD}), sources=frozenset({cast.LANTERN_CASEWORK.id}),
        traced=False,
    ),
    ELSIE: Story(
        "Elsie", "Thornbury", "female", date(1938, 4, 25), "Died this year",
        frozenset({Trait.HEART_FAILURE, Trait.SOCIAL_CARE, Trait.HOSPITAL}), died_on=date(2026, 2, 11),
    ),
    BETH: Story(
        "Beth", "Carrow", "female", date(2001, 12, 29), "Had a termination, known to her GP and the hospital only",
        frozenset({Trait.TERMINATION, Trait.ASTHMA, Trait.DEBT}),
        sources=frozenset({cast.ST_BRANNOC_ACUTE.id, cast.LANTERN_CASEWORK.id}),
    ),
    OLIVER: Story(
        "Oliver", "Penn", "male", date(1980, 8, 4), "Has a learning disability, and says how to talk with him",
        frozenset({
            Trait.LEARNING_DISABILITY, Trait.AUTISM, Trait.EPILEPSY, Trait.SOCIAL_CARE, Trait.ADULT_SAFEGUARDING,
            Trait.LONELY,
        }),
        sources=frozenset({cast.COUNCIL_ADULT_CARE.id, cast.THAMESWAY_COMMUNITY.id}),
    ),
    MARGARET: Story(
        "Margaret", "Penn", "female", date(1952, 2, 2), "Oliver's mother and court-appointed deputy",
        frozenset({Trait.ARTHRITIS, Trait.LONELY}), cares_for=OLIVER,
        proxy_for=((OLIVER, "court-appointed-personal-welfare-deputy"),),
    ),
    SOFIA: Story(
        "Sofia", "Antunes", "female", date(1985, 7, 11), "Gave the advice centre permission, and later stopped it",
        frozenset({Trait.DEBT, Trait.ANXIETY}), sources=frozenset({cast.LANTERN_CASEWORK.id}),
    ),
    DENISE: Story(
        "Denise", "Farrow", "female", date(1970, 3, 23), "Has said no to sharing with anybody",
        frozenset({Trait.BIPOLAR, Trait.ALCOHOL, Trait.ARREARS}),
        sources=frozenset({cast.LANTERN_CASEWORK.id, cast.FAIRLIGHT_MH.id}),
    ),
    OTHER_ADA: Story(
        "Ada", "Bright", "female", date(1966, 3, 14), "Somebody else with Ada's name and birthday, two years younger",
        frozenset({Trait.PEANUT, Trait.DEBT}), practice=cast.HILLTOP_PRACTICE.code,
        sources=frozenset({cast.LANTERN_CASEWORK.id}),
    ),
}  # fmt: skip
