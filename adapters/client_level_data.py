"""Adult social care Client Level Data as a source system: CSV files a council drops into a folder, never sent anywhere.

For each reporting period the newest file counts. A row is used only where NHS number and date of birth both agree.
Linked persons (``Adult_1_Linked_Person_ID`` …) are other people and are never read, or kept beside what is.
Fields: Client Level Data specification, Department of Health and Social Care. Release 2 is known by its columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from broker.records.source import Provenance, RecordEntry, ResidentIdentity, SourceAnswer, SourceCheck
from broker.vocabulary import GapCause, Section

from . import configuration as read
from .answering import (
    USUAL,
    Answering,
    Clock,
    Limits,
    Read,
    Unanswered,
    details,
    no_answer,
    plain,
    utc_now,
)
from .csv_file import CsvFiles, Index, Layout, Row, Worker, newest
from .rows import DATE_FORMATS, belonging, normal_number, read_date, spoiled

KEYS: Mapping[str, read.Key] = {
    "folder": read.Key(read.text, "the folder the council's files are put into"),
    "pattern": read.Key(read.text, "which files of the folder are read", "*.csv"),
}

NUMBER, LOCAL, BORN = "NHS_Number", "LA_Person_Unique_Identifier", "Date_of_Birth"
PERIOD = ("Reporting_Period_Start_Date", "Reporting_Period_End_Date")
LAYOUT = Layout(
    needed=(NUMBER, LOCAL, BORN, *PERIOD, "Event_Type", "Event_Start_Date"),
    keys=(NUMBER, LOCAL),
    normal=normal_number,
)

_EVENTS = {
    "request": Section.REFERRALS,
    "assessment": Section.ASSESSMENTS,
    "service": Section.SERVICES,
    "review": Section.CARE_PLAN,
}
_EVENT_DETAILS = (
    *("Event_Description", "Event_Outcome", "Request_Route_of_Access", "Assessment_Type", "Eligible_Needs_Identified"),
    *("Method_of_Assessment", "Service_Type", "Service_Component", "Delivery_Mechanism"),
    *("Provider_CQC_Location_Name", "Planned_units_per_week", "Review_Reason", "Review_Outcomes_Achieved"),
    *("Method_of_Review", "Review_Type", "Conversation"),
)
_COST, _COST_UNIT = "Unit_Cost", "Cost_Frequency_Unit_Type"
# What Release 2 added. A file without them is Release 1.
RELEASE_2 = frozenset({"Review_Type", "Conversation"})
_OTHER_PEOPLE = "Linked_Person"  # in the name of each column that identifies somebody else
# What the newest row says of the person, by section.
_PERSON: Mapping[Section, tuple[str, tuple[str, ...]]] = {
    Section.DEMOGRAPHICS: ("As the council knows them", ("Gender", "Ethnicity", "Postcode", "Date_of_Death")),
    Section.GP_PRACTICE: ("GP practice known to the council", ("GP_Practice_Name", "GP_Practice_Code")),
    Section.HOUSING: ("Where they live", ("Accommodation_Status",)),
    Section.MONEY: ("How care is paid for", ("Client_Funding_Status",)),
    Section.SOCIAL_CONTEXT: ("Circumstances", ("Client_Type", "Primary_Support_Reason")),
    Section.WORK: ("Work", ("Employment_Status",)),
    Section.CARING: (
        "Caring, and being cared for",
        ("Has_Unpaid_Carer", "Total_Hrs_Caring_per_week", "No_of_adults_being_cared_for"),
    ),
    Section.INDIVIDUAL_REQUIREMENTS: ("Impairments recorded", ("Visual_Impairment", "Hearing_Impairment")),
    Section.PROBLEMS: ("Conditions recorded by the council", ("Dementia", "Autism_Spectrum_Disorder_ASD")),
}
_ONLY_IF_SO = {Section.PROBLEMS, Section.INDIVIDUAL_REQUIREMENTS}
_SAYS_NOTHING = {"", "unknown", "not known", "n/a", "na", "null", "none"}


class ClientLevelData:
    """One council's drop folder. See SourceSystem."""

    personal = True
    sections: frozenset[Section] = frozenset((*_EVENTS.values(), *_PERSON))

    def __init__(
        self,
        *,
        id: str,
        label: str,
        organisation: str,
        options: Mapping[str, Any],
        limits: Limits,
        clock: Clock = utc_now,
    ) -> None:
        self.id, self.label, self.organisation = id, label, organisation
        self._folder, self._pattern = Path(options["folder"]), options["pattern"]
        self._limits, self._clock = limits, clock
        self._files = CsvFiles(LAYOUT, limits)
        self._worker = Worker()

    async def fetch(self, resident: ResidentIdentity, sections: frozenset[Section]) -> SourceAnswer:
        asked = sections & self.sections
        if not asked:
            return SourceAnswer()
        try:
            return await self._worker.run(lambda: self._answer(resident, asked))
        except Unanswered as error:
            return no_answer(asked, error.cause, error.detail)

    def _answer(self, resident: ResidentIdentity, asked: frozenset[Section]) -> SourceAnswer:
        allowance = self._limits.allowance()
        column, values = _asked_by(resident, self.id)
        if not values:
            return no_answer(asked, GapCause.NOT_LINKED, "there is no number to ask by")
        paths = self._current()
        rows = [row for path in paths for value in values for row in self._files.rows(path, column, value, allowance)]
        if not rows:
            return no_answer(asked, GapCause.NOT_LINKED)
        answering = Answering(asked)
        _Reading(self.id, self._clock(), answering).read(rows, resident)
        return answering.answer()

    def _current(self) -> list[Path]:
        """The newest file of each reporting period, latest period first."""
        chosen: dict[tuple[date, date], Path] = {}
        for path in newest(self._folder, self._pattern):
            first = self._files.index(path).first
            if first is not None:
                chosen.setdefault(_period(first), path)
        self._files.forget_all_but(list(chosen.values()))
        return [chosen[period] for period in sorted(chosen, reverse=True)]

    async def check(self) -> SourceCheck:
        try:
            return SourceCheck(True, None, await self._worker.run(self._facts))
        except Unanswered as error:
            return SourceCheck(False, error.cause, (("Problem", error.detail),))

    def _facts(self) -> tuple[tuple[str, str], ...]:
        facts: list[tuple[str, str]] = []
        for path in self._current():
            index = self._files.index(path)
            start, end = _period(index.first) if index.first else (None, None)
            wrong = sum(_has_problem(row) for row in self._files.all_rows(path))
            found = f"{index.rows:,} rows, {wrong:,} with a problem ({release_of(index)}, {index.encoding})"
            facts.append((path.name, f"{start} to {end}: {found}"))
        return tuple(facts)


@dataclass(frozen=True)
class _Reading:
    """The rows of one resident, while they are read. The latest come first."""

    source: str
    now: datetime
    answering: Answering

    def read(self, rows: Iterable[Row], resident: ResidentIdentity) -> None:
        mine = list(
            belonging(
                rows,
                resident,
                self.answering,
                number_column=NUMBER,
                born_column=BORN,
                born_on=read_date,
                sections=_sections_of,
            )
        )
        for row in mine:
            self._event(row)
        self._person(mine)

    def _event(self, row: Row) -> None:
        kind = _value(row, "Event_Type")
        section = _EVENTS.get(kind.lower())
        if section is None:
            spoiled(row, "Event_Type not known", _sections_of(row), self.answering)
            return
        try:
            at = read_date(row.values.get("Event_Start_Date", ""))
        except ValueError:
            spoiled(row, "Event_Start_Date not a date", (section,), self.answering)
            return
        ended = _day(_value(row, "Event_End_Date"))
        self.answering.add(
            RecordEntry(
                id=_event_id(row, kind, at),
                section=section,
                title=_title(row, kind),
                provenance=self._provenance(row),
                at=at,
                status="ended" if ended else "",
                details=details(
                    *((_label(name), _value(row, name)) for name in _EVENT_DETAILS),
                    ("Cost", _cost(row)),
                    ("Ended", ended),
                ),
                original=_received(row),
            )
        )

    def _person(self, rows: list[Row]) -> None:
        for section, (title, columns) in _PERSON.items():
            # Caring is told in the rows of a carer's assessment alone; the rest in every row, or it no longer holds.
            for row in rows if section is Section.CARING else rows[:1]:
                if shown := _shown(row, section, columns):
                    self.answering.add(
                        RecordEntry(
                            id=f"person#{section}",
                            section=section,
                            title=title,
                            provenance=self._provenance(row),
                            details=shown,
                            original=_received(row),
                        )
                    )
                    break

    def _provenance(self, row: Row) -> Provenance:
        return Provenance(self.source, self.now, organisation=_value(row, "LA_Name"))


def read_document(
    data: bytes,
    *,
    source: str,
    now: datetime,
    limits: Limits = USUAL,
    resident: ResidentIdentity | None = None,
) -> Read:
    """One file, about the person of its first row where ``resident`` is nobody; what is about others is a gap."""
    answering = Answering(frozenset(Section))
    try:
        _, rows = CsvFiles(LAYOUT, limits).rows_of(data)
        person = next(filter(None, map(_person_of, rows)), None)
    except Unanswered as error:
        return Read(None, no_answer(ClientLevelData.sections, error.cause, error.detail))
    wanted = resident or person
    if wanted is None:
        answering.gap(ClientLevelData.sections, GapCause.MALFORMED, "no row says whom it is about")
    else:
        _Reading(source, now, answering).read(sorted(rows, key=_period_of, reverse=True), wanted)
    return Read(person, answering.answer())


def _person_of(row: Row) -> ResidentIdentity | None:
    number = normal_number(row.values.get(NUMBER, ""))
    try:
        return ResidentIdentity(number, read_date(row.values.get(BORN, ""))) if number else None
    except ValueError:
        return None


def _period_of(row: Row) -> str:
    try:
        return read_date(row.values.get(PERIOD[1], "")).isoformat()
    except ValueError:
        return ""


def _asked_by(resident: ResidentIdentity, source: str) -> tuple[str, list[str]]:
    """The column to find the resident's rows by, and what may stand in it."""
    if resident.nhs_number:
        return NUMBER, [resident.nhs_number, *sorted(resident.former_numbers)]
    return LOCAL, list(filter(None, [resident.local_ids.get(source)]))


def release_of(index: Index) -> str:
    return "Release 2" if RELEASE_2 & set(index.columns) else "Release 1"


def _shown(row: Row, section: Section, columns: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    said = [(_label(name), _value(row, name)) for name in columns]
    # "Dementia: No" is the absence of a problem, not a problem.
    return details(*(pair for pair in said if section not in _ONLY_IF_SO or pair[1].lower() != "no"))


def _received(row: Row) -> dict[str, str]:
    """The row as it came, without what identifies other people."""
    return {name: text for name, text in row.values.items() if _OTHER_PEOPLE.lower() not in name.lower()}


def _cost(row: Row) -> str:
    """What a unit of the service costs, and for how long."""
    cost, unit = _value(row, _COST), _value(row, _COST_UNIT)
    pounds = f"£{cost}" if cost[:1].isdigit() else cost
    return f"{pounds} ({unit.lower()})" if pounds and unit else pounds


def _period(row: Row) -> tuple[date, date]:
    try:
        return read_date(row.values.get(PERIOD[0], "")), read_date(row.values.get(PERIOD[1], ""))
    except ValueError:
        raise Unanswered(GapCause.MALFORMED, "a file does not say which period it reports") from None


def _sections_of(row: Row) -> Iterable[Section]:
    """The sections a row would have filled: its event's, or any event's where that is not known."""
    section = _EVENTS.get(_value(row, "Event_Type").lower())
    return (section,) if section else _EVENTS.values()


def _event_id(row: Row, kind: str, at: date) -> str:
    """The council's own reference. Without one, the parts that make an event the same event in the next file."""
    reference = _value(row, "Event_Reference")
    name = f"{kind}/{reference}" if reference else f"{kind}/{at.isoformat()}/{_title(row, kind)}"
    return name.lower().replace(" ", "-")


def _title(row: Row, kind: str) -> str:
    named = ("Service_Component", "Service_Type", "Assessment_Type", "Review_Type", "Event_Description")
    return next(filter(None, (_value(row, name) for name in named)), kind)


def _value(row: Row, name: str) -> str:
    text = plain(row.values.get(name, ""))
    return "" if text.lower() in _SAYS_NOTHING else text


def _day(text: str) -> str:
    """A date as a person writes it; what is not one, as it was written."""
    try:
        at = read_date(text)
    except ValueError:
        return text
    return f"{at.day} {at:%B %Y}"


def _label(name: str) -> str:
    words = name.replace("_", " ").replace("Hrs", "hours").replace(" ASD", "")
    return words if words.startswith(("GP", "Provider CQC")) else words.capitalize()


def _has_problem(row: Row) -> bool:
    try:
        read_date(row.values.get(BORN, ""), DATE_FORMATS)
        read_date(row.values.get("Event_Start_Date", ""))
    except ValueError:
        return True
    number = normal_number(row.values.get(NUMBER, ""))
    known = _value(row, "Event_Type").lower() in _EVENTS
    return not known or (bool(number) and not (len(number) == 10 and number.isdigit()))
