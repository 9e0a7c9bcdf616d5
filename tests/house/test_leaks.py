"""Nothing committed holds a real-looking NHS number, a machine's path, or the address of a package index."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from broker.logs import REMOVED_NUMBER, without_nhs_numbers
from tests.house.tree import ROOT, shown, text_files

# Written in parts, so that this file does not hold what it looks for.
MACHINE_PATHS = re.compile(
    r"(?<![\w.~-])/(?:" + "|".join(("root", "wor" + "k", "home/[a-z]+", "Users/[A-Za-z]+")) + r")/"
)
INDEXES = re.compile(
    "|".join(
        (
            "py" + r"pi\.org",
            "python" + r"hosted\.org",
            "npm" + r"js\.(org|com)",
            r"proxy\.go" + "lang",
            "cra" + r"tes\.io",
        )
    )
)
# Synthetic people have valid numbers from the range kept for tests; hashes and minified files hold any digits.
INSTANTS = re.compile(r"\b1[6-9]\d{8}\b")  # in seconds; NHS numbers in England begin with 4, 6, 7 or 9
MAY_HOLD_NUMBERS = ("tests/", "sandbox/", "benchmarks/", "requirements/", ".ci/", "vectors/", "broker/web/static/")


def holding(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    return [
        f"{shown(path)}:{number}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_holds_an_nhs_number() -> None:
    tests = ("_test.rego",)
    paths = [p for p in text_files() if not shown(p).startswith(MAY_HOLD_NUMBERS) and not p.name.endswith(tests)]
    texts = {shown(p): INSTANTS.sub("", p.read_text(encoding="utf-8", errors="replace")) for p in paths}
    found = [where for where, text in texts.items() if REMOVED_NUMBER in without_nhs_numbers(text)]
    assert [path for path in found if path != "broker/logs.py"] == []


def test_no_file_holds_a_machines_path() -> None:
    assert holding(MACHINE_PATHS, text_files()) == []


def test_no_file_names_a_package_index() -> None:
    paths = [path for path in text_files() if not shown(path).startswith("broker/web/static/")]
    assert holding(INDEXES, paths) == []


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_a_lock_names_no_address_and_no_option(path: Path) -> None:
    assert holding(re.compile(r"://|^-|--(index|extra|find|trusted)|@ "), [path]) == []
