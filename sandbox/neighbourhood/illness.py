"""Threads of ordinary illness and care: problems, medicines, allergies, what was measured, and who disagrees.

Two sources often hold the same fact, and sometimes contradict each other, because they do in life.
"""

from __future__ import annotations

from sandbox.neighbourhood.codes import (
    Allergies,
    Concept,
    Documents,
    Findings,
    Medicines,
    Problems,
    Procedures,
    words,
)
from sandbox.neighbourhood.facts import ACUTE, COMMUNITY, GP, MENTAL_HEALTH, Kind, Life, Quantity, Setting


def prescribe(life: Life, medicine: Concept, dose: str, *, about: str = "", key: str = "", **more: object) -> None:
    """A repeat prescription at the practice."""
    life.add(Kind.PRESCRIBED, medicine, life.ago(5, 80), GP, status="active", note=dose, about=about, key=key, **more)


def problem(life: Life, what: Concept, fewest: int, most: int, *held_by: Setting, key: str, **more: object) -> None:
    life.add(Kind.PROBLEM, what, life.ago(fewest, most), *held_by, status="active", key=key, **more)


def clinic(life: Life, name: str, *held_by: Setting, about: str = "", **more: object) -> None:
    """An appointment still to come."""
    if life.alive:
        life.add(Kind.BOOKING, words(name), life.ahead(3, 90), *held_by, status="booked", about=about, **more)


def diabetes(life: Life) -> None:
    problem(life, Problems.DIABETES, 700, 7000, GP, ACUTE, COMMUNITY, key="diabetes")
    prescribe(life, Medicines.METFORMIN, "1 tablet (500mg) twice a day with food", about="diabetes", key="metformin")
    life.add(
        Kind.RESULT,
        Findings.HBA1C,
        life.ago(20, 200),
        GP,
        value=Quantity(life.dice.between(44, 88), "mmol/mol", "mmol/mol"),
    )
    if life.perhaps(300):  # the hospital raised the dose, and the practice has not caught up
        dose = "2 tablets (1g) twice a day with food"
        life.add(Kind.TAKEN, Medicines.METFORMIN, life.ago(4, 40), ACUTE, status="active", note=dose, about="diabetes")
    clinic(life, "Diabetic eye screening", COMMUNITY, about="diabetes")


def copd(life: Life) -> None:
    problem(life, Problems.COPD, 500, 5000, GP, ACUTE, key="copd")
    dose = "2 puffs when needed, up to 4 times a day"
    prescribe(life, Medicines.SALBUTAMOL, dose, about="copd")
    life.add(Kind.TAKEN, Medicines.SALBUTAMOL, life.ago(30, 300), ACUTE, status="active", note=dose, about="copd")
    came = life.ago(40, 300)
    life.add(
        Kind.VISIT, words("Admitted with a chest infection"), came, ACUTE, category="IMP", about="copd", key="copd-stay"
    )
    life.add(
        Kind.DOCUMENT,
        Documents.DISCHARGE,
        came,
        ACUTE,
        GP,
        note="Discharged home with inhaled treatment",
        about="copd-stay",
    )
    life.add(Kind.VITAL, Findings.OXYGEN, came, ACUTE, value=Quantity(life.dice.between(88, 97), "%", "%"))
    clinic(life, "Respiratory clinic", ACUTE, about="copd")


def asthma(life: Life) -> None:
    problem(life, Problems.ASTHMA, 300, 6000, GP, ACUTE, key="asthma")
    prescribe(life, Medicines.SALBUTAMOL, "2 puffs when needed", about="asthma")


def hypertension(life: Life) -> None:
    problem(life, Problems.HYPERTENSION, 400, 6000, GP, ACUTE, key="hypertension")
    dose = "1 tablet (5mg) once a day"
    prescribe(life, Medicines.AMLODIPINE, dose, about="hypertension")
    if life.perhaps(600):
        life.add(Kind.TAKEN, Medicines.AMLODIPINE, life.ago(10, 200), ACUTE, status="active", note=dose)
    pressure = (
        (Findings.SYSTOLIC, Quantity(life.dice.between(112, 178), "mmHg", "mm[Hg]")),
        (Findings.DIASTOLIC, Quantity(life.dice.between(60, 102), "mmHg", "mm[Hg]")),
    )
    life.add(Kind.VITAL, Findings.BLOOD_PRESSURE, life.ago(10, 200), GP, parts=pressure)


def heart_failure(life: Life) -> None:
    problem(life, Problems.HEART_FAILURE, 300, 3000, GP, ACUTE, COMMUNITY, key="heart-failure")
    prescribe(life, Medicines.FUROSEMIDE, "1 tablet (40mg) each morning", about="heart-failure")
    prescribe(life, Medicines.RAMIPRIL, "1 capsule (5mg) once a day", about="heart-failure")
    prescribe(life, Medicines.BISOPROLOL, "1 tablet (2.5mg) once a day", about="heart-failure")
    life.add(
        Kind.VITAL, Findings.WEIGHT, life.ago(3, 30), COMMUNITY, value=Quantity(life.dice.between(45, 110), "kg", "kg")
    )


def atrial_fibrillation(life: Life) -> None:
    problem(life, Problems.ATRIAL_FIBRILLATION, 300, 3000, GP, ACUTE, key="atrial-fibrillation")
    prescribe(life, Medicines.WARFARIN, "As the yellow book says, usually 3mg once a day", about="atrial-fibrillation")
    pulse = Quantity(life.dice.between(58, 118), "beats/min", "/min")
    life.add(Kind.VITAL, Findings.PULSE, life.ago(10, 200), GP, value=pulse)
    if life.perhaps(300):  # a different dose at the hospital
        life.add(Kind.TAKEN, Medicines.WARFARIN, life.ago(5, 50), ACUTE, status="active", note="4mg once a day")


def kidney(life: Life) -> None:
    problem(life, Problems.KIDNEY, 300, 3000, GP, ACUTE, key="kidney")
    value = Quantity(life.dice.between(95, 260), "umol/L", "umol/L")
    life.add(Kind.RESULT, Findings.CREATININE, life.ago(10, 120), GP, ACUTE, value=value, about="kidney")


def arthritis(life: Life) -> None:
    problem(life, Problems.ARTHRITIS, 700, 6000, GP, key="arthritis")
    prescribe(life, Medicines.PARACETAMOL, "2 tablets up to 4 times a day", about="arthritis")
    if life.dice.chance(150):
        life.add(Kind.PROCEDURE, Procedures.HIP, life.ago(200, 3000), ACUTE, GP, about="arthritis")


def stroke(life: Life) -> None:
    problem(life, Problems.STROKE, 200, 2500, GP, ACUTE, COMMUNITY, key="stroke")
    prescribe(life, Medicines.ASPIRIN, "1 tablet (75mg) once a day", about="stroke")
    prescribe(life, Medicines.ATORVASTATIN, "1 tablet (20mg) at night", about="stroke")


def cancer(life: Life) -> None:
    problem(life, Problems.BREAST_CANCER, 200, 2500, GP, ACUTE, key="cancer")
    clinic(life, "Oncology follow-up", ACUTE, about="cancer")


def epilepsy(life: Life) -> None:
    problem(life, Problems.EPILEPSY, 700, 7000, GP, ACUTE, key="epilepsy")
    life.add(
        Kind.FLAG,
        words("May have seizures: time them, and call 999 after five minutes"),
        life.ago(50, 900),
        GP,
        category="safety-alerts",
    )


def eczema(life: Life) -> None:
    problem(life, Problems.ECZEMA, 50, 1500, GP, key="eczema")


def dementia(life: Life) -> None:
    problem(life, Problems.DEMENTIA, 200, 2000, GP, MENTAL_HEALTH, COMMUNITY, key="dementia")
    prescribe(life, Medicines.DONEPEZIL, "1 tablet (10mg) at night", about="dementia")
    life.add(
        Kind.FLAG,
        words("Needs time, short sentences and a familiar face"),
        life.ago(30, 400),
        GP,
        ACUTE,
        category="reasonable-adjustments",
    )
    life.add(Kind.REFERRAL, words("Memory service"), life.ago(200, 900), GP, status="completed", about="dementia")


def frailty(life: Life) -> None:
    life.add(Kind.CASELOAD, words("District nursing caseload"), life.ago(30, 400), COMMUNITY)
    problem(life, Problems.FRAILTY, 100, 1500, GP, COMMUNITY, key="frailty")
    life.add(
        Kind.PLAN,
        Documents.SUPPORT_PLAN,
        life.ago(20, 300),
        COMMUNITY,
        GP,
        note="Weekly nurse visit|Falls exercises at home|Key safe fitted",
    )
    life.add(Kind.DEVICE, words("Walking frame"), life.ago(60, 900), COMMUNITY)
    if life.alive:
        clinic(life, "District nurse visit", COMMUNITY, about="frailty")


def end_of_life(life: Life) -> None:
    life.add(
        Kind.PLAN,
        Documents.END_OF_LIFE,
        life.ago(10, 200),
        GP,
        COMMUNITY,
        ACUTE,
        category="contingency",
        note="To be cared for at home|Hospice nurse on call at any hour",
    )
    life.add(
        Kind.DOCUMENT,
        Documents.END_OF_LIFE,
        life.ago(10, 200),
        COMMUNITY,
        category="patient-and-carer-concerns-expectations-and-wishes",
        note="To be at home, with the window open",
    )
    prescribe(life, Medicines.MORPHINE, "2.5ml (5mg) every 4 hours if in pain")
    life.add(Kind.DIET, words("Soft diet with thickened fluids"), life.ago(5, 90), COMMUNITY)


def penicillin(life: Life) -> None:
    life.add(
        Kind.ALLERGY,
        Allergies.PENICILLIN,
        life.ago(400, 8000),
        GP,
        status="confirmed",
        value=Allergies.RASH,
        category="mild",
    )
    if life.perhaps(250):  # tested at the hospital, and denied there
        life.add(
            Kind.ALLERGY, Allergies.PENICILLIN, life.ago(30, 300), ACUTE, status="refuted", note="Tolerated a test dose"
        )
    elif life.dice.chance(300):
        life.add(Kind.ALLERGY, Allergies.NONE_KNOWN, life.ago(30, 300), ACUTE, status="confirmed")


def peanut(life: Life) -> None:
    life.add(
        Kind.ALLERGY,
        Allergies.PEANUT,
        life.ago(300, 6000),
        GP,
        ACUTE,
        status="confirmed",
        value=Allergies.ANAPHYLAXIS,
        category="severe",
    )


def smoker(life: Life) -> None:
    life.add(Kind.SOCIAL, Findings.SMOKING, life.ago(20, 400), GP, ACUTE, value=Findings.SMOKES)
    given = "How to stop smoking, and where to get help"
    life.add(
        Kind.DOCUMENT, words("Leaflet"), life.ago(20, 400), GP, category="information-and-advice-given", note=given
    )


def pregnant(life: Life) -> None:
    if not life.alive:
        return
    booked = life.ago(20, 150)
    life.add(
        Kind.SOCIAL,
        Problems.PREGNANT,
        booked,
        GP,
        ACUTE,
        value=words("Expecting, booked with the midwife"),
        key="pregnancy",
    )
    clinic(life, "Antenatal clinic", ACUTE, about="pregnancy")


def hospital(life: Life) -> None:
    came = life.ago(20, 700)
    reason = life.dice.pick(("Fractured wrist", "Abdominal pain", "Head injury", "Chest pain", "Fever"))
    life.add(Kind.VISIT, words(reason), came, ACUTE, category="EMER", key="attendance")
    life.add(
        Kind.DOCUMENT,
        Documents.DISCHARGE,
        came,
        ACUTE,
        GP,
        note=f"Seen in the emergency department: {reason.lower()}",
        about="attendance",
    )
    if life.dice.chance(300):
        life.add(Kind.PROCEDURE, Procedures.COLONOSCOPY, life.ago(30, 900), ACUTE)
