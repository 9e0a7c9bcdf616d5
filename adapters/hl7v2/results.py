"""ORU: results, each with its value, units, range, flag and status, under the order they answer. HL7 v2 chapter 7."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from adapters.answering import plain
from broker.vocabulary import Section

from .message import Segment, Value
from .moments import moment
from .telling import Telling, codings, staff_name, words

_FLAGS = {  # table 0078
    "L": "Low",
    "H": "High",
    "LL": "Critically low",
    "HH": "Critically high",
    "<": "Below what can be measured",
    ">": "Above what can be measured",
    "N": "Normal",
    "A": "Abnormal",
    "AA": "Critically abnormal",
    "S": "Susceptible",
    "R": "Resistant",
    "I": "Intermediate",
    "U": "Significantly up",
    "D": "Significantly down",
    "POS": "Positive",
    "NEG": "Negative",
}
_STATUSES = {  # tables 0085 and 0123
    "F": "final",
    "C": "corrected",
    "P": "preliminary",
    "R": "not verified",
    "S": "partial",
    "I": "pending",
    "O": "ordered",
    "A": "partial",
    "X": "could not be obtained",
    "U": "final",
    "N": "not asked for",
}
_TAKEN_BACK = frozenset({"D", "W"})
_CANCELLED = "X"
_CODED = frozenset({"CE", "CWE", "CNE", "CF"})
_TEXT = frozenset({"TX", "FT", "ST"})
_ENCAPSULATED = frozenset({"ED", "RP"})


@dataclass
class Report:
    """One order with what was found: its OBR (None where observations stand without one), comments and observations."""

    order: Segment | None
    comments: list[Segment] = field(default_factory=list)
    found: list[tuple[Segment, list[Segment]]] = field(default_factory=list)


def read(telling: Telling, *, about: str = "") -> None:
    for place, report in enumerate(_reports(telling.message.segments), start=1):
        _read_one(telling, report, place, about)


def _reports(segments: tuple[Segment, ...]) -> Iterator[Report]:
    """NTE belongs to what it follows: an order, or an observation."""
    report: Report | None = None
    for segment in segments:
        if segment.name == "OBR":
            if report is not None:
                yield report
            report = Report(segment)
        elif segment.name == "OBX":
            report = report or Report(None)
            report.found.append((segment, []))
        elif segment.name == "NTE" and report is not None:
            (report.found[-1][1] if report.found else report.comments).append(segment)
    if report is not None:
        yield report


def _read_one(telling: Telling, report: Report, place: int, about: str) -> None:
    order = report.order
    base = f"result/{_order_id(telling, order, place)}/"
    if order is not None and order.text(25) == _CANCELLED:
        telling.withdrawn.add(base)
        return
    grouped: dict[str, list[tuple[Segment, list[Segment]]]] = {}
    for observation, comments in report.found:
        grouped.setdefault(_key(observation, grouped), []).append((observation, comments))
    for key, parts in grouped.items():
        _observation(telling, base, key, parts, report, about)
    if not report.found and order is not None:
        _report_alone(telling, base, order, report.comments, about)


def _order_id(telling: Telling, order: Segment | None, place: int) -> str:
    """The filler's number: what a correction repeats. Without one, the placer's, or nothing that can be corrected."""
    number = "" if order is None else order.text(3) or order.text(2)
    return plain(number or f"{telling.message.control_id}.{place}", most=100)


def _key(observation: Segment, seen: dict[str, list[tuple[Segment, list[Segment]]]]) -> str:
    """What and which (OBX-3, OBX-4). Lines of one text repeat it; a number that does is another observation."""
    what = observation.value(3)
    key = "/".join(filter(None, (plain(what.text(1) or what.text(2), most=60), plain(observation.text(4), most=30))))
    if observation.text(2) in _TEXT:
        return key
    number, again = 1, key
    while again in seen:
        number += 1
        again = f"{key}~{number}"
    return again


def _observation(
    telling: Telling,
    base: str,
    key: str,
    parts: list[tuple[Segment, list[Segment]]],
    report: Report,
    about: str,
) -> None:
    first, order = parts[0][0], report.order
    if first.text(11) in _TAKEN_BACK:
        telling.withdrawn.add(base + key)
        return
    if first.text(2) in _ENCAPSULATED:
        telling.not_understood[f"OBX ({first.text(2)})"] += 1
        return
    comments = [*report.comments, *(note for _, notes in parts for note in notes)]
    at = telling.moment(first, 14)
    if at.at is None and order is not None:
        at = telling.moment(order, 7)
    telling.tell(
        *(segment for segment, _ in parts),
        *comments,
        id=base + key,
        section=Section.RESULTS,
        title=words(first.value(3)),
        codes=codings(first.value(3)),
        at=at.at,
        status=_STATUSES.get(first.text(11), ""),
        by=_by(first, order),
        linked=(about,) if about else (),
        said=(
            ("Value", _value(first, [segment for segment, _ in parts])),
            ("Normal range", first.text(7)),
            ("Flag", ", ".join(_FLAGS.get(value.text(), value.text()) for value in first.values(8))),
            ("Part of", words(order.value(4)) if order is not None else ""),
            ("Comment", _comment(comments)),
        ),
    )


def _report_alone(telling: Telling, base: str, order: Segment, comments: list[Segment], about: str) -> None:
    telling.tell(
        order,
        *comments,
        id=f"{base}report",
        section=Section.RESULTS,
        title=words(order.value(4)),
        codes=codings(order.value(4)),
        at=telling.moment(order, 7).at,
        status=_STATUSES.get(order.text(25), ""),
        by=staff_name(order.value(16)),
        linked=(about,) if about else (),
        said=(("Comment", _comment(comments)),),
    )


def _by(observation: Segment, order: Segment | None) -> str:
    return staff_name(observation.value(16)) or (staff_name(order.value(32)) if order is not None else "")


def _comment(notes: list[Segment]) -> str:
    return " ".join(filter(None, (value.text() for note in notes for value in note.values(3))))


def _value(observation: Segment, parts: list[Segment]) -> str:
    kind, units = observation.text(2), words(observation.value(6))
    said = [_said(kind, value) for part in parts for value in part.values(5)]
    shown = ("\n" if kind in _TEXT else ", ").join(filter(None, said))
    return f"{shown} {units}" if shown and units else shown


def _said(kind: str, value: Value) -> str:
    if kind in _CODED:
        return words(value)
    if kind == "SN":  # comparator, number, separator, number
        return "".join(value.text(part) for part in range(1, 5))
    if kind in ("DT", "TS", "DTM"):
        try:
            return moment(value.text()).words
        except (ValueError, OverflowError):
            return value.text()
    return value.text()
