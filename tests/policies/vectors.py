"""The public decision vectors, as tests read them, and the table of them that is generated. Decides nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.house.tree import ROOT
from tests.policies.world import scenarios

FOLDER = ROOT / "vectors"
INDEX = FOLDER / "INDEX.md"
GROUPS = {
    "pcf": "The example consents of IHE Privacy Consent on FHIR",
    "proxy": "National proxy roles",
    "uk-core": "UK Core's example, and what R4 leaves open",
    "lessons": "Failures that others had",
    "meaning": "What each element means",
    "robust": "What cannot be read",
}


@dataclass(frozen=True)
class Vector:
    """One question with the whole answer that it must have."""

    group: str
    name: str
    about: str
    defends: tuple[str, ...]
    input: Mapping[str, Any]
    expected: Mapping[str, Any]


@cache
def every() -> tuple[Vector, ...]:
    return tuple(_read(path) for path in sorted(FOLDER.rglob("*.json")))


def _read(path: Path) -> Vector:
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept.keys() == {"name", "about", "defends", "input", "expected"}, path
    assert kept["name"] == path.stem, path
    defends = tuple(kept["defends"])
    return Vector(path.parent.name, path.stem, kept["about"], defends, kept["input"], kept["expected"])


def canonical(answer: Any) -> str:
    return json.dumps(answer, indent=2, sort_keys=True, ensure_ascii=False)


def index() -> str:
    """The table of every vector, as ``vectors/INDEX.md`` has it."""
    head = f"{len(every())} in all. Made by a test, from the vectors and docs/proof.md."
    return "\n".join(["# The vectors", "", head, *_tables(), *_elsewhere(), ""])


def _elsewhere() -> Iterator[str]:
    """The failures that no consent can show: each with the test or the scenario that does."""
    defended = {number for vector in every() for number in vector.defends}
    said = "A name without a path is a scenario of `tests/policies/decisions.yaml`."
    yield f"\n## Failures that no consent can show\n\n{said}\n\n| No. | Must not happen | Shown by |\n|---|---|---|"
    for number, failure, shown in re.findall(r"^\| (N\d+[bc]?) \| ([^|]+) \| ([^|]+) \|$", _proof(), re.M):
        if number not in defended:
            named = [f"`{name}`" for name in scenario_names() if name.startswith(f"{number}: ")]
            tests = re.findall(r"`tests/[^`]+`", shown)
            assert named or tests, number
            yield f"| {number} | {failure} | {', '.join([*named, *tests])} |"


def _proof() -> str:
    return (ROOT / "docs" / "proof.md").read_text(encoding="utf-8")


def scenario_names() -> list[str]:
    return [scenario["name"] for scenario in scenarios()["scenarios"]]


def _tables() -> Iterator[str]:
    for group, title in GROUPS.items():
        yield f"\n## {title} (`{group}/`)\n\n| Vector | Says | Decision | Items |\n|---|---|---|---|"
        for vector in every():
            if vector.group == group:
                items = " ".join(item["decision"] for item in vector.expected["items"])
                lessons = f" ({', '.join(vector.defends)})" if vector.defends else ""
                address = f"[{vector.name}]({group}/{vector.name}.json)"
                yield f"| {address} | {vector.about}{lessons} | {vector.expected['decision']} | {items} |"
