"""An impact report in words: codes become labels, and a number too small to show says so. Works nothing out itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from broker.governance.small_numbers import FEW, SMALLEST
from broker.vocabulary import DenialReason, Disclosure, Obligation, Purpose, Role, Section, Sensitivity
from broker.web.governance.acting import names_of

Row = Mapping[str, Any]
FEW_IN_WORDS = f"Fewer than {SMALLEST}"

TERMS = {
    "obligation": "What must be done",
    "disclosure": "Whether the requester is told that something was withheld",
    "requestable": "Whether asking the resident could help",
}


@dataclass(frozen=True)
class Line:
    """Who would see more, or less, of what. ``cells`` are the columns of the page's table, in order."""

    organisation: str
    purpose: str
    role: str
    section: str
    label: str
    requests: str
    residents: str
    made_up: str

    @property
    def what(self) -> str:
        return f"{self.section}: {self.label.lower()}" if self.label and self.section else self.label or self.section

    @property
    def cells(self) -> list[str]:
        return [self.organisation, self.purpose, self.role, self.what, self.requests, self.residents, self.made_up]


@dataclass(frozen=True)
class Fold:
    """Many lines said at once: these people, for these purposes, and every part of the record it holds for."""

    organisation: str
    roles: tuple[str, ...]
    purposes: tuple[str, ...]
    label: str  # the kind of sensitive information, empty where it is about the whole part
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Example:
    """A request that would come out differently. ``code`` is the organisation that asked.

    ``decision`` is what was recorded of it, empty where the request is made up.
    """

    decision: str
    code: str
    organisation: str
    purpose: str
    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Shown:
    """The whole report as a page lays it out."""

    gains: tuple[Line, ...]
    losses: tuple[Line, ...]
    labels_gained: tuple[Line, ...]
    labels_lost: tuple[Line, ...]
    terms: tuple[str, ...]
    sensitive: tuple[Fold, ...]
    examples: tuple[Example, ...]
    recorded: str
    synthetic: str
    distinct: str
    enough: bool
    rules_changed: bool
    replayed: str
    same: str
    different: int
    nothing: bool

    @property
    def more(self) -> tuple[Fold, ...]:
        """Who would see more of what, few enough to read."""
        return (*_folded(self.gains), *_folded(self.labels_gained))

    @property
    def less(self) -> tuple[Fold, ...]:
        return (*_folded(self.losses), *_folded(self.labels_lost))

    @property
    def gaining(self) -> tuple[str, ...]:
        """The organisations that would see more, by name."""
        return tuple(dict.fromkeys(line.organisation for line in (*self.gains, *self.labels_gained)))

    @property
    def losing(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(line.organisation for line in (*self.losses, *self.labels_lost)))


def shown(report: Row) -> Shown:
    """``report``, as ``governance.impact`` writes it, in words."""
    names = names_of()
    requests, fidelity = report["requests"], report["fidelity"]
    return Shown(
        gains=_lines(report["gains"], names),
        losses=_lines(report["losses"], names),
        labels_gained=_lines(report["labels_gained"], names),
        labels_lost=_lines(report["labels_lost"], names),
        terms=tuple(_term(each, names) for each in report["terms"]),
        sensitive=_folded(_lines(report["sensitive"], names)),
        examples=tuple(_example(each, names) for each in report["exceptions"]),
        recorded=number(requests["recorded"]),
        synthetic=number(requests["synthetic"]),
        distinct=number(requests["distinct"]),
        enough=requests["enough"],
        rules_changed=report["rules_changed"],
        replayed=number(fidelity["replayed"]),
        same=number(fidelity["same"]),
        different=fidelity["different"],
        nothing=report["none"],
    )


def number(count: object) -> str:
    """A count in words. One to four could point at somebody, so they are never shown."""
    if count == FEW:
        return FEW_IN_WORDS
    return f"{count:,}" if isinstance(count, int) else str(count or "")


def word(code: object, *kinds: Any) -> str:
    """The label of a code of any of ``kinds``; a code of none stands for itself."""
    for kind in kinds:
        for member in kind:
            if member.value == code:
                return str(member.label)
    return str(code or "")


def _lines(rows: Iterable[Row], names: Mapping[str, str]) -> tuple[Line, ...]:
    return tuple(
        Line(
            organisation=names.get(row["organisation"], row["organisation"]),
            purpose=word(row["purpose"], Purpose),
            role=word(row.get("role"), Role),
            section=word(row.get("section"), Section),
            label=word(row.get("label"), Sensitivity),
            requests=number(row.get("requests")),
            residents=number(row.get("residents")),
            made_up=number(row.get("synthetic")),
        )
        for row in sorted(rows, key=_in_order)
    )


def _in_order(row: Row) -> tuple[str, str, str, int, str]:
    """By who and what for, then in the order of the record."""
    sections = [section.value for section in Section]
    place = sections.index(row["section"]) if row.get("section") in sections else len(sections)
    return row["organisation"], row["purpose"], row.get("role") or "", place, row.get("label") or ""


def _folded(lines: Iterable[Line]) -> tuple[Fold, ...]:
    """Lines that differ only in the part of the record become one; then by purpose; then by role."""
    parts: dict[tuple[str, str, str, str], list[str]] = {}
    for line in lines:
        parts.setdefault((line.organisation, line.label, line.role, line.purpose), []).append(line.section)
    purposes: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    for (organisation, label, role, purpose), found in parts.items():
        purposes.setdefault((organisation, label, role, tuple(dict.fromkeys(found))), []).append(purpose)
    roles: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for (organisation, label, role, where), named in purposes.items():
        roles.setdefault((organisation, label, where, tuple(dict.fromkeys(named))), []).append(role)
    return tuple(
        Fold(organisation, tuple(filter(None, who)), named, label, where)
        for (organisation, label, where, named), who in roles.items()
    )


def _what(row: Row) -> str:
    section, label = word(row.get("section"), Section), word(row.get("label"), Sensitivity)
    return f"{section}: {label.lower()}" if label and section else label or section


def _term(row: Row, names: Mapping[str, str]) -> str:
    """What else goes with an answer, before and after."""
    who = names.get(row["organisation"], row["organisation"])
    before, after = (_said(row[name]) for name in ("before", "after"))
    what = TERMS.get(row["term"], str(row["term"]))
    return f"{who}, for {word(row['purpose'], Purpose).lower()}. {what}. Now: {before} Then: {after}"


def _said(value: object) -> str:
    """A term's value: yes, no, or an obligation's or a disclosure's label, without an obligation's parameters."""
    code = str(value or "").partition(" ")[0]
    said = word(code, Obligation, Disclosure) or "Nothing"
    return f"{said[:1].upper()}{said[1:]}".rstrip(".") + "."


def _example(row: Row, names: Mapping[str, str]) -> Example:
    return Example(
        decision=row["decision"] or "",
        code=str(row["organisation"]),
        organisation=names.get(row["organisation"], row["organisation"]),
        purpose=word(row["purpose"], Purpose),
        what=_what(row),
        before=outcome(row["before"]),
        after=outcome(row["after"]),
    )


def outcome(came_out: object) -> str:
    """``permitted``, or the reasons it was refused for, in words."""
    codes = came_out if isinstance(came_out, list | tuple) else [came_out]
    said = " ".join(word(each, DenialReason) for each in codes) or "Permitted."
    return said[:1].upper() + said[1:] + ("" if said.endswith(".") else ".")
