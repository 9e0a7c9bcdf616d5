"""A table of an organisation's own: what of it is kept, and what is said of the rows that are wrong."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest

from adapters.hosted.configuration import check_options, options_of
from adapters.hosted.exporting import Form, inert
from adapters.hosted.keeping import Hosting
from adapters.hosted.reading import read_table
from adapters.hosted.source import HostedSource
from adapters.hosted.template import COLUMNS
from broker.errors import InvalidInput
from broker.vocabulary import Section
from tests.people import ADA_NUMBER, BEN_NUMBER, NOON

RIGHT = {
    "NHS number": ADA_NUMBER,
    "Date of birth": "14/03/1964",
    "Section": "Housing",
    "Title": "Rent arrears",
    "Date": "12/01/2026",
    "Note": "Two months",
    "Reference": "A-1",
}


def table(*rows: dict[str, str], columns: tuple[str, ...] = COLUMNS, encoding: str = "utf-8") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(encoding)


def right(**changes: str) -> dict[str, str]:
    return {**RIGHT, **{name.replace("_", " "): value for name, value in changes.items()}}


@pytest.fixture
def source(hosting: Hosting) -> HostedSource:
    return HostedSource.configured("pantry", {"sections": "housing,money-and-benefits"}, hosting)


@pytest.fixture
def take(source: HostedSource) -> Callable[..., tuple[int, int, int]]:
    def taken(data: bytes, *, good: bool = False) -> tuple[int, int, int]:
        batch = source.take(data, accept_good_rows=good, by="person:jo", what="csv", now=NOON).batch
        return batch.items, batch.replaced, batch.refused

    return taken


Take = Callable[..., tuple[int, int, int]]


def test_a_row_becomes_what_the_template_says(source: HostedSource) -> None:
    look = source.look(table(right()), now=NOON)
    ((entry,),) = (row.entries for row in look.first)
    assert (entry.title, entry.section.value, entry.details) == ("Rent arrears", "housing", (("Note", "Two months"),))
    assert (look.rows, look.entries, look.replaces, look.wrong_rows) == (1, 1, 0, 0)
    assert source.count() == 0


@pytest.mark.parametrize(
    ("changes", "column", "code"),
    [
        ({"NHS_number": ""}, "NHS number", "number-missing"),
        ({"NHS_number": "9990000019"}, "NHS number", "number-not-valid"),
        ({"NHS_number": "9.99E+09"}, "NHS number", "number-not-valid"),
        ({"Date_of_birth": ""}, "Date of birth", "birth-date-missing"),
        ({"Date_of_birth": "03/14/1964"}, "Date of birth", "birth-date-not-a-date"),
        ({"Date_of_birth": "14/03/2064"}, "Date of birth", "birth-date-unlikely"),
        ({"Section": "Allergies"}, "Section", "kind-unknown"),
        ({"Title": ""}, "Title", "title-missing"),
        ({"Date": "soon"}, "Date", "date-not-a-date"),
        ({"Note": "x" * 20_001}, "Note", "value-too-long"),
    ],
)
def test_a_wrong_row_is_said_by_number_column_and_what_to_do(
    source: HostedSource, changes: dict[str, str], column: str, code: str
) -> None:
    look = source.look(table(right(Reference="A-2"), right(**changes)), now=NOON)
    ((row, said_column, said_code, detail),) = ((p.row, p.column, p.code, p.detail) for p in look.problems)
    assert (row, said_column, said_code) == (3, column, code)
    assert detail
    assert look.rows == 1
    assert not any(value in detail for value in changes.values() if value)


def test_a_row_with_more_values_than_columns_is_wrong(source: HostedSource) -> None:
    data = table(right()) + f"{BEN_NUMBER},01/06/2015,Housing,Damp, mould,1/2/2026,,,,A-2\n".encode()
    assert [problem.code for problem in source.look(data, now=NOON).problems] == ["row-too-long"]


def test_a_table_with_a_wrong_row_is_refused_whole_unless_good_rows_are_accepted(
    source: HostedSource, take: Take
) -> None:
    data = table(right(), right(NHS_number="", Reference="A-2"))
    with pytest.raises(InvalidInput) as refused:
        take(data)
    assert (refused.value.code, source.count()) == ("hosted-rows-wrong", 0)
    assert take(data, good=True) == (1, 0, 1)
    with pytest.raises(InvalidInput) as refused:
        take(table(right(NHS_number="")), good=True)
    assert refused.value.code == "hosted-nothing-to-keep"


def test_two_rows_of_one_reference_are_both_wrong(source: HostedSource) -> None:
    look = source.look(table(right(), right(Title="Another"), right(Reference="A-2")), now=NOON)
    assert [(p.row, p.code, p.column) for p in look.problems] == [
        (2, "row-twice", "Reference"),
        (3, "row-twice", "Reference"),
    ]
    assert look.rows == 1


def test_two_rows_alike_without_a_reference_are_wrong_too(source: HostedSource) -> None:
    look = source.look(table(right(Reference=""), right(Reference="")), now=NOON)
    assert [problem.code for problem in look.problems] == ["row-twice"] * 2


def test_the_same_reference_again_replaces_and_the_preview_says_so(source: HostedSource, take: Take) -> None:
    take(table(right()))
    again = table(right(Title="Rent paid"))
    assert source.look(again, now=NOON).replaces == 1
    assert take(again) == (1, 1, 0)
    assert source.count() == 1


def test_the_same_table_sent_twice_is_kept_once_though_it_has_no_references(source: HostedSource, take: Take) -> None:
    data = table(right(Reference=""))
    assert (take(data), take(data), source.count()) == ((1, 0, 0), (1, 1, 0), 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_the_encodings_spreadsheets_save_in_are_read(source: HostedSource, encoding: str) -> None:
    (row,) = source.look(table(right(Title="Café – “£40”"), encoding=encoding), now=NOON).first
    assert row.entries[0].title == "Café – “£40”"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0",
        "NHS number\n".encode("utf-16"),
        b"<html>",
        table(columns=COLUMNS[:-1]),
        table(columns=(*COLUMNS, "Title")),
        table(right()) + b'"never closed',
    ],
)
def test_what_is_no_table_is_refused_whole(source: HostedSource, data: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        source.look(data, now=NOON)
    assert (refused.value.code, refused.value.field) == ("hosted-file-unreadable", "file")


def test_a_table_of_too_many_rows_is_refused(source: HostedSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.hosted.reading.MOST_ROWS", 2)
    rows = [right(Reference=f"A-{number}") for number in range(3)]
    assert source.look(table(*rows[:2]), now=NOON).rows == 2
    with pytest.raises(InvalidInput):
        source.look(table(*rows), now=NOON)


def test_an_export_is_inert_in_a_spreadsheet_and_whole_for_a_machine(source: HostedSource, take: Take) -> None:
    take(table(right(Title='=HYPERLINK("http://evil.example")', Note="@SUM(1)")))
    data, items, spoiled = source.export("csv")
    (row,) = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
    assert row["Title"].startswith("'=")
    assert (items, spoiled, row["NHS number"]) == (1, 0, ADA_NUMBER)
    assert b'"=HYPERLINK' not in data
    assert rb'"title": "=HYPERLINK(\"http' in source.export("jsonl")[0]
    assert set(Form) == {"csv", "jsonl"}


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "＝1"])
def test_nothing_a_spreadsheet_would_run_is_left_as_it_is(cell: str) -> None:
    assert inert(cell) == f"'{cell}"
    assert inert(f"a{cell}") == f"a{cell}"


def test_a_mapping_may_make_no_entry_of_a_section_that_is_not_kept(hosting: Hosting) -> None:
    mapping = {
        "nhs_number_column": "No",
        "born_on_column": "Born",
        "entries": [{"section": Section.ALLERGIES.value, "title_column": "What"}],
    }
    with pytest.raises(InvalidInput) as refused:
        check_options(options_of({"sections": "housing", **mapping}))
    assert refused.value.field == "entries"
    source = HostedSource.configured("pantry", {"sections": "housing"}, hosting).reading(mapping)
    data = f"No,Born,What\n{ADA_NUMBER},14/03/1964,Latex\n".encode()
    assert [problem.code for problem in source.look(data, now=NOON).problems] == ["section-not-kept"]


def test_a_row_without_a_name_is_named_by_whoever_keeps_it(source: HostedSource) -> None:
    read = read_table(
        table(right(Reference="")),
        source.columns,
        source="pantry",
        sections=frozenset(source.sections),
        names=lambda texts: [f"named-{len(texts)}"],
        now=NOON,
    )
    assert [item.key for item in read.items] == ["csv:named-1"]
