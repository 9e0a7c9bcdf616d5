"""Every code has a plain label, is written as words, and every reason to refuse occurs in a decision scenario."""

from __future__ import annotations

import inspect
import re

import pytest
from ruamel.yaml import YAML

from broker import vocabulary
from broker.vocabulary import Coded, DenialReason
from tests.house.tree import ROOT

VOCABULARIES = [
    kind
    for _, kind in inspect.getmembers(vocabulary, inspect.isclass)
    if issubclass(kind, Coded) and kind is not Coded and len(kind)
]
SCENARIOS = ROOT / "tests" / "policies" / "decisions.yaml"
# These are what the broker answers when the engine fails or a duty cannot be done: no policy gives them.
NOT_FROM_POLICY = {r for r in DenialReason if r.layer is vocabulary.Layer.ENGINE}


@pytest.mark.parametrize("kind", VOCABULARIES, ids=lambda kind: kind.__name__)
def test_every_code_has_a_plain_label_of_its_own(kind: type[Coded]) -> None:
    labels = [member.label for member in kind]
    assert all(labels)
    assert len(set(labels)) == len(labels)
    assert not any("_" in label or (label.isupper() and len(label) > 4) for label in labels)


@pytest.mark.parametrize("kind", VOCABULARIES, ids=lambda kind: kind.__name__)
def test_every_code_reads_in_words(kind: type[Coded]) -> None:
    assert [m.value for m in kind if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", m.value)] == []


def test_a_sentence_that_refuses_ends_with_a_full_stop() -> None:
    assert [reason.value for reason in DenialReason if not reason.label.endswith(".")] == []


def test_every_reason_to_refuse_occurs_in_a_decision_scenario() -> None:
    if not SCENARIOS.exists():
        pytest.skip("there are no decision scenarios yet")
    mentioned = set(_words(YAML(typ="safe").load(SCENARIOS.read_text(encoding="utf-8"))))
    assert sorted(r.value for r in DenialReason if r not in NOT_FROM_POLICY and r.value not in mentioned) == []


def _words(node: object) -> list[str]:
    if isinstance(node, dict):
        return [word for part in (*node.keys(), *node.values()) for word in _words(part)]
    if isinstance(node, list):
        return [word for part in node for word in _words(part)]
    return [str(node)]
