"""One resident's life story: every thread of it, told in the same order each time. No source's projection of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from sandbox.neighbourhood import illness, needs, sensitive
from sandbox.neighbourhood.codes import Findings, Problems, Vaccines, words
from sandbox.neighbourhood.facts import ACUTE, COMMUNITY, GP, MENTAL_HEALTH, Fact, Kind, Life, Quantity
from sandbox.neighbourhood.people import Person
from sandbox.neighbourhood.traits import Trait

THREADS: dict[Trait, Callable[[Life], None]] = {
    Trait.ASTHMA: illness.asthma,
    Trait.COPD: illness.copd,
    Trait.DIABETES: illness.diabetes,
    Trait.HYPERTENSION: illness.hypertension,
    Trait.HEART_FAILURE: illness.heart_failure,
    Trait.ATRIAL_FIBRILLATION: illness.atrial_fibrillation,
    Trait.KIDNEY: illness.kidney,
    Trait.ARTHRITIS: illness.arthritis,
    Trait.STROKE: illness.stroke,
    Trait.CANCER: illness.cancer,
    Trait.EPILEPSY: illness.epilepsy,
    Trait.ECZEMA: illness.eczema,
    Trait.DEMENTIA: illness.dementia,
    Trait.FRAILTY: illness.frailty,
    Trait.END_OF_LIFE: illness.end_of_life,
    Trait.PENICILLIN: illness.penicillin,
    Trait.PEANUT: illness.peanut,
    Trait.SMOKER: illness.smoker,
    Trait.PREGNANT: illness.pregnant,
    Trait.HOSPITAL: illness.hospital,
    Trait.LEARNING_DISABILITY: needs.learning_disability,
    Trait.AUTISM: needs.autism,
    Trait.HEARING: needs.hearing,
    Trait.SIGHT: needs.sight,
    Trait.INTERPRETER: needs.interpreter,
    Trait.LONELY: needs.lonely,
    Trait.HOMELESS: needs.homeless,
    Trait.SOCIAL_CARE: needs.social_care,
    Trait.DEPRESSION: sensitive.depression,
    Trait.ANXIETY: sensitive.anxiety,
    Trait.BIPOLAR: sensitive.bipolar,
    Trait.SELF_HARM: sensitive.self_harm,
    Trait.ALCOHOL: sensitive.alcohol,
    Trait.DRUGS: sensitive.drugs,
    Trait.HIV: sensitive.hiv,
    Trait.SEXUAL_HEALTH: sensitive.sexual_health,
    Trait.FERTILITY: sensitive.fertility,
    Trait.ASSISTED_FERTILISATION: sensitive.assisted_fertilisation,
    Trait.TERMINATION: sensitive.termination,
    Trait.GENDER_IDENTITY: sensitive.gender_identity,
    Trait.GENDER_RECOGNITION: sensitive.gender_recognition,
    Trait.DOMESTIC_ABUSE: sensitive.domestic_abuse,
    Trait.CHILD_PROTECTION: sensitive.child_protection,
    Trait.ADULT_SAFEGUARDING: sensitive.adult_safeguarding,
}


def story_of(person: Person, *, seed: int, today: date) -> tuple[Fact, ...]:
    """Every fact of one life, whoever holds it. The same person, seed and day always give the same story."""
    life = Life(person, seed, today)
    _everybody(life)
    for trait in Trait:  # in the order of the vocabulary, never of a set
        if trait in person.traits and trait in THREADS:
            life.turn_to(trait)
            THREADS[trait](life)
    return tuple(life.facts)


def _everybody(life: Life) -> None:
    """What most records hold, whatever else they do."""
    _measured(life)
    _vaccinated(life)
    _seen(life)
    _close_to(life)
    if life.dice.chance(100):
        relation, called = life.dice.pick((("MTH", "Mother"), ("FTH", "Father"), ("SIB", "Brother or sister")))
        illness_known = life.dice.pick((Problems.DIABETES, Problems.BREAST_CANCER, Problems.STROKE))
        life.add(Kind.RELATIVE, illness_known, life.ago(200, 2000), GP, category=relation, note=called)
    if life.named or life.dice.chance(60):
        needs.about_me(life)
    if life.named and life.person.age() > 17:
        sensitive.third_party(life)


def _measured(life: Life) -> None:
    age = life.person.age()
    height = life.dice.between(150, 192) if age > 17 else min(178, 52 + age * 7)
    weight = life.dice.between(48, 118) if age > 17 else 4 + age * 4
    on = life.ago(20, 900)
    life.add(Kind.VITAL, Findings.HEIGHT, on, GP, value=Quantity(height, "cm", "cm"))
    life.add(Kind.VITAL, Findings.WEIGHT, on, GP, value=Quantity(weight, "kg", "kg"))
    if age > 15 and Trait.SMOKER not in life.person.traits:
        habit = life.dice.pick((Findings.NEVER_SMOKED, Findings.NEVER_SMOKED, Findings.EX_SMOKER))
        life.add(Kind.SOCIAL, Findings.SMOKING, on, GP, value=habit)
    if age > 39:
        cholesterol = Quantity(life.dice.between(32, 78) / 10, "mmol/L", "mmol/L")
        life.add(Kind.RESULT, Findings.CHOLESTEROL, life.ago(20, 700), GP, value=cholesterol)


def _vaccinated(life: Life) -> None:
    age = life.person.age()
    if age >= 65 or (age >= 2 and life.dice.chance(200)):
        life.add(Kind.VACCINATION, Vaccines.FLU, life.ago(5, 380), GP, COMMUNITY)
    if 1 <= age < 18:
        life.add(Kind.VACCINATION, Vaccines.MMR, life.ago(30, 300), GP)
    if age >= 18 and life.dice.chance(700):
        life.add(Kind.VACCINATION, Vaccines.COVID, life.ago(300, 1400), GP)


def _seen(life: Life) -> None:
    reason = life.dice.pick(("Medication review", "Sore throat", "Back pain", "Tiredness", "Skin rash", "Health check"))
    for _ in range(life.dice.between(1, 3)):
        life.add(Kind.VISIT, words(reason), life.ago(3, 500), GP, category="AMB")
    if life.dice.chance(80):
        life.add(Kind.REFERRAL, words("Blood test"), life.ago(3, 60), GP, status="active", category="laboratory")
    if life.alive and life.dice.chance(250):
        life.add(Kind.BOOKING, words("Practice nurse appointment"), life.ahead(2, 40), GP, status="booked")
    if life.dice.chance(120):
        life.add(Kind.VISIT, words("Home visit"), life.ago(3, 200), COMMUNITY, category="HH")


def _close_to(life: Life) -> None:
    """Somebody to call, who may decide for them, and whether they care for somebody themselves."""
    person = life.person
    if life.dice.chance(20):
        life.add(
            Kind.FLAG, words("Takes part in research"), life.ago(30, 900), GP, category="participation-in-research"
        )
    if person.cared_for_by is not None:
        if person.has(Trait.DEMENTIA, Trait.LEARNING_DISABILITY):
            decides = words("Somebody else may decide about health and welfare: ask to see the order")
            life.add(Kind.FLAG, decides, life.ago(50, 900), GP, ACUTE, category="legal-information")
        life.add(Kind.CONTACT, words("Carer"), life.ago(50, 900), GP, ACUTE, MENTAL_HEALTH, COMMUNITY, category="carer")
    elif person.age() < 18:
        life.add(Kind.CONTACT, words("Parent"), person.born_on, GP, ACUTE, category="parent")
    if person.cares_for is not None:
        life.add(Kind.SOCIAL, Findings.CARER, life.ago(50, 900), GP, value=words("Looks after a family member"))
