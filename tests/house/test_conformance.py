"""Every row that a standard asks has a test or a stated reason, and the page of them is what would be written."""

from __future__ import annotations

from collections import Counter

from tests.conformance import page, rows
from tests.conformance.every import MODULES, STANDARDS
from tests.conformance.every import rows as rows_of
from tests.conformance.page import Result
from tests.house.tree import ROOT, parsed

KNOWN = {**rows_of(STANDARDS), **rows_of(MODULES)}
PAGE = ROOT / "CONFORMANCE.md"


def test_no_row_is_there_twice() -> None:
    named = Counter(row.id for standard in (*STANDARDS, *MODULES) for row in standard.rows)
    assert [id for id, times in named.items() if times > 1] == []


def test_every_row_has_a_test_or_says_why_not_and_never_both() -> None:
    by_row = page.tests_by_row(rows.shown())
    assert sorted(id for id, row in KNOWN.items() if not row.reason and id not in by_row) == []
    assert sorted(id for id, row in KNOWN.items() if row.reason and id in by_row) == []


def test_no_test_shows_a_row_that_is_not_asked() -> None:
    asked, modules = rows_of(STANDARDS), rows_of(MODULES)
    assert sorted({id for each in rows.shown() for id in each.rows} - set(asked)) == []
    assert sorted({id for each in rows.shown() for id in each.modules} - set(modules)) == []


def test_every_test_that_shows_a_row_is_one_that_is_run() -> None:
    """A name that pytest would not collect shows nothing."""
    for each in rows.shown():
        path, _, name = each.test.partition("::")
        assert name.startswith("test_"), each.test
        assert name in {getattr(node, "name", "") for node in parsed(ROOT / path).body}, each.test


def test_a_row_that_loses_its_test_is_seen() -> None:
    without = [each for each in rows.shown() if "FAPI-05" not in each.rows]
    assert "FAPI-05" not in page.tests_by_row(without)
    assert page.page(without, {}) != page.page(rows.shown(), {})


def test_the_page_names_the_rows_and_the_tests_there_are() -> None:
    """Only how the last run went is the page's own to say."""
    written = PAGE.read_text(encoding="utf-8")
    assert written == page.page(rows.shown(), page.results_on(written)), "run `make conformance`"


def test_the_page_says_of_every_row_how_it_stands() -> None:
    said = page.results_on(PAGE.read_text(encoding="utf-8"))
    assert Result.NOT_MET not in said.values()
    assert {id for id, row in KNOWN.items() if not row.reason} <= set(said)
