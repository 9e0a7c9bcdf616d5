"""Threads of what somebody needs to be met halfway: reasonable adjustments, company, and the aids they use."""

from __future__ import annotations

from sandbox.neighbourhood.codes import Documents, Findings, Problems, Referrals, words
from sandbox.neighbourhood.facts import ACUTE, COMMUNITY, GP, Kind, Life
from sandbox.neighbourhood.illness import problem


def learning_disability(life: Life) -> None:
    problem(life, Problems.LEARNING_DISABILITY, 2000, 9000, GP, COMMUNITY, key="learning-disability")
    life.add(
        Kind.FLAG,
        words("Easy Read letters, a longer appointment, and somebody he or she trusts in the room"),
        life.ago(50, 700),
        GP,
        ACUTE,
        COMMUNITY,
        category="reasonable-adjustments",
    )
    life.add(
        Kind.DOCUMENT,
        words("Hospital passport"),
        life.ago(50, 700),
        GP,
        note="What matters to me, and how to talk with me",
    )


def autism(life: Life) -> None:
    problem(life, Problems.AUTISM, 1000, 8000, GP, COMMUNITY, key="autism")
    life.add(
        Kind.FLAG,
        words("A quiet place to wait, and no surprises"),
        life.ago(50, 700),
        GP,
        category="reasonable-adjustments",
    )


def hearing(life: Life) -> None:
    problem(life, Problems.HEARING_LOSS, 500, 4000, GP, key="hearing")
    life.add(
        Kind.FLAG,
        words("Face the person when talking; text rather than telephone"),
        life.ago(50, 700),
        GP,
        ACUTE,
        category="reasonable-adjustments",
    )
    life.add(Kind.DEVICE, words("Hearing aid"), life.ago(100, 1500), ACUTE)


def sight(life: Life) -> None:
    problem(life, Problems.SIGHT_LOSS, 500, 4000, GP, key="sight")
    life.add(Kind.FLAG, words("Letters in large print"), life.ago(50, 700), GP, category="reasonable-adjustments")


def interpreter(life: Life) -> None:
    language = (life.person.language or ("", "their own language"))[1]
    life.add(
        Kind.FLAG,
        words(f"Interpreter needed: {language}"),
        life.ago(20, 500),
        GP,
        ACUTE,
        category="reasonable-adjustments",
    )


def lonely(life: Life) -> None:
    problem(life, Problems.SOCIAL_ISOLATION, 30, 500, GP, key="lonely")
    life.add(Kind.REFERRAL, Referrals.SOCIAL_PRESCRIBING, life.ago(10, 120), GP, status="active", about="lonely")


def homeless(life: Life) -> None:
    problem(life, Problems.HOMELESS, 20, 500, GP, key="homeless", category="housing")


def social_care(life: Life) -> None:
    plan = "Help with washing and dressing each morning|A break for the carer each month"
    life.add(Kind.PLAN, Documents.SUPPORT_PLAN, life.ago(30, 300), GP, note=plan)
    life.add(Kind.DOCUMENT, Documents.CONTINGENCY, life.ago(30, 300), GP, note="Whom to call if the carer falls ill")
    if life.person.cared_for_by is None:
        life.add(Kind.SOCIAL, Findings.LIVES_ALONE, life.ago(30, 300), COMMUNITY, value=words("Lives alone"))


def about_me(life: Life) -> None:
    """What somebody wants everybody who meets them to know, in their own words (PRSB About Me)."""
    said = life.dice.pick((
        "Ask me before you ring anybody. Mornings are best. I like to be told what happens next.",
        "Speak to me, not to the person beside me. I read lips a little. My garden is what keeps me well.",
        "I get flustered by forms: fill them in with me. My sister and my allotment matter most.",
    ))  # fmt: skip
    life.add(Kind.DOCUMENT, words("About me"), life.ago(20, 300), GP, category="about-me", note=said)
