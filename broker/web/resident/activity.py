"""Who looked: the trail of one resident's own record, in words. Shows who asked, and never what they read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import render_template, request

from broker.audit.trail import Entry
from broker.doors import parts, session
from broker.proxies import limits
from broker.vocabulary import AccessLevel, AuditAction, ProvisionType, Purpose, Role, Section, Sensitivity
from broker.web.access import RESIDENTS_AND_PROXIES, acting, resident_id, shielded, who
from broker.web.resident import resident
from broker.web.resident.people import organisations, people, residents
from broker.web.trail_words import TRIED, code_of, codes_of, is_trial

A_PAGE = 50

HEADINGS = {
    AuditAction.DECISION: "Asked to see your record, and was told no",
    AuditAction.RELEASE: "Saw part of your record",
    AuditAction.RECORD_VIEWED_BY_RESIDENT: "You read your own record",
    AuditAction.RESIDENT_SOUGHT: "Looked for you by NHS number and date of birth",
    AuditAction.RESIDENT_PAIRED: "Used your pairing code",
    AuditAction.ASKING_CHANGED: "You changed how you may be asked",
    AuditAction.ACCESS_REQUESTED: "Asked you for permission",
    AuditAction.ACCESS_ANSWERED: "You said no to a request",
    AuditAction.CONSENT_GIVEN: "You gave permission",
    AuditAction.CONSENT_NARROWED: "You cut down what is shared",
    AuditAction.CONSENT_WITHDRAWN: "You stopped sharing",
    AuditAction.LABEL_CHANGED: "You said whether something is private",
    AuditAction.PROXY_ACTED: "Opened your pages, acting for you",
    AuditAction.PROXY_CHANGED: "Who may act for you changed",
}
ASKED_AGAIN = {"reminded": "Reminded you of a request", "passed-on": "Told you of a request in person"}
OWN = (
    AuditAction.ACCESS_ANSWERED,
    AuditAction.ASKING_CHANGED,
    AuditAction.CONSENT_GIVEN,
    AuditAction.CONSENT_NARROWED,
    AuditAction.CONSENT_WITHDRAWN,
    AuditAction.LABEL_CHANGED,
    AuditAction.RECORD_VIEWED_BY_RESIDENT,
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
    reads: bool  # something of the record was read
    by: str  # who it was, as the trail names them: never shown


@dataclass(frozen=True)
class Line:
    """Acts that are told together, newest first: one, or one reader's reads of one day for one purpose."""

    acts: tuple[Act, ...]

    @property
    def newest(self) -> Act:
        return self.acts[0]

    @property
    def oldest(self) -> Act:
        return self.acts[-1]


@resident.get("/activity")
@who(*RESIDENTS_AND_PROXIES, level=AccessLevel.SEE_WHO_LOOKED)
def activity() -> str:
    """What happened around this resident's record, newest first. What they read of it themself only where they ask.

    What somebody else read for them is always there.
    """
    before = request.args.get("before", type=int)
    with_own = bool(request.args.get("own"))
    actions = tuple(each for each in HEADINGS if with_own or each is not AuditAction.RECORD_VIEWED_BY_RESIDENT)
    entries = parts().trail.entries(session(), resident=resident_id(), actions=actions, limit=A_PAGE, before=before)
    told = [entry for entry in entries if _tells_something(entry) and not _kept_back(entry)]
    shown = [entry for entry in told if with_own or not _by_oneself(entry)]
    said = {entry.body.get("decision"): entry.note for entry in entries if entry.action is AuditAction.DECISION}
    workers = people({entry.actor.removeprefix("person:") for entry in shown})
    named = organisations({entry.organisation for entry in shown if entry.organisation})
    proxied = _proxies(shown)
    return render_template(
        "resident/activity.jinja",
        lines=lines_of(
            _act(
                entry,
                person=workers.get(entry.actor.removeprefix("person:"), _system(entry)) or proxied.get(entry.actor, ""),
                organisation=named[entry.organisation].name if entry.organisation in named else "",
                # Whoever acts for another does not read what others wrote about them.
                words="" if acting() else entry.note or said.get(entry.body.get("decision")) or "",
            )
            for entry in shown
        ),
        older=entries[-1].index if len(entries) == A_PAGE else None,
        with_own=with_own,
    )


def lines_of(acts: Iterable[Act]) -> list[Line]:
    """``acts`` in their order, with reads together that follow each other and are alike but for the time, the parts
    and the words. An emergency and a refusal each stand alone."""
    lines: list[list[Act]] = []
    for act in acts:
        if lines and _told_with(lines[-1][-1], act):
            lines[-1].append(act)
        else:
            lines.append([act])
    return [Line(tuple(each)) for each in lines]


def _told_with(one: Act, other: Act) -> bool:
    if not (one.reads and other.reads) or any(act.emergency or act.refused for act in (one, other)):
        return False
    return _reader(one) == _reader(other)


def _reader(act: Act) -> tuple[object, ...]:
    day = act.at.astimezone(limits.LONDON).date()
    return act.heading, act.by, act.person, act.organisation, act.role, act.purpose, day


def _by_oneself(entry: Entry) -> bool:
    """Whether it is what a resident read, or was refused, of their own record."""
    asked = entry.action in (AuditAction.DECISION, AuditAction.RECORD_VIEWED_BY_RESIDENT)
    return asked and entry.body.get("purpose") == Purpose.OWN_RECORD.value and not entry.body.get("acting")


def _kept_back(entry: Entry) -> bool:
    """What nobody is to see on a page, and what whoever acts for another is not shown."""
    if entry.action is AuditAction.PROXY_CHANGED and (entry.body.get("quiet") or "state" not in entry.body):
        return True
    return (kept_back := shielded()) is not None and kept_back.hides_entry(entry)


def _proxies(entries: list[Entry]) -> dict[str, str]:
    """The names of those who acted for this resident, by how the trail names them."""
    acted = {entry.actor for entry in entries if entry.body.get("acting")}
    named = residents({actor.removeprefix("resident:") for actor in acted})
    return {f"resident:{id}": f"{name}, acting for you" for id, name in named.items()}


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
    released = entry.action in (AuditAction.RELEASE, AuditAction.RECORD_VIEWED_BY_RESIDENT)
    purpose, role = code_of(Purpose, body.get("purpose")), code_of(Role, body.get("role"))
    return Act(
        at=entry.at,
        heading=_heading(entry),
        person=person,
        organisation=organisation,
        role=role.label if role else "",
        purpose=purpose.label if purpose else "",
        sections=tuple(each for each in _touched(body, "released" if released else "sections") if not _unsaid(each)),
        emergency=bool(body.get("break_glass")),
        refused=entry.action is AuditAction.DECISION,
        own=entry.action in OWN or entry.action is AuditAction.PROXY_CHANGED,
        words="" if entry.actor.startswith("resident:") or entry.action is AuditAction.PROXY_CHANGED else words,
        reads=released,
        by=entry.actor,
    )


def _heading(entry: Entry) -> str:
    said = _what(entry)
    # Not "You stopped sharing", where somebody else did.
    return said.removeprefix("You ").capitalize() if entry.body.get("acting") and said.startswith("You ") else said


def _what(entry: Entry) -> str:
    if entry.action is AuditAction.ACCESS_ANSWERED and entry.body.get("agreed"):
        return "You said yes to a request"
    if entry.action is AuditAction.CONSENT_WITHDRAWN and _denies(entry.body):
        return "You share something again"
    if entry.action is AuditAction.ACCESS_REQUESTED and entry.body.get("how") in ASKED_AGAIN:
        return ASKED_AGAIN[entry.body["how"]]
    if entry.action is AuditAction.ASKING_CHANGED and entry.body.get("pairing_code"):
        return "You made a pairing code"
    if is_trial(entry.actor, entry.body):
        return TRIED
    return HEADINGS[entry.action]


def _touched(body: Mapping[str, object], key: str) -> tuple[str, ...]:
    """What an act was about: parts of the record, or kinds of information. A choice names them in its provisions."""
    named = codes_of(Section, body.get(key)) or codes_of(Section, body.get("stopped"))
    sections = named or tuple(s for s in Section if any(s in codes_of(Section, p.get("sections")) for p in _of(body)))
    kinds = (k for k in Sensitivity if any(k in codes_of(Sensitivity, p.get("labels")) for p in _of(body)))
    return tuple(each.label for each in sections) or tuple(kind.label for kind in kinds)


def _unsaid(label: str) -> bool:
    never = (*limits.never_for_proxies, *limits.sections_never_for_proxies)
    return acting() is not None and label in [code.label for code in never]


def _denies(body: Mapping[str, object]) -> bool:
    return any(provision.get("type") == ProvisionType.DENY.value for provision in _of(body))


def _of(body: Mapping[str, object]) -> list[Mapping[str, object]]:
    provisions = body.get("provisions")
    return [each for each in provisions if isinstance(each, dict)] if isinstance(provisions, list) else []
