"""Read HL7 v2 messages: what each tells of one person, or why it is not taken. Opens nothing and keeps nothing.

ADT, ORU^R01, REF^I12 to I14 and SIU; allergies, diagnoses and procedures wherever they stand. A segment that is not
read is counted by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256

from adapters.answering import USUAL, Answering, Limits, Read
from broker.records.source import RecordEntry, ResidentIdentity
from broker.vocabulary import GapCause, Section

from . import admissions, clinical, referrals, results
from .message import Message, messages_in, parse
from .person import person_of
from .refusing import Answer, NotTaken, Problem
from .telling import Telling, Told, folded

SECTIONS: Mapping[str, frozenset[Section]] = {
    "ADT": frozenset(
        {
            *(Section.DEMOGRAPHICS, Section.GP_PRACTICE, Section.CONTACTS, Section.ADMISSIONS),
            *(Section.ALLERGIES, Section.PROBLEMS, Section.PROCEDURES),
        }
    ),
    "ORU": frozenset({Section.RESULTS}),
    "REF": frozenset({Section.REFERRALS, Section.ALLERGIES, Section.PROBLEMS, Section.PROCEDURES, Section.RESULTS}),
    "SIU": frozenset({Section.APPOINTMENTS}),
}
EVERY_SECTION = frozenset().union(*SECTIONS.values())
EVENTS: Mapping[str, frozenset[str]] = {
    "ADT": admissions.EVENTS,
    "ORU": frozenset({"R01"}),
    "REF": referrals.REFERRAL_EVENTS,
    "SIU": referrals.APPOINTMENT_EVENTS,
}
_READ = {
    "ADT": frozenset({"NK1", "PD1", "PV1", "AL1", "DG1", "PR1"}),
    "ORU": frozenset({"OBR", "OBX", "NTE", "PV1"}),
    "REF": frozenset({"RF1", "PRD", "AL1", "DG1", "PR1", "OBR", "OBX", "NTE", "PV1"}),
    "SIU": frozenset({"SCH", "AIS", "AIL", "AIP", "PV1", "RGS"}),
}
# Segments that say how a message goes with others, and nothing of the person; MRG is another number of somebody.
_SUPPORTING = frozenset({"MSH", "SFT", "EVN", "PID", "PV2", "ORC", "TQ1", "SPM", "CTD", "MRG", "UAC"})
_VERSIONS = ("2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "2.8", "2.9")


@dataclass(frozen=True, kw_only=True)
class Said:
    """What one message says of one person. ``withdrawn`` names entries that no longer hold: see ``Telling``."""

    control_id: str
    kind: str  # as in ADT^A01
    application: str  # MSH-3
    facility: str  # MSH-4
    digest: str = field(repr=False)  # of the message as it came
    sent: datetime | date | None
    person: ResidentIdentity
    told: tuple[Told, ...] = ()
    withdrawn: frozenset[str] = frozenset()
    not_understood: Mapping[str, int] = field(default_factory=dict)

    def after(self, earlier: Mapping[str, RecordEntry]) -> dict[str, RecordEntry]:
        """What is known by id once this message is added to ``earlier``, of the same person from the same source."""
        sent = self.sent.isoformat() if self.sent else ""
        return folded(earlier, self.told, self.withdrawn, sent=sent)


def understand(data: bytes, *, source: str, now: datetime) -> Said:
    """One message. Raises NotTaken, which says so in the words of the standard."""
    message = parse(data)
    _check_header(message)
    person = person_of(message)
    telling = Telling(message, source, now)
    _KINDS[message.kind](telling)
    for segment in message.segments:
        if segment.name not in _READ[message.kind] | _SUPPORTING:
            telling.not_understood[f"{segment.name} segment"] += 1
    return Said(
        control_id=message.control_id,
        kind=f"{message.kind}^{message.event}",
        application=message.header.text(3),
        facility=message.header.text(4),
        digest=sha256(data).hexdigest(),
        sent=telling.sent,
        person=person,
        told=tuple(telling.told),
        withdrawn=frozenset(telling.withdrawn),
        not_understood=dict(telling.not_understood),
    )


def _check_header(message: Message) -> None:
    if not message.control_id:
        raise NotTaken(Problem.FIELD_MISSING, "it has no control id", where="MSH^1^10", answer=Answer.REJECT)
    if not message.header.text(12).startswith(_VERSIONS):
        raise NotTaken(
            Problem.VERSION_UNSUPPORTED, "its version is not one that is read", where="MSH^1^12", answer=Answer.REJECT
        )
    if message.kind not in EVENTS:
        raise NotTaken(
            Problem.TYPE_UNSUPPORTED, "its type is not one that is read", where="MSH^1^9", answer=Answer.REJECT
        )
    if message.event not in EVENTS[message.kind]:
        raise NotTaken(
            Problem.EVENT_UNSUPPORTED, "its event is not one that is read", where="MSH^1^9", answer=Answer.REJECT
        )


def _adt(telling: Telling) -> None:
    admissions.read(telling)
    if telling.message.event != "A40":
        clinical.read(telling, about=admissions.visit_id(telling))


def _ref(telling: Telling) -> None:
    referrals.read(telling)
    about = referrals.referral_id(telling)
    clinical.read(telling, about=about)
    results.read(telling, about=about)


_KINDS: Mapping[str, Callable[[Telling], None]] = {
    "ADT": _adt,
    "ORU": results.read,
    "REF": _ref,
    "SIU": referrals.read_appointment,
}


def read_document(
    data: bytes,
    *,
    source: str,
    now: datetime,
    limits: Limits = USUAL,
    resident: ResidentIdentity | None = None,
) -> Read:
    """A file of messages, in the order they were sent. About the first person named, where ``resident`` is nobody."""
    answering = Answering(frozenset(Section))
    if len(data) > limits.answer_bytes:
        answering.gap(EVERY_SECTION, GapCause.TOO_LARGE, f"has more than {limits.answer_bytes:,} bytes")
        return Read(None, answering.answer())
    said = _understood(data, source, now, answering)
    person = resident or (said[0].person if said else None)
    known: dict[str, RecordEntry] = {}
    for each in sorted(said, key=_order):
        if person is None or not _agrees(each.person, person):
            answering.gap(SECTIONS[each.kind[:3]], GapCause.WRONG_PERSON, "a message is about somebody else")
            continue
        known = each.after(known)
        answering.not_understood.update(each.not_understood)
    for entry in known.values():
        answering.add(entry)
    return Read(said[0].person if said else None, answering.answer())


def _understood(data: bytes, source: str, now: datetime, answering: Answering) -> list[Said]:
    found = []
    messages = messages_in(data)
    for number, each in enumerate(messages, start=1):
        try:
            found.append(understand(each, source=source, now=now))
        except NotTaken as refused:
            answering.not_understood[f"message {number}: {refused.detail}"] += 1
            answering.gap(EVERY_SECTION, GapCause.MALFORMED, "some messages could not be read")
    if not messages:
        answering.gap(EVERY_SECTION, GapCause.MALFORMED, "holds no HL7 v2 message")
    return found


def _agrees(person: ResidentIdentity, resident: ResidentIdentity) -> bool:
    return resident.is_known_by(person.nhs_number or "") and person.born_on == resident.born_on


def _order(said: Said) -> str:
    """When it was sent. What is not dated counts as the oldest, so that it replaces nothing that is."""
    if isinstance(said.sent, datetime):
        return said.sent.astimezone(UTC).isoformat()
    return said.sent.isoformat() if said.sent else ""
