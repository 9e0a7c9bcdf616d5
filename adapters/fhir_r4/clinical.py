"""Readers of clinical FHIR R4 resources: one small function for each type. Each takes a resource that is already known
to be about the resident; none decides who may see what it makes."""

from __future__ import annotations

from adapters.answering import details, plain
from broker.vocabulary import Section

from .reading import Context, Draft, references, stated_section
from .values import (
    Json,
    all_words,
    chosen,
    code_in,
    codings,
    dated,
    many,
    moment,
    notes,
    span,
    text,
    words,
)


def _dated(resource: Json, *names: str) -> str:
    """The first element that holds a date."""
    return next((name for name in names if resource.get(name)), names[0])


def allergy(resource: Json, context: Context) -> list[Draft]:
    reactions = []
    for reaction in many(resource, "reaction"):
        shown, severity = all_words(many(reaction, "manifestation")), text(reaction, "severity")
        reactions.append(f"{shown} ({severity})" if severity else shown)
    code = resource.get("code")
    return [
        Draft(
            Section.ALLERGIES,
            words(code) or "; ".join(words(r.get("substance")) for r in many(resource, "reaction")),
            at=moment(resource.get(_dated(resource, "onsetDateTime", "recordedDate"))),
            status=_clinical_status(resource),
            codes=codings(code),
            details=details(
                ("Reaction", "; ".join(filter(None, reactions))),
                ("Kind", text(resource, "type")),
                ("Category", ", ".join(map(plain, many(resource, "category")))),
                ("Criticality", text(resource, "criticality")),
                ("Started", chosen(resource, "onset")),
                ("Last happened", dated(resource, "lastOccurrence")),
                ("Note", notes(resource)),
            ),
            by=context.named(resource.get("recorder") or resource.get("asserter"), resource),
            linked=references(resource, "encounter"),
        )
    ]


def _clinical_status(resource: Json) -> str:
    """Clinical status, and verification status wherever it says less than "confirmed"."""
    clinical = code_in(resource.get("clinicalStatus"))
    verified = code_in(resource.get("verificationStatus"))
    return ", ".join(filter(None, (clinical, "" if verified == "confirmed" else verified)))


def condition(resource: Json, context: Context) -> list[Draft]:
    code = resource.get("code")
    return [
        Draft(
            stated_section(resource) or Section.PROBLEMS,
            words(code),
            at=moment(
                resource.get(_dated(resource, "onsetDateTime", "recordedDate")) or span(resource, "onset").get("start")
            ),
            status=_clinical_status(resource),
            codes=codings(code),
            details=details(
                ("Severity", words(resource.get("severity"))),
                ("Where in the body", all_words(many(resource, "bodySite"))),
                ("Started", chosen(resource, "onset")),
                ("Ended", chosen(resource, "abatement")),
                ("Recorded", dated(resource, "recordedDate")),
                ("Note", notes(resource)),
            ),
            by=context.named(resource.get("recorder") or resource.get("asserter"), resource),
            linked=references(resource, "encounter"),
        )
    ]


def procedure(resource: Json, context: Context) -> list[Draft]:
    code, status = resource.get("code"), text(resource, "status")
    performers = [context.named(part.get("actor"), resource) for part in many(resource, "performer")]
    period = span(resource, "performed")
    return [
        Draft(
            stated_section(resource) or Section.PROCEDURES,
            words(code) + (" (not done)" if status == "not-done" else ""),
            at=moment(resource.get("performedDateTime") or period.get("start")),
            status=status,
            codes=codings(code),
            details=details(
                ("When", chosen(resource, "performed")),
                ("Why", all_words(many(resource, "reasonCode"))),
                ("Why not done", words(resource.get("statusReason"))),
                ("Where in the body", all_words(many(resource, "bodySite"))),
                ("Outcome", words(resource.get("outcome"))),
                ("Complication", all_words(many(resource, "complication"))),
                ("Note", notes(resource)),
            ),
            by=", ".join(filter(None, performers)) or context.named(resource.get("recorder"), resource),
            linked=references(resource, "encounter", "reasonReference", "partOf"),
        )
    ]


def immunization(resource: Json, context: Context) -> list[Draft]:
    code, status = resource.get("vaccineCode"), text(resource, "status")
    performers = [context.named(part.get("actor"), resource) for part in many(resource, "performer")]
    doses = [chosen(part, "doseNumber") for part in many(resource, "protocolApplied")]
    return [
        Draft(
            Section.VACCINATIONS,
            words(code) + (" (not given)" if status == "not-done" else ""),
            at=moment(resource.get("occurrenceDateTime")),
            status=status,
            codes=codings(code),
            details=details(
                ("When", text(resource, "occurrenceString")),
                ("Why not given", words(resource.get("statusReason"))),
                ("Against", "; ".join(all_words(many(p, "targetDisease")) for p in many(resource, "protocolApplied"))),
                ("Dose number", ", ".join(filter(None, doses))),
                ("Batch", text(resource, "lotNumber")),
                ("Where in the body", words(resource.get("site"))),
                ("Reaction", "; ".join(dated(r, "date") for r in many(resource, "reaction"))),
                ("Note", notes(resource)),
            ),
            by=", ".join(filter(None, performers)),
            linked=references(resource, "encounter", "reasonReference"),
        )
    ]


def family_history(resource: Json, context: Context) -> list[Draft]:
    relation = words(resource.get("relationship"))
    conditions = []
    for item in many(resource, "condition"):
        age = chosen(item, "onset")
        conditions.append(words(item.get("code")) + (f" (from {age})" if age else ""))
    codes = [coding for item in many(resource, "condition") for coding in codings(item.get("code"))]
    # The relative's own name is theirs, not the resident's: it is left out.
    return [
        Draft(
            Section.FAMILY_HISTORY,
            ": ".join(filter(None, (relation, "; ".join(filter(None, conditions))))),
            at=moment(resource.get("date")),
            status=text(resource, "status"),
            codes=tuple(codes),
            details=details(("Relative", relation), ("Died", chosen(resource, "deceased")), ("Note", notes(resource))),
        )
    ]


def risk(resource: Json, context: Context) -> list[Draft]:
    code = resource.get("code")
    outcomes = [
        " ".join(filter(None, (words(item.get("outcome")), words(item.get("qualitativeRisk")))))
        for item in many(resource, "prediction")
    ]
    return [
        Draft(
            Section.RISKS,
            words(code) or "; ".join(filter(None, outcomes)),
            at=moment(resource.get("occurrenceDateTime")),
            status=text(resource, "status"),
            codes=codings(code),
            details=details(
                ("Risk", "; ".join(filter(None, outcomes))),
                ("What lowers it", text(resource, "mitigation")),
                ("Note", notes(resource)),
            ),
            by=context.named(resource.get("performer"), resource),
            linked=references(resource, "encounter", "condition", "basis"),
        )
    ]
