"""What docs/proof.md claims is there: each failure elsewhere, and each example consent, has its scenario or test."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from ruamel.yaml import YAML

from broker.access.engines.portability import RULES
from tests.house.tree import ROOT
from tests.policies.world import HERE, scenarios

PAGE = (ROOT / "docs" / "proof.md").read_text(encoding="utf-8")
NAMES = [scenario["name"] for scenario in scenarios()["scenarios"]]
FAILURES = [*(f"N{number}" for number in range(1, 29)), "N12b", "N12c"]
PCF_IDS = [
    "consent-basic-treat", "consent-basic-treat-infant", "consent-basic-reject", "consent-expired-treat",
    "consent-basic-research", "consent-intermediate-timeframe", "consent-intermediate-not-timeframe",
    "consent-intermediate-authoredby", "consent-intermediate-not-authoredby", "consent-intermediate-encounter",
    "consent-intermediate-not-encounter", "consent-intermediate-data", "consent-intermediate-not-data",
    "consent-intermediate-purpose", "dissent-intermediate-break-glass", "consent-advanced-normal",
    "consent-advanced-normal-restricted", "consent-advanced-normal-not-restricted",
    "consent-advanced-normal-focused-psy", "consent-advanced-normal-focused-psy-or-sdv",
    "consent-advanced-normal-break-glass-restricted",
]  # fmt: skip


@pytest.mark.parametrize("number", FAILURES)
def test_each_failure_of_other_systems_is_tested_where_the_page_says(number: str) -> None:
    (row,) = re.findall(rf"^\| {number} \| [^|]+ \| ([^|]+) \|$", PAGE, re.M)
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row)
    by_scenario = row.startswith("scenario")

    assert named or by_scenario
    assert by_scenario == any(name.startswith(f"{number}: ") for name in NAMES)
    for path, test in named:
        text = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^(?:async )?def {test}\(", text, re.M), f"{path}::{test}"


def test_each_example_consent_is_a_scenario_or_says_why_not() -> None:
    told: Mapping[str, Any] = YAML(typ="safe", pure=True).load((HERE / "pcf.yaml").read_text(encoding="utf-8"))

    assert sorted(told) == sorted(PCF_IDS)
    for id, entry in told.items():
        assert ("scenario" in entry) != ("because" in entry), id
        assert ("scenario" in entry) == any(name.startswith(f"PCF {id}: ") for name in NAMES), id


def test_the_page_lists_every_rule_of_portable_rego() -> None:
    assert re.findall(r"^\| (P\d) \|", PAGE, re.M) == sorted(set(RULES.values()))
