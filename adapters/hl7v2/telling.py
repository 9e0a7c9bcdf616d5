"""What one message tells, while it is read: entries, what it takes back, and counts of what was not understood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from adapters.answering import details, plain
from broker.records.source import Coding, Provenance, RecordEntry
from broker.vocabulary import SNOMED_CT, Section

from .message import Message, Segment, Value
from .moments import Moment, moment

# Names of code systems in HL7 v2 (table 0396) by the URI that the rest of the broker knows them by.
SYSTEMS = {
    **dict.fromkeys(("SCT", "SNM", "SNOMED", "SNOMED-CT", "SNOMED CT"), SNOMED_CT),
    **dict.fromkeys(("I10", "ICD10", "ICD-10", "I10C"), "http://hl7.org/fhir/sid/icd-10"),
    **dict.fromkeys(("OPCS4", "OPCS-4", "O4"), "https://fhir.hl7.org.uk/CodeSystem/OPCS-4"),
    **dict.fromkeys(("LN", "LOINC"), "http://loinc.org"),
    **dict.fromkeys(("DMD", "DM+D"), "https://dmd.nhs.uk"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """An entry, and what became of what was said before of the same thing.

    ``whole``: nothing said before still holds. Otherwise what is not said now still holds (HL7 v2 §2.5.3), but for the
    details named in ``deleted``.
    """

    entry: RecordEntry
    deleted: frozenset[str] = frozenset()
    whole: bool = True


@dataclass
class Telling:
    """One message being read. ``withdrawn`` holds ids, or beginnings of ids where they end in ``/``."""

    message: Message
    source: str
    now: datetime
    told: list[Told] = field(default_factory=list)
    withdrawn: set[str] = field(default_factory=set)
    not_understood: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.sent = self.moment(self.message.header, 7).at
        self.organisation = plain(self.message.header.text(4), most=200)

    def tell(
        self,
        *segments: Segment,
        id: str,
        section: Section,
        title: str,
        said: Iterable[tuple[str, str]] = (),
        at: date | datetime | None = None,
        status: str = "",
        codes: tuple[Coding, ...] = (),
        linked: tuple[str, ...] = (),
        by: str = "",
        deleted: Iterable[str] = (),
        whole: bool = True,
    ) -> None:
        entry = RecordEntry(
            id=plain(id, most=200),
            section=section,
            title=plain(title) or "Not named by the source",
            provenance=Provenance(self.source, self.now, self.organisation, plain(by, most=200)),
            at=at,
            status=plain(status, most=100),
            codes=codes,
            details=details(*((label, plain(text)) for label, text in said)),
            linked=linked,
            original={
                "message": f"{self.message.kind}^{self.message.event}",
                "sent": self.sent.isoformat() if self.sent else "",
                "segments": [segment.received for segment in segments],
            },
        )
        self.told.append(Told(entry, frozenset(deleted), whole))

    def moment(self, segment: Segment, number: int, component: int = 1) -> Moment:
        """A timestamp, or none; one that cannot be read is counted."""
        try:
            return moment(segment.text(number, component))
        except (ValueError, OverflowError):
            self.not_understood[f"{segment.name}-{number} not a timestamp"] += 1
            return Moment()


def deleted(segment: Segment, fields: Mapping[int, str]) -> frozenset[str]:
    """The labels of those ``fields`` that the segment deletes."""
    return frozenset(label for number, label in fields.items() if segment.deletes(number))


def words(value: Value) -> str:
    """What a coded value (CE, CWE) says in words: its text, the original text, or its code."""
    return value.text(2) or value.text(9) or value.text(5) or value.text(1)


def codings(value: Value) -> tuple[Coding, ...]:
    """The code of a coded value, and the other one beside it."""
    found = []
    for first in (1, 4):
        code, display, system = (value.text(first + place) for place in range(3))
        if code and system:
            named = SYSTEMS.get(system.upper(), f"urn:hl7v2:{plain(system, most=40)}")
            found.append(Coding(named, plain(code, most=64), plain(display, most=400)))
    return tuple(found)


def person_name(value: Value) -> str:
    """XPN: family, given, further, suffix, prefix."""
    return " ".join(filter(None, (value.text(5), value.text(2), value.text(3), value.text(1))))


def staff_name(value: Value) -> str:
    """XCN: id, family, given, further, suffix, prefix. One that is a name alone stands in the first component."""
    if not value.text(2):
        return "" if value.text(1).isalnum() and any(c.isdigit() for c in value.text(1)) else value.text(1)
    return " ".join(filter(None, (value.text(6), value.text(3), value.text(2))))


def address(value: Value) -> str:
    """XAD, as one line."""
    return ", ".join(filter(None, (value.text(number) for number in (1, 2, 3, 4, 5))))


def folded(
    earlier: Mapping[str, RecordEntry], told: Iterable[Told], withdrawn: Collection[str], *, sent: str
) -> dict[str, RecordEntry]:
    """``earlier`` with what one message told. What was sent earlier but comes later changes nothing that is newer."""
    after = dict(earlier)
    for each in told:
        before = after.get(each.entry.id)
        if before is None:
            after[each.entry.id] = each.entry
        elif not _older(sent, before):
            after[each.entry.id] = each.entry if each.whole else _merged(before, each)
    return {id: entry for id, entry in after.items() if _older(sent, entry) or not _taken_back(id, withdrawn)}


def _older(sent: str, entry: RecordEntry) -> bool:
    """Whether what was ``sent`` then was sent before what the entry says. Not, where either is not known."""
    known = str(entry.original.get("sent", ""))
    return bool(sent and known) and sent < known


def _taken_back(id: str, withdrawn: Iterable[str]) -> bool:
    return any(id.startswith(each) if each.endswith("/") else id == each for each in withdrawn)


def _merged(before: RecordEntry, told: Told) -> RecordEntry:
    now = told.entry
    said = dict(now.details)
    kept = {label: text for label, text in before.details if label not in told.deleted}
    merged = {**kept, **said}
    return replace(
        now,
        at=now.at or before.at,
        status=now.status or before.status,
        codes=now.codes or before.codes,
        linked=tuple(dict.fromkeys((*before.linked, *now.linked))),
        details=tuple(merged.items()),
    )
