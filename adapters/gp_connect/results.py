"""Readers of STU3 observations and reports, and the section each belongs in. Interprets no value."""

from __future__ import annotations

from adapters.answering import details
from adapters.fhir_r4.reading import Draft, references
from adapters.fhir_r4.values import (
    Json,
    all_said,
    all_words,
    between,
    chosen,
    codings,
    day,
    many,
    moment,
    span,
    text,
    words,
)
from broker.vocabulary import Section

from .clinical import references_in
from .record import Record, related_problems
from .stu3 import is_comment

# What practices record without a category, by the SNOMED CT code it is most recorded under.
_BY_CODE = {
    **dict.fromkeys(("77386006", "60001007"), Section.PREGNANCY),
    **dict.fromkeys(("32911000", "105531004"), Section.HOUSING),
    "160932005": Section.MONEY,
    **dict.fromkeys(("229819007", "365981007", "77176002", "8517006", "266919005"), Section.SOCIAL_CONTEXT),  # smoking
    **dict.fromkeys(("228273003", "160573003", "228276006", "105542008"), Section.SOCIAL_CONTEXT),  # alcohol
    **dict.fromkeys(("105529008", "224484003", "361055000", "422650009"), Section.SOCIAL_CONTEXT),
}


def section_of(key: str, resource: Json, record: Record) -> Section:
    """An observation says of itself only what it is; where it belongs is told by the list that holds it."""
    if key in record.tested or record.area.get(key) == "investigations":
        return Section.RESULTS
    if record.area.get(key) == "immunisations":
        return Section.VACCINATIONS
    codes = [str(coding.get("code")) for coding in many(resource.get("code") or {}, "coding")]
    return next((_BY_CODE[code] for code in codes if code in _BY_CODE), Section.OBSERVATIONS)


def observation(key: str, resource: Json, record: Record) -> list[Draft]:
    code = resource.get("code")
    note = text(resource, "comment")
    comment = is_comment(resource)
    parts = [(words(part.get("code")), _measured(part)) for part in many(resource, "component")]
    performers = [record.named(each, resource) for each in many(resource, "performer")]
    related = [each.get("target") or {} for each in many(resource, "related")]
    when = resource.get("effectiveDateTime") or span(resource, "effective").get("start") or resource.get("issued")
    return [
        Draft(
            section_of(key, resource, record),
            "Note" if comment else words(code),
            at=moment(when),
            status=text(resource, "status"),
            codes=codings(code),
            details=details(
                ("Value", _measured(resource)),
                *parts,
                ("Meaning", words(resource.get("interpretation"))),
                (
                    "Expected",
                    "; ".join(text(each, "text") or between(each) for each in many(resource, "referenceRange")),
                ),
                ("Where in the body", words(resource.get("bodySite"))),
                ("Method", words(resource.get("method"))),
                ("Note", note),
            ),
            by=", ".join(dict.fromkeys(filter(None, performers))),
            linked=(
                *references_in(resource),
                *(found for each in related for found in references({"": each}, "")),
                *references(resource, "basedOn"),
                *related_problems(resource),
            ),
        )
    ]


def _measured(resource: Json) -> str:
    missing = words(resource.get("dataAbsentReason"))
    return chosen(resource, "value") or (f"not recorded: {missing}" if missing else "")


def report(key: str, resource: Json, record: Record) -> list[Draft]:
    """A report with what was asked for, the specimen, and what somebody noted when it was filed."""
    code = resource.get("code")
    requested = [words(each.get("code")) for each in record.parts_of(key, "ProcedureRequest")]
    remarks = [text(each, "comment") for each in record.parts_of(key, "Observation")]
    specimens = [record.follow(each, resource) or {} for each in many(resource, "specimen")]
    performers = [record.named(each.get("actor"), resource) for each in many(resource, "performer")]
    asked = "; ".join(filter(None, requested))
    return [
        Draft(
            Section.RESULTS,
            words(code) or asked,
            at=moment(resource.get("effectiveDateTime") or resource.get("issued")),
            status=text(resource, "status"),
            codes=codings(code),
            details=details(
                ("Asked for", asked),
                ("Specimen", "; ".join(filter(None, map(_specimen, specimens)))),
                ("Conclusion", text(resource, "conclusion") or all_words(many(resource, "codedDiagnosis"))),
                ("Kind", all_said([resource["category"]] if resource.get("category") else [])),
                ("Reported", day(moment(resource.get("issued")))),
                ("Note", " ".join(filter(None, remarks))),
            ),
            by=", ".join(dict.fromkeys(filter(None, performers))),
            linked=(*references_in(resource), *references(resource, "result"), *related_problems(resource)),
        )
    ]


def _specimen(specimen: Json) -> str:
    taken = (specimen.get("collection") or {}).get("collectedDateTime")
    return ", ".join(filter(None, (words(specimen.get("type")), f"taken {day(moment(taken))}" if taken else "")))
