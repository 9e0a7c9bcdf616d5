"""Readers of FHIR R4 medicines: what was prescribed and what is taken. Never shows part of a dose as the whole."""

from __future__ import annotations

from adapters.answering import details
from broker.records.source import Coding
from broker.vocabulary import Section

from .reading import Context, Draft, references
from .values import (
    Json,
    all_words,
    between,
    chosen,
    codings,
    many,
    moment,
    notes,
    quantity,
    span,
    text,
    words,
)


def medication_request(resource: Json, context: Context) -> list[Draft]:
    name, codes = _medicine(resource, context)
    title = f"Do not give: {name}" if resource.get("doNotPerform") is True else name
    return [
        Draft(
            Section.MEDICATIONS,
            title,
            at=moment(resource.get("authoredOn")),
            status=text(resource, "status"),
            codes=codes,
            details=details(
                ("How to take it", _dosage(many(resource, "dosageInstruction"))),
                ("Kind of prescription", _course(resource.get("courseOfTherapyType"))),
                ("Intent", text(resource, "intent") if resource.get("intent") != "order" else ""),
                ("Why", all_words(many(resource, "reasonCode"))),
                ("Why this status", words(resource.get("statusReason"))),
                ("Quantity", quantity((resource.get("dispenseRequest") or {}).get("quantity"))),
                ("Note", notes(resource)),
            ),
            by=context.named(resource.get("requester"), resource),
            linked=references(resource, "encounter", "reasonReference", "basedOn"),
        )
    ]


def medication_statement(resource: Json, context: Context) -> list[Draft]:
    name, codes = _medicine(resource, context)
    status = text(resource, "status")
    period = span(resource, "effective")
    return [
        Draft(
            Section.MEDICATIONS,
            f"{name} (not taken)" if status == "not-taken" else name,
            at=moment(resource.get("effectiveDateTime") or period.get("start") or resource.get("dateAsserted")),
            status=status,
            codes=codes,
            details=details(
                ("How it is taken", _dosage(many(resource, "dosage"))),
                ("When", chosen(resource, "effective")),
                ("Why", all_words(many(resource, "reasonCode"))),
                ("Why this status", all_words(many(resource, "statusReason"))),
                ("Note", notes(resource)),
            ),
            by=context.named(resource.get("informationSource"), resource),
            linked=references(resource, "context", "reasonReference", "basedOn", "derivedFrom"),
        )
    ]


# What FHIR calls a course, as prescribers here say it: nobody need read a code.
_COURSES = {
    "continuous": "repeat",
    "continuous long term therapy": "repeat",
    "short course (acute) therapy": "acute",
}


def _course(concept: Json | None) -> str:
    said = words(concept)
    return _COURSES.get(said.casefold(), said)


def _medicine(resource: Json, context: Context) -> tuple[str, tuple[Coding, ...]]:
    concept = resource.get("medicationCodeableConcept")
    if concept is None:
        reference = resource.get("medicationReference")
        medicine = context.follow(reference, resource)
        concept = (medicine or {}).get("code")
        return words(concept) or text(reference or {}, "display"), codings(concept)
    return words(concept), codings(concept)


def _dosage(dosages: list[Json]) -> str:
    shown = []
    for dose in dosages:
        if "modifierExtension" in dose:
            raise ValueError("a dose that an unknown extension changes")
        rates = many(dose, "doseAndRate")
        amounts = [quantity(each.get("doseQuantity")) or between(each.get("doseRange")) for each in rates]
        said = text(dose, "text") or " ".join(
            filter(None, (*amounts, words((dose.get("timing") or {}).get("code")), words(dose.get("route"))))
        )
        needed = dose.get("asNeededBoolean") is True or "asNeededCodeableConcept" in dose
        extra = [text(dose, "patientInstruction"), words(dose.get("asNeededCodeableConcept"))]
        shown.append("; ".join(filter(None, (said, "when needed" if needed and "need" not in said else "", *extra))))
    return " / ".join(filter(None, shown))
