"""Client Level Data: which file counts, what becomes of each kind of event, and what is never read."""

from __future__ import annotations

import asyncio
import csv
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters import Egress, Http, build
from adapters.client_level_data import read_document
from broker.records.source import ResidentIdentity, SourceAnswer
from broker.vocabulary import GapCause, Section
from tests.adapters.conformance.asking import described, no_secret
from tests.adapters.conformance.worlds import ADA

SPRING, SUMMER = ("2026-01-01", "2026-03-31"), ("01/04/2026", "30/06/2026")
ROW = {
    "LA_Name": "Testbourne Council",
    "NHS_Number": "9990000018",
    "LA_Person_Unique_Identifier": "LA-77",
    "Date_of_Birth": "14/03/1964",
    "Event_Type": "Service",
    "Event_Reference": "E1",
    "Event_Start_Date": "01/05/2026",
}


def drop(folder: Path, name: str, *rows: dict[str, str], period: tuple[str, str] = SUMMER, age: int = 0) -> Path:
    start, end = period
    full = [{"Reporting_Period_Start_Date": start, "Reporting_Period_End_Date": end, **ROW, **row} for row in rows]
    columns = list(dict.fromkeys(name for row in full for name in row))
    with (folder / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(full)
    os.utime(folder / name, (1_800_000_000 - age, 1_800_000_000 - age))
    return folder / name


def ask(folder: Path, *sections: Section, resident: ResidentIdentity = ADA, **configured: str) -> SourceAnswer:
    configuration = {"folder": str(folder), **configured}
    system = build(described("cld-csv", configuration), http=Http(egress=Egress(())), secret=no_secret)
    return asyncio.run(system.fetch(resident, frozenset(sections) or frozenset(Section)))


@pytest.mark.parametrize(
    ("kind", "section"),
    [
        ("Request", Section.REFERRALS),
        ("Assessment", Section.ASSESSMENTS),
        ("Service", Section.SERVICES),
        ("Review", Section.CARE_PLAN),
        ("service", Section.SERVICES),
    ],
)
def test_each_kind_of_event_has_its_section(tmp_path: Path, kind: str, section: Section) -> None:
    drop(tmp_path, "a.csv", {"Event_Type": kind, "Service_Component": "Home support"})
    (entry,) = ask(tmp_path, section).entries
    assert (entry.section, entry.title, str(entry.at)) == (section, "Home support", "2026-05-01")
    assert entry.provenance.organisation == "Testbourne Council"


def test_the_person_is_read_from_the_latest_period(tmp_path: Path) -> None:
    drop(tmp_path, "old.csv", {"Accommodation_Status": "Rough sleeper"}, period=SPRING)
    drop(tmp_path, "new.csv", {"Accommodation_Status": "Tenant", "Event_Reference": "E2"})
    answer = ask(tmp_path, Section.HOUSING, Section.SERVICES)
    assert [entry.details for entry in answer.entries if entry.section == Section.HOUSING] == [
        (("Accommodation status", "Tenant"),)
    ]
    assert len([entry for entry in answer.entries if entry.section == Section.SERVICES]) == 2


def test_of_two_files_of_one_period_the_newer_counts(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", {"Service_Type": "Corrected"}, age=10)
    drop(tmp_path, "b.csv", {"Service_Type": "First try"}, age=5000)
    (entry,) = ask(tmp_path, Section.SERVICES).entries
    assert entry.title == "Corrected"


def test_an_event_reported_again_in_the_next_period_is_one_event(tmp_path: Path) -> None:
    drop(tmp_path, "spring.csv", {"Service_Type": "As it was"}, period=SPRING)
    drop(tmp_path, "summer.csv", {"Service_Type": "As it is"})
    (entry,) = ask(tmp_path, Section.SERVICES).entries
    assert entry.title == "As it is"


def test_other_people_a_carer_looks_after_are_never_read(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", {"Adult_1_Linked_Person_ID": "LA-OTHER", "No_of_adults_being_cared_for": "1"})
    for entry in ask(tmp_path).entries:
        assert "LA-OTHER" not in repr(entry.details) + repr(entry.original)


def test_an_answer_that_says_nothing_is_not_an_entry(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", {"Dementia": "No", "Hearing_Impairment": "Unknown", "Accommodation_Status": " "})
    answer = ask(tmp_path, Section.PROBLEMS, Section.INDIVIDUAL_REQUIREMENTS, Section.HOUSING)
    assert answer.entries == ()
    assert answer.gaps == ()


def test_what_is_wrong_with_a_row_is_counted_by_its_number(tmp_path: Path) -> None:
    rows = [{"Event_Reference": "E1"}, {"Event_Start_Date": "soon"}, {"Event_Type": "Party"}, {"Date_of_Birth": "1964"}]
    drop(tmp_path, "a.csv", *rows)
    answer = ask(tmp_path, Section.SERVICES)
    assert len(answer.entries) == 1
    assert dict(answer.not_understood) == {
        "row 3: Event_Start_Date not a date": 1,
        "row 4: Event_Type not known": 1,
        "row 5: Date_of_Birth not a date": 1,
    }
    assert [gap.cause for gap in answer.gaps] == [GapCause.MALFORMED]


def test_a_resident_without_an_nhs_number_is_found_by_the_councils_own(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", {"NHS_Number": ""})
    linked = ResidentIdentity(None, ADA.born_on, {"the-source": "LA-77"})
    assert len(ask(tmp_path, Section.SERVICES, resident=linked).entries) == 1
    other = ResidentIdentity(None, ADA.born_on, {"another-source": "LA-77"})
    assert [gap.cause for gap in ask(tmp_path, Section.SERVICES, resident=other).gaps] == [GapCause.NOT_LINKED]


def test_a_file_that_does_not_say_its_period_is_a_gap(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", {}, period=("", "soon"))
    answer = ask(tmp_path, Section.SERVICES)
    assert [gap.cause for gap in answer.gaps] == [GapCause.MALFORMED]


def test_files_that_are_still_being_copied_or_are_something_else_are_left_alone(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", {})
    (tmp_path / ".a.csv.part").write_bytes(b"\xff")
    (tmp_path / ".half.csv").write_bytes(b"\xff")
    (tmp_path / "notes.txt").write_text("hello")
    answer = ask(tmp_path, Section.SERVICES)
    assert len(answer.entries) == 1
    assert not answer.gaps


def test_the_check_counts_rows_and_problems_and_names_nobody(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", {}, {"Date_of_Birth": "?"}, {"NHS_Number": "12"})
    configuration = {"folder": str(tmp_path)}
    system = build(described("cld-csv", configuration), http=Http(egress=Egress(())), secret=no_secret)
    check = asyncio.run(system.check())
    assert check.facts == (("a.csv", "2026-04-01 to 2026-06-30: 3 rows, 2 with a problem (Release 1, utf-8-sig)"),)


def test_what_a_carers_assessment_says_of_caring_outlives_later_rows_and_work_stands_by_itself(tmp_path: Path) -> None:
    carer = {"Event_Type": "Assessment", "Total_Hrs_Caring_per_week": "20-34", "No_of_adults_being_cared_for": "1"}
    drop(tmp_path, "spring.csv", carer, period=SPRING)
    drop(tmp_path, "summer.csv", {"Event_Reference": "E2", "Employment_Status": "Part-time"})
    found = {entry.section: entry for entry in ask(tmp_path).entries}
    assert dict(found[Section.CARING].details) == {
        "Total hours caring per week": "20-34",
        "No of adults being cared for": "1",
    }
    assert dict(found[Section.WORK].details) == {"Employment status": "Part-time"}


def test_each_release_is_known_by_its_columns_and_read_whole(tmp_path: Path) -> None:
    drop(tmp_path, "one.csv", {"Service_Type": "Home care", "Unit_Cost": "18.50", "Cost_Frequency_Unit_Type": "Hourly"})
    later = {"Event_Type": "Review", "Event_Reference": "E2", "Review_Type": "Planned", "Conversation": "Yes"}
    drop(tmp_path, "two.csv", later, period=SPRING)
    found = {entry.section: entry for entry in ask(tmp_path, Section.SERVICES, Section.CARE_PLAN).entries}
    assert ("Cost", "£18.50 (hourly)") in found[Section.SERVICES].details
    assert (found[Section.CARE_PLAN].title, ("Conversation", "Yes") in found[Section.CARE_PLAN].details) == (
        "Planned",
        True,
    )
    system = build(described("cld-csv", {"folder": str(tmp_path)}), http=Http(egress=Egress(())), secret=no_secret)
    facts = dict(asyncio.run(system.check()).facts)
    assert "Release 1" in facts["one.csv"]
    assert "Release 2" in facts["two.csv"]


def test_a_number_they_had_before_finds_their_rows(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", {})
    renumbered = ResidentIdentity("9990000034", ADA.born_on, former_numbers=frozenset({"9990000018"}))
    assert ask(tmp_path, Section.SERVICES, resident=renumbered).entries
    assert not ask(tmp_path, Section.SERVICES, resident=ResidentIdentity("9990000034", ADA.born_on)).entries


def test_a_file_read_by_itself_is_about_the_person_of_its_first_row(tmp_path: Path) -> None:
    path = drop(tmp_path, "a.csv", {}, {"NHS_Number": "9990000034", "Date_of_Birth": "02/09/1971"})
    now = datetime(2026, 11, 20, tzinfo=UTC)
    read = read_document(path.read_bytes(), source="s", now=now)
    assert read.person == ResidentIdentity("9990000018", ADA.born_on)
    assert [entry.provenance.source for entry in read.answer.entries] == ["s"]
    assert {gap.cause for gap in read.answer.gaps} == {GapCause.WRONG_PERSON}
    assert read_document(b"no,table\n", source="s", now=now).answer.gaps
