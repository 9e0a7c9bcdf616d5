"""Readers of FHIR R4 observations and reports, and the section each belongs in. Interprets no value."""

from __future__ import annotations

from adapters.answering import details
from broker.vocabulary import Section

from .reading import Context, Draft, references, stated_section
from .values import (
    Json,
    all_said,
    all_words,
    between,
    chosen,
    codings,
    day,
    many,
    moment,
    notes,
    span,
    text,
    words,
)

_LABORATORY = {"laboratory", "imaging"}


_SURVEY = {"survey"}


# Codes that say more than "social history". SNOMED CT and LOINC, each by its own meaning.
_SOCIAL = {
    "77386006": Section.PREGNANCY,  # Pregnant
    "60001007": Section.PREGNANCY,  # Not pregnant
    "82810-3": Section.PREGNANCY,  # Pregnancy status
    "32911000": Section.HOUSING,  # Homeless
    "105531004": Section.HOUSING,  # Housing unsatisfactory
    "71802-3": Section.HOUSING,  # Housing status
    "160932005": Section.MONEY,  # Financial problem
    "76513-1": Section.MONEY,  # How hard it is to pay for the very basics
}


def _observed_in(resource: Json) -> Section:
    if (stated := stated_section(resource)) is not None:
        return stated
    codes = {coding.get("code") for coding in many(resource.get("code") or {}, "coding")}
    social = next((_SOCIAL[code] for code in codes if code in _SOCIAL), None)
    if social is not None:
        return social
    categories = {c.get("code") for concept in many(resource, "category") for c in many(concept, "coding")}
    if categories & _LABORATORY:
        return Section.RESULTS
    if "social-history" in categories:
        return Section.SOCIAL_CONTEXT
    return Section.ASSESSMENTS if categories & _SURVEY else Section.OBSERVATIONS


def observation(resource: Json, context: Context) -> list[Draft]:
    code = resource.get("code")
    parts = [(words(part.get("code")), _measured(part)) for part in many(resource, "component")]
    performers = [context.named(each, resource) for each in many(resource, "performer")]
    period = span(resource, "effective")
    return [
        Draft(
            _observed_in(resource),
            words(code),
            at=moment(resource.get("effectiveDateTime") or resource.get("effectiveInstant") or period.get("start")),
            status=text(resource, "status"),
            codes=codings(code),
            details=details(
                ("Value", _measured(resource)),
                *parts,
                ("Meaning", all_words(many(resource, "interpretation"))),
                ("Expected", "; ".join(map(_expected, many(resource, "referenceRange")))),
                ("Where in the body", words(resource.get("bodySite"))),
                ("Method", words(resource.get("method"))),
                ("Note", notes(resource)),
            ),
            by=", ".join(filter(None, performers)),
            linked=references(resource, "encounter", "hasMember", "derivedFrom", "basedOn", "partOf"),
        )
    ]


def _measured(resource: Json) -> str:
    missing = words(resource.get("dataAbsentReason"))
    return chosen(resource, "value") or (f"not recorded: {missing}" if missing else "")


def _expected(limits: Json) -> str:
    return text(limits, "text") or between(limits)


def diagnostic_report(resource: Json, context: Context) -> list[Draft]:
    code = resource.get("code")
    performers = [context.named(each, resource) for each in many(resource, "performer")]
    period = span(resource, "effective")
    at = moment(resource.get("effectiveDateTime") or period.get("start") or resource.get("issued"))
    return [
        Draft(
            stated_section(resource) or Section.RESULTS,
            words(code),
            at=at,
            status=text(resource, "status"),
            codes=codings(code),
            details=details(
                ("Conclusion", text(resource, "conclusion") or all_words(many(resource, "conclusionCode"))),
                ("Kind", all_said(many(resource, "category"))),
                ("Reported", day(moment(resource.get("issued")))),
            ),
            by=", ".join(filter(None, performers)),
            linked=references(resource, "encounter", "result", "basedOn"),
        )
    ]
