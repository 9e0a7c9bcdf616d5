"""Run the rules' own tests, and say which lines of the rules they reach. In a child process, within limits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from broker.access.engines import Bundle, child
from broker.access.engines.child import Limits
from broker.access.engines.rego_text import Kind, tokens
from broker.agreements import bundle, generated
from broker.governance.playground import Covered

TESTING = Limits(cpu_seconds=60, memory_mb=1024, wall_seconds=90.0)
_SUFFIX = "_test.rego"
_TEST = re.compile(r"^(test_\w+)", re.MULTILINE)
_PACKAGE = re.compile(r"^package ([\w.]+)[ \t]*$", re.MULTILINE)
_IMPORT = re.compile(r"^import (?P<path>data(?:\.\w+)+)[ \t]*$", re.MULTILINE)
_SHARED = "broker/testing/"  # what tests share is no rule, and is not counted as one


@dataclass(frozen=True)
class Tested:
    """One test: where it is, whether it held, and why not where the engine said."""

    name: str
    file: str
    line: int
    passed: bool
    problem: str = ""


@dataclass(frozen=True)
class Report:
    """Every test, in order, and the lines of each rule's file that they reach."""

    tests: tuple[Tested, ...]
    coverage: Mapping[str, Covered] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[Tested, ...]:
        return tuple(test for test in self.tests if not test.passed)

    @property
    def share(self) -> int:
        """How much of the rules the tests reach, in whole per cent, rounded down."""
        return Covered(
            tuple(line for each in self.coverage.values() for line in each.covered),
            tuple(line for each in self.coverage.values() for line in each.not_covered),
        ).share


def run(modules: Mapping[str, str], *, limits: Limits = TESTING) -> Report:
    """Run every rule called ``test_…`` of the files called ``…_test.rego`` among ``modules`` (path to text).

    They find the vocabulary and London's tables as published, and no agreement but their own. Raises EngineUnavailable
    where the limits stop them, EngineUnclear where a file cannot be loaded.
    """
    found = [each for path, text in sorted(modules.items()) if path.endswith(_SUFFIX) for each in _tests(path, text)]
    if not found:
        return Report(())
    words = {"vocabulary": generated.vocabulary(), "tables": bundle.load_tables()}
    written_out = {path: without_imports(text) for path, text in modules.items()}
    everything = Bundle("tests", written_out, {"sharing": {"revision": "tests", **words}})
    documents = list(dict.fromkeys(document for document, *_ in found))
    item, report = child.evaluate(everything, [{}], documents=documents, coverage=True, limits=limits)
    return Report(tuple(_tested(item, *test) for test in found), _coverage(report["coverage"]))


def without_imports(text: str) -> str:
    """``text`` with every package that it imports written out where it is used, line for line.

    Tests may import, and rules may not: the embedded engine loses an imported name beside ``with``.
    """
    imported = {match["path"].rpartition(".")[2]: match["path"] for match in _IMPORT.finditer(text)}
    read = tokens(_IMPORT.sub("", text))
    lines = _IMPORT.sub("", text).split("\n")
    for before, token in reversed(list(pairwise([None, *read]))):
        path = imported.get(token.text) if token and token.kind is Kind.NAME else None
        if token and path and (before is None or before.text != "."):
            line, at = lines[token.line - 1], token.column - 1
            lines[token.line - 1] = f"{line[:at]}{path}{line[at + len(token.text) :]}"
    return "\n".join(lines)


def _tests(path: str, text: str) -> Sequence[tuple[str, str, str, int]]:
    """The document, name, file and line of each test, once where it has several bodies."""
    package = _PACKAGE.search(text)
    first = {match[1]: text.count("\n", 0, match.start()) + 1 for match in reversed(list(_TEST.finditer(text)))}
    named = package[1] if package else ""
    return sorted(((f"{named}.{name}", name, path, line) for name, line in first.items()), key=lambda test: test[3])


def _tested(item: Mapping[str, Any], document: str, name: str, path: str, line: int) -> Tested:
    problem = item.get(child.PROBLEMS, {}).get(document, "")
    return Tested(name, path, line, item.get(document) is True, problem)


def _coverage(report: Mapping[str, Mapping[str, Sequence[int]]]) -> dict[str, Covered]:
    return {
        path: Covered(tuple(lines["covered"]), tuple(lines["not_covered"]))
        for path, lines in sorted(report.items())
        if not path.endswith(_SUFFIX) and not path.startswith(_SHARED)
    }
