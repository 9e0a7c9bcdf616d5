"""Whether a resource that is shown matches what a search asks (FHIR R4 §3.1.1.4). Reads resources, and nothing else."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from broker.api.fhir_read.table import Parameter
from broker.errors import InvalidInput

_DATE = re.compile(
    r"(?P<prefix>eq|ne|gt|lt|ge|le|sa|eb)?"
    r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})(?:T(?P<time>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)"
    r"(?P<zone>Z|[+-]\d{2}:\d{2})?)?)?)?"
)
Span = tuple[datetime, datetime]  # from, and up to but not including
_EVER = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def matches(resource: Mapping[str, Any], parameter: Parameter, value: str) -> bool:
    """Whether any of the values, between commas, is the resource's. Raises InvalidInput for one that cannot be."""
    found = [resource[name] for name in parameter.elements if name in resource]
    test = _dated if parameter.kind == "date" else _coded
    return any(test(found, each) for each in value.split(","))


def check(parameter: Parameter, name: str, value: str) -> None:
    """Raise InvalidInput for a value that this parameter cannot have."""
    for each in value.split(","):
        if not each or (parameter.kind == "date" and not _is_date(each)):
            raise InvalidInput("value-wrong", f"The value of {name} cannot be read.", field=name)


def _is_date(text: str) -> bool:
    found = _DATE.fullmatch(text)
    try:
        return found is not None and bool(_span_of(found))
    except (ValueError, OverflowError):
        return False


def _coded(found: list[Any], wanted: str) -> bool:
    system, bar, code = wanted.rpartition("|")
    return any(
        (not code or code == has_code) and (not bar or (system or None) == (has_system or None))
        for has_system, has_code in _codes(found)
    )


def _codes(value: Any) -> Iterator[tuple[str | None, str | None]]:
    """Every code of what may be a code, a Coding, a CodeableConcept, or a list of those."""
    if isinstance(value, list):
        for each in value:
            yield from _codes(each)
    elif isinstance(value, str):
        yield None, value
    elif isinstance(value, Mapping):
        if isinstance(value.get("coding"), list):
            yield from _codes(value["coding"])
        elif isinstance(value.get("code"), str):
            yield value.get("system"), value["code"]


def _dated(found: list[Any], wanted: str) -> bool:
    asked = _DATE.fullmatch(wanted)
    if asked is None:
        return False
    begins, ends = _span_of(asked)
    prefix = asked["prefix"] or "eq"
    return any(_compares(prefix, span, (begins, ends)) for each in found if (span := _span_in(each)) is not None)


def _compares(prefix: str, has: Span, asked: Span) -> bool:
    """FHIR R4 §3.1.1.4.7: a value is a stretch of time, as long as it is exact."""
    within = asked[0] <= has[0] and has[1] <= asked[1]
    return {
        "eq": within,
        "ne": not within,
        "gt": has[1] > asked[1],
        "lt": has[0] < asked[0],
        "ge": has[1] > asked[1] or within,
        "le": has[0] < asked[0] or within,
        "sa": has[0] >= asked[1],
        "eb": has[1] <= asked[0],
    }[prefix]


def _span_in(value: Any) -> Span | None:
    """The stretch that a date, an instant or a Period of a resource is."""
    if isinstance(value, Mapping):
        start, end = _span_in(value.get("start")), _span_in(value.get("end"))
        return ((start or _EVER)[0], (end or _EVER)[1]) if start or end else None
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    try:
        return _span_of(found) if found and not found["prefix"] else None
    except (ValueError, OverflowError):
        return None


def _span_of(found: re.Match[str]) -> Span:
    """Raises ValueError or OverflowError for a day that there is not."""
    year, month, day = int(found["year"]), int(found["month"] or 1), int(found["day"] or 1)
    if found["time"]:
        at = datetime.combine(date(year, month, day), time.fromisoformat(found["time"]))
        zone = found["zone"] or "Z"
        at = datetime.fromisoformat(at.isoformat() + ("+00:00" if zone == "Z" else zone))
        exact = timedelta(minutes=1) if len(found["time"]) == 5 else timedelta(seconds=1)
        return at, at + exact
    begins = datetime(year, month, day, tzinfo=UTC)
    if found["day"]:
        return begins, begins + timedelta(days=1)
    if found["month"]:
        return begins, begins + timedelta(days=calendar.monthrange(year, month)[1])
    return begins, datetime(year + 1, 1, 1, tzinfo=UTC)
