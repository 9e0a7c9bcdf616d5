"""What is refused before a parser sees it, and how an engine's words are read."""

from __future__ import annotations

import pytest

from broker.access.engines import strict
from broker.errors import EngineUnclear


def rules(text: str) -> str:
    return f"package broker.x\n\n{text}\n"


@pytest.mark.parametrize(
    "text",
    [
        f"x := {'[' * 8}{']' * 8}",
        "x := {} {} {} {} {} {} {} {} {} {}",
        f'x := "{"[" * 20}"',
        f"x := `{'{' * 20}`",
        f"# {'[' * 20}",
        f'x := "an escaped \\" quote" # {"[" * 20}',
        f"x := `a raw string\nover lines {'[' * 20}`",
        f"x := {'(' * 20}1{')' * 20}",
    ],
)
def test_text_that_is_shallow_outside_strings_and_comments_is_accepted(text: str) -> None:
    strict.check_module("x.rego", rules(text))


@pytest.mark.parametrize(
    "text",
    [
        f"x := {'[' * 9}{']' * 9}",
        f"x := {'[{' * 5}",
        f'x := "a string" {"[" * 9}',
        f'# a comment with a "\nx := {"[" * 9}',
        f'x := "\\\\" + {"[" * 9} + "\\\\"',
        f"x := `\\` {'[' * 9} `\\`",
        'x := "never closed\n',
        "x := `never closed",
        "x := 1 \0",
        "#" * 65536,
        "# é" * 20000,
    ],
)
def test_text_that_could_hold_the_process_is_refused(text: str) -> None:
    with pytest.raises(EngineUnclear, match=r"^x\.rego: "):
        strict.check_module("x.rego", rules(text))


@pytest.mark.parametrize("package", ["data.broker", "data.broker.decision", "data.conditions.DSA-1", "data.conditions"])
def test_a_package_under_the_roots_is_accepted(package: str) -> None:
    strict.check_package("broker/x.rego", package)


@pytest.mark.parametrize("package", ["data.brokers", "data.sharing", "data.system.log", "data", "data.data.broker", ""])
def test_a_package_elsewhere_is_refused(package: str) -> None:
    with pytest.raises(EngineUnclear):
        strict.check_package("broker/x.rego", package)


def test_a_condition_may_not_add_to_the_brokers_own_rules() -> None:
    strict.check_package("conditions/DSA-1.rego", "data.conditions.DSA-1")
    with pytest.raises(EngineUnclear):
        strict.check_package("conditions/DSA-1.rego", "data.broker.decision")


def test_a_condition_may_not_add_to_another_agreements_conditions() -> None:
    for package in ("data.conditions.DSA-2", "data.conditions", "data.conditions.DSA-1.more"):
        with pytest.raises(EngineUnclear, match="not that agreement's own"):
            strict.check_package("conditions/DSA-1.rego", package)


@pytest.mark.parametrize("text", ["", "{", "NaN", '{"a": Infinity}', "<html></html>", "[" * 100_000])
def test_words_that_are_not_json_are_unclear(text: str) -> None:
    with pytest.raises(EngineUnclear):
        strict.from_json(text)


def test_a_fault_is_told_in_one_line_without_the_stack() -> None:
    error = RuntimeError("\n--> x.rego:3:1\n  |\n3 |\nerror: expecting `]`\n\nStack backtrace:\n   0: <unknown>")
    assert strict.brief(error) == "--> x.rego:3:1 | 3 | error: expecting `]`"
    assert len(strict.brief(RuntimeError("x" * 5000))) == 300
