"""The clinical areas a practice's record is asked for by: the parameter of each, its list, and the sections it fills.

Areas are GP Connect's; sections are the broker's. Asks nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from broker.vocabulary import Section as S


@dataclass(frozen=True, slots=True)
class Area:
    """``parts`` are those of the parameter, each (name, value element, value).

    ``list_codes`` are the SNOMED CT codes of its primary lists, the one that must come first. ``secondary`` is how
    its secondary lists are called after "problems-" or "consultations-".
    """

    parameter: str
    sections: frozenset[S]
    list_codes: tuple[str, ...]
    secondary: str
    parts: tuple[tuple[str, str, Any], ...] = ()


# What an uncategorised item may be, by its code; most are findings. See results.section_of.
UNCATEGORISED = frozenset({S.OBSERVATIONS, S.SOCIAL_CONTEXT, S.PREGNANCY, S.HOUSING, S.MONEY})

AREAS: Mapping[str, Area] = {
    "allergies": Area(
        "includeAllergies",
        frozenset({S.ALLERGIES}),
        ("886921000000105", "1103671000000101"),
        "allergies",
        (("includeResolvedAllergies", "valueBoolean", True),),
    ),
    "medications": Area(
        "includeMedication",
        frozenset({S.MEDICATIONS}),
        ("933361000000108",),
        "medications",
        (("includePrescriptionIssues", "valueBoolean", True),),
    ),
    # No filterStatus: left out, both active and past problems come, and a reader is told which is which.
    "problems": Area("includeProblems", frozenset({S.PROBLEMS}), ("717711000000103",), "linked-problems"),
    "consultations": Area(
        "includeConsultations", frozenset({S.PROFESSIONAL_CONTACTS}), ("1149501000000101",), "consultations"
    ),
    "immunisations": Area(
        "includeImmunisations",
        frozenset({S.VACCINATIONS}),
        ("1102181000000102",),
        "immunisations",
        (("includeNotGiven", "valueBoolean", True), ("includeStatus", "valueBoolean", True)),
    ),
    "investigations": Area("includeInvestigations", frozenset({S.RESULTS}), ("887191000000108",), "investigations"),
    "referrals": Area("includeReferrals", frozenset({S.REFERRALS}), ("792931000000107",), "outbound-referrals"),
    "diary": Area("includeDiaryEntries", frozenset({S.ACTIONS}), ("714311000000108",), "diary-entries"),
    "uncategorised": Area("includeUncategorisedData", UNCATEGORISED, ("826501000000100",), "uncategorised-data"),
}

# Who the resident is comes with every answer, whatever is asked for.
ALWAYS = frozenset({S.DEMOGRAPHICS, S.GP_PRACTICE, S.INDIVIDUAL_REQUIREMENTS})
SECTIONS = ALWAYS.union(*(area.sections for area in AREAS.values()))

BY_LIST = {code: name for name, area in AREAS.items() for code in area.list_codes}
BY_PARAMETER = {area.parameter: name for name, area in AREAS.items()}


def areas_for(sections: frozenset[S], enabled: frozenset[str]) -> tuple[str, ...]:
    """The areas that may fill one of ``sections``, of those that are ``enabled``."""
    return tuple(name for name, area in AREAS.items() if name in enabled and area.sections & sections)


def sections_of(enabled: frozenset[str]) -> frozenset[S]:
    return ALWAYS.union(*(AREAS[name].sections for name in enabled))


def secondary_area(code: str) -> str | None:
    """The area of a secondary list such as ``problems-medications-related-to-problems``."""
    _, _, rest = code.partition("-")
    return next((name for name, area in AREAS.items() if rest.startswith(area.secondary)), None)
