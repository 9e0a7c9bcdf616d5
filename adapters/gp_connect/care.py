"""Readers of STU3 consultations, referrals and diary entries.

A consultation shows the words typed in it, under their headings. The coded items it holds are entries of their own,
in the sections they belong to, and are only linked to: shown inside, they would reach whoever may see consultations.
"""

from __future__ import annotations

from adapters.answering import details
from adapters.fhir_r4.reading import Draft, references
from adapters.fhir_r4.values import (
    Json,
    all_said,
    all_words,
    begun,
    chosen,
    codings,
    many,
    moment,
    notes,
    period,
    span,
    text,
    words,
)
from broker.vocabulary import Section

from .clinical import references_in
from .record import Record, related_problems
from .stu3 import is_comment


def consultation(key: str, resource: Json, record: Record) -> list[Draft]:
    kind = all_said(many(resource, "type")) or text(resource.get("class") or {}, "display")
    topics = record.topics.get(key, [])
    titles = [text(each, "title") for each in topics]
    people = [record.named(each.get("individual"), resource) for each in many(resource, "participant")]
    places = [record.named(each.get("location"), resource) for each in many(resource, "location")]
    said, items = _told(key, record)
    return [
        Draft(
            Section.PROFESSIONAL_CONTACTS,
            kind or "Consultation",
            at=begun(resource.get("period")),
            status=text(resource, "status"),
            codes=tuple(coding for concept in many(resource, "type") for coding in codings(concept)),
            details=details(
                ("When", period(resource.get("period"))),
                ("About", "; ".join(dict.fromkeys(filter(None, titles)))),
                ("Why", all_words(many(resource, "reason"))),
                *said,
                ("Where", ", ".join(filter(None, places))),
            ),
            by=", ".join(dict.fromkeys(filter(None, people))),
            organisation=record.named(resource.get("serviceProvider"), resource),
            linked=tuple(
                dict.fromkeys(
                    (
                        *items,
                        *(found for topic in topics for found in related_problems(topic)),
                        *related_problems(resource),
                        *(found for each in many(resource, "diagnosis") for found in references(each, "condition")),
                    )
                )
            ),
        )
    ]


def _told(key: str, record: Record) -> tuple[list[tuple[str, str]], list[str]]:
    """The words of a consultation, each under its heading; and the items it holds beside them."""
    said: dict[str, list[str]] = {}
    items: list[str] = []
    for line in record.lines.get(key, ()):
        item = record.items.get(line.key)
        if item is not None and is_comment(item):
            if line.key in record.told:
                said.setdefault(line.under or "Note", []).append(text(item, "comment"))
        else:
            items.append(line.key)
    return [(heading, " ".join(filter(None, texts))) for heading, texts in said.items()], items


def referral(key: str, resource: Json, record: Record) -> list[Draft]:
    services = many(resource, "serviceRequested")
    to = [record.named(each, resource) for each in many(resource, "recipient")]
    reasons = all_words(many(resource, "reasonCode"))
    requester = resource.get("requester") or {}
    name = all_words(services) or words(resource.get("specialty")) or reasons or "Referral"
    return [
        Draft(
            Section.REFERRALS,
            name,
            at=moment(resource.get("authoredOn")),
            status=text(resource, "status"),
            codes=tuple(coding for each in (*services, *many(resource, "reasonCode")) for coding in codings(each)),
            details=details(
                ("Priority", text(resource, "priority")),
                ("To", ", ".join(dict.fromkeys(filter(None, to)))),
                ("Specialty", words(resource.get("specialty"))),
                ("Why", reasons if reasons != name else ""),
                ("Description", text(resource, "description")),
                ("When", chosen(resource, "occurrence")),
                ("Note", notes(resource)),
            ),
            by=record.named(requester.get("agent"), resource),
            organisation=record.named(requester.get("onBehalfOf"), resource),
            linked=(*references_in(resource), *references(resource, "reasonReference"), *related_problems(resource)),
        )
    ]


def diary_entry(key: str, resource: Json, record: Record) -> list[Draft]:
    """Something to be done, or a test that was asked for and not yet reported."""
    code = resource.get("code")
    requester = resource.get("requester") or {}
    due = span(resource, "occurrence")
    return [
        Draft(
            Section.ACTIONS,
            words(code),
            at=moment(resource.get("occurrenceDateTime") or due.get("start") or resource.get("authoredOn")),
            status=text(resource, "status"),
            codes=codings(code),
            details=details(
                ("Due", chosen(resource, "occurrence")),
                ("Priority", text(resource, "priority")),
                ("Why", all_words(many(resource, "reasonCode"))),
                ("By whom", words(resource.get("performerType")) or record.named(resource.get("performer"), resource)),
                ("Note", notes(resource)),
            ),
            by=record.named(requester.get("agent"), resource),
            linked=(*references_in(resource), *references(resource, "reasonReference"), *related_problems(resource)),
        )
    ]
