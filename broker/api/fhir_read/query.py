"""What a search asks, read strictly where FHIR says so: an unknown modifier is refused, an unknown parameter is passed
over unless the client asked to be told (``Prefer: handling=strict``), and no identifier is ever taken from an address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from broker.api.fhir_read import matching, table
from broker.errors import InvalidInput

Pairs = tuple[tuple[str, str], ...]
_TOTALS = ("none", "estimate", "accurate")
_SUMMARIES = ("count", "data", "false")
_FORMATS = ("json", "application/json", "application/fhir+json", "text/json")
_MOST = 40  # parameters
_LONGEST = 1000  # letters of one value
# What says who somebody is. Taken from a body alone, for the one search that is for it.
IDENTIFYING = ("identifier", "name", "family", "given", "birthdate", "address", "telecom", "phone", "email", "subject")


@dataclass(frozen=True, slots=True)
class Query:
    """``kinds`` are the types asked for; ``honoured`` every parameter that was, as it was sent: what a self link says.

    ``tests`` are (name, value), all of which must hold. ``after`` is where the last page ended.
    """

    kinds: frozenset[str]
    patient: str | None = None
    ids: frozenset[str] | None = None
    tests: Pairs = ()
    count: int = table.DEFAULT_PAGE
    total: bool = True
    summary: str = "false"
    ascending: bool = False
    includes: tuple[str, ...] = ()
    provenance: bool = False
    honoured: Pairs = ()
    after: tuple[float, str] | None = field(default=None, compare=False)


def read(kind: str, pairs: Pairs, *, strict: bool) -> Query:
    """A search of one type. Raises InvalidInput for what cannot be honoured."""
    kept = _known(pairs, {*table.parameters_of(kind), *table.RESULTS}, strict=strict)
    said = _once(kept, {"patient", "_count", "_total", "_summary", "_sort", "_format"})
    tests = tuple((name, value) for name, value in kept if name in table.TYPES[kind].parameters)
    for name, value in tests:
        matching.check(table.TYPES[kind].parameters[name], name, value)
    ids = [frozenset(value.split(",")) for name, value in kept if name == "_id"]
    return Query(
        kinds=frozenset({kind}),
        patient=_patient(said.get("patient")),
        ids=frozenset.intersection(*ids) if ids else None,
        tests=tests,
        ascending=_ascending(kind, said.get("_sort")),
        includes=_includes(kind, [value for name, value in kept if name == "_include"]),
        provenance=_provenance([value for name, value in kept if name == "_revinclude"]),
        honoured=kept,
        **_answering(said),  # type: ignore[arg-type]
    )


def read_everything(pairs: Pairs, *, strict: bool) -> Query:
    """What ``$everything`` takes: ``_type``, and how to answer."""
    kept = _known(pairs, {"_type", "_count", "_total", "_summary", "_format", "_revinclude"}, strict=strict)
    said = _once(kept, {"_type", "_count", "_total", "_summary", "_format"})
    kinds = frozenset(said["_type"].split(",")) if "_type" in said else frozenset(table.TYPES)
    if not kinds <= table.TYPES.keys():
        raise InvalidInput("value-wrong", "There is a type that is not read here.", field="_type")
    return Query(
        kinds=kinds,
        provenance=_provenance([value for name, value in kept if name == "_revinclude"]),
        honoured=kept,
        **_answering(said),  # type: ignore[arg-type]
    )


def check_nothing_identifies(names: Iterable[str]) -> None:
    """Raise InvalidInput where an address says who somebody is: addresses are kept by every machine on the way."""
    for name in names:
        if name.partition(":")[0].partition(".")[0] in IDENTIFYING:
            raise InvalidInput(
                "identifier-in-address", "Search for somebody by POST to Patient/_search, never in an address."
            )


def _known(pairs: Pairs, known: set[str], *, strict: bool) -> Pairs:
    if len(pairs) > _MOST or any(len(value) > _LONGEST for _, value in pairs):
        raise InvalidInput("too-much", "There is more in the search than this server reads.")
    kept = []
    for name, value in pairs:
        plain, colon, _ = name.partition(":")
        if colon and plain in known:
            # To pass over a modifier would find what was not asked for (FHIR R4 §3.1.1.4.4).
            raise InvalidInput("modifier-unknown", f"The modifier of {plain} is not one this server knows.")
        if name in known and value:
            kept.append((name, value))
        elif strict:
            raise InvalidInput("parameter-unknown", f"This search has no parameter {name[:60]}.")
    return tuple(kept)


def _once(kept: Pairs, names: set[str]) -> Mapping[str, str]:
    listed = [(name, value) for name, value in kept if name in names]
    said = dict(listed)
    if len(said) != len(listed):
        raise InvalidInput("parameter-twice", "A parameter that can be said once is said twice.")
    return said


def _answering(said: Mapping[str, str]) -> dict[str, object]:
    for name, allowed in (("_total", _TOTALS), ("_summary", _SUMMARIES)):
        if said.get(name, allowed[-1]) not in allowed:
            raise InvalidInput("value-wrong", f"{name} is one of: {', '.join(allowed)}.", field=name)
    if said.get("_format", "json") not in _FORMATS:
        raise InvalidInput("format-unknown", "This server speaks JSON alone.", field="_format")
    return {
        "count": _count(said.get("_count")),
        "total": said.get("_total") != "none",
        "summary": "count" if said.get("_count") == "0" else said.get("_summary", "false"),
    }


def _count(text: str | None) -> int:
    if text is None:
        return table.DEFAULT_PAGE
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidInput("value-wrong", "_count is a whole number.", field="_count")
    return min(int(text), table.LARGEST_PAGE)


def _patient(text: str | None) -> str | None:
    return None if text is None else text.removeprefix("Patient/")


def _ascending(kind: str, text: str | None) -> bool:
    dated = table.TYPES[kind].dated
    if text is None or (dated is not None and text == f"-{dated}"):
        return False
    if dated is not None and text == dated:
        return True
    raise InvalidInput("value-wrong", f"A search of {kind} is sorted by its date alone.", field="_sort")


def _includes(kind: str, said: list[str]) -> tuple[str, ...]:
    for each in said:
        if each not in table.includes_of(kind):
            raise InvalidInput("value-wrong", "That cannot be included in this search.", field="_include")
    return tuple(each.partition(":")[2] for each in said)


def _provenance(said: list[str]) -> bool:
    if any(each != table.PROVENANCE for each in said):
        raise InvalidInput("value-wrong", "Only Provenance:target can be brought along.", field="_revinclude")
    return bool(said)
