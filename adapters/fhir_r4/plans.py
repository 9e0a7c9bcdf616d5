"""Readers of FHIR R4 plans, goals and flags. Where a source is unclear, a flag goes where fewer people look."""

from __future__ import annotations

from adapters.answering import details
from broker.vocabulary import Section

from .reading import Context, Draft, references, stated_section
from .values import (
    Json,
    all_said,
    all_words,
    begun,
    codings,
    dated,
    many,
    moment,
    notes,
    period,
    text,
    words,
)

_CONTINGENCY_WORDS = ("contingency", "end of life", "end-of-life", "advance care", "emergency care", "resuscitation")


def care_plan(resource: Json, context: Context) -> list[Draft]:
    kind = all_words(many(resource, "category"))
    title = text(resource, "title") or kind or "Care plan"
    ahead = any(word in f"{title} {kind}".lower() for word in _CONTINGENCY_WORDS)
    steps = [item.get("detail") or {} for item in many(resource, "activity")]
    done = [text(step, "description") or words(step.get("code")) for step in steps]
    goals = [context.follow(reference, resource) for reference in many(resource, "goal")]
    aims = [words((goal or {}).get("description")) for goal in goals]
    return [
        Draft(
            stated_section(resource) or (Section.CONTINGENCY if ahead else Section.CARE_PLAN),
            title,
            at=begun(resource.get("period")) or moment(resource.get("created")),
            status=text(resource, "status"),
            codes=tuple(coding for concept in many(resource, "category") for coding in codings(concept)),
            details=details(
                ("About", text(resource, "description")),
                ("When", period(resource.get("period"))),
                ("Goals", "; ".join(filter(None, aims))),
                ("Actions", "; ".join(filter(None, done))),
                ("Note", notes(resource)),
            ),
            by=context.named(resource.get("author"), resource),
            linked=references(resource, "encounter", "addresses", "goal", "basedOn", "partOf"),
        )
    ]


def goal(resource: Json, context: Context) -> list[Draft]:
    aim = resource.get("description")
    return [
        Draft(
            stated_section(resource) or Section.CARE_PLAN,
            words(aim),
            at=moment(resource.get("startDate")),
            status=text(resource, "lifecycleStatus"),
            codes=codings(aim),
            details=details(
                ("How it is going", words(resource.get("achievementStatus"))),
                ("By when", "; ".join(dated(target, "dueDate") for target in many(resource, "target"))),
                ("Note", notes(resource)),
            ),
            by=context.named(resource.get("expressedBy"), resource),
            linked=references(resource, "addresses"),
        )
    ]


_FLAG_CATEGORIES = {
    "advance-directive": Section.CONTINGENCY,
    "research": Section.RESEARCH,
    "safety": Section.RISKS,
    "behavioral": Section.RISKS,
}


_ADJUSTMENT_WORDS = ("reasonable adjustment", "reasonable-adjustment", "nraf", "interpreter", "accessible information")


_SAFEGUARDING_WORDS = (
    *("safeguarding", "child protection", "looked after child"),
    *("cp-is", "female genital mutilation", "fgm"),
)


def flag(resource: Json, context: Context) -> list[Draft]:
    code = resource.get("code")
    return [
        Draft(
            _flagged_in(resource),
            words(code),
            at=begun(resource.get("period")),
            status=text(resource, "status"),
            codes=codings(code),
            details=details(("Kind", all_said(many(resource, "category"))), ("When", period(resource.get("period")))),
            by=context.named(resource.get("author"), resource),
            linked=references(resource, "encounter"),
        )
    ]


def _flagged_in(resource: Json) -> Section:
    """A flag's section. Words decide too: a safeguarding flag among the alerts would be seen by too many."""
    if (stated := stated_section(resource)) is not None:
        return stated
    concepts = [*many(resource, "category"), resource.get("code") or {}]
    listed = [coding for concept in concepts for coding in many(concept, "coding")]
    said = " ".join([*map(words, concepts), *(f"{text(c, 'code')} {text(c, 'display')}" for c in listed)]).lower()
    if any(word in said for word in _SAFEGUARDING_WORDS):
        return Section.SAFEGUARDING
    if any(word in said for word in _ADJUSTMENT_WORDS):
        return Section.INDIVIDUAL_REQUIREMENTS
    known = (_FLAG_CATEGORIES.get(text(coding, "code")) for coding in listed)
    return next((section for section in known if section is not None), Section.ALERTS)
