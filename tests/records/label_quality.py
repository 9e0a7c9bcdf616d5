"""How well what is sensitive is found: precision and recall over entries that somebody labelled.

``python -m tests.records.label_quality`` prints it. To miss a label is worse than to find one too many.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from broker.records.labels import label
from broker.records.source import Coding, RecordEntry
from broker.vocabulary import Section, Sensitivity
from tests.records.cast import GP
from tests.records.joining_quality import read

SET = Path(__file__).parent / "label_set.yaml"
GROWN_UP = 40
OPCS4 = "https://fhir.hl7.org.uk/CodeSystem/OPCS-4"


@dataclass(frozen=True)
class Example:
    text: str
    entry: RecordEntry
    age: int
    expected: frozenset[Sensitivity]

    def found(self) -> frozenset[Sensitivity]:
        return label([self.entry], age=self.age)[0].labels


@dataclass
class Quality:
    """Labels that should be and are, that are and should not be, and that should be and are not."""

    right: int = 0
    too_many: list[tuple[str, Sensitivity]] = field(default_factory=list)
    missed: list[tuple[str, Sensitivity]] = field(default_factory=list)

    def precision(self) -> float:
        return self.right / (self.right + len(self.too_many))

    def recall(self) -> float:
        return self.right / (self.right + len(self.missed))


def examples() -> Iterator[Example]:
    for section, rows in yaml.safe_load(SET.read_text()).items():
        for text, expected in rows:
            parts = text.split(" | ")
            stated = {name: value for name, _, value in (part.partition("=") for part in parts[1:])}
            kept = [part for part in parts if not part.startswith(("age=", "opcs="))]
            entry = read(" | ".join(kept), Section(section), GP)
            if "opcs" in stated:
                entry = replace(entry, codes=(*entry.codes, Coding(OPCS4, stated["opcs"])))
            age = int(stated.get("age", GROWN_UP))
            yield Example(text, entry, age, frozenset(Sensitivity(each) for each in expected.split()))


def measured() -> Quality:
    quality = Quality()
    for each in examples():
        found = each.found()
        quality.right += len(found & each.expected)
        quality.too_many += [(each.text, extra) for extra in sorted(found - each.expected)]
        quality.missed += [(each.text, lacking) for lacking in sorted(each.expected - found)]
    return quality


def main() -> None:
    quality, count = measured(), sum(1 for _ in examples())
    print(f"{count} entries: recall {quality.recall():.3f}, precision {quality.precision():.3f}")
    for text, label_ in quality.missed:
        print(f"  missed {label_.value}: {text}")
    for text, label_ in quality.too_many:
        print(f"  too many, {label_.value}: {text}")


if __name__ == "__main__":
    main()
