"""The policies are formatted, strict, tested and clean, by the engine's own tools."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.house import machine
from tests.house.tree import ROOT, shown

POLICIES = ROOT / "policies"
DATA = [f"sharing.{part}:policies/{part}/data.json" for part in ("vocabulary", "tables")]


def rego(*, tests: bool = True) -> list[Path]:
    return [p for p in sorted(POLICIES.rglob("*.rego")) if tests or not p.name.endswith("_test.rego")]


def said_by(program: Path | None, *arguments: object) -> str:
    """What a program says, with a leading "failed:" where it is not content. Empty when it has nothing to say."""
    assert program is not None
    command = [str(program), *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return f"failed:\n{done.stdout}{done.stderr}" if done.returncode else done.stdout.strip()


@pytest.mark.needs("opa")
def test_the_policies_are_formatted() -> None:
    assert said_by(machine.opa(), "fmt", "--list", "--fail", *rego()) == ""


@pytest.mark.needs("opa")
def test_the_policies_pass_the_strict_check() -> None:
    assert said_by(machine.opa(), "check", "--strict", "--schema", POLICIES / "schemas", *rego()) == ""


@pytest.mark.needs("opa")
def test_the_policies_own_tests_pass() -> None:
    said = said_by(machine.opa(), "test", *rego(), *DATA)
    assert not said.startswith("failed"), said
    assert "PASS" in said


@pytest.mark.needs("opa")
def test_the_policies_own_tests_reach_every_line_of_every_rule() -> None:
    said = said_by(machine.opa(), "test", "--coverage", *rego(), *DATA)
    assert not said.startswith("failed"), said
    files = {(ROOT / name).resolve(): found for name, found in json.loads(said)["files"].items()}

    assert sorted(shown(path) for path in rego(tests=False) if path not in files) == []
    assert [line for path in rego(tests=False) for line in untried(path, files[path])] == []


def untried(path: Path, found: dict[str, Any]) -> list[str]:
    """Where in a rule's file no test has been, each as ``file:first-last``, of the coverage that OPA reports."""
    ranges = [(each["start"]["row"], each["end"]["row"]) for each in found.get("not_covered", [])]
    return [f"{shown(path)}:{first}-{last}" for first, last in sorted(set(ranges))]


@pytest.mark.needs("regal")
def test_the_policies_are_clean() -> None:
    program = machine.regal()
    assert program is not None
    done = subprocess.run(
        [program, "lint", "--format", "json", POLICIES], cwd=ROOT, capture_output=True, text=True, check=False
    )
    found = json.loads(done.stdout)["violations"]
    places = [f"{each['location']['file']}:{each['location']['row']} {each['title']}" for each in found]
    assert places == [], "see .regal/config.yaml for what is left out, and why"


def test_every_rule_has_its_tests_beside_it() -> None:
    alone = [p.parent for p in rego(tests=False) if not list(p.parent.glob("*_test.rego"))]
    assert sorted({shown(folder) for folder in alone}) == []
