"""Vectors an engine must answer as OPA does before it may decide anything. Holds no rule of the broker's own.

``conformance.rego`` has one rule for each construct the policy is written in; ``conformance.json`` has OPA's answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

from broker.errors import BrokerError, EngineUnclear

_MODULES = ("conformance.rego", "conformance_conditions.rego", "conformance_elsewhere.rego")


class Evaluate(Protocol):
    def __call__(self, modules: Mapping[str, str], data: Mapping[str, Any], question: Any, rule: str) -> Any:
        """The value of ``data.<rule>``, or an exception where it is undefined."""
        ...


def check(evaluate: Evaluate) -> None:
    """Raise EngineUnclear, naming each rule at fault, unless every vector is answered as OPA answers it."""
    wrong = sorted(
        {rule for rule, question, expected in cases() if _answer(evaluate, rule, question) != _text(expected)}
    )
    if wrong:
        raise EngineUnclear(f"this policy engine does not read Rego as OPA does: {', '.join(wrong)}")


def _answer(evaluate: Evaluate, rule: str, question: Any) -> str | Exception:
    try:
        return _text(evaluate(modules(), vectors()["data"], question, rule))
    except (BrokerError, RuntimeError) as error:
        return error


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)  # Python holds True and 1 equal; a policy must not


def cases() -> Iterator[tuple[str, Any, Any]]:
    """Each rule with a question and OPA's answer."""
    package = vectors()["package"]
    for case in vectors()["cases"]:
        for rule, expected in case["expect"].items():
            yield f"{package}.{rule}", case["input"], expected


@cache
def modules() -> Mapping[str, str]:
    return {name: files(__package__).joinpath(name).read_text() for name in _MODULES}


@cache
def vectors() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(files(__package__).joinpath("conformance.json").read_text())
    return document
