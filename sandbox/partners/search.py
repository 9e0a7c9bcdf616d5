"""Answer a FHIR search from what a source holds: find the matches, then what they bring with them.

Never looks at everybody in a large source: such a search is refused as too costly, as real systems do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sandbox.partners.holdings import Holdings, Resource
from sandbox.partners.matching import elements, key_of, matches, patient_id
from sandbox.partners.outcome import Refused
from sandbox.partners.query import Filter, Include, Query

MOST_LOOKED_AT = 2000


@dataclass(frozen=True, slots=True)
class Found:
    """One match with what came with it. ``included`` may repeat what another match brought."""

    match: Resource
    included: tuple[Resource, ...] = ()


def search(holdings: Holdings, query: Query) -> list[Found]:
    """Every match, ordered by where it is held. Raises Refused for a search that names no patient in a large source."""
    named = [_named_patients(holdings, query, f) for f in query.filters]
    candidates = _candidates(holdings, query, named)
    answer: dict[str, Found] = {}
    for resource in candidates:
        if resource["resourceType"] == query.kind and _satisfies(resource, query, named):
            answer.setdefault(resource["id"], Found(resource, tuple(_brought(holdings, query, resource))))
    return list(answer.values())


def _named_patients(holdings: Holdings, query: Query, wanted: Filter) -> tuple[str, ...] | None:
    """The patients a filter narrows the search to; None where it names none."""
    name = wanted.parameter.name
    if wanted.by_identifier or (query.kind == "Patient" and name == "identifier"):
        split = [value.rpartition("|") for value in wanted.values]
        return tuple(id for system, _, value in split for id in holdings.patients_with(system, value))
    if name in ("patient", "subject"):
        return tuple(id for id in map(patient_id, wanted.values) if id is not None)
    if query.kind == "Patient" and name == "_id":
        return wanted.values
    return None


def _candidates(holdings: Holdings, query: Query, named: list[tuple[str, ...] | None]) -> Iterable[Resource]:
    """As few resources as must be looked at. The filters are still applied to each."""
    for patients in named:
        if patients is not None:
            return (resource for id in patients for resource in holdings.of_patient(id))
    ids = next((f.values for f in query.filters if f.parameter.name == "_id"), None)
    if ids is not None:
        return [r for r in (holdings.read((query.kind, id)) for id in ids) if r is not None]
    if holdings.size > MOST_LOOKED_AT:
        raise Refused(400, "too-costly", "Name a patient by identifier, or a resource by _id: everybody is too many.")
    return holdings.everything()


def _satisfies(resource: Resource, query: Query, named: list[tuple[str, ...] | None]) -> bool:
    for wanted, patients in zip(query.filters, named, strict=True):
        values: tuple[str, ...] = wanted.values
        if wanted.by_identifier:
            values = patients or ()
        if not any(matches(resource, wanted.parameter, value) for value in values):
            return False
    return True


def _brought(holdings: Holdings, query: Query, match: Resource) -> Iterator[Resource]:
    """``_revinclude`` of what refers to a patient, and ``_include`` of what is referred to (R4 §3.1.1.5.4)."""
    own = list(holdings.of_patient(match["id"])) if query.kind == "Patient" else []
    referring = [r for r in own if any(_refers(r, include, match["id"]) for include in query.reverse)]
    yield from referring
    for include in query.includes:
        yield from _followed(holdings, match, include, own)
        for resource in referring if include.iterate else ():
            yield from _followed(holdings, resource, include, own)


def _refers(resource: Resource, include: Include, id: str) -> bool:
    return resource["resourceType"] == include.kind and matches(resource, include.parameter, id)


def _followed(holdings: Holdings, resource: Resource, include: Include, own: list[Resource]) -> Iterator[Resource]:
    """What ``resource`` refers to, where it is held: in the same record first, which needs no looking."""
    if resource["resourceType"] != include.kind:
        return
    for path in include.parameter.elements:
        for reference in elements(resource, f"{path}.reference"):
            key = key_of(reference)
            beside = next((r for r in own if (r["resourceType"], r["id"]) == key), None)
            found = beside or (holdings.read(key) if key else None)
            if found is not None:
                yield found
