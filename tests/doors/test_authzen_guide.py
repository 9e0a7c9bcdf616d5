"""The guide to the AuthZEN door is true: each of its examples is run as it stands, and answers as it says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.doors.asking import agreed, system
from tests.doors.conftest import House
from tests.doors.test_records import find

__all__ = ["agreed", "system"]  # fixtures

GUIDE = (Path(__file__).parents[2] / "docs" / "authzen.md").read_text()
EXAMPLES = re.findall(r"```sh\n(curl .*?)```\n\n```json\n(.*?)```", GUIDE, re.DOTALL)
ANYTHING = "…"


def said(text: str, known: dict[str, str]) -> str:
    for name, value in known.items():
        text = text.replace(f"${name}", value)
    return text


def run(house: House, command: str, known: dict[str, str]) -> Any:
    """``curl``'s options, as far as the guide uses them, by the test client."""
    words = [said(word, known) for word in shlex.split(command)[1:]]
    (address,) = (word for word in words if word.startswith(known["BROKER"]))
    follows = {option: [words[i + 1] for i, word in enumerate(words) if word == option] for option in ("-H", "-d")}
    headers = dict(header.split(": ", 1) for header in follows["-H"])
    path = address.removeprefix(known["BROKER"])
    return house.client.open(
        path, method="POST" if follows["-d"] else "GET", headers=headers, data="".join(follows["-d"]) or None
    )


def alike(given: Any, expected: Any) -> bool:
    """Whether they are equal, but for what the guide leaves open."""
    if expected == ANYTHING:
        return bool(given)
    if isinstance(expected, dict) and isinstance(given, dict):
        return given.keys() == expected.keys() and all(alike(given[name], expected[name]) for name in expected)
    if isinstance(expected, list) and isinstance(given, list):
        return len(given) == len(expected) and all(map(alike, given, expected))
    return bool(given == expected)


def test_every_example_in_the_guide_is_one_that_is_run() -> None:
    assert len(EXAMPLES) == GUIDE.count("```sh") == 7
    served = {"evaluation", "evaluations", "search/subject", "search/resource", "search/action"}
    assert all(f"$BROKER/access/v1/{path}" in "".join(command for command, _ in EXAMPLES) for path in served)


@pytest.mark.parametrize(("command", "answer"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_answers_as_the_guide_says(
    house: House, adviser: str, agreed: str, system: str, command: str, answer: str
) -> None:
    known = {"BROKER": house.broker.settings.issuer, "TOKEN": system, "RESIDENT": find(house, adviser)}
    given = run(house, command, known)
    assert given.status_code == 200, given.get_json()
    assert alike(given.get_json(), json.loads(said(answer, known))), json.dumps(given.get_json(), indent=2)


def test_what_the_guide_leaves_open_is_there_and_the_rest_is_equal() -> None:
    assert alike({"a": "x", "b": [1]}, {"a": ANYTHING, "b": [1]})
    assert not alike({"a": "", "b": [1]}, {"a": ANYTHING, "b": [1]})
    assert not alike({"a": "x", "b": [1], "c": 2}, {"a": ANYTHING, "b": [1]})
    assert not alike({"a": "x", "b": [2]}, {"a": ANYTHING, "b": [1]})
