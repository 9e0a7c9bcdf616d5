"""Facts about care itself as FHIR R4 resources in UK Core shapes: visits, plans, warnings, papers, people, things."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta

from broker.vocabulary import UK_CORE_HEADINGS
from sandbox.neighbourhood.facts import Fact
from sandbox.neighbourhood.fhir_parts import HL7, Page, heading, said
from sandbox.neighbourhood.patient import Resource

# HL7 ActCode: its display, and what the source calls such a visit.
_CLASSES = {
    "AMB": ("ambulatory", "Consultation"),
    "EMER": ("emergency", "Emergency attendance"),
    "IMP": ("inpatient encounter", "Hospital stay"),
    "HH": ("home health", "Home visit"),
}


def visit(fact: Fact, page: Page) -> Resource:
    display, called = _CLASSES[fact.category]
    nights = 3 if fact.category == "IMP" else 0
    return {
        "status": "finished",
        "class": {"system": f"{HL7}/v3-ActCode", "code": fact.category, "display": display},
        "type": [{"text": called}],
        "subject": page.subject,
        "participant": [{"individual": page.writer}],
        "period": {"start": fact.on.isoformat(), "end": (fact.on + timedelta(days=nights)).isoformat()},
        "reasonCode": [said(fact.what)],
        "reasonReference": page.about(fact),
        "serviceProvider": page.organisation,
    }


def booking(fact: Fact, page: Page) -> Resource:
    day = fact.on.isoformat()
    return {
        "status": fact.status,
        "serviceType": [said(fact.what)],
        "reasonReference": page.about(fact),
        "description": fact.what.words,
        "start": f"{day}T10:00:00+00:00",
        "end": f"{day}T10:20:00+00:00",
        "participant": [{"actor": page.subject, "status": "accepted"}],
    }


def referral(fact: Fact, page: Page) -> Resource:
    return {
        "status": fact.status,
        "intent": "order",
        "priority": "routine",
        "category": [heading("plan-and-requested-actions")] if fact.category == "laboratory" else [],
        "code": said(fact.what),
        "subject": page.subject,
        "authoredOn": fact.on.isoformat(),
        "requester": page.writer,
        "reasonReference": page.about(fact),
    }


def plan(fact: Fact, page: Page) -> Resource:
    actions = [action for action in fact.note.split("|") if action]
    return {
        "status": "active",
        "intent": "plan",
        "category": [said(fact.what)],
        "title": fact.what.words,
        "subject": page.subject,
        "period": {"start": fact.on.isoformat()},
        "created": fact.on.isoformat(),
        "author": page.writer,
        "activity": [{"detail": {"status": "in-progress", "description": action}} for action in actions],
    }


def flag(fact: Fact, page: Page) -> Resource:
    heading = {
        "reasonable-adjustments": "reasonable-adjustments-for-health-and-care-access",
    }.get(fact.category, fact.category)
    return {
        "status": "active",
        "category": [{"coding": [{"system": UK_CORE_HEADINGS, "code": heading}]}],
        "code": said(fact.what),
        "subject": page.subject,
        "period": {"start": fact.on.isoformat()},
        "author": page.organisation,
    }


def document(fact: Fact, page: Page) -> Resource:
    text = b64encode(fact.note.encode()).decode()
    about = page.about(fact)
    context = {"related": about} if about else None
    return {
        "status": "current",
        "type": said(fact.what),
        "category": [heading(fact.category)] if fact.category else [],
        "subject": page.subject,
        "date": f"{fact.on.isoformat()}T12:00:00+00:00",
        "author": [page.writer],
        "custodian": page.organisation,
        "description": f"{fact.what.words}: {fact.note}",
        "content": [{"attachment": {"contentType": "text/plain", "data": text, "title": fact.what.words}}],
        "context": context,
    }


def contact(fact: Fact, page: Page) -> Resource:
    system, code = {"carer": ("v3-RoleClass", "CAREGIVER"), "parent": ("v3-RoleCode", "PRN")}[fact.category]
    coding = {"system": f"{HL7}/{system}", "code": code}
    return {
        "active": True,
        "patient": page.subject,
        "relationship": [{"coding": [coding], "text": fact.what.words}],
        "name": [{"text": page.contact["name"]}] if page.contact else [],
        "telecom": [{"system": "phone", "value": page.contact["telephone"]}] if page.contact else [],
    }


def device(fact: Fact, page: Page) -> Resource:
    return {"status": "active", "type": said(fact.what), "patient": page.subject, "owner": page.organisation}


def diet(fact: Fact, page: Page) -> Resource:
    return {
        "status": "active",
        "intent": "order",
        "patient": page.subject,
        "dateTime": fact.on.isoformat(),
        "orderer": page.writer,
        "oralDiet": {"type": [said(fact.what)]},
    }


def episode(fact: Fact, page: Page) -> Resource:
    return {
        "status": "active",
        "type": [said(fact.what)],
        "patient": page.subject,
        "managingOrganization": page.organisation,
        "period": {"start": fact.on.isoformat()},
    }
