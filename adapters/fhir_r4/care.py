"""Readers of FHIR R4 resources about care: visits, plans, referrals, flags, documents, forms. One small function for
each type; none decides who may see what it makes."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from adapters.answering import details
from broker.vocabulary import Section

from .reading import Context, Draft, references, stated_section
from .values import (
    Json,
    all_said,
    all_words,
    begun,
    chosen,
    codings,
    day,
    many,
    moment,
    notes,
    period,
    text,
    words,
)

_INPATIENT = {"IMP", "ACUTE", "NONAC", "EMER", "OBSENC", "SS", "PRENC"}  # HL7 v3 ActEncounterCode


def encounter(resource: Json, context: Context) -> list[Draft]:
    kind = resource.get("class") or {}
    admitted = text(kind, "code") in _INPATIENT
    reasons = all_words(many(resource, "reasonCode"))
    people = [context.named(part.get("individual"), resource) for part in many(resource, "participant")]
    stay = resource.get("hospitalization") or {}
    places = [context.named(item.get("location"), resource) for item in many(resource, "location")]
    diagnoses = [each for item in many(resource, "diagnosis") for each in references(item, "condition")]
    what = all_said(many(resource, "type")) or reasons or text(kind, "display") or text(kind, "code")
    return [
        Draft(
            Section.ADMISSIONS if admitted else Section.PROFESSIONAL_CONTACTS,
            what or "Contact",
            at=begun(resource.get("period")),
            status=text(resource, "status"),
            codes=tuple(coding for concept in many(resource, "type") for coding in codings(concept)),
            details=details(
                ("When", period(resource.get("period"))),
                ("Kind", text(kind, "display")),
                ("Why", reasons if reasons != what else ""),
                ("Where", ", ".join(filter(None, places))),
                ("Came from", words(stay.get("admitSource"))),
                ("Left to", words(stay.get("dischargeDisposition"))),
            ),
            by=", ".join(filter(None, people)),
            organisation=context.named(resource.get("serviceProvider"), resource),
            linked=(*references(resource, "reasonReference", "partOf", "appointment", "basedOn"), *diagnoses),
        )
    ]


_AHEAD = {"proposed", "pending", "booked", "waitlist", "arrived", "checked-in"}


def appointment(resource: Json, context: Context) -> list[Draft]:
    status, at = text(resource, "status"), moment(resource.get("start"))
    service = all_words(many(resource, "serviceType")) or words(resource.get("appointmentType"))
    with_whom = [
        context.named(item.get("actor"), resource)
        for item in many(resource, "participant")
        # Other patients at a group session are nobody's business here.
        if "Patient/" not in str((item.get("actor") or {}).get("reference", ""))
    ]
    return [
        Draft(
            Section.APPOINTMENTS if status in _AHEAD and _ahead(at, context.now) else Section.PROFESSIONAL_CONTACTS,
            text(resource, "description") or service or "Appointment",
            at=at,
            status=status,
            codes=tuple(coding for concept in many(resource, "serviceType") for coding in codings(concept)),
            details=details(
                ("When", day(at)),
                ("Service", service),
                ("With", ", ".join(filter(None, with_whom))),
                ("Why", all_words(many(resource, "reasonCode"))),
                ("What to do", text(resource, "patientInstruction")),
                ("Cancelled because", words(resource.get("cancelationReason"))),
            ),
            linked=references(resource, "reasonReference", "basedOn"),
        )
    ]


def _ahead(at: date | datetime | None, now: datetime) -> bool:
    if at is None:
        return True
    return at > now - timedelta(hours=12) if isinstance(at, datetime) else at >= now.date()


_TESTS = {"108252007", "363679005", "103693007"}  # SNOMED CT: laboratory, imaging, diagnostic procedure


def service_request(resource: Json, context: Context) -> list[Draft]:
    code = resource.get("code")
    kinds = {coding.get("code") for concept in many(resource, "category") for coding in many(concept, "coding")}
    who = [context.named(each, resource) for each in many(resource, "performer")]
    name = words(code) or all_words(many(resource, "category"))
    return [
        Draft(
            stated_section(resource) or (Section.ACTIONS if kinds & _TESTS else Section.REFERRALS),
            f"Do not do: {name}" if resource.get("doNotPerform") is True else name,
            at=moment(resource.get("authoredOn")),
            status=text(resource, "status"),
            codes=codings(code),
            details=details(
                ("Priority", text(resource, "priority")),
                ("To", ", ".join(filter(None, who)) or words(resource.get("performerType"))),
                ("Why", all_words(many(resource, "reasonCode"))),
                ("When", chosen(resource, "occurrence")),
                ("What to do", text(resource, "patientInstruction")),
                ("Note", notes(resource)),
            ),
            by=context.named(resource.get("requester"), resource),
            linked=references(resource, "encounter", "reasonReference", "basedOn"),
        )
    ]


def care_team(resource: Json, context: Context) -> list[Draft]:
    members = [
        " ".join(filter(None, (context.named(part.get("member"), resource), f"({role})" if role else "")))
        for part in many(resource, "participant")
        if (role := all_words(many(part, "role"))) is not None
    ]
    return [
        Draft(
            Section.SERVICES,
            text(resource, "name") or all_words(many(resource, "category")) or "Care team",
            at=begun(resource.get("period")),
            status=text(resource, "status"),
            details=details(("Who", "; ".join(filter(None, members))), ("When", period(resource.get("period")))),
            linked=references(resource, "encounter", "reasonReference"),
        )
    ]


def episode(resource: Json, context: Context) -> list[Draft]:
    provider = context.named(resource.get("managingOrganization"), resource)
    return [
        Draft(
            Section.SERVICES,
            all_words(many(resource, "type")) or provider or "Episode of care",
            at=begun(resource.get("period")),
            status=text(resource, "status"),
            details=details(("Provider", provider), ("When", period(resource.get("period")))),
            by=context.named(resource.get("careManager"), resource),
            organisation=provider,
            linked=references(resource, "referralRequest"),
        )
    ]
