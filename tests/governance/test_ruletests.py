"""The rules' own tests, run here as anywhere: which hold, which do not, and which lines nobody tried."""

from __future__ import annotations

import pytest

from broker.errors import EngineUnclear
from broker.governance.ruletests import run, without_imports

RULE = """package broker.odd

odd if input.number == 1

odd if input.number == 3

unseen if input.number == 99
"""
TEST = """package broker.odd_test

test_one_is_odd if data.broker.odd.odd with input as {"number": 1}

test_two_is_odd if data.broker.odd.odd with input as {"number": 2}

test_words_are_published if data.sharing.vocabulary.sections.housing

_not_a_test := true
"""


def test_each_test_has_its_place_and_says_whether_it_held() -> None:
    report = run({"broker/odd/odd.rego": RULE, "broker/odd/odd_test.rego": TEST})
    assert [(each.name, each.line, each.passed) for each in report.tests] == [
        ("test_one_is_odd", 3, True),
        ("test_two_is_odd", 5, False),
        ("test_words_are_published", 7, True),
    ]
    assert [each.name for each in report.failed] == ["test_two_is_odd"]


def test_the_lines_that_no_test_reaches_are_told_and_tests_are_not_counted() -> None:
    report = run({"broker/odd/odd.rego": RULE, "broker/odd/odd_test.rego": TEST})
    assert report.coverage.keys() == {"broker/odd/odd.rego"}
    assert 0 < report.share < 100
    assert 7 in report.coverage["broker/odd/odd.rego"].not_covered


def test_without_a_test_nothing_is_claimed() -> None:
    report = run({"broker/odd/odd.rego": RULE})
    assert (report.tests, report.failed) == ((), ())


def test_rules_that_cannot_be_read_are_unclear() -> None:
    with pytest.raises(EngineUnclear, match=r"odd\.rego:1"):
        run({"broker/odd/odd.rego": "packag broker.odd", "broker/odd/odd_test.rego": TEST})


def test_what_a_test_imports_is_found_beside_with_too() -> None:
    """The embedded engine loses an imported name there, so it is written out, and every line stays where it was."""
    shared = 'package broker.testing\n\none := 1\n\nexpected := true\n\nquestion := {"number": 3}\n'
    test = """package broker.odd_test

import data.broker.testing

test_sum if {
	data.broker.odd.odd with input as {"number": testing.one}
	data.broker.odd.odd == testing.expected with input as testing.question # testing.number
}
"""
    report = run(
        {"broker/odd/odd.rego": RULE, "broker/odd/odd_test.rego": test, "broker/testing/all_test.rego": shared}
    )
    assert [(each.name, each.line, each.passed) for each in report.tests] == [("test_sum", 5, True)]


def test_only_the_name_itself_is_written_out() -> None:
    text = 'package a\n\nimport data.b.c\n\nx := [c.y, d.c, "c.y", cc.c] # c.y\n'
    assert without_imports(text) == 'package a\n\n\n\nx := [data.b.c.y, d.c, "c.y", cc.c] # c.y\n'
