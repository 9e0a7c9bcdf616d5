"""Threads that residents asked to control, and a few that the law restricts. Written as sources write them: some say
that an entry is sensitive, most leave it to the code, and some only to the words. Nothing here describes anybody real.
"""

from __future__ import annotations

from sandbox.neighbourhood.codes import (
    SENSITIVITY,
    Concept,
    Documents,
    Findings,
    Medicines,
    Problems,
    Procedures,
    Security,
    words,
)
from sandbox.neighbourhood.facts import ACUTE, GP, MENTAL_HEALTH, Kind, Life, Quantity
from sandbox.neighbourhood.illness import clinic, prescribe, problem

_THIRD_PARTY = (Concept("third-party", "Information about somebody else", SENSITIVITY), Security.THIRD_PARTY)


def depression(life: Life) -> None:
    problem(life, Problems.DEPRESSION, 200, 4000, GP, MENTAL_HEALTH, key="depression")
    prescribe(life, Medicines.SERTRALINE, "1 tablet (50mg) each morning", about="depression")
    if life.perhaps(300):  # the trust raised the dose; the practice still prescribes the old one
        life.add(
            Kind.TAKEN, Medicines.SERTRALINE, life.ago(5, 60), MENTAL_HEALTH,
            status="active", note="2 tablets (100mg) each morning", about="depression",
            stated=(Security.MENTAL_HEALTH,),
        )  # fmt: skip
    score = Quantity(life.dice.between(5, 24), "{score}", "{score}")
    life.add(Kind.RESULT, Findings.PHQ9, life.ago(10, 300), GP, value=score, category="survey", about="depression")
    clinic(life, "Community mental health review", MENTAL_HEALTH, about="depression", stated=(Security.MENTAL_HEALTH,))

    if life.perhaps(150):
        why = "Low since losing work; better with company; worse when letters about money come"
        life.add(
            Kind.DOCUMENT, words("Formulation"), life.ago(30, 400), MENTAL_HEALTH, category="formulation", note=why
        )


def anxiety(life: Life) -> None:
    problem(life, Problems.ANXIETY, 100, 3000, GP, MENTAL_HEALTH, key="anxiety")
    life.add(Kind.PROCEDURE, Procedures.TALKING_THERAPY, life.ago(30, 400), GP, MENTAL_HEALTH, about="anxiety")


def bipolar(life: Life) -> None:
    life.add(Kind.CASELOAD, words("Community mental health team"), life.ago(30, 900), MENTAL_HEALTH)
    problem(life, Problems.BIPOLAR, 700, 6000, GP, MENTAL_HEALTH, key="bipolar")
    prescribe(life, Medicines.QUETIAPINE, "1 tablet (100mg) at night", about="bipolar")
    life.add(
        Kind.DOCUMENT, Documents.CRISIS_PLAN, life.ago(30, 600), MENTAL_HEALTH, note="What helps, and whom to call"
    )


def self_harm(life: Life) -> None:
    held = life.ago(60, 1500)
    life.add(Kind.PROBLEM, Problems.SELF_HARM, held, GP, MENTAL_HEALTH, ACUTE, status="inactive", key="self-harm")
    life.add(
        Kind.VISIT, words("Seen by the liaison team in the emergency department"), held, ACUTE,
        category="EMER", about="self-harm",
    )  # fmt: skip
    life.add(
        Kind.SOCIAL, Findings.SUICIDAL_THOUGHTS, held, MENTAL_HEALTH,
        category="exam", value=words("None at present"), stated=(Security.MENTAL_HEALTH,),
    )  # fmt: skip
    life.add(Kind.DOCUMENT, Documents.CRISIS_PLAN, held, MENTAL_HEALTH, GP, note="Safety plan", about="self-harm")
    life.add(
        Kind.FLAG, words("Risk to self: ask how things are, and follow the safety plan"), held, MENTAL_HEALTH,
        category="risks-to-self", about="self-harm",
    )  # fmt: skip


def alcohol(life: Life) -> None:
    problem(life, Problems.ALCOHOL, 200, 3000, GP, MENTAL_HEALTH, key="alcohol", stated=(Security.ALCOHOL,))
    units = Quantity(life.dice.between(20, 90), "units/week", "{units}/wk")
    life.add(Kind.SOCIAL, Findings.ALCOHOL_INTAKE, life.ago(10, 300), GP, value=units, about="alcohol")
    prescribe(life, Medicines.ACAMPROSATE, "2 tablets 3 times a day", about="alcohol")
    life.add(Kind.REFERRAL, words("Alcohol recovery service"), life.ago(20, 300), GP, status="active", about="alcohol")


def drugs(life: Life) -> None:
    problem(life, Problems.OPIOID, 200, 3000, GP, MENTAL_HEALTH, key="drugs", stated=(Security.DRUGS,))
    prescribe(life, Medicines.METHADONE, "60ml once a day, supervised at the pharmacy", about="drugs")
    life.add(
        Kind.SOCIAL, Findings.MISUSES_DRUGS, life.ago(10, 300), ACUTE, value=words("Heroin, most days until this year")
    )


def hiv(life: Life) -> None:
    problem(life, Problems.HIV, 500, 5000, GP, ACUTE, key="hiv", stated=(Security.HIV,))
    life.add(
        Kind.TAKEN, Medicines.DOLUTEGRAVIR, life.ago(10, 90), ACUTE,
        status="active", note="1 tablet once a day, from the hospital", about="hiv",
    )  # fmt: skip
    clinic(life, "Clinic 7 review", ACUTE, about="hiv")  # the name says nothing; what it is about does


def sexual_health(life: Life) -> None:
    seen = life.ago(60, 1500)
    life.add(
        Kind.PROBLEM, Problems.CHLAMYDIA, seen, GP, ACUTE,
        status="resolved", until=seen, key="sexual-health", stated=(Security.SEXUAL_HEALTH,),
    )  # fmt: skip
    life.add(
        Kind.PRESCRIBED, Medicines.DOXYCYCLINE, seen, GP,
        status="completed", note="1 capsule twice a day for 7 days", about="sexual-health", category="acute",
    )  # fmt: skip


def fertility(life: Life) -> None:
    problem(life, Problems.INFERTILITY, 200, 1800, GP, key="fertility")
    life.add(Kind.REFERRAL, words("Fertility clinic"), life.ago(150, 900), GP, status="completed", about="fertility")


def assisted_fertilisation(life: Life) -> None:
    done = life.ago(160, 1200)
    life.add(Kind.PROCEDURE, Procedures.IVF, done, ACUTE, key="ivf", stated=Security.HFEA)
    life.add(Kind.PROCEDURE, Procedures.ASSISTED_FERTILISATION, done, GP, about="ivf")


def termination(life: Life) -> None:
    done = life.ago(100, 1500)
    life.add(Kind.PROCEDURE, Procedures.TERMINATION, done, GP, ACUTE, key="termination")
    life.add(
        Kind.VISIT, words("Day unit"), done, ACUTE, category="AMB", about="termination"
    )  # fmt: skip


def gender_identity(life: Life) -> None:
    problem(life, Problems.GENDER_DYSPHORIA, 700, 4000, GP, key="gender", stated=(Security.GENDER,))
    prescribe(life, Medicines.ESTRADIOL, "1 tablet (2mg) once a day", about="gender")


def gender_recognition(life: Life) -> None:
    life.add(
        Kind.DOCUMENT, words("Gender recognition certificate seen"), life.ago(300, 3000), GP, ACUTE,
        note="New record made in the acquired gender", key="certificate", stated=Security.GRA,
    )  # fmt: skip


def domestic_abuse(life: Life) -> None:
    problem(life, Problems.PARTNER_ABUSE, 60, 1200, GP, ACUTE, key="abuse", stated=(Security.DOMESTIC_ABUSE,))
    life.add(
        Kind.FLAG, words("Do not discuss in front of a partner; never send letters home"), life.ago(30, 400), GP, ACUTE,
        category="risk-from-others", about="abuse",
    )  # fmt: skip
    life.add(Kind.REFERRAL, words("Domestic abuse advocacy"), life.ago(30, 400), GP, status="active", about="abuse")


def child_protection(life: Life) -> None:
    life.add(
        Kind.FLAG, words("Child protection plan in place"), life.ago(20, 500), GP, ACUTE,
        category="safeguarding-issues", key="protection",
    )  # fmt: skip


def adult_safeguarding(life: Life) -> None:
    life.add(
        Kind.FLAG, words("Adult safeguarding enquiry open with the council"), life.ago(10, 300), GP,
        category="safeguarding-issues",
    )  # fmt: skip


def third_party(life: Life) -> None:
    """Something said about somebody else in the household, as consultation notes often hold."""
    life.add(
        Kind.DOCUMENT, words("Consultation note"), life.ago(20, 500), GP,
        note="Says that a relative drinks heavily and has not told anybody", stated=_THIRD_PARTY,
    )  # fmt: skip
