"""Readers of STU3 medicines: what is taken, under which authorisation, and when it was last issued.

GP Connect tells one medicine in three kinds of resource: a MedicationStatement of what is taken, a MedicationRequest
(``plan``) of what a prescriber authorised, and one (``order``) for every time it was issued. A reader of a record is
shown one entry. Never shows part of a dose as the whole.
"""

from __future__ import annotations

from datetime import date, datetime

from adapters.answering import details
from adapters.fhir_r4.reading import Draft
from adapters.fhir_r4.values import (
    Json,
    all_words,
    chosen,
    codings,
    dated,
    day,
    many,
    moment,
    notes,
    period,
    quantity,
    span,
    text,
    words,
)
from broker.records.source import Coding
from broker.vocabulary import Section

from .clinical import references_in
from .record import Record, related_problems
from .stu3 import extended, part, value

_MOST_ISSUES = 12


def statement(key: str, resource: Json, record: Record) -> list[Draft]:
    """What is taken, with what was authorised and issued."""
    requests = record.parts_of(key, "MedicationRequest")
    plans = [each for each in requests if each.get("intent") == "plan"]
    issues = [each for each in requests if each.get("intent") != "plan"]
    name, codes = _medicine(resource, record)
    taken = text(resource, "taken")
    last = [dated({"": value(each)}, "") for each in extended(resource, "MedicationStatementLastIssueDate")]
    agency = [words(value(each)) for each in extended(resource, "PrescribingAgency")]
    return [
        Draft(
            Section.MEDICATIONS,
            f"{name} (not taken)" if taken == "n" else name,
            at=moment(
                span(resource, "effective").get("start")
                or resource.get("effectiveDateTime")
                or resource.get("dateAsserted")
            ),
            status=text(resource, "status"),
            codes=codes,
            details=details(
                ("How to take it", _dosage(many(resource, "dosage"))),
                *_authorised(plans),
                ("Last issued", "; ".join(filter(None, last))),
                ("Issued", _issued(issues)),
                ("When", chosen(resource, "effective") if not plans else ""),
                ("Prescribed", "; ".join(filter(None, agency))),
                ("Why", all_words(many(resource, "reasonCode"))),
                ("Why not taken", all_words(many(resource, "reasonNotTaken"))),
                ("Note", " ".join(filter(None, map(notes, (resource, *plans))))),
            ),
            by=next(filter(None, (_prescriber(each, record) for each in plans)), ""),
            linked=_linked(resource, *requests),
        )
    ]


def request(key: str, resource: Json, record: Record) -> list[Draft]:
    """What was authorised or issued, where no statement tells of it."""
    issues = record.parts_of(key, "MedicationRequest")
    plan = resource.get("intent") == "plan"
    name, codes = _medicine(resource, record)
    return [
        Draft(
            Section.MEDICATIONS,
            name,
            at=moment(resource.get("authoredOn") or _validity(resource).get("start")),
            status=text(resource, "status"),
            codes=codes,
            details=details(
                ("How to take it", _dosage(many(resource, "dosageInstruction"))),
                *(_authorised([resource]) if plan else ()),
                ("Issued", _issued(issues if plan else [resource])),
                ("Note", notes(resource)),
            ),
            by=_prescriber(resource, record),
            linked=_linked(resource, *issues),
        )
    ]


def _medicine(resource: Json, record: Record) -> tuple[str, tuple[Coding, ...]]:
    concept = resource.get("medicationCodeableConcept")
    if concept is None:
        reference = resource.get("medicationReference")
        concept = (record.follow(reference, resource) or {}).get("code")
        return words(concept) or text(reference or {}, "display"), codings(concept)
    return words(concept), codings(concept)


def _authorised(plans: list[Json]) -> tuple[tuple[str, str], ...]:
    """What a prescriber authorised: acute or repeat, how much, how often, until when, and why it stopped."""
    kinds = [words(value(each)) for plan in plans for each in extended(plan, "PrescriptionType")]
    repeats = [each for plan in plans for each in extended(plan, "MedicationRepeatInformation")]
    stopped = [each for plan in plans for each in extended(plan, "MedicationStatusReason")]
    return (
        ("Kind of prescription", "; ".join(dict.fromkeys(filter(None, kinds)))),
        ("Authorised", "; ".join(filter(None, (period(_validity(plan)) for plan in plans)))),
        ("Quantity", "; ".join(filter(None, map(_quantity, plans)))),
        ("Repeats", "; ".join(filter(None, map(_repeats, repeats)))),
        (
            "Review by",
            "; ".join(filter(None, (dated(part(r, "authorisationExpiryDate"), "valueDateTime") for r in repeats))),
        ),
        ("Why this status", "; ".join(filter(None, (words(value(part(each, "statusReason"))) for each in stopped)))),
    )


def _repeats(information: Json) -> str:
    allowed = value(part(information, "numberOfRepeatPrescriptionsAllowed"))
    issued = value(part(information, "numberOfRepeatPrescriptionsIssued"))
    counted = " of ".join(str(each) for each in (issued, allowed) if type(each) is int)
    return f"{counted} issued" if type(issued) is int else f"{counted} allowed" if counted else ""


def _issued(issues: list[Json]) -> str:
    """When it was issued, newest first; how often beyond the dozen that are listed."""
    dates = sorted(filter(None, map(_on, issues)), reverse=True)
    shown = ", ".join(day(each) for each in dates[:_MOST_ISSUES])
    more = len(issues) - len(dates[:_MOST_ISSUES])
    return f"{shown} and {more} more" if shown and more else shown or (f"{more} times" if more else "")


def _on(issue: Json) -> date | None:
    at = moment(issue.get("authoredOn") or _validity(issue).get("start"))
    return at.date() if isinstance(at, datetime) else at


def _validity(request: Json) -> Json:
    return (request.get("dispenseRequest") or {}).get("validityPeriod") or {}


def _quantity(request: Json) -> str:
    amount = (request.get("dispenseRequest") or {}).get("quantity") or {}
    said = [value(each) for each in extended(amount, "MedicationQuantityText")]
    return next((each for each in said if type(each) is str), "") or quantity(amount)


def _dosage(dosages: list[Json]) -> str:
    shown = []
    for dose in dosages:
        if "modifierExtension" in dose:
            raise ValueError("a dose that an unknown extension changes")
        needed = "when needed" if dose.get("asNeededBoolean") is True else words(dose.get("asNeededCodeableConcept"))
        said = [text(dose, "text"), text(dose, "patientInstruction"), all_words(many(dose, "additionalInstruction"))]
        told = "; ".join(filter(None, said))
        shown.append("; ".join(filter(None, (told, needed if needed and "need" not in told else ""))))
    return " / ".join(filter(None, shown))


def _prescriber(request: Json, record: Record) -> str:
    requester = request.get("requester") or {}
    return record.named(request.get("recorder") or requester.get("agent"), request)


def _linked(*resources: Json) -> tuple[str, ...]:
    found = [each for item in resources for each in (*references_in(item), *related_problems(item))]
    return tuple(dict.fromkeys(found))
