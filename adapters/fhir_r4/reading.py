"""What a resource is read with: whom it must be about, what came with it, the entry it becomes. Maps no type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from adapters.answering import plain
from broker.records.source import Coding
from broker.vocabulary import ACT_CODE, NHS_NUMBER, OWN, SNOMED_CT, UK_CORE_HEADINGS, Section, Sensitivity

from .values import Json, best_name, many, text


@dataclass(slots=True)
class Draft:
    """One entry as a reader understood it. ``part`` tells apart several entries of one resource."""

    section: Section
    title: str
    at: date | datetime | None = None
    status: str = ""
    codes: tuple[Coding, ...] = ()
    details: tuple[tuple[str, str], ...] = ()
    by: str = ""
    organisation: str = ""
    linked: tuple[str, ...] = ()
    part: str = ""


@dataclass(slots=True)
class Context:
    """What came with a resource: others it refers to, by ``Type/id`` and by full URL, and the instant it came."""

    now: datetime
    resources: Mapping[str, Json] = field(default_factory=dict)

    def follow(self, reference: Json | None, within: Json | None = None) -> Json | None:
        """The resource a reference points to, contained in ``within`` or received with it."""
        target = (reference or {}).get("reference")
        if type(target) is not str:
            return None
        if target.startswith("#"):
            contained = many(within or {}, "contained")
            return next((item for item in contained if item.get("id") == target[1:]), None)
        return self.resources.get(target) or self.resources.get(local(target))

    def named(self, reference: Json | None, within: Json | None = None) -> str:
        """Who or what a reference is to, in words: its display, else the name of the resource itself."""
        if not reference:
            return ""
        if shown := text(reference, "display"):
            return shown
        resource = self.follow(reference, within)
        if resource is None:
            return ""
        name = resource.get("name")
        return best_name(name) if type(name) is list else plain(name)


def local(reference: str) -> str:
    """``Type/id`` of a reference that may be absolute or to one version."""
    parts = reference.partition("/_history/")[0].split("/")
    return "/".join(parts[-2:])


def references(resource: Json, *names: str) -> tuple[str, ...]:
    """The entries a resource is about or part of, as ids of entries of this source."""
    found: list[str] = []
    for name in names:
        value = resource.get(name)
        for item in value if type(value) is list else (value,) if value else ():
            target = item.get("reference")
            if type(target) is str and target[:1] != "#" and "/" in target:
                found.append(local(target))
    return tuple(found)


def about(resource: Json, accepted: frozenset[str], numbers: frozenset[str]) -> bool:
    """Whether a resource says that it is about the resident: by a reference to their Patient, or by an NHS number."""
    if resource.get("resourceType") == "Appointment":
        return any(_points(item.get("actor"), accepted, numbers) for item in many(resource, "participant"))
    return _points(resource.get("subject") or resource.get("patient"), accepted, numbers)


def _points(reference: Json | None, accepted: frozenset[str], numbers: frozenset[str]) -> bool:
    if not reference:
        return False
    target = reference.get("reference")
    if type(target) is str:
        return target in accepted or target.partition("/_history/")[0] in accepted
    identifier = reference.get("identifier") or {}
    value = identifier.get("value")
    return identifier.get("system") == NHS_NUMBER and type(value) is str and "".join(value.split()) in numbers


_HEADING_SYSTEMS = {UK_CORE_HEADINGS, f"{OWN}:section"}
# UK Core record standard headings that are narrower than a section of the Core Information Standard.
_NARROWER: dict[Section, tuple[str, ...]] = {
    Section.DEMOGRAPHICS: ("patient-demographics",),
    Section.GP_PRACTICE: ("general-practitioner-practice",),
    Section.INDIVIDUAL_REQUIREMENTS: ("reasonable-adjustments-for-health-and-care-access",),
    Section.LEGAL: (
        *("consent-for-treatment-record", "consent-for-information-sharing", "consent-relating-to-child"),
        *("mental-capacity-assessment", "advance-decision-to-refuse-treatment", "advance-statement"),
        "lasting-power-of-attorney-for-health-and-welfare-or-court-appointed-deputy-or-equivalent",
        "deprivation-of-liberty-safeguards-or-equivalent",
    ),
    Section.ALERTS: ("safety-alerts", "red-flags"),
    Section.RISKS: ("risks-to-self", "risks-to-others", "risk-from-others", "risk-mitigation"),
    Section.SAFEGUARDING: ("safeguarding-issues",),
    Section.ALLERGIES: ("ended-allergies",),
    Section.MEDICATIONS: (
        *("active-medications", "acute-medication", "repeat-medication", "discontinued-medications"),
        "medical-devices",
    ),
    Section.PROBLEMS: ("problems-and-issues", "diagnoses"),
    Section.PROCEDURES: ("procedures",),
    Section.VACCINATIONS: ("immunisations",),
    Section.OBSERVATIONS: ("examination-findings",),
    Section.ASSESSMENTS: ("assessment-scales",),
    Section.SOCIAL_CONTEXT: ("lifestyle", "drug/substance-use", "occupational-history", "educational-history"),
    Section.PROFESSIONAL_CONTACTS: ("contact-with-professionals",),
    Section.ADMISSIONS: ("attendance-details", "discharge-details", "outpatient-details"),
}
_HEADINGS = {str(section): section for section in Section} | {
    heading: section for section, headings in _NARROWER.items() for heading in headings
}


def stated_section(resource: Json) -> Section | None:
    """The section a source itself names in ``category``, by a UK Core record heading or one of ours."""
    category = resource.get("category")
    for concept in category if type(category) is list else (category,) if category else ():
        for coding in concept.get("coding") or ():
            if coding.get("system") in _HEADING_SYSTEMS and coding.get("code") in _HEADINGS:
                return _HEADINGS[coding["code"]]
    return None


_CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_OWN_SENSITIVITY = f"{OWN}:sensitivity"
_BY_CODE = {str(label): frozenset({label}) for label in Sensitivity}
# An HL7 code may cover several of our labels: then all of them hold, the careful reading. What the law alone
# protects is only ever stated by its own code.
_BY_ACT_CODE = {
    code: frozenset(label for label in Sensitivity if label.act_code == code and not label.in_law)
    for code in {label.act_code for label in Sensitivity}
}
_MORE_ACT_CODES = {
    "PSY": _BY_ACT_CODE["PSY"] | {Sensitivity.MENTAL_HEALTH},
    **dict.fromkeys(("BH", "PSYTHPN", "EMOTDIS", "COGN"), frozenset({Sensitivity.MENTAL_HEALTH})),
    "ETH": frozenset({Sensitivity.ALCOHOL, Sensitivity.DRUGS}),
    "OPIOIDUD": frozenset({Sensitivity.DRUGS}),
    **dict.fromkeys(("DVD", "VIO"), frozenset({Sensitivity.DOMESTIC_ABUSE, Sensitivity.SAFEGUARDING})),
}
_ACT_CODES = _BY_ACT_CODE | _MORE_ACT_CODES
# SNOMED CT UK reference sets of what two laws exclude from sharing.
_EXCLUDED_IN_LAW = {
    "1955851000000101": frozenset({Sensitivity.GENDER_RECOGNITION}),
    "1955841000000104": frozenset({Sensitivity.ASSISTED_FERTILISATION}),
}


def stated_labels(resource: Json) -> tuple[frozenset[Sensitivity], str]:
    """The sensitivities ``meta.security`` states, and the first restriction in it that has no meaning here.

    A source that says "restricted" without saying of what kind cannot be obeyed, so such an entry is not used.
    """
    security = (resource.get("meta") or {}).get("security")
    if not security:
        return frozenset(), ""
    labels: set[Sensitivity] = set()
    unknown = ""
    for coding in security:
        system, code = coding.get("system"), text(coding, "code")
        if system == _OWN_SENSITIVITY:
            found = _BY_CODE.get(code)
        elif system == ACT_CODE:
            found = _ACT_CODES.get(code)
        elif system == SNOMED_CT and code in _EXCLUDED_IN_LAW:
            found = _EXCLUDED_IN_LAW[code]
        elif system == _CONFIDENTIALITY and code in ("R", "V"):
            found = None
        else:
            continue
        if found is None:
            unknown = unknown or code
        else:
            labels |= found
    # "Restricted" beside a sensitivity that is understood says nothing more.
    return frozenset(labels), "" if unknown in ("R", "V") and labels else unknown
