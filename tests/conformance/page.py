"""``CONFORMANCE.md``, from the table, from what the tests say they show, and from how a run of them went.

Pure: it runs nothing. Whether a row is met is a result, and comes from a run alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

from tests.conformance.every import MODULES, STANDARDS
from tests.conformance.rows import Shown
from tests.conformance.table import Row, Standard

_LINE = re.compile(r"^\| ([A-Za-z0-9.-]+) \|.*\| ([a-z ]+)(?:: .*)? \|$")
_HEADING = re.compile(r"^## (.*)$")


class Result(StrEnum):
    MET = "met"
    NOT_MET = "not met"
    NOT_TRIED = "not tried"  # its tests did not run, for want of something on the machine
    NOT_OURS = "not applicable"


Results = Mapping[str, Result]

BEFORE = """# What the standards ask, and how far it is met

Each row is asked of the broker by a standard, or by what the library under it leaves undone. Beside each is the test
that shows it, and how the last run of those tests went: this page is written by `make conformance` and by nothing else.
A test guards that no row loses its test, and that this page names the tests there are.
"""

PLAINLY = """## What is not met, said plainly

- The OpenID Foundation's conformance suite was not run, and the broker is **not certified**. Its modules are listed by
  name, each with a test here that tries the same; a test of ours is not the Foundation's.
- TLS is the proxy's (FAPI-25): the broker is served in clear text to a proxy on its own machine, and
  `docs/run-in-production.md` says what the proxy must do. No test here speaks TLS to a proxy.
- Mutual TLS (RFC 8705) is not offered: a client authenticates by `private_key_jwt`, and tokens are bound by DPoP.
- Signed authorization responses (JARM), OpenID Connect ID tokens, dynamic registration and grant management are not
  offered. Nothing but a code comes back through a browser, and clients are registered by an operator.
- The differential (`tests/oauth/test_differential.py`) sends more than 150 requests, right and wrong, to npm
  oidc-provider set to FAPI 2.0 and to the broker. Nothing it refused was taken here. It compares what is pushed and the
  token endpoint, and not what happens in a browser.
"""


def page(shown: Iterable[Shown], results: Results) -> str:
    """The whole page. ``results`` has one for each row and module that has a test."""
    by_row = tests_by_row(shown)
    parts = [BEFORE, _summary(by_row, results), PLAINLY]
    parts += [_table(standard, by_row, results) for standard in STANDARDS]
    parts.append("# The OpenID Foundation's modules, by name\n")
    parts += [_table(standard, by_row, results) for standard in MODULES]
    return "\n".join(parts)


def tests_by_row(shown: Iterable[Shown]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in shown:
        for id in dict.fromkeys((*each.rows, *each.modules)):
            found.setdefault(id, []).append(each.test)
    return found


def results_on(text: str) -> dict[str, Result]:
    """The results that a page says, by row."""
    found = (_LINE.match(line) for line in text.splitlines())
    known = {each.value for each in Result}
    return {line[1]: Result(line[2].strip()) for line in found if line and line[2].strip() in known}


def result_of(row: Row, tests: list[str], outcomes: Mapping[str, Iterable[str]]) -> Result:
    """How a row stands after a run. ``outcomes`` has what became of each case of a test: passed, failed or skipped."""
    if row.reason:
        return Result.NOT_OURS
    ran = [outcome for test in tests for outcome in outcomes.get(test, ())]
    if "failed" in ran:
        return Result.NOT_MET
    return Result.MET if "passed" in ran else Result.NOT_TRIED


def _summary(by_row: Mapping[str, list[str]], results: Results) -> str:
    lines = ["| standard | rows | met | not met | not tried | not applicable |", "|---|---|---|---|---|---|"]
    for standard in (*STANDARDS, *MODULES):
        stand = [_stands(row, by_row, results) for row in standard.rows]
        counts = " | ".join(str(stand.count(result)) for result in Result)
        lines.append(f"| {standard.title} | {len(stand)} | {counts} |")
    return "\n".join(lines) + "\n"


def _stands(row: Row, by_row: Mapping[str, list[str]], results: Results) -> Result:
    if row.reason:
        return Result.NOT_OURS
    return results.get(row.id, Result.NOT_TRIED) if by_row.get(row.id) else Result.NOT_MET


def _table(standard: Standard, by_row: Mapping[str, list[str]], results: Results) -> str:
    lines = [f"## {standard.title}", "", "| row | level | what | tests | result |", "|---|---|---|---|---|"]
    for row in standard.rows:
        result = _stands(row, by_row, results)
        said = f"{result}: {row.reason}" if row.reason else str(result)
        clause = f" ({row.clause})" if row.clause else ""
        tests = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in by_row.get(row.id, []))
        lines.append(f"| {row.id} | {row.level} | {row.what}{clause} | {tests} | {said} |")
    return "\n".join(lines) + "\n"
