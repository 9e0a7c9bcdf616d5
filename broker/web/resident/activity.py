"""Who looked: the trail of one resident's own record, in words. Shows who asked, and never what they read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import render_template, request

from broker.audit.trail import Entry
from broker.doors import parts, session
from broker.vocabulary import AuditAction, ProvisionType, Purpose, Role, Section, Sensitivity
from broker.web.access import RESIDENTS, resident_id, who
from broker.web.resident import resident
from broker.web.resident.people import organisations, people
from broker.web.trail_words import code_of, codes_of

A_PAGE = 50

HEADINGS = {
    AuditAction.DECISION: "Asked to see your record, and was told no",
    AuditAction.RELEASE: "Saw part of your record",
    AuditAction.RECORD_VIEWED_BY_RESIDENT: "You read your own record",
    AuditAction.RESIDENT_SOUGHT: "Looked for you by NHS number and date of birth",
    AuditAction.ACCESS_REQUESTED: "Asked you for permission",
    AuditAction.ACCESS_ANSWERED: "You said no to a request",
    AuditAction.CONSENT_GIVEN: "You gave permission",
    AuditAction.CONSENT_NARROWED: "You cut down what is shared",
    AuditAction.CONSENT_WITHDRAWN: "You stopped sharing",
}
OWN = (
    AuditAction.ACCESS_ANSWERED,
    AuditAction.CONSENT_GIVEN,
    AuditAction.CONSENT_NARROWED,
    AuditAction.CONSENT_WITHDRAWN,
)


@dataclass(frozen=True)
class Act:
    """One line of the page. Empty words are not shown."""

    at: datetime
    heading: str
    person: str
    organisation: str
    role: str
    purpose: str
    sections: tuple[str, ...]
    emergency: bool
    refused: bool
    own: bool  # something the resident did
    words: str


@resident.get("/activity")
@who(*RESIDENTS)
def activity() -> str:
    """What happened around this resident's record, newest first."""
    before = request.args.get("before", type=int)
    entries = parts().trail.entries(
        session(), resident=resident_id(), actions=tuple(HEADINGS), limit=A_PAGE, before=before
    )
    shown = [entry for entry in entries if _tells_something(entry)]
    said = {entry.body.get("decision"): entry.note for entry in entries if entry.action is AuditAction.DECISION}
    workers = people({entry.actor.removeprefix("person:") for entry in shown})
    named = organisations({entry.organisation for entry in shown if entry.organisation})
    return render_template(
        "resident/activity.jinja",
        acts=[
            _act(
                entry,
                person=workers.get(entry.actor.removeprefix("person:"), _system(entry)),
                organisation=named[entry.organisation].name if entry.organisation in named else "",
                words=entry.note or said.get(entry.body.get("decision")) or "",
            )
            for entry in shown
        ],
        older=entries[-1].index if len(entries) == A_PAGE else None,
    )


def _system(entry: Entry) -> str:
    return "by their computer system" if entry.actor.startswith("client:") else ""


def _tells_something(entry: Entry) -> bool:
    """A yes is told by the release that follows it; a release of nothing, by the refusal before it."""
    permitted = bool(entry.body.get("permitted_any"))
    if entry.action is AuditAction.DECISION:
        return not permitted
    return entry.action is not AuditAction.RELEASE or permitted


def _act(entry: Entry, *, person: str, organisation: str, words: str) -> Act:
    body: Mapping[str, object] = entry.body
    released = entry.action is AuditAction.RELEASE
    purpose, role = code_of(Purpose, body.get("purpose")), code_of(Role, body.get("role"))
    return Act(
        at=entry.at,
        heading=_heading(entry),
        person=person,
        organisation=organisation,
        role=role.label if role else "",
        purpose=purpose.label if purpose else "",
        sections=_touched(body, "released" if released else "sections"),
        emergency=bool(body.get("break_glass")),
        refused=entry.action is AuditAction.DECISION,
        own=entry.action in OWN,
        words="" if entry.actor.startswith("resident:") else words,
    )


def _heading(entry: Entry) -> str:
    if entry.action is AuditAction.ACCESS_ANSWERED and entry.body.get("agreed"):
        return "You said yes to a request"
    if entry.action is AuditAction.CONSENT_WITHDRAWN and _denies(entry.body):
        return "You share something again"
    return HEADINGS[entry.action]


def _touched(body: Mapping[str, object], key: str) -> tuple[str, ...]:
    """What an act was about: parts of the record, or kinds of information. A choice names them in its provisions."""
    named = codes_of(Section, body.get(key)) or codes_of(Section, body.get("stopped"))
    sections = named or tuple(s for s in Section if any(s in codes_of(Section, p.get("sections")) for p in _of(body)))
    kinds = (k for k in Sensitivity if any(k in codes_of(Sensitivity, p.get("labels")) for p in _of(body)))
    return tuple(each.label for each in sections) or tuple(kind.label for kind in kinds)


def _denies(body: Mapping[str, object]) -> bool:
    return any(provision.get("type") == ProvisionType.DENY.value for provision in _of(body))


def _of(body: Mapping[str, object]) -> list[Mapping[str, object]]:
    provisions = body.get("provisions")
    return [each for each in provisions if isinstance(each, dict)] if isinstance(provisions, list) else []
