"""What is installed is what was locked: every package by hash, the same for running and for testing."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import ROOT

LOCKS = ROOT / "requirements"


def locked(name: str) -> dict[str, str]:
    """Package names with the version this lock holds them at. A name with two versions by platform keeps both."""
    found: dict[str, str] = {}
    for line in (LOCKS / f"{name}.txt").read_text().splitlines():
        if match := re.match(r"([a-z0-9][a-z0-9._-]*)(?:\[[a-z,]+\])?==(\S+)", line):
            found[match[1]] = f"{found.get(match[1], '')}{match[2]} "
    return {package: version.strip() for package, version in found.items()}


def project() -> dict[str, list[str]]:
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = whole["dependency-groups"]
    tests = [each for group in ("test", "dev") for each in groups[group] if isinstance(each, str)]
    run = whole["project"]["dependencies"] + whole["project"]["optional-dependencies"]["postgres"]
    return {"run": run, "dev": run + tests}


@pytest.mark.parametrize("path", sorted(LOCKS.glob("*.txt")), ids=lambda path: path.name)
def test_every_locked_package_has_its_hashes(path: Path) -> None:
    lines = path.read_text().splitlines()
    bare = [a for a, b in zip(lines, [*lines[1:], ""], strict=True) if re.match(r"\w.*==", a) and "--hash=" not in b]
    assert bare == []


@pytest.mark.parametrize("kind", ["run", "dev"])
def test_the_lock_holds_everything_the_project_asks_for(kind: str) -> None:
    wanted = [Requirement(text) for text in project()[kind]]
    held = locked(kind)
    missing = [str(w) for w in wanted if not (w.specifier.contains(held.get(canonicalize_name(w.name), "0")))]
    assert missing == []


def test_the_tests_run_on_what_is_served() -> None:
    """So that an environment made for tests can also run the broker."""
    run, dev = locked("run"), locked("dev")
    assert {name: version for name, version in run.items() if dev.get(name) != version} == {}


def test_the_installer_is_locked_too() -> None:
    assert set(locked("uv")) == {"uv"}
