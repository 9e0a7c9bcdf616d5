"""What a life may hold, and how often: the threads a story is spun from. Rough proportions, never statistics."""

from __future__ import annotations

from enum import StrEnum

from sandbox.neighbourhood.dice import Dice


class Trait(StrEnum):
    """One thread of a life. The story turns each into entries that agree with one another."""

    ASTHMA = "asthma"
    COPD = "copd"
    DIABETES = "diabetes"
    HYPERTENSION = "hypertension"
    HEART_FAILURE = "heart-failure"
    ATRIAL_FIBRILLATION = "atrial-fibrillation"
    KIDNEY = "kidney"
    ARTHRITIS = "arthritis"
    STROKE = "stroke"
    CANCER = "cancer"
    EPILEPSY = "epilepsy"
    ECZEMA = "eczema"
    DEMENTIA = "dementia"
    FRAILTY = "frailty"
    END_OF_LIFE = "end-of-life"
    PENICILLIN = "penicillin"
    PEANUT = "peanut"
    SMOKER = "smoker"
    PREGNANT = "pregnant"
    LEARNING_DISABILITY = "learning-disability"
    AUTISM = "autism"
    HEARING = "hearing"
    SIGHT = "sight"
    INTERPRETER = "interpreter"
    DEPRESSION = "depression"
    ANXIETY = "anxiety"
    BIPOLAR = "bipolar"
    SELF_HARM = "self-harm"
    ALCOHOL = "alcohol"
    DRUGS = "drugs"
    HIV = "hiv"
    SEXUAL_HEALTH = "sexual-health"
    FERTILITY = "fertility"
    ASSISTED_FERTILISATION = "assisted-fertilisation"
    TERMINATION = "termination"
    GENDER_IDENTITY = "gender-identity"
    GENDER_RECOGNITION = "gender-recognition"
    DOMESTIC_ABUSE = "domestic-abuse"
    CHILD_PROTECTION = "child-protection"
    ADULT_SAFEGUARDING = "adult-safeguarding"
    LONELY = "lonely"
    DEBT = "debt"
    BENEFITS = "benefits"
    ARREARS = "arrears"
    FOOD = "food"
    HOMELESS = "homeless"
    SOCIAL_CARE = "social-care"
    HOSPITAL = "hospital"  # known to the hospital for something ordinary


# (trait, youngest, oldest, residents in 1,024, sex or "" for any). Rows for one trait add up.
_ROWS: tuple[tuple[Trait, int, int, int, str], ...] = (
    (Trait.ASTHMA, 4, 120, 80, ""),
    (Trait.COPD, 55, 120, 60, ""),
    (Trait.DIABETES, 40, 64, 80, ""),
    (Trait.DIABETES, 65, 120, 160, ""),
    (Trait.HYPERTENSION, 45, 64, 200, ""),
    (Trait.HYPERTENSION, 65, 120, 480, ""),
    (Trait.HEART_FAILURE, 70, 120, 60, ""),
    (Trait.ATRIAL_FIBRILLATION, 70, 120, 70, ""),
    (Trait.KIDNEY, 70, 120, 90, ""),
    (Trait.ARTHRITIS, 60, 120, 220, ""),
    (Trait.STROKE, 65, 120, 30, ""),
    (Trait.CANCER, 45, 120, 20, "female"),
    (Trait.EPILEPSY, 5, 120, 9, ""),
    (Trait.ECZEMA, 0, 12, 100, ""),
    (Trait.DEMENTIA, 72, 84, 70, ""),
    (Trait.DEMENTIA, 85, 120, 190, ""),
    (Trait.FRAILTY, 78, 120, 200, ""),
    (Trait.END_OF_LIFE, 75, 120, 15, ""),
    (Trait.PENICILLIN, 0, 120, 70, ""),
    (Trait.PEANUT, 1, 120, 12, ""),
    (Trait.SMOKER, 16, 120, 130, ""),
    (Trait.PREGNANT, 18, 44, 30, "female"),
    (Trait.LEARNING_DISABILITY, 5, 120, 12, ""),
    (Trait.AUTISM, 5, 120, 15, ""),
    (Trait.HEARING, 65, 120, 100, ""),
    (Trait.SIGHT, 70, 120, 40, ""),
    (Trait.INTERPRETER, 5, 120, 60, ""),
    (Trait.DEPRESSION, 16, 120, 110, ""),
    (Trait.ANXIETY, 14, 120, 90, ""),
    (Trait.BIPOLAR, 18, 120, 8, ""),
    (Trait.SELF_HARM, 13, 60, 14, ""),
    (Trait.ALCOHOL, 18, 80, 25, ""),
    (Trait.DRUGS, 16, 65, 12, ""),
    (Trait.HIV, 18, 80, 5, ""),
    (Trait.SEXUAL_HEALTH, 17, 60, 20, ""),
    (Trait.FERTILITY, 24, 45, 12, ""),
    (Trait.ASSISTED_FERTILISATION, 26, 46, 5, "female"),
    (Trait.TERMINATION, 17, 45, 15, "female"),
    (Trait.GENDER_IDENTITY, 16, 70, 4, ""),
    (Trait.GENDER_RECOGNITION, 21, 80, 1, ""),
    (Trait.DOMESTIC_ABUSE, 17, 80, 12, ""),
    (Trait.CHILD_PROTECTION, 0, 17, 12, ""),
    (Trait.ADULT_SAFEGUARDING, 18, 120, 8, ""),
    (Trait.LONELY, 60, 120, 100, ""),
    (Trait.DEBT, 18, 75, 60, ""),
    (Trait.BENEFITS, 18, 80, 50, ""),
    (Trait.ARREARS, 18, 75, 40, ""),
    (Trait.FOOD, 18, 75, 35, ""),
    (Trait.HOMELESS, 18, 60, 8, ""),
    (Trait.SOCIAL_CARE, 18, 74, 12, ""),
    (Trait.SOCIAL_CARE, 75, 120, 120, ""),
    (Trait.HOSPITAL, 0, 120, 180, ""),
)
# The rows that can hold at each age, found once, so that a throw looks at no others.
_BY_AGE = tuple(
    tuple((trait, rate, sex) for trait, youngest, oldest, rate, sex in _ROWS if youngest <= age <= oldest)
    for age in range(121)
)


def thrown(dice: Dice, *, age: int, sex: str) -> frozenset[Trait]:
    """The threads of one life, by chance, for somebody of this age (0 to 120) and sex."""
    rows = _BY_AGE[age]
    drawn = dice.many(len(rows))
    return frozenset(
        trait for (trait, rate, only), fell in zip(rows, drawn, strict=True) if fell < rate and only in ("", sex)
    )
