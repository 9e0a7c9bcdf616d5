"""What the rules' text is taken to read: less only where it says so plainly."""

from __future__ import annotations

import json

import pytest

from benchmarks import cases
from broker.access.engines import reads
from broker.agreements import bundle
from broker.agreements.canonical import canonical

OWN = "conditions/MG-ADVICE.rego"
HEAD = 'package conditions["MG-ADVICE"]\n\n'


def test_the_rules_look_up_only_agreements_that_narrow() -> None:
    assert reads.only_narrowings(bundle.load_modules())


@pytest.mark.parametrize(
    "text",
    [
        "package broker.more\n\nfound := data.sharing.agreements[input.request.purpose]",
        "package broker.more\n\nfound := data.sharing",
        'package broker.more\n\nfound := data["sharing"].agreements',
        "package broker.more\n\nimport data.sharing.agreements\n\nfound := agreements",
    ],
)
def test_rules_that_may_look_up_any_other_are_given_them_all(text: str) -> None:
    assert not reads.only_narrowings(bundle.load_modules() | {"broker/more/more.rego": text})


def test_so_are_conditions_that_read_any_data() -> None:
    text = HEAD + 'deny contains "no-agreement" if count(data.sharing.agreements) > 1'
    assert not reads.only_narrowings(bundle.load_modules() | {OWN: text})


def test_what_narrows_is_kept_and_nothing_else_is_touched() -> None:
    sharing = cases.world(60).data["sharing"]
    kept = json.loads(reads.without_others(canonical(sharing).decode()))
    narrowing = {id for entry in sharing["agreements"].values() for ids in entry["narrowed_by"].values() for id in ids}
    assert narrowing
    assert kept == {**sharing, "agreements": {id: sharing["agreements"][id] for id in narrowing}}


@pytest.mark.parametrize("written", ['{"agreements":[1]}', '{"agreements":{"A":{}}}', '{"agreements":', "{}", "[]"])
def test_what_is_no_such_document_is_left_as_it_is(written: str) -> None:
    assert reads.without_others(written) == written
