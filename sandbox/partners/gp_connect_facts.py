"""Each kind of fact as the STU3 resources a practice would send for it. Lists nothing, and keeps nothing back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sandbox.neighbourhood.codes import Concept
from sandbox.neighbourhood.facts import GP, Fact, Kind, Quantity
from sandbox.neighbourhood.fhir_parts import quantity, said
from sandbox.neighbourhood.patient import Resource
from sandbox.partners.gp_connect_parts import HL7_UK, STU3, Writing, coded, extension

_WORDS_TYPED = Concept("37331000000100", "Comment note")


def _problem(fact: Fact, writing: Writing) -> None:
    major = fact.status == "active"
    written = {
        "extension": [
            extension(
                "ProblemSignificance",
                {"valueCode": "major" if major else "minor"},
                base=f"{HL7_UK}/StructureDefinition",
            )
        ],
        "clinicalStatus": "active" if major else "inactive",
        "category": [coded("problem-list-item", "Problem List Item", "http://hl7.org/fhir/condition-category")],
        "code": said(fact.what),
        "subject": writing.patient,
        "onsetDateTime": fact.on.isoformat(),
        "abatementDateTime": fact.until.isoformat() if fact.until else None,
        "assertedDate": fact.on.isoformat(),
        "asserter": writing.doctor,
    }
    problem = writing.add("Condition", written, area="includeProblems", fact=fact)
    _consult(fact, writing, f"Seen about {fact.what.words.lower()}", [problem["reference"]])


def _allergy(fact: Fact, writing: Writing) -> None:
    ended = fact.status == "refuted"
    reaction: Resource = {}
    if isinstance(fact.value, Concept):
        reaction = {"manifestation": [said(fact.value)], "severity": fact.category}
    written = {
        "clinicalStatus": "resolved" if ended else "active",
        "verificationStatus": "unconfirmed",
        "code": said(fact.what),
        "patient": writing.patient,
        "assertedDate": fact.on.isoformat(),
        "recorder": writing.doctor,
        "reaction": [reaction] if reaction else [],
        "note": [{"text": fact.note}] if fact.note else [],
    }
    if not ended:
        writing.add("AllergyIntolerance", written, area="includeAllergies", fact=fact)
        return
    end = [{"url": "endDate", "valueDateTime": fact.on.isoformat()}, {"url": "reasonEnded", "valueString": fact.note}]
    writing.number += 1
    writing.ended.append(
        {
            "resourceType": "AllergyIntolerance",
            "id": f"{writing.local}-{writing.number}",
            "extension": [extension("AllergyIntoleranceEnd", {"extension": end})],
            **{name: value for name, value in written.items() if value},
        }
    )


def _prescribed(fact: Fact, writing: Writing) -> None:
    """A medicine, what was authorised, each time it was issued, and the statement that all of these belong to."""
    acute = fact.category == "acute"
    course = ("acute", "Acute") if acute else ("repeat", "Repeat")
    kind = extension(
        "PrescriptionType",
        {"valueCodeableConcept": coded(*course, f"{STU3}/CodeSystem/CareConnect-PrescriptionType-1")},
    )
    repeats = [{"url": "numberOfRepeatPrescriptionsIssued", "valueUnsignedInt": 1}]
    medicine = writing.add("Medication", {"code": said(fact.what)})
    common = {
        "medicationReference": medicine,
        "subject": writing.patient,
        "authoredOn": fact.on.isoformat(),
        "requester": {"agent": writing.doctor},
        "dosageInstruction": [{"text": fact.note}],
        "dispenseRequest": {"validityPeriod": {"start": fact.on.isoformat()}},
    }
    again = [] if acute else [extension("MedicationRepeatInformation", {"extension": repeats})]
    plan = writing.add(
        "MedicationRequest",
        {"extension": [kind, *again], "status": fact.status, "intent": "plan", **common},
        area="includeMedication",
    )
    writing.add(
        "MedicationRequest",
        {"extension": [kind], "basedOn": [plan], "status": "completed", "intent": "order", **common},
        area="includeMedication",
    )
    issued = extension("MedicationStatementLastIssueDate", {"valueDateTime": fact.on.isoformat()})
    statement = {
        "extension": [issued],
        "basedOn": [plan],
        "status": fact.status,
        "medicationReference": medicine,
        "effectivePeriod": {"start": fact.on.isoformat()},
        "dateAsserted": fact.on.isoformat(),
        "subject": writing.patient,
        "taken": "unk",
        "dosage": [{"text": fact.note}],
    }
    reference = writing.add("MedicationStatement", statement, area="includeMedication", fact=fact)
    if fact.about:
        writing.by_key[f"{fact.about} is treated with {writing.number}"] = reference["reference"]


def _measured(fact: Fact, writing: Writing, *, area: str = "includeUncategorisedData") -> Resource:
    written: Resource = {
        "status": "final",
        "code": said(fact.what),
        "subject": writing.patient,
        "effectiveDateTime": fact.on.isoformat(),
        "performer": [writing.doctor],
        "component": [{"code": said(code), "valueQuantity": quantity(value)} for code, value in fact.parts],
        "comment": fact.note,
    }
    if isinstance(fact.value, Quantity):
        written["valueQuantity"] = quantity(fact.value)
    elif fact.value is not None:
        written["valueCodeableConcept"] = said(fact.value)
    return writing.add("Observation", written, area=area, fact=fact)


def _found(fact: Fact, writing: Writing) -> None:
    _measured(fact, writing)


def _result(fact: Fact, writing: Writing) -> None:
    """A score is a finding; a laboratory's result comes in a report, with what was asked for and the specimen."""
    if fact.category == "survey":
        _measured(fact, writing)
        return
    day = fact.on.isoformat()
    result = _measured(fact, writing, area="")
    request = writing.add(
        "ProcedureRequest",
        {
            "status": "completed",
            "intent": "order",
            "code": said(fact.what),
            "subject": writing.patient,
            "authoredOn": day,
        },
    )
    specimen = writing.add(
        "Specimen",
        {"type": {"text": "Blood"}, "subject": writing.patient, "collection": {"collectedDateTime": day}},
    )
    report = {
        "basedOn": [request],
        "status": "final",
        "code": coded("721981007", "Diagnostic studies report"),
        "subject": writing.patient,
        "issued": f"{(fact.on + timedelta(days=1)).isoformat()}T09:00:00+00:00",
        "specimen": [specimen],
        "result": [result],
    }
    writing.add("DiagnosticReport", report, area="includeInvestigations")


def _vaccination(fact: Fact, writing: Writing) -> None:
    given = extension("VaccinationProcedure", {"valueCodeableConcept": said(fact.what)})
    written = {
        "extension": [given],
        "status": "completed",
        "notGiven": False,
        "vaccineCode": coded("UNK", "unknown", "http://hl7.org/fhir/v3/NullFlavor"),
        "patient": writing.patient,
        "date": fact.on.isoformat(),
        "primarySource": True,
        "practitioner": [{"actor": writing.doctor}],
    }
    writing.add("Immunization", written, area="includeImmunisations", fact=fact)


def _referral(fact: Fact, writing: Writing) -> None:
    day = fact.on.isoformat()
    if fact.category == "laboratory":
        _diary(fact, writing)
        return
    written = {
        "status": fact.status,
        "intent": "order",
        "priority": "routine",
        "serviceRequested": [said(fact.what)],
        "subject": writing.patient,
        "authoredOn": day,
        "requester": {
            "agent": writing.doctor,
            "onBehalfOf": {"reference": f"Organization/{writing.practice.code}"},
        },
    }
    writing.add("ReferralRequest", written, area="includeReferrals", fact=fact)


def _diary(fact: Fact, writing: Writing) -> None:
    written = {
        "status": "active",
        "intent": "plan",
        "code": said(fact.what),
        "subject": writing.patient,
        "occurrenceDateTime": fact.on.isoformat(),
        "authoredOn": fact.on.isoformat(),
        "requester": {"agent": writing.doctor},
    }
    writing.add("ProcedureRequest", written, area="includeDiaryEntries", fact=fact)


def _visit(fact: Fact, writing: Writing) -> None:
    _consult(fact, writing, fact.what.words, [])


def _document(fact: Fact, writing: Writing) -> None:
    if fact.note:
        _consult(fact, writing, f"{fact.what.words}: {fact.note}", [])


def _consult(fact: Fact, writing: Writing, words: str, items: list[str]) -> None:
    """A consultation: the meeting, and a list of one topic with one heading that holds what was said and recorded."""
    day = fact.on.isoformat()
    encounter = writing.add(
        "Encounter",
        {
            "status": "finished",
            "type": [{"text": "Consultation"}],
            "subject": writing.patient,
            "participant": [{"individual": writing.doctor}],
            "period": {"start": day, "end": day},
            "serviceProvider": {"reference": f"Organization/{writing.practice.code}"},
        },
    )
    note = {
        "status": "final",
        "code": said(_WORDS_TYPED),
        "subject": writing.patient,
        "context": encounter,
        "effectiveDateTime": day,
        "comment": words,
    }
    comment = writing.add("Observation", note, fact=Fact(fact.kind, fact.what, fact.on, (GP,), stated=fact.stated))
    held = [comment, *({"reference": each} for each in items)]
    for code, title in (("24781000000107", "History"), ("25851000000105", fact.what.words), ("325851000000107", "")):
        listed = {
            "status": "current",
            "mode": "snapshot",
            "title": title,
            "code": coded(code, "Consultation"),
            "subject": writing.patient,
            "encounter": encounter,
            "date": day,
            "entry": [{"item": each} for each in held],
        }
        held = [writing.add("List", listed)]
    writing.listed.setdefault("includeConsultations", []).extend([encounter["reference"], held[0]["reference"]])


def link_problems(writing: Writing) -> None:
    """Say on each problem which medicines are for it."""
    for key, treatment in writing.by_key.items():
        about, treated, _ = key.partition(" is treated with ")
        problem = next(
            (r for r in writing.resources if f"{r['resourceType']}/{r['id']}" == writing.by_key.get(about)), None
        )
        if treated and problem is not None:
            problem["extension"].append(
                extension(
                    "RelatedClinicalContent",
                    {"valueReference": {"reference": treatment}},
                    base=f"{HL7_UK}/StructureDefinition",
                )
            )


WRITERS: dict[Kind, Callable[[Fact, Writing], None]] = {
    Kind.PROBLEM: _problem,
    Kind.ALLERGY: _allergy,
    Kind.PRESCRIBED: _prescribed,
    Kind.VITAL: _found,
    Kind.SOCIAL: _found,
    Kind.PROCEDURE: _found,
    Kind.RESULT: _result,
    Kind.VISIT: _visit,
    Kind.DOCUMENT: _document,
    Kind.VACCINATION: _vaccination,
    Kind.REFERRAL: _referral,
    Kind.BOOKING: _diary,
}
