"""Whether one FHIR R4 resource satisfies one search parameter's value (R4 search, §3.1.1). Pure: finds nothing."""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.partners.outcome import Refused
from sandbox.partners.parameters import Kind, SearchParameter

_DATE = re.compile(
    r"(?P<y>\d{4})(-(?P<m>\d\d)(-(?P<d>\d\d)(T(?P<H>\d\d):(?P<M>\d\d)(:(?P<S>\d\d)(?P<f>\.\d{1,9})?)?(?P<z>Z|[+-]\d\d:\d\d)?)?)?)?"
)
_PREFIX = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb)?(.*)")


@dataclass(frozen=True, slots=True)
class Span:
    """A FHIR date as the interval it stands for: a day is 24 hours, a year twelve months. ``end`` is excluded."""

    start: datetime
    end: datetime


def elements(node: Any, path: str) -> Iterator[Any]:
    """Everything at ``path`` in ``node``, lists opened on the way."""
    if isinstance(node, list):
        for item in node:
            yield from elements(item, path)
    elif not path:
        yield node
    elif isinstance(node, Mapping):
        name, _, rest = path.partition(".")
        if name in node:
            yield from elements(node[name], rest)


def matches(resource: Mapping[str, Any], parameter: SearchParameter, wanted: str) -> bool:
    """Whether any element of ``parameter`` satisfies ``wanted``, one value without commas. Refuses a malformed one."""
    found = [e for path in parameter.elements for e in elements(resource, path)]
    match parameter.kind:
        case Kind.TOKEN:
            return any(token_matches(element, wanted) for element in found)
        case Kind.REFERENCE:
            return any(reference_matches(element, wanted, target=parameter.target) for element in found)
        case Kind.DATE:
            return any(date_matches(element, wanted) for element in found)
        case Kind.STRING:
            return any(_folded(str(element)).startswith(_folded(wanted)) for element in found)


def token_matches(element: Any, wanted: str) -> bool:
    """``code``, ``system|code``, ``|code`` (no system) or ``system|`` (any code of it), R4 §3.1.1.4.10."""
    system, bar, code = wanted.rpartition("|")
    for has_system, has_code in _codes(element):
        if bar and has_system != system:
            continue
        if not code or has_code == code:
            return True
    return False


def _codes(element: Any) -> Iterator[tuple[str, str]]:
    if isinstance(element, bool):
        yield "", "true" if element else "false"
    elif isinstance(element, str):
        yield "", element
    elif isinstance(element, Mapping) and "coding" in element:
        for coding in element["coding"]:
            yield coding.get("system", ""), coding.get("code", "")
    elif isinstance(element, Mapping):  # Coding and Identifier
        yield element.get("system", ""), str(element.get("code", element.get("value", "")))


def reference_matches(element: Any, wanted: str, *, target: str) -> bool:
    """Whether a Reference names ``wanted``: ``id``, ``Type/id`` or an absolute URL that ends so (R4 §3.1.1.4.9)."""
    has = key_of(element.get("reference")) if isinstance(element, Mapping) else None
    kind, id = _last_two(wanted)
    return has is not None and has[1] == id and has[0] == (kind or target or has[0])


def key_of(reference: Any) -> tuple[str, str] | None:
    """The (type, id) that a literal reference points at; None where it is not one."""
    if not isinstance(reference, str) or reference.startswith(("#", "urn:")):
        return None
    kind, id = _last_two(reference)
    return (kind, id) if kind and id else None


def patient_id(wanted: str) -> str | None:
    """The id in a value for a patient; None where it names something that is not a Patient."""
    kind, id = _last_two(wanted)
    return id if kind in ("", "Patient") else None


def _last_two(reference: str) -> tuple[str, str]:
    before, _, id = reference.partition("/_history/")[0].rpartition("/")
    return before.rpartition("/")[2], id


def date_matches(element: Any, wanted: str) -> bool:
    """R4 §3.1.1.4.7: both sides are intervals, and the prefix says how they must lie."""
    prefix, text = _prefixed(wanted)
    sought = span(text)
    if sought is None:
        raise Refused(400, "value", "A date was given that is not a FHIR date.")
    has = span(str(element))
    if has is None:
        return False
    within = sought.start <= has.start and has.end <= sought.end
    answers = {
        "eq": within,
        "ne": not within,
        "gt": has.end > sought.end,
        "lt": has.start < sought.start,
        "ge": within or has.end > sought.end,
        "le": within or has.start < sought.start,
        "sa": has.start >= sought.end,
        "eb": has.end <= sought.start,
    }
    return answers[prefix]


def _prefixed(wanted: str) -> tuple[str, str]:
    found = _PREFIX.fullmatch(wanted)
    return (found[1] or "eq", found[2]) if found else ("eq", wanted)


def span(text: str) -> Span | None:
    """The interval a FHIR date, dateTime or instant stands for; None where it is not one. No zone means UTC."""
    found = _DATE.fullmatch(text)
    if not found:
        return None
    zone = "+00:00" if found["z"] in (None, "Z") else found["z"]
    clock = f"{found['H'] or '00'}:{found['M'] or '00'}:{found['S'] or '00'}{(found['f'] or '')[:7]}"
    try:
        start = datetime.fromisoformat(f"{found['y']}-{found['m'] or '01'}-{found['d'] or '01'}T{clock}{zone}")
        start = start.astimezone(UTC)
        return Span(start, start + _length(found, start))
    except (ValueError, OverflowError):
        return None


def _length(found: re.Match[str], start: datetime) -> timedelta:
    if found["f"]:
        return timedelta(milliseconds=1)
    if found["S"]:
        return timedelta(seconds=1)
    if found["H"]:
        return timedelta(minutes=1)
    if found["d"]:
        return timedelta(days=1)
    if found["m"]:
        return timedelta(days=calendar.monthrange(start.year, start.month)[1])
    return timedelta(days=366 if calendar.isleap(start.year) else 365)


def _folded(text: str) -> str:
    """Without case or accents, as R4 §3.1.1.4.8 compares strings."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()
