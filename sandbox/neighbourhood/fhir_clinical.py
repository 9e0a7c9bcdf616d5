"""Clinical facts as FHIR R4 resources in UK Core shapes: what is wrong, what is taken, what was found and done."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.neighbourhood.codes import Concept
from sandbox.neighbourhood.facts import Fact, Quantity
from sandbox.neighbourhood.fhir_parts import HL7, Page, heading, one, quantity, said
from sandbox.neighbourhood.patient import Resource


def problem(fact: Fact, page: Page) -> Resource:
    categories = [one("condition-category", "problem-list-item")]
    if fact.category:
        categories.append(heading(fact.category))
    return {
        "clinicalStatus": one("condition-clinical", fact.status),
        "verificationStatus": one("condition-ver-status", "confirmed"),
        "category": categories,
        "code": said(fact.what),
        "subject": page.subject,
        "onsetDateTime": fact.on.isoformat(),
        "abatementDateTime": fact.until.isoformat() if fact.until else None,
        "recordedDate": fact.on.isoformat(),
        "recorder": page.writer,
    }


def allergy(fact: Fact, page: Page) -> Resource:
    refuted = fact.status == "refuted"
    reaction: Resource = {}
    if isinstance(fact.value, Concept):
        reaction = {"manifestation": [said(fact.value)], "severity": fact.category}
    return {
        # FHIR R4 ait-1: whatever was not entered in error has a clinical status, and what was refuted is not active.
        "clinicalStatus": one("allergyintolerance-clinical", "inactive" if refuted else "active"),
        "verificationStatus": one("allergyintolerance-verification", fact.status),
        "code": said(fact.what),
        "patient": page.subject,
        "recordedDate": fact.on.isoformat(),
        "recorder": page.writer,
        "reaction": [reaction] if reaction else [],
        "note": [{"text": fact.note}] if fact.note else [],
    }


def prescribed(fact: Fact, page: Page) -> Resource:
    course = "acute" if fact.category == "acute" else "continuous"
    return {
        "status": fact.status,
        "intent": "order",
        "medicationCodeableConcept": said(fact.what),
        "subject": page.subject,
        "authoredOn": fact.on.isoformat(),
        "requester": page.writer,
        "reasonReference": page.about(fact),
        "courseOfTherapyType": one("medicationrequest-course-of-therapy", course),
        "dosageInstruction": [{"text": fact.note}],
    }


def taken(fact: Fact, page: Page) -> Resource:
    return {
        "status": fact.status,
        "medicationCodeableConcept": said(fact.what),
        "subject": page.subject,
        "effectivePeriod": {"start": fact.on.isoformat()},
        "dateAsserted": fact.on.isoformat(),
        "informationSource": page.organisation,
        "reasonReference": page.about(fact),
        "dosage": [{"text": fact.note}],
    }


def observation(default: str) -> Callable[[Fact, Page], Resource]:
    def write(fact: Fact, page: Page) -> Resource:
        written: Resource = {
            "status": "final",
            "category": [one("observation-category", fact.category or default)],
            "code": said(fact.what),
            "subject": page.subject,
            "effectiveDateTime": fact.on.isoformat(),
            "performer": [page.organisation],
            "component": [{"code": said(code), "valueQuantity": quantity(value)} for code, value in fact.parts],
        }
        if isinstance(fact.value, Quantity):
            written["valueQuantity"] = quantity(fact.value)
        elif fact.value is not None:
            written["valueCodeableConcept"] = said(fact.value)
        return written

    return write


def procedure(fact: Fact, page: Page) -> Resource:
    return {
        "status": "completed",
        "code": said(fact.what),
        "subject": page.subject,
        "performedDateTime": fact.on.isoformat(),
        "performer": [{"actor": page.organisation}],
        "reasonReference": page.about(fact),
    }


def vaccination(fact: Fact, page: Page) -> Resource:
    return {
        "status": "completed",
        "vaccineCode": said(fact.what),
        "patient": page.subject,
        "occurrenceDateTime": fact.on.isoformat(),
        "primarySource": True,
        "performer": [{"actor": page.organisation}],
    }


def relative(fact: Fact, page: Page) -> Resource:
    return {
        "status": "completed",
        "patient": page.subject,
        "date": fact.on.isoformat(),
        "relationship": {"coding": [{"system": f"{HL7}/v3-RoleCode", "code": fact.category}], "text": fact.note},
        "condition": [{"code": said(fact.what)}],
    }
