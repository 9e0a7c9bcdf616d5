"""What is generated from the vocabulary is what is on disk, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from broker.access import pdp
from broker.agreements import generated
from broker.agreements.bundle import POLICIES
from broker.vocabulary import DenialReason, OrganisationKind, Purpose, Section
from tests.policies.world import asked, scenarios


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (generated.VOCABULARY, generated.vocabulary_text()),
        (generated.INPUT_SCHEMA, generated.input_schema_text()),
    ],
    ids=str,
)
def test_the_file_on_disk_is_what_would_be_generated(name: Path, text: str) -> None:
    written = (POLICIES / name).read_text(encoding="utf-8")

    assert written == text, 'run: python -c "from broker.agreements import bundle, generated; ' \
        'generated.write(bundle.POLICIES)"'  # fmt: skip


def test_writing_writes_exactly_those_texts(tmp_path: Path) -> None:
    written = generated.write(tmp_path)

    assert [path.relative_to(tmp_path) for path in written] == [generated.VOCABULARY, generated.INPUT_SCHEMA]
    assert written[0].read_text(encoding="utf-8") == generated.vocabulary_text()


def test_the_page_lists_every_reason_as_it_now_reads() -> None:
    page = (POLICIES / generated.PAGE).read_text(encoding="utf-8")

    assert generated.with_table(page) == page
    assert all(f"`{reason.value}`" in page for reason in DenialReason)


def test_every_word_is_in_the_vocabulary_the_policy_knows() -> None:
    known = json.loads(generated.vocabulary_text())

    assert known["sections"].keys() == {section.value for section in Section}
    assert {code: entry["permission"] for code, entry in known["purposes"].items()} == {
        purpose.value: purpose.permission.value for purpose in Purpose
    }
    assert {code: entry["layer"] for code, entry in known["reasons"].items()} == {
        reason.value: reason.layer.value for reason in DenialReason
    }


def test_every_question_a_scenario_asks_keeps_to_the_schema_unless_it_is_of_a_kind_nobody_knows() -> None:
    schema = Draft202012Validator(generated.input_schema())
    for scenario in scenarios()["scenarios"]:
        given = asked(scenarios()["base"], scenario)
        question = pdp.question(given.request, given.facts)
        assert schema.is_valid(question) == (question["subject"]["kind"] in ("", *OrganisationKind)), scenario["name"]


def test_a_question_with_a_field_too_many_does_not() -> None:
    schema = Draft202012Validator(generated.input_schema())
    given = asked(scenarios()["base"], {})
    question = pdp.question(given.request, given.facts)
    question["subject"]["name"] = "somebody"

    assert not schema.is_valid(question)
