"""Plain values out of FHIR R4 datatypes: words, codes, dates, amounts. Never renders a narrative.

A value of the wrong type raises TypeError, AttributeError or ValueError, which the caller counts as a malformed
resource: half-reading something clinical is worse than saying that it could not be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from adapters.answering import plain
from broker.records.source import Coding
from broker.vocabulary import NHS_NUMBER

Json = Mapping[str, Any]
LONDON = ZoneInfo("Europe/London")


def many(resource: Json, name: str) -> list[Any]:
    """A repeating element; one that is missing is empty, one that is not a list is malformed."""
    value = resource.get(name)
    if value is None:
        return []
    if type(value) is not list:
        raise TypeError(f"{name} is not a list")
    return value


def text(resource: Json, name: str) -> str:
    value = resource.get(name)
    if value is None:
        return ""
    if type(value) is not str:
        raise TypeError(f"{name} is not text")
    return plain(value)


def codings(concept: Json | None) -> tuple[Coding, ...]:
    """The codes of a CodeableConcept that have both a system and a code."""
    if not concept:
        return ()
    return tuple(
        Coding(coding["system"], coding["code"], plain(coding.get("display", "")))
        for coding in many(concept, "coding")
        if type(coding.get("system")) is str and type(coding.get("code")) is str
    )


def words(concept: Json | None) -> str:
    """A CodeableConcept in words: its text, else the first display, else the first code."""
    if not concept:
        return ""
    if said := text(concept, "text"):
        return said
    listed = many(concept, "coding")
    for coding in listed:
        if display := text(coding, "display"):
            return display
    return next((code for coding in listed if (code := text(coding, "code"))), "")


def all_said(concepts: Iterable[Json]) -> str:
    """The concepts that are said in words; a bare code tells a reader nothing."""
    shown = (
        text(concept, "text") or next(filter(None, (text(c, "display") for c in many(concept, "coding"))), "")
        for concept in concepts
    )
    return "; ".join(filter(None, shown))


def all_words(concepts: Iterable[Json]) -> str:
    return "; ".join(filter(None, map(words, concepts)))


def code_in(concept: Json | None, known: Iterable[str] = ()) -> str:
    """The first code of a CodeableConcept, or the first that is ``known``."""
    codes = [code for coding in many(concept or {}, "coding") if (code := text(coding, "code"))]
    return next((code for code in codes if code in known), codes[0] if codes and not known else "")


def moment(value: object) -> date | datetime | None:
    """A FHIR date, dateTime or instant. A year or month alone gives its first day: `approximate` says so in words."""
    if value is None:
        return None
    if type(value) is not str:
        raise TypeError("a date is not text")
    if len(value) <= 10:
        return date.fromisoformat(value + "-01-01"[len(value) - 4 :] if len(value) in (4, 7) else value)
    try:
        at = datetime.fromisoformat(value)
        # FHIR R4 dateTime: with a time there must be an offset. Without one only the day is sure.
        return at.astimezone(UTC) if at.tzinfo else at.date()
    except (ValueError, OverflowError):
        return date.fromisoformat(value[:10])  # a leap second, or an hour of 24


def day(value: date | datetime | None) -> str:
    """A date as a person writes it; with its time, as a clock in London shows or showed it."""
    if value is None:
        return ""
    if not isinstance(value, datetime):
        return f"{value.day} {value:%B %Y}"
    try:
        local = value.astimezone(LONDON)
    except OverflowError:  # in the first or the last hours of the calendar
        local = value
    return f"{local.day} {local:%B %Y} at {local.hour % 12 or 12}:{local:%M}{'am' if local.hour < 12 else 'pm'}"


def dated(resource: Json, name: str) -> str:
    """A date element in words, no more exact than the source gives it."""
    value = resource.get(name)
    if value is None:
        return ""
    at = moment(value)
    if len(value) == 4 and at is not None:
        return str(at.year)
    return f"{at:%B %Y}" if len(value) == 7 and at is not None else day(at)


def period(value: Json | None) -> str:
    if not value:
        return ""
    start, end = dated(value, "start"), dated(value, "end")
    if start == end:
        return start
    if start and end:
        return f"{start} to {end}"
    return f"since {start}" if start else f"until {end}" if end else ""


def begun(value: Json | None) -> date | datetime | None:
    """When a Period begins."""
    return moment((value or {}).get("start"))


def span(resource: Json, name: str) -> Json:
    """The Period of a choice element such as ``onset[x]``; empty where it is of another type."""
    return resource.get(f"{name}Period") or {}


def number(value: object) -> str:
    if type(value) not in (int, float):
        raise TypeError("an amount is not a number")
    return str(value)


def quantity(value: Json | None) -> str:
    """An amount with its comparator and unit: ``>= 7.2 mmol/L``."""
    if not value:
        return ""
    unit = text(value, "unit") or text(value, "code")
    if unit[:1] == "{":  # a UCUM annotation: a remark for machines, not a unit
        unit = ""
    amount = number(value["value"]) if "value" in value else ""
    return " ".join(filter(None, (text(value, "comparator"), amount, unit)))


def between(value: Json | None) -> str:
    """A Range."""
    if not value:
        return ""
    low, high = quantity(value.get("low")), quantity(value.get("high"))
    return f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}" if high else ""


def ratio(value: Json) -> str:
    return " / ".join(filter(None, (quantity(value.get("numerator")), quantity(value.get("denominator")))))


def chosen(resource: Json, name: str) -> str:
    """A choice element (``value[x]``) in words, whichever of its types was sent. Empty where none was."""
    begins = len(name)
    for element, value in resource.items():
        if element.startswith(name) and value is not None and (shown := _CHOICES.get(element[begins:])):
            return shown(value)
    return ""


def _truth(value: object) -> str:
    if type(value) is not bool:
        raise TypeError("a boolean is neither true nor false")
    return "yes" if value else "no"


def _said(value: object) -> str:
    if type(value) is not str:
        raise TypeError("not text")
    return plain(value)


def _when(value: object) -> str:
    return dated({"": value}, "")


_CHOICES: Mapping[str, Callable[[Any], str]] = {
    "Quantity": quantity,
    "CodeableConcept": words,
    "String": _said,
    "Boolean": _truth,
    "Integer": number,
    "PositiveInt": number,
    "Decimal": number,
    "Range": between,
    "Ratio": ratio,
    "DateTime": _when,
    "Date": _when,
    "Period": period,
    "Age": quantity,
    "Time": _said,
    "Coding": lambda value: text(value, "display") or text(value, "code"),
    "Uri": _said,
    "Markdown": _said,
}


def notes(resource: Json) -> str:
    return " ".join(filter(None, (text(note, "text") for note in many(resource, "note"))))


def person_name(name: Json) -> str:
    """A HumanName: its text, else its parts in the order a person says them."""
    if said := text(name, "text"):
        return said
    given = [plain(part) for part in many(name, "given")]
    return " ".join(filter(None, (*map(plain, many(name, "prefix")), *given, text(name, "family"))))


def best_name(names: list[Any]) -> str:
    """The name in use now: usual, else official, else the first that is not old."""
    current = [name for name in names if name.get("use") not in ("old", "maiden")]
    for use in ("usual", "official"):
        for name in current:
            if name.get("use") == use:
                return person_name(name)
    return person_name(current[0]) if current else ""


def address(value: Json) -> str:
    if said := text(value, "text"):
        return said
    parts = [*map(plain, many(value, "line")), text(value, "city"), text(value, "district"), text(value, "postalCode")]
    return ", ".join(filter(None, parts))


def reachable(points: list[Any], kind: str) -> str:
    """Current telephone numbers or email addresses (ContactPoint.system ``kind``)."""
    return ", ".join(
        filter(None, (text(p, "value") for p in points if p.get("system") == kind and p.get("use") != "old"))
    )


def nhs_numbers(patient: Json) -> set[str]:
    """The NHS numbers a Patient resource states and has not marked as old, without spaces."""
    return {
        "".join(identifier["value"].split())
        for identifier in many(patient, "identifier")
        if identifier.get("system") == NHS_NUMBER and identifier.get("use") != "old" and "value" in identifier
    }


def extension(resource: Json, url: str) -> Json | None:
    return next((item for item in many(resource, "extension") if item.get("url") == url), None)
