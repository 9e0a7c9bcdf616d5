"""Run every test that shows a row, and print the page of how they went: ``python -m tests.conformance``.

Fails, and still prints, where a row is not met.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from contextlib import redirect_stdout
from typing import Any

import pytest

from tests.conformance.every import MODULES, STANDARDS, rows
from tests.conformance.page import Result, page, result_of, tests_by_row
from tests.conformance.rows import shown


class Outcomes:
    """What became of each case, by its test's address without the case."""

    def __init__(self) -> None:
        self.of: dict[str, list[str]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.of[report.nodeid.partition("[")[0]].append(report.outcome)


def main() -> int:
    outcomes, tests = Outcomes(), sorted({each.test for each in shown()})
    with redirect_stdout(sys.stderr):
        pytest.main(["-q", "-p", "no:randomly", "--tb=line", *sys.argv[1:], *tests], plugins=[outcomes])
    by_row = tests_by_row(shown())
    known = {**rows(STANDARDS), **rows(MODULES)}
    results = {id: result_of(row, by_row.get(id, []), outcomes.of) for id, row in known.items()}
    print(page(shown(), results), end="")
    return 1 if Result.NOT_MET in results.values() else 0


if __name__ == "__main__":
    sys.exit(main())
