"""A charity's casework export: the operator's mapping, and a preview before anybody relies on it."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from adapters import Egress, Http, build, check_configuration
from adapters.casework_csv import CaseworkCsv
from broker.errors import InvalidInput
from broker.records.source import ResidentIdentity, SourceAnswer
from broker.vocabulary import Section
from tests.adapters.conformance.asking import described, no_secret
from tests.adapters.conformance.worlds import ADA

CASES = """\
Client ref;NHS no;DOB;Issue;Opened;Owed to;Worker
C1;999 000 0018;14/03/1964;Debt;05/11/2026;A lender;Priya
C2;9990000018;14/03/1964;Housing;06/11/2026;;Priya
C3;;14/03/1964;Food;07/11/2026;;Priya
C4;9990000018;14/03/1964;Gardening;soon;;Priya
"""
DEBT = {
    "section": "money-and-benefits",
    "title": "Debt",
    "when": {"Issue": ["debt", "Arrears"]},
    "details": {"Owed to": "Owed to"},
    "fixed": {"Ask": "Lantern, weekdays"},
    "id_column": "Client ref",
    "date_column": "Opened",
    "by_column": "Worker",
}
EVERY_CASE = {"section": "community-support", "title_column": "Issue", "date_column": "Opened"}


def configuration(folder: Path, *mapped: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "path": str(folder / "cases.csv"),
        "delimiter": ";",
        "nhs_number_column": "NHS no",
        "local_id_column": "Client ref",
        "born_on_column": "DOB",
        "date_format": "%d/%m/%Y",
        "entries": list(mapped),
        **more,
    }


def system(folder: Path, *mapped: dict[str, Any], text: str = CASES, **more: Any) -> CaseworkCsv:
    (folder / "cases.csv").write_text(text)
    described_as = described("casework-csv", configuration(folder, *mapped, **more))
    built = build(described_as, http=Http(egress=Egress(())), secret=no_secret)
    assert isinstance(built, CaseworkCsv)
    return built


def ask(folder: Path, *mapped: dict[str, Any], resident: ResidentIdentity = ADA, **more: Any) -> SourceAnswer:
    return asyncio.run(system(folder, *mapped, **more).fetch(resident, frozenset(Section)))


def test_a_row_becomes_what_the_mapping_says(tmp_path: Path) -> None:
    answer = ask(tmp_path, DEBT)
    (entry,) = answer.entries
    assert (entry.section, entry.title, str(entry.at)) == (Section.MONEY, "Debt", "2026-11-05")
    assert entry.details == (("Owed to", "A lender"), ("Ask", "Lantern, weekdays"))
    assert entry.provenance.recorded_by == "Priya"
    assert entry.id == "C1/1"


def test_one_row_may_become_several_entries(tmp_path: Path) -> None:
    answer = ask(tmp_path, DEBT, EVERY_CASE)
    assert [entry.title for entry in answer.entries] == ["Debt", "Debt", "Housing"]
    assert {entry.section for entry in answer.entries} == {Section.MONEY, Section.VCFSE_SUPPORT}


def test_a_row_no_mapping_fits_is_counted(tmp_path: Path) -> None:
    assert dict(ask(tmp_path, DEBT).not_understood) == {
        "row 3: no mapping fits it": 1,
        "row 5: no mapping fits it": 1,
    }


def test_a_date_that_is_none_is_counted_and_stated(tmp_path: Path) -> None:
    answer = ask(tmp_path, EVERY_CASE)
    assert dict(answer.not_understood) == {"row 5: Opened not a date": 1}
    assert [gap.section for gap in answer.gaps] == [Section.VCFSE_SUPPORT]


def test_a_linked_resident_is_found_by_the_charitys_own_number_as_well(tmp_path: Path) -> None:
    linked = ResidentIdentity(ADA.nhs_number, ADA.born_on, {"the-source": "C3"})
    titles = [entry.title for entry in ask(tmp_path, EVERY_CASE, resident=linked).entries]
    assert titles == ["Debt", "Housing", "Food"]


def test_the_charitys_own_number_is_not_enough_without_the_date_of_birth(tmp_path: Path) -> None:
    linked = ResidentIdentity(None, ADA.born_on.replace(day=15), {"the-source": "C3"})
    answer = ask(tmp_path, EVERY_CASE, resident=linked)
    assert not answer.entries


def test_the_charitys_number_of_a_row_with_another_nhs_number_is_somebody_else(tmp_path: Path) -> None:
    other = ResidentIdentity("9990000034", ADA.born_on, {"the-source": "C1"})
    assert not ask(tmp_path, EVERY_CASE, resident=other).entries


def test_a_mapping_may_be_the_json_text_a_command_line_gives(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text(CASES)
    given = {**configuration(tmp_path), "entries": json.dumps([DEBT])}
    built = build(described("casework-csv", given), http=Http(egress=Egress(())), secret=no_secret)
    assert built.sections == {Section.MONEY}


def test_of_a_folder_the_newest_export_is_read(tmp_path: Path) -> None:
    (tmp_path / "older.csv").write_text(CASES.replace("A lender", "Nobody"))
    os.utime(tmp_path / "older.csv", (1, 1))
    (entry,) = ask(tmp_path, DEBT, path=str(tmp_path)).entries
    assert entry.details[0] == ("Owed to", "A lender")


def test_a_preview_shows_what_each_row_would_become(tmp_path: Path) -> None:
    rows = system(tmp_path, DEBT, EVERY_CASE).preview()
    assert [row.number for row in rows] == [2, 3, 4, 5]
    assert [len(row.entries) for row in rows] == [2, 1, 1, 0]
    assert rows[3].problems == ("row 5: Opened not a date",)
    assert [row.number for row in system(tmp_path, DEBT).preview(1)] == [2]


def test_the_check_counts_and_names_nobody(tmp_path: Path) -> None:
    check = asyncio.run(system(tmp_path, DEBT, EVERY_CASE).check())
    assert dict(check.facts)["Rows with a problem"] == "1"
    assert "9990000018" not in repr(check)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("entries", []),
        ("entries", "not json"),
        ("entries", [{}]),
        ("entries", [7]),
        ("entries", [{"section": "no-such-section", "title": "x"}]),
        ("entries", [{"section": "housing"}]),
        ("entries", [{"section": "housing", "title": "x", "colour": "red"}]),
        ("entries", [{"section": "housing", "title": "x", "when": {"Issue": []}}]),
        ("entries", [{"section": "housing", "title": "x", "when": "Issue"}]),
        ("entries", [{"section": "housing", "title": "x", "details": {"Label": 7}}]),
        ("entries", [{"section": "housing", "title": "x", "fixed": ["a"]}]),
        ("date_format", "%d/%m"),
        ("date_format", "dd/mm/yyyy"),
        ("date_format", "%y"),
        ("delimiter", "::"),
        ("path", ""),
        ("path", 7),
    ],
)
def test_a_mapping_that_means_nothing_is_refused_by_name(tmp_path: Path, key: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_configuration("casework-csv", {**configuration(tmp_path, DEBT), key: value})
    assert (refused.value.code, refused.value.field) == ("source-configuration-invalid", key)


def test_a_mapping_without_any_number_to_find_people_by_is_refused(tmp_path: Path) -> None:
    given = configuration(tmp_path, DEBT)
    del given["nhs_number_column"], given["local_id_column"]
    with pytest.raises(InvalidInput) as refused:
        check_configuration("casework-csv", given)
    assert refused.value.field == "nhs_number_column"
