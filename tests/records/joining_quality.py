"""How well entries are joined: precision and recall over pairs that somebody labelled, and what was got wrong.

``python -m tests.records.joining_quality`` prints it. The pairs are in ``joining_set``: each is two entries, as
``title | name=value | Label: text``, of two sources, and belongs under ``same`` or ``apart``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from broker.records.sameness import same_things
from broker.records.source import Coding, Provenance, RecordEntry
from broker.vocabulary import SNOMED_CT, Section
from tests.records.cast import GP, HOSPITAL, NOW, entry

SET = Path(__file__).parent / "joining_set"
ICD10 = "http://hl7.org/fhir/sid/icd-10-uk"


@dataclass(frozen=True)
class Pair:
    section: Section
    one: str
    other: str
    same: bool

    def joined(self) -> bool:
        return len(same_things([read(self.one, self.section, GP), read(self.other, self.section, HOSPITAL)])) == 1


@dataclass
class Quality:
    """What joining did: pairs by what they are and what was made of them, and those that were got wrong."""

    counts: Counter[tuple[Section, bool, bool]] = field(default_factory=Counter)
    wrong: list[Pair] = field(default_factory=list)

    def precision(self) -> float:
        joined = sum(count for (_, _, made), count in self.counts.items() if made)
        return self._right() / joined if joined else 1.0

    def recall(self) -> float:
        same = sum(count for (_, same, _), count in self.counts.items() if same)
        return self._right() / same if same else 1.0

    def _right(self) -> int:
        return sum(count for (_, same, made), count in self.counts.items() if same and made)


def pairs() -> Iterator[Pair]:
    for path in sorted(SET.glob("*.yaml")):
        content: dict[str, Any] = yaml.safe_load(path.read_text())
        section = Section(content["section"])
        for same in (True, False):
            for one, other in content["same" if same else "apart"]:
                yield Pair(section, one, other, same)


def read(text: str, section: Section, source: str) -> RecordEntry:
    """The entry that a line of the set describes."""
    title, *parts = text.split(" | ")
    more: dict[str, Any] = {"status": ""}
    codes: list[Coding] = []
    details: list[tuple[str, str]] = []
    by = ""
    for part in parts:
        name, is_set, value = part.partition("=")
        if is_set and name in ("code", "icd"):
            codes.append(Coding(SNOMED_CT if name == "code" else ICD10, value))
        elif is_set and name == "at":
            more["at"] = None if not value else datetime.fromisoformat(value) if "T" in value else _day(value)
        elif is_set and name == "by":
            by = value
        elif is_set:
            more[name] = value
        else:
            label, _, said = part.partition(": ")
            details.append((label, said))
    made = entry("1", title, section=section, source=source, **{**more, "codes": tuple(codes)})
    return replace(made, details=tuple(details), provenance=Provenance(source, NOW, recorded_by=by))


def _day(value: str) -> date:
    return date.fromisoformat(value)


def measured() -> Quality:
    quality = Quality()
    for pair in pairs():
        joined = pair.joined()
        quality.counts[pair.section, pair.same, joined] += 1
        if joined != pair.same:
            quality.wrong.append(pair)
    return quality


def main() -> None:
    quality = measured()
    print(f"{quality.counts.total()} pairs: precision {quality.precision():.3f}, recall {quality.recall():.3f}\n")
    print(f"{'section':58}{'same':>6}{'joined':>8}{'apart':>7}{'joined':>8}")
    for section in Section:
        same = [quality.counts[section, True, made] for made in (True, False)]
        apart = [quality.counts[section, False, made] for made in (True, False)]
        if sum(same) + sum(apart):
            print(f"{section.value:58}{sum(same):6}{same[0]:8}{sum(apart):7}{apart[0]:8}")
    for pair in quality.wrong:
        print(
            f"\n{'not joined' if pair.same else 'WRONGLY JOINED'} ({pair.section.value})\n  {pair.one}\n  {pair.other}"
        )


if __name__ == "__main__":
    main()
