"""Sharing agreements for the tests: a London framework and two under it, each changed where a test needs it so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from broker.agreements import document
from broker.agreements.document import AgreementDocument
from broker.vocabulary import Section
from tests.people import COUNCIL, FOOD_BANK, INTEGRATOR, SURGERY

ADVICE_SECTIONS = (Section.DEMOGRAPHICS, Section.HOUSING, Section.MONEY, Section.VCFSE_SUPPORT)
CARE_SECTIONS = (Section.ALLERGIES, Section.MEDICATIONS, Section.PROBLEMS, Section.DEMOGRAPHICS, Section.HOUSING)


def agreement(id: str, **changes: Any) -> AgreementDocument:
    """A well-formed agreement; ``changes`` replace its fields."""
    text: dict[str, Any] = {
        "id": id,
        "title": f"Agreement {id}",
        "level": "london",
        "place": None,
        "under": None,
        "narrows": False,
        "purpose_statement": "So that residents are helped.",
        "benefits": "Help that fits.",
        "parties": [party(INTEGRATOR), party(COUNCIL)],
        "recipients": {"kinds": ["gp-practice", "local-authority", "vcfse"]},
        "purposes": ["direct-care", "emergency"],
        "data_subjects": "Residents who are helped.",
        "geography": "Testbourne.",
        "sections": because(set(ADVICE_SECTIONS) | set(CARE_SECTIONS)),
        "sources": {"organisations": [], "kinds": ["gp-practice", "local-authority", "vcfse"]},
        "roles": ["case-worker", "clinician", "link-worker"],
        "labels": [],
        "lawful_basis": {
            "article_6": "6(1)(e)",
            "article_9": "9(2)(h)",
            "schedule_1": "Part 1 paragraph 2",
            "powers": "National Health Service Act 2006; Care Act 2014.",
        },
        "confidentiality": "implied",
        "disclosure": "tell",
        "break_glass": True,
        "obligations": [],
        "flow": {"method": "On a screen.", "frequency": "When somebody asks.", "hosting": "In the United Kingdom."},
        "rights": {
            "access_requests": "Each party.",
            "objections": "Each party.",
            "complaints": "Each party, and the Information Commissioner.",
            "privacy_notice": "https://testbourne.example/privacy",
        },
        "security": "Strong sign-in, access by role, and an entry for every look.",
        "incidents": {"contact": "The contact of every party.", "hours": 24},
        "retention": "Nothing is kept.",
        "disposal": "There is nothing to destroy.",
        "onward_sharing": "None.",
        "dpia": {"reference": "DPIA-T", "on": "2026-01-05"},
        "review_on": "2027-06-01",
        "from_on": "2026-01-06",
        "until_on": "2027-12-31",
    }
    text |= changes
    signatories = [
        {"organisation": each["organisation"], "name": f"Signatory of {each['organisation']}", "role": "ig-lead"}
        for each in text["parties"]
    ]
    return document.from_mapping({"signatories": signatories, **text})


def frameworks() -> tuple[AgreementDocument, AgreementDocument]:
    """London's two: care on implied consent, and everything else on explicit permission."""
    community = {"purposes": ["advice-debt"], "confidentiality": "explicit", "break_glass": False}
    return agreement("LON-CARE"), agreement("LON-COMMUNITY", **community)


def advice(**changes: Any) -> AgreementDocument:
    """The food bank gives debt advice, with the resident's explicit permission."""
    text: dict[str, Any] = {
        "level": "place",
        "place": "TB",
        "under": "LON-COMMUNITY",
        "parties": [party(FOOD_BANK, receives=True), party(SURGERY), party(COUNCIL)],
        "recipients": {"kinds": []},
        "purposes": ["advice-debt"],
        "sections": because(ADVICE_SECTIONS),
        "roles": ["case-worker"],
        "confidentiality": "explicit",
        "break_glass": False,
    }
    return agreement("TB-ADVICE", **{**text, **changes})


def care(**changes: Any) -> AgreementDocument:
    """The surgery cares for its patients, on implied consent."""
    text: dict[str, Any] = {
        "level": "place",
        "place": "TB",
        "under": "LON-CARE",
        "parties": [party(SURGERY, receives=True), party(COUNCIL)],
        "recipients": {"kinds": []},
        "purposes": ["direct-care", "emergency"],
        "sections": because(CARE_SECTIONS),
        "roles": ["clinician"],
    }
    return agreement("TB-CARE", **{**text, **changes})


def party(organisation: str, *, receives: bool = False) -> dict[str, Any]:
    return {
        "organisation": organisation,
        "part": "controller",
        "receives": receives,
        "gives": True,
        "contact": f"Data protection lead of {organisation}",
        "dspt": {"status": "met", "on": "2025-06-20"},
    }


def because(sections: Iterable[Section]) -> list[dict[str, str]]:
    return [{"section": section.value, "because": "It is needed."} for section in sorted(sections)]
