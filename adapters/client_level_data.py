"""Adult social care Client Level Data as a source system: CSV files a council drops into a folder, never sent anywhere.

For each reporting period the newest file counts. A row is used only where NHS number and date of birth both agree.
Linked persons (``Adult_1_Linked_Person_ID`` …) are other people and are never read.
Fields: Client Level Data specification, Department of Health and Social Care.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from broker.records.source import Provenance, RecordEntry, ResidentIdentity, SourceAnswer, SourceCheck
from broker.vocabulary import GapCause, Section

from . import configuration as read
from .answering import Answering, Clock, Limits, Unanswered, details, no_answer, plain, utc_now
from .csv_file import CsvFiles, Layout, Row, Worker, newest
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
    *("Method_of_Review", "Review_Type", "Total_Hrs_Caring_per_week", "No_of_adults_being_cared_for"),
)
# What the newest row says of the person, by section.
_PERSON: Mapping[Section, tuple[str, tuple[str, ...]]] = {
    Section.DEMOGRAPHICS: ("As the council knows them", ("Gender", "Ethnicity", "Postcode", "Date_of_Death")),
    Section.GP_PRACTICE: ("GP practice known to the council", ("GP_Practice_Name", "GP_Practice_Code")),
    Section.HOUSING: ("Where they live", ("Accommodation_Status",)),
    Section.MONEY: ("How care is paid for", ("Client_Funding_Status",)),
    Section.SOCIAL_CONTEXT: (
        "Circumstances",
        ("Client_Type", "Primary_Support_Reason", "Employment_Status", "Has_Unpaid_Carer"),
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
        column, value = (
            (NUMBER, resident.nhs_number) if resident.nhs_number else (LOCAL, resident.local_ids.get(self.id))
        )
        if not value:
            return no_answer(asked, GapCause.NOT_LINKED, "there is no number to ask by")
        rows = [row for path in self._current() for row in self._files.rows(path, column, value, allowance)]
        if not rows:
            return no_answer(asked, GapCause.NOT_LINKED)
        answering = Answering(asked)
        mine = list(
            belonging(
                rows,
                resident,
                answering,
                number_column=NUMBER,
                born_column=BORN,
                born_on=read_date,
                sections=_sections_of,
            )
        )
        for row in mine:
            self._event(row, answering)
        if mine:
            self._person(mine[0], answering)
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

    def _event(self, row: Row, answering: Answering) -> None:
        kind = _value(row, "Event_Type")
        section = _EVENTS.get(kind.lower())
        if section is None:
            spoiled(row, "Event_Type not known", _sections_of(row), answering)
            return
        try:
            at = read_date(row.values.get("Event_Start_Date", ""))
        except ValueError:
            spoiled(row, "Event_Start_Date not a date", (section,), answering)
            return
        ended = _day(_value(row, "Event_End_Date"))
        answering.add(
            RecordEntry(
                id=_event_id(row, kind, at),
                section=section,
                title=_title(row, kind),
                provenance=self._provenance(row),
                at=at,
                status="ended" if ended else "",
                details=details(*((_label(name), _value(row, name)) for name in _EVENT_DETAILS), ("Ended", ended)),
                original=dict(row.values),
            )
        )

    def _person(self, row: Row, answering: Answering) -> None:
        for section, (title, columns) in _PERSON.items():
            said = [(_label(name), _value(row, name)) for name in columns]
            # "Dementia: No" is the absence of a problem, not a problem.
            shown = details(*(pair for pair in said if section not in _ONLY_IF_SO or pair[1].lower() != "no"))
            if shown:
                answering.add(
                    RecordEntry(
                        id=f"person#{section}",
                        section=section,
                        title=title,
                        provenance=self._provenance(row),
                        details=shown,
                        original=dict(row.values),
                    )
                )

    def _provenance(self, row: Row) -> Provenance:
        return Provenance(self.id, self._clock(), organisation=_value(row, "LA_Name"))

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
            facts.append(
                (path.name, f"{start} to {end}: {index.rows:,} rows, {wrong:,} with a problem ({index.encoding})")
            )
        return tuple(facts)


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
