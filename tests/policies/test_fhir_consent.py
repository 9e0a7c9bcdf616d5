"""FHIR consents: every public vector, by the engine inside the broker and by OPA alone; and what no answer may do."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.access.engines import consents
from broker.errors import EngineUnavailable, EngineUnclear
from tests.house import machine
from tests.house.tree import ROOT
from tests.policies import vectors
from tests.policies.vectors import Vector, canonical

PATIENCE = timedelta(seconds=10)
README = vectors.FOLDER / "README.md"


@pytest.mark.parametrize("vector", vectors.every(), ids=lambda vector: f"{vector.group}/{vector.name}")
def test_every_vector_is_decided_as_it_says(vector: Vector) -> None:
    assert canonical(consents.decide(vector.input, deadline=PATIENCE)) == canonical(vector.expected)


@pytest.mark.needs("opa")
def test_opa_alone_gives_the_same_answers_byte_for_byte(tmp_path: Path) -> None:
    named = {f"{vector.group}--{vector.name}": vector for vector in vectors.every()}
    for name, vector in named.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(vector.input), encoding="utf-8")
    rules = consents.MODULE.parent
    program = str(machine.opa())
    command = [program, "exec", "-b", str(rules), "--decision", "broker/fhir_consent/result", str(tmp_path)]

    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    found = {Path(each["path"]).stem: canonical(each["result"]) for each in json.loads(said)["result"]}
    assert found == {name: canonical(vector.expected) for name, vector in named.items()}


@pytest.mark.needs("opa")
def test_the_command_that_the_readme_gives_says_true() -> None:
    (command,) = [line.strip() for line in README.read_text(encoding="utf-8").splitlines() if "opa eval" in line]
    words = command.replace("opa eval", f"{machine.opa()} eval", 1)

    said = subprocess.run(words, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)

    assert said.stdout.strip() == "true"


def test_the_index_is_what_would_be_made() -> None:
    assert vectors.INDEX.read_text(encoding="utf-8") == vectors.index()


def test_every_failure_is_in_the_index_and_what_it_names_there_exists() -> None:
    told = vectors.INDEX.read_text(encoding="utf-8")
    elsewhere = told.partition("## Failures that no consent can show")[2]
    defended = {number for vector in vectors.every() for number in vector.defends}
    assert defended | set(re.findall(r"^\| (N\d+) \|", elsewhere, re.M)) >= {f"N{n}" for n in range(1, 29)}

    named = re.findall(r"`([^`]+)`", elsewhere.partition("|---|")[2])
    assert len(named) > 18
    for name in named:
        path, _, test = name.partition("::")
        if test:
            text = (ROOT / path).read_text(encoding="utf-8")
            assert re.search(rf"^(?:async )?def {test}\(", text, re.M), name
        else:
            assert name in vectors.scenario_names()


def test_every_vector_is_in_a_group_with_a_title() -> None:
    assert {vector.group for vector in vectors.every()} == vectors.GROUPS.keys()
    assert len({vector.name for vector in vectors.every()}) == len(vectors.every()) >= 130


def test_every_failure_that_a_vector_names_is_one_that_the_proof_lists() -> None:
    """Those that no consent decides have their tests there."""
    listed = set(re.findall(r"^\| (N\d+[bc]?) \|", (ROOT / "docs" / "proof.md").read_text(encoding="utf-8"), re.M))
    defended = {lesson for vector in vectors.every() for lesson in vector.defends}

    assert defended >= {"N1", "N2", "N3", "N4", "N5", "N6", "N10", "N13", "N23", "N24"}
    assert defended <= listed


def test_every_decision_and_every_reason_occurs() -> None:
    answers = [vector.expected for vector in vectors.every()]
    assert {answer["decision"] for answer in answers} == {"permit", "deny", "not-applicable"}
    assert {reason for answer in answers for reason in answer["reasons"]} == {
        "permitted", "refused", "type-missing", "nothing-on-file", "consent-unreadable", "request-unreadable",
        "instant-unreadable", "patient-missing", "requester-missing", "purpose-missing", "action-missing",
    }  # fmt: skip


# ---- however much is asked -------------------------------------------------------------------------------------------

PLAIN = next(vector for vector in vectors.every() if vector.name == "consent-advanced-normal-not-restricted")


def test_more_items_than_are_asked_at_once_are_all_decided_in_their_order() -> None:
    items = PLAIN.input["items"] * 110
    answer = consents.decide({**PLAIN.input, "items": items}, deadline=PATIENCE)
    assert [each["item"] for each in answer["items"]] == list(range(550))
    assert [each["decision"] for each in answer["items"]] == [e["decision"] for e in PLAIN.expected["items"]] * 110


def test_a_question_too_large_to_ask_is_no_permission() -> None:
    with pytest.raises(EngineUnclear):
        consents.decide({**PLAIN.input, "consents": ["x" * consents.LARGEST]}, deadline=PATIENCE)


def test_items_that_a_consent_tells_apart_in_nothing_are_all_judged_alike() -> None:
    mixed = [PLAIN.input["items"][n % 2] for n in (0, 1, 1, 0)]
    answer = consents.decide({**PLAIN.input, "items": mixed}, deadline=PATIENCE)
    judged = [each["decision"] for each in answer["items"]]
    assert judged == [PLAIN.expected["items"][n]["decision"] for n in (0, 1, 1, 0)]


def test_what_is_not_answered_in_time_is_no_permission() -> None:
    with pytest.raises(EngineUnavailable):
        consents.decide(PLAIN.input, deadline=timedelta(0))
    assert consents.decide(PLAIN.input, deadline=PATIENCE) == PLAIN.expected


# ---- whatever is asked -----------------------------------------------------------------------------------------------

_SMALL = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from(["", "x", "permit", "2026", "active"])),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("ab"), inner, max_size=2)),
    max_leaves=4,
)


@st.composite
def _spoilt(draw: st.DrawFn) -> dict[str, Any]:
    """A vector of a permission, with one part of its one consent replaced by anything else."""
    whole = json.loads(json.dumps(PLAIN.input))
    consent = whole["consents"][0]
    place: Any = draw(st.sampled_from([consent, consent["provision"], consent["provision"]["provision"][1]]))
    place[draw(st.sampled_from(sorted(place)))] = draw(_SMALL)
    return dict(whole)


@settings(max_examples=150, deadline=None)
@given(_spoilt())
def test_no_spoilt_consent_opens_what_was_closed(question: dict[str, Any]) -> None:
    try:
        answer = consents.decide(question, deadline=PATIENCE)
    except EngineUnclear:
        return
    if question["consents"][0]["provision"] == PLAIN.input["consents"][0]["provision"]:
        closed = [judged["decision"] for judged in PLAIN.expected["items"]]
        assert all(a["decision"] != "permit" or b == "permit" for a, b in zip(answer["items"], closed, strict=True))
    assert len(answer["items"]) == len(question["items"])


@settings(max_examples=60, deadline=None)
@given(
    st.permutations(
        [
            *PLAIN.input["consents"],
            *next(v for v in vectors.every() if v.name == "an-old-refusal-and-a-new-permission").input["consents"],
        ]
    )
)
def test_the_order_of_consents_decides_nothing(listed: list[Any]) -> None:
    answer = consents.decide({**PLAIN.input, "consents": listed}, deadline=PATIENCE)
    straight = consents.decide({**PLAIN.input, "consents": sorted(listed, key=lambda c: c["id"])}, deadline=PATIENCE)
    assert answer["decision"] == straight["decision"]
    assert [each["decision"] for each in answer["items"]] == [each["decision"] for each in straight["items"]]
