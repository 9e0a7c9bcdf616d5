"""Which rows of which standard a test shows: said on the test itself, in plain texts, so that it can be read unrun.

::

    @row("FAPI-05", oidf="PAREndpointAsArrayAudienceFails")
    def test_an_assertion_for_a_list_of_audiences_is_refused(...): ...

Ids are those of ``table``; ``oidf`` names modules of the OpenID Foundation's suite. Only literal texts may be given.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

Test = TypeVar("Test", bound=Callable[..., Any])
TESTS = Path(__file__).parents[1]


def row(*ids: str, oidf: str | tuple[str, ...] = ()) -> Callable[[Test], Test]:
    """Say that a test shows the rows ``ids``, and what the modules ``oidf`` show. Changes nothing of the test."""

    def unchanged(test: Test) -> Test:
        return test

    assert ids or oidf, "a row has an id"
    return unchanged


@dataclass(frozen=True, slots=True)
class Shown:
    """One test, by its address, and the rows and modules it says it shows."""

    test: str
    rows: tuple[str, ...]
    modules: tuple[str, ...]


@cache
def shown() -> tuple[Shown, ...]:
    """Every test that says so, in the order of the files. Reads them; runs nothing."""
    found = []
    for path in sorted(TESTS.rglob("test_*.py")):
        if "node_modules" in path.parts or "@row(" not in (text := path.read_text(encoding="utf-8")):
            continue
        where = f"tests/{path.relative_to(TESTS)}"
        for node in ast.walk(ast.parse(text, str(path))):
            if isinstance(node, ast.FunctionDef) and (said := _said(node)) is not None:
                found.append(Shown(f"{where}::{node.name}", *said))
    return tuple(found)


def _said(test: ast.FunctionDef) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    rows: list[str] = []
    modules: list[str] = []
    for each in test.decorator_list:
        if not (isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "row"):
            continue
        rows += [ast.literal_eval(given) for given in each.args]
        for keyword in each.keywords:
            named = ast.literal_eval(keyword.value)
            modules += [named] if isinstance(named, str) else list(named)
    return (tuple(rows), tuple(modules)) if rows or modules else None
