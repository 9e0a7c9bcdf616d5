"""The extracts that come by preset: what each row becomes, what is never taken, and what is refused."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path
from typing import Any

import pytest

from adapters import Egress, Http, build, check_configuration
from adapters.presets import PRESETS
from broker.errors import InvalidInput
from broker.records.source import RecordEntry, ResidentIdentity, SourceAnswer
from broker.vocabulary import GapCause, Section, Sensitivity
from tests.adapters.conformance.asking import described, no_secret
from tests.adapters.conformance.worlds import ADA

PERSON = {"NHS number": "9990000018", "Date of birth": "14/03/1964"}


def ask(folder: Path, kind: str, *rows: dict[str, str], who: ResidentIdentity = ADA, **configured: Any) -> SourceAnswer:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with (folder / "export.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    configuration = {"path": str(folder / "export.csv"), **configured}
    system = build(described(kind, configuration), http=Http(egress=Egress(())), secret=no_secret)
    return asyncio.run(system.fetch(who, frozenset(Section)))


def by_section(answer: SourceAnswer) -> dict[Section, RecordEntry]:
    return {entry.section: entry for entry in answer.entries}


def test_of_a_child_nothing_is_told_but_a_status_and_since_when(tmp_path: Path) -> None:
    answer = ask(
        tmp_path,
        "children-csv",
        {
            "NHSNumber": "9990000018",
            "PersonBirthDate": "14/03/1964",
            "CINreferralDate": "01/05/2026",
            "CINclosureDate": "",
            "CPPstartDate": "03/06/2026",
            "CPPendDate": "",
            "PrimaryNeedCode": "N1",
            "LatestCategoryOfAbuse": "Neglect",
            "Worker": "Somebody",
        },
    )
    assert [(entry.title, str(entry.at)) for entry in answer.entries] == [
        ("Child in need", "2026-05-01"),
        ("Child protection plan", "2026-06-03"),
    ]
    for entry in answer.entries:
        assert (entry.section, entry.stated_labels) == (Section.SAFEGUARDING, {Sensitivity.SAFEGUARDING})
        assert "Neglect" not in repr(entry) + repr(entry.original)
        assert "N1" not in repr(entry.original)


def test_each_episode_of_being_looked_after_is_told_without_a_placement(tmp_path: Path) -> None:
    person = {"CHILD": "C7", "NHS_NUMBER": "9990000018", "DOB": "14/03/1964", "PLACE": "U1", "RNE": "S"}
    rows = [{**person, "DECOM": "01/02/2025", "DEC": "01/08/2025"}, {**person, "DECOM": "02/08/2025", "DEC": ""}]
    answer = ask(tmp_path, "children-csv", *rows, preset="looked-after-children")
    assert [(entry.title, entry.details) for entry in answer.entries] == [
        ("Looked after by the council", (("Until", "01/08/2025"),)),
        ("Looked after by the council", ()),
    ]
    assert "U1" not in repr([entry.original for entry in answer.entries])


def test_a_tenancy_stands_in_housing_and_a_debt_in_money(tmp_path: Path) -> None:
    letting = {
        "nhs_number": "9990000018",
        "date_of_birth": "1964-03-14",
        "tenancycode": "T1",
        "startdate": "2019-04-01",
        "uprn": "10000000001",
        "lettype": "Social rent",
    }
    (tenancy,) = ask(tmp_path, "housing-csv", letting).entries
    assert (tenancy.section, tenancy.id) == (Section.HOUSING, "T1/1")
    assert ("Property (UPRN)", "10000000001") in tenancy.details
    rows = [
        {**PERSON, "Record": "Repair", "Date": "01/05/2026", "Summary": "Damp in the bedroom", "Status": "Open"},
        {**PERSON, "Record": "Arrears", "Date": "02/05/2026", "Balance": "£412", "Repayment plan": "£10 a week"},
    ]
    found = by_section(ask(tmp_path, "housing-csv", *rows, preset="housing-repairs-and-arrears"))
    assert (found[Section.HOUSING].title, found[Section.HOUSING].status) == ("Damp in the bedroom", "Open")
    assert found[Section.MONEY].details == (("Owed", "£412"), ("Agreed", "£10 a week"))


def test_social_prescribing_fills_the_sections_it_speaks_of(tmp_path: Path) -> None:
    rows: list[dict[str, str]] = [
        {"Record": "Referral", "Date": "01/05/2026", "Summary": "Low mood", "Referred by": "GP", "Needs": "Company"},
        {"Record": "Contact", "Date": "08/05/2026", "Summary": "First visit", "Notes": "Would like to sing again"},
        {"Record": "Goal", "Date": "08/05/2026", "Summary": "Join a choir"},
        {"Record": "Outcome", "Date": "08/08/2026", "ONS4 satisfied": "7", "ONS4 anxious": "2"},
        {"Record": "Outcome", "Date": "08/08/2026", "Lonely how often": "Some of the time"},
        {
            "Record": "Contact",
            "Date": "09/08/2026",
            "Summary": "Call",
            "Work": "Wants part-time work",
            "Caring": "Mother",
        },
    ]
    found = by_section(ask(tmp_path, "social-prescribing-csv", *({**PERSON, **row} for row in rows)))
    assert dict(found[Section.REFERRALS].details) == {"From": "GP", "Needs": "Company"}
    assert found[Section.CARE_PLAN].title == "Join a choir"
    assert dict(found[Section.ASSESSMENTS].details) == {
        "Satisfied with life, 0 to 10": "7",
        "Anxious yesterday, 0 to 10": "2",
    }
    assert dict(found[Section.LONELINESS].details) == {"Feels lonely": "Some of the time"}
    assert dict(found[Section.WORK].details) == {"Work and learning": "Wants part-time work"}
    assert Section.CARING in found
    assert Section.HOUSING not in found


def test_casework_by_topic_goes_where_it_belongs(tmp_path: Path) -> None:
    topics = {
        "Debt": Section.MONEY,
        "Housing": Section.HOUSING,
        "Volunteering": Section.WORK,
        "Carers": Section.CARING,
        "Befriending": Section.LONELINESS,
        "Food": Section.VCFSE_SUPPORT,
    }
    rows = [{**PERSON, "Record": topic, "Date": "01/05/2026", "Summary": topic} for topic in (*topics, "Gardening")]
    answer = ask(tmp_path, "casework-csv", *rows, preset="vcfse-casework")
    assert {entry.title: entry.section for entry in answer.entries} == topics
    assert dict(answer.not_understood) == {"row 8: no mapping fits it": 1}


def test_a_file_may_call_its_columns_something_else(tmp_path: Path) -> None:
    row = {"NHS": "9990000018", "Born": "14/03/1964", "Type": "Repair", "On": "01/05/2026", "What": "Damp"}
    names = {"NHS number": "NHS", "Date of birth": "Born", "Record": "Type", "Date": "On", "Summary": "What"}
    (entry,) = ask(tmp_path, "housing-csv", row, preset="housing-repairs-and-arrears", columns=names).entries
    assert entry.title == "Damp"


def test_a_file_without_a_column_it_must_have_is_a_gap(tmp_path: Path) -> None:
    answer = ask(tmp_path, "social-prescribing-csv", {**PERSON, "Summary": "x"})
    assert not answer.entries
    assert {gap.cause for gap in answer.gaps} == {GapCause.MALFORMED}


def test_somebody_elses_row_is_a_gap_by_every_preset(tmp_path: Path) -> None:
    for name, preset in PRESETS.items():
        needed = dict.fromkeys(preset.needed, "01/05/2026")
        row = {**needed, preset.number: "9990000018", preset.born: "02/09/1971"}
        answer = ask(tmp_path, "casework-csv", row, preset=name)
        assert not answer.entries, name
        assert {gap.cause for gap in answer.gaps} == {GapCause.WRONG_PERSON}, name


def test_a_number_they_had_before_finds_their_rows(tmp_path: Path) -> None:
    row = {**PERSON, "Record": "Referral", "Date": "01/05/2026"}
    renumbered = ResidentIdentity("9990000034", ADA.born_on, former_numbers=frozenset({"9990000018"}))
    assert ask(tmp_path, "social-prescribing-csv", row, who=renumbered).entries
    other = ResidentIdentity("9990000034", ADA.born_on)
    assert not ask(tmp_path, "social-prescribing-csv", row, who=other).entries


@pytest.mark.parametrize(
    ("kind", "wrong", "field"),
    [
        ("children-csv", {"preset": "housing-lettings"}, "preset"),
        ("children-csv", {"entries": [{"section": "alerts", "title": "x"}]}, "entries"),
        ("casework-csv", {"preset": "no-such"}, "preset"),
        ("casework-csv", {"preset": "vcfse-casework", "columns": {"No such": "x"}}, "columns"),
        ("casework-csv", {"preset": "vcfse-casework", "entries": [{"section": "alerts", "title": "x"}]}, "entries"),
        ("casework-csv", {}, "born_on_column"),
        ("casework-csv", {"born_on_column": "Born", "nhs_number_column": "N"}, "entries"),
    ],
)
def test_a_preset_that_does_not_fit_is_refused_by_name(kind: str, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_configuration(kind, {"path": "x.csv", **wrong})
    assert refused.value.field == field
