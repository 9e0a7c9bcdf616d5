"""Every scenario of ``decisions.yaml``, decided by every engine, as ``pdp.decide`` reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from broker.access import pdp
from broker.access.engines import PolicyEngine
from broker.access.request import Decision
from broker.errors import EngineUnavailable
from broker.vocabulary import DenialReason
from tests.policies.world import NOW, Asked, asked, instant, question_of, scenarios, the_bundle

PATIENCE = timedelta(seconds=10)
SCENARIOS = scenarios()["scenarios"]
EXPECTATIONS = {
    "sees", "reasons", "withheld", "obligations", "agreements", "disclosure", "requestable", "valid_until",
}  # fmt: skip
DIFFERENCES = {
    "name", "who", "as", "purpose", "sections", "sources", "relationships", "choices", "resident", "break_glass",
    "under", "fault", "spoil",
}  # fmt: skip


class Faulty:
    """An engine whose answers are spoilt on the way."""

    def __init__(self, engine: PolicyEngine, fault: str | None) -> None:
        self.name, self.version = engine.name, engine.version
        self._engine, self._fault = engine, fault

    def decide(self, question: Mapping[str, Any], *, deadline: timedelta) -> Mapping[str, Any]:
        if self._fault == "silent":
            raise EngineUnavailable("no answer")
        answer = dict(self._engine.decide(question, deadline=deadline))
        return {**answer, **_FAULTS.get(self._fault or "", {})}


_FAULTS: dict[str, dict[str, Any]] = {
    "garbled": {"pairs": "all of them"},
    "older": {"revision": "2026-01-01T00:00:00Z/0"},
    "unknown-obligation": {"obligations": [{"obligation": "write-in-triplicate"}]},
}


def decide(engine: PolicyEngine, given: Asked, *, fault: str | None = None) -> Decision:
    asking: Any = Faulty(engine, fault)
    return pdp.decide(asking, given.request, given.facts, revision=the_bundle().revision, deadline=PATIENCE, now=NOW)


@pytest.mark.parametrize("scenario", [s for s in SCENARIOS if "spoil" not in s], ids=lambda s: s["name"])
def test_scenario(scenario: Mapping[str, Any], policy: PolicyEngine) -> None:
    given = asked(scenarios()["base"], scenario)

    decision = decide(policy, given, fault=scenario.get("fault"))

    for pair in decision.pairs:
        expected = _expected(scenario["sees"], pair.section.value, pair.source)
        assert {reason.value for reason in pair.reasons} == expected, (pair.section.value, pair.source)
    stated = {name for name in EXPECTATIONS & scenario.keys() if scenario[name] is not None}
    for name in stated - {"sees"}:
        assert _FOUND[name](decision) == _plain(name, scenario[name]), name


@pytest.mark.parametrize("scenario", [s for s in SCENARIOS if "spoil" in s], ids=lambda s: s["name"])
def test_a_spoilt_question_is_refused(scenario: Mapping[str, Any], policy: PolicyEngine) -> None:
    question = question_of(scenario)

    answer = policy.decide(question, deadline=PATIENCE)

    assert len(answer["pairs"]) == len(question["request"]["pairs"])
    for pair in answer["pairs"]:
        assert set(pair["reasons"]) == _expected(scenario["sees"], pair["section"], pair["source"])
    assert answer["reasons"] == scenario.get("reasons", answer["reasons"])


def test_every_reason_occurs_in_a_scenario() -> None:
    occurring = {reason for scenario in SCENARIOS for reason in _reasons_in(scenario)}

    assert occurring == {reason.value for reason in DenialReason}


def test_every_name_is_given_once_and_every_key_is_understood() -> None:
    names = [scenario["name"] for scenario in SCENARIOS]

    assert len(names) == len(set(names)) >= 80
    for scenario in SCENARIOS:
        assert not scenario.keys() - EXPECTATIONS - DIFFERENCES, scenario["name"]
        assert scenario["sees"], scenario["name"]


# ---- what a scenario expects, and what was found -------------------------------------------------------------------


def _expected(sees: Any, section: str, source: str) -> set[str]:
    """The reasons expected for a pair; none where it is permitted."""
    if isinstance(sees, dict):
        by_section = sees.get(section, sees.get("*"))
        sees = by_section.get(source, by_section.get("*")) if isinstance(by_section, dict) else by_section
    assert sees is not None, "the scenario says nothing of this pair"
    if sees in (True, "yes"):
        return set()
    return {sees} if isinstance(sees, str) else set(sees)


_FOUND: dict[str, Callable[[Decision], Any]] = {
    "reasons": lambda decision: [reason.value for reason in decision.reasons],
    "withheld": lambda decision: _withheld(decision),
    "obligations": lambda decision: sorted(duty.obligation.value for duty in decision.duties),
    "agreements": lambda decision: list(decision.agreements),
    "disclosure": lambda decision: decision.disclosure.value,
    "requestable": lambda decision: decision.requestable,
    "valid_until": lambda decision: decision.valid_until and int(decision.valid_until.timestamp()),
}


def _withheld(decision: Decision) -> dict[str, set[str]]:
    """Sensitivities left out of what is permitted, by the reason an entry with one is left out for."""
    labels = {label for pair in decision.pairs if pair.permitted for label in pair.withheld_labels}
    return {
        "restricted-in-law": {label.value for label in labels if label.in_law},
        "sensitive": {label.value for label in labels if not label.in_law},
    }


def _plain(name: str, expected: Any) -> Any:
    if name == "withheld":
        return {reason: set(labels) for reason, labels in expected.items()}
    if name == "valid_until":
        return instant(expected)
    return expected


def _reasons_in(scenario: Mapping[str, Any]) -> set[str]:
    found: set[str] = set(scenario.get("withheld") or {})
    pending = [scenario["sees"]]
    while pending:
        sees = pending.pop()
        if isinstance(sees, dict):
            pending += sees.values()
        elif isinstance(sees, list):
            found |= set(sees)
        elif isinstance(sees, str) and sees != "yes":
            found.add(sees)
    return found
