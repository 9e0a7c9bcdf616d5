"""Every module opens with a sentence and stays small enough to hold in the head; the domain never hears of HTTP."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import ROOT, parsed, python_files, shown

OURS = ("broker", "adapters", "sandbox", "tests", "benchmarks")
LONGEST_FILE = {"tests": 500}
LONGEST_FILE_ELSEWHERE = 400
LONGEST_FUNCTION = 60
NOT_COUNTED = (
    "broker/migrations/versions/0001_",
    "broker/migrations/versions/0003_",
    "broker/vocabulary.py",
)  # written by a tool; one table of words
DOMAIN = (
    "governance",
    "access",
    "joining",
    "proxies",
    "records",
    "consent",
    "agreements",
    "accounts",
    "federation",
    "grants",
    "notices",
    "identity",
    "audit",
)
HTTP = {"flask", "werkzeug", "marshmallow", "flask_smorest", "flask_wtf", "flask_sqlalchemy_lite", "wtforms"}
READS_A_DOCUMENT = {("broker/agreements/schema.py", "marshmallow")}  # an agreement is a document, not a request
PURE = ("broker/records", "broker/audit/log.py", "broker/audit/proofs.py", "broker/access/request.py")


def by_hand(*rooms: str) -> list[Path]:
    return [path for path in python_files(*rooms) if not shown(path).startswith(NOT_COUNTED)]


def imports(path: Path) -> Iterator[str]:
    """The name of every module this one imports, wherever in it."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_every_module_opens_with_a_sentence() -> None:
    bare = [shown(path) for path in python_files(*OURS) if parsed(path).body and not ast.get_docstring(parsed(path))]
    assert bare == []


def test_no_file_is_too_long_to_hold_in_the_head() -> None:
    long = {}
    for path in by_hand(*OURS):
        length = len(path.read_text(encoding="utf-8").splitlines())
        if length > LONGEST_FILE.get(shown(path).split("/")[0], LONGEST_FILE_ELSEWHERE):
            long[shown(path)] = length
    assert long == {}


def test_no_function_tells_more_than_one_story() -> None:
    long = {
        f"{shown(path)}:{function.lineno} {function.name}": length
        for path in by_hand(*OURS)
        for function in functions(path)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > LONGEST_FUNCTION
    }
    assert long == {}


@pytest.mark.parametrize("room", DOMAIN)
def test_the_domain_has_never_heard_of_http(room: str) -> None:
    found = {
        shown(p): name for p in python_files(f"broker/{room}") for name in imports(p) if name.split(".")[0] in HTTP
    }
    assert {where: name for where, name in found.items() if (where, name) not in READS_A_DOCUMENT} == {}


def test_what_is_pure_touches_no_database() -> None:
    pure = [p for p in python_files("broker") if shown(p).startswith(PURE)]
    found = {shown(p): n for p in pure for n in imports(p) if n.split(".")[0] == "sqlalchemy" or n == "broker.database"}
    assert pure
    assert found == {}


def test_an_adapter_knows_only_what_a_source_system_is() -> None:
    allowed = {"broker.records.source", "broker.vocabulary", "broker.errors"}
    found = {
        shown(p): n for p in python_files("adapters") for n in imports(p) if n.split(".")[0] in ("broker", "sandbox")
    }
    assert {where: name for where, name in found.items() if name not in allowed} == {}


def test_only_app_knows_the_adapters() -> None:
    found = {shown(p) for p in python_files("broker") for name in imports(p) if name.split(".")[0] == "adapters"}
    assert found <= {"broker/app.py"}


def test_what_is_served_never_needs_the_sandbox() -> None:
    """Only the demonstration may, and only once it has been asked for."""
    allowed = ("broker/cli", "broker/demonstration")
    found = [
        shown(p) for p in python_files("broker", "adapters") if any(n.split(".")[0] == "sandbox" for n in imports(p))
    ]
    assert [path for path in found if not path.startswith(allowed)] == []
    for path in found:
        at_the_top = {
            node.module for node in parsed(ROOT / path).body if isinstance(node, ast.ImportFrom) and node.module
        }
        assert not any(name.startswith("sandbox") for name in at_the_top), (
            f"{path} imports the sandbox before it is asked for"
        )


def test_only_the_engines_speak_to_a_policy_engine() -> None:
    found = {
        shown(p) for p in python_files("broker") for n in imports(p) if n.split(".")[0] in ("regorus", "opa_client")
    }
    assert all(path.startswith("broker/access/engines/") for path in found)


def test_there_is_one_way_to_a_record() -> None:
    """Others may use the loop that asks (``run``), to check a source, and the shape of what was said; only release may
    ask about somebody, and an operator who tries a source, who is told counts and leaves an entry on the trail."""
    found = set()
    for path in set(python_files("broker")) - set(python_files("broker/records")):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ImportFrom) and node.module == "broker.records.collect":
                found |= {shown(path)} if {alias.name for alias in node.names} - {"run", "SourceOutcome"} else set()
            elif isinstance(node, ast.ImportFrom) and node.module == "broker.records":
                found |= {shown(path)} if "collect" in {alias.name for alias in node.names} else set()
            elif isinstance(node, ast.Import):
                found |= {shown(path)} if "broker.records.collect" in {alias.name for alias in node.names} else set()
    assert found <= {"broker/access/release.py", "broker/cli/trying.py"}
