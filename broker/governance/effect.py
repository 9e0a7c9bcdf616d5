"""Compare two answers to each of many questions: who gains what, and who loses it. Pure; names nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from broker.governance.replay import Answer, Question
from broker.governance.tables import Cell, Table, rows, total
from broker.records.sensitive_codes import SECTIONS
from broker.vocabulary import Sensitivity

MOST_EXAMPLES = 20
_EVERY_LABEL = frozenset(label.value for label in Sensitivity)
_SENSITIVE_SECTIONS = frozenset(section.value for section in SECTIONS)


@dataclass(frozen=True)
class Compared:
    """One question, answered before and after. ``decision`` is None where the question is made up."""

    decision: str | None
    question: Question
    before: Answer | None
    after: Answer | None

    @property
    def asker(self) -> tuple[str, str, str]:
        """Organisation, purpose, role."""
        subject = self.question["subject"]
        return subject["organisation"], self.question["request"]["purpose"], subject["role"]


@dataclass
class Effect:
    """Everything that differs. Keys of the tables begin with organisation, purpose and role."""

    gains: Table = field(default_factory=dict)  # … and section
    losses: Table = field(default_factory=dict)
    labels_gained: Table = field(default_factory=dict)  # … section and label
    labels_lost: Table = field(default_factory=dict)
    terms: Table = field(default_factory=dict)  # … what changed, from what, and to what
    gaining: Cell = field(default_factory=Cell)
    losing: Cell = field(default_factory=Cell)
    affected: Cell = field(default_factory=Cell)
    examples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def none(self) -> bool:
        return not (self.gains or self.losses or self.labels_gained or self.labels_lost or self.terms)

    def as_shown(self) -> dict[str, Any]:
        """The tables of a report, in an order that says nothing."""
        wanted = ("gains", "losses", "labels_gained", "labels_lost", "terms")
        tables: dict[str, Table] = {name: getattr(self, name) for name in wanted}
        said = {name: rows(table, _COLUMNS[name]) for name, table in tables.items()}
        every = [cell for table in tables.values() for cell in table.values()]
        organisations = {key[0] for table in tables.values() for key in table}
        return {
            **said,
            "sensitive": sensitive(self),
            "exceptions": self.examples,
            "none": self.none,
            "totals": {
                "organisations": len(organisations),
                "gaining": total(self.gaining, every),
                "losing": total(self.losing, every),
                "affected": total(self.affected, every),
            },
        }


_ASKER = ("organisation", "purpose", "role")
_COLUMNS: Mapping[str, Sequence[str]] = {
    "gains": (*_ASKER, "section"),
    "losses": (*_ASKER, "section"),
    "labels_gained": (*_ASKER, "section", "label"),
    "labels_lost": (*_ASKER, "section", "label"),
    "terms": (*_ASKER, "term", "before", "after"),
}


def effect(compared: Iterable[Compared]) -> Effect:
    """What differs between the answers before and after."""
    found = Effect()
    seen: set[tuple[str, ...]] = set()
    for each in compared:
        if _said(each.before) != _said(each.after):
            _count(found, each, seen)
    found.examples = _few(found.examples)
    return found


def sensitive(found: Effect) -> list[dict[str, str]]:
    """What is newly permitted and calls for a written reason: sensitivities, and sections that are sensitive whole."""
    sections = {(key[0], key[1], key[3], "") for key in found.gains if key[3] in _SENSITIVE_SECTIONS}
    labels = {(key[0], key[1], key[3], key[4]) for key in found.labels_gained}
    return [
        dict(zip(("organisation", "purpose", "section", "label"), row, strict=True))
        for row in sorted(sections | labels)
    ]


def _said(answer: Answer | None) -> Any:
    """What of an answer can make a difference to anybody: not which revision gave it, or how long it holds."""
    return None if answer is None else [answer[name] for name in ("pairs", "obligations", "disclosure", "requestable")]


# ---- one question ----------------------------------------------------------------------------------------------------


def _count(found: Effect, each: Compared, seen: set[tuple[str, ...]]) -> None:
    before, after = _opened(each.before), _opened(each.after)
    gained, lost = after.keys() - before.keys(), before.keys() - after.keys()
    more, less = _labels(after, before), _labels(before, after)
    changed: list[tuple[Table, set[tuple[str, ...]]]] = [
        (found.gains, {(section,) for section, _ in gained}),
        (found.losses, {(section,) for section, _ in lost}),
        (found.labels_gained, more),
        (found.labels_lost, less),
        (found.terms, set(_terms(each, both=bool(before and after)))),
    ]
    for table, keys in changed:
        for key in keys:
            table.setdefault((*each.asker, *key), Cell()).count(each.question, made_up=each.decision is None)
    for cell, counts in (
        (found.gaining, bool(gained or more)),
        (found.losing, bool(lost or less)),
        (found.affected, any(keys for _, keys in changed)),
    ):
        if counts:
            cell.count(each.question, made_up=each.decision is None)
    _keep_examples(found, each, gained, lost, seen)


def _opened(answer: Answer | None) -> dict[tuple[str, str], frozenset[str]]:
    """What is permitted, by section and source, with the sensitivities that are not left out of it."""
    rows = () if answer is None else answer["pairs"]
    return {
        (row["section"], row["source"]): _kept_in(tuple(row["withheld_labels"])) for row in rows if not row["reasons"]
    }


@cache
def _kept_in(withheld: tuple[str, ...]) -> frozenset[str]:
    return _EVERY_LABEL - set(withheld)


def _labels(
    more: Mapping[tuple[str, str], frozenset[str]], less: Mapping[tuple[str, str], frozenset[str]]
) -> set[tuple[str, ...]]:
    """Section and sensitivity, wherever ``more`` opens one that ``less`` does not."""
    return {
        (section, label)
        for (section, source), labels in more.items()
        for label in labels - less.get((section, source), frozenset())
    }


def _terms(each: Compared, *, both: bool) -> Iterator[tuple[str, str, str]]:
    """What goes with an answer: obligations, where something is permitted either way, and what a requester is told."""
    if each.before is None or each.after is None:
        return
    if both:
        duties_before, duties_after = _duties(each.before), _duties(each.after)
        yield from (("obligation", "", duty) for duty in duties_after - duties_before)
        yield from (("obligation", duty, "") for duty in duties_before - duties_after)
    if each.before["disclosure"] != each.after["disclosure"]:
        yield "disclosure", each.before["disclosure"], each.after["disclosure"]
    if each.before["requestable"] != each.after["requestable"]:
        yield "requestable", _yes(each.before["requestable"]), _yes(each.after["requestable"])


def _duties(answer: Answer) -> set[str]:
    """Each obligation with its parameters, as one word: ``notify-resident``, ``notify-resident within_days=7``."""
    return {
        " ".join(
            [duty["obligation"], *(f"{name}={value}" for name, value in sorted(duty.items()) if name != "obligation")]
        )
        for duty in answer["obligations"]
    }


def _yes(value: Any) -> str:
    return "yes" if value else "no"


def _keep_examples(
    found: Effect,
    each: Compared,
    gained: Iterable[tuple[str, str]],
    lost: Iterable[tuple[str, str]],
    seen: set[tuple[str, ...]],
) -> None:
    """One decision for each line of the tables of gains and losses: recorded, where there is one."""
    for what, pairs in (("gain", gained), ("loss", lost)):
        for section, source in sorted(pairs):
            line = (what, *each.asker, section)
            if line in seen:
                continue
            seen.add(line)
            organisation, purpose, role = each.asker
            found.examples.append(
                {
                    "change": what,
                    "decision": each.decision,
                    "organisation": organisation,
                    "purpose": purpose,
                    "role": role,
                    "section": section,
                    "source": source,
                    "before": _reasons(each.before, section, source),
                    "after": _reasons(each.after, section, source),
                }
            )


def _reasons(answer: Answer | None, section: str, source: str) -> list[str]:
    """Why it is refused; empty where it is permitted."""
    if answer is None:
        return ["policy-unclear"]
    return next(list(row["reasons"]) for row in answer["pairs"] if (row["section"], row["source"]) == (section, source))


def _few(examples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The most telling: sensitive sections first, then what really happened before what is made up."""
    return sorted(examples, key=lambda each: (each["section"] not in _SENSITIVE_SECTIONS, each["decision"] is None))[
        :MOST_EXAMPLES
    ]
