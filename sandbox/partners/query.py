"""What a FHIR search asked for, once understood: read from URL and form, nothing looked up yet.

A parameter that is not understood is left out and not echoed, or refused under ``Prefer: handling=strict``
(FHIR R4 §3.1.1.1.3). An unsupported modifier is always refused: ignoring one would widen the answer (§3.1.1.4.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sandbox.partners.outcome import Refused
from sandbox.partners.parameters import SearchParameter, parameters_of, patient_references, references_of

MOST_PER_PAGE = 200
PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class Filter:
    """One parameter as given: any of ``values`` will do. ``by_identifier``: they are the patient's identifiers."""

    parameter: SearchParameter
    values: tuple[str, ...]
    by_identifier: bool = False


@dataclass(frozen=True, slots=True)
class Include:
    """``kind:parameter``: what a ``kind`` refers to by it, or who refers so. ``iterate``: from includes too."""

    kind: str
    parameter: SearchParameter
    iterate: bool = False


@dataclass(slots=True)
class Query:
    """A search for ``kind``. ``understood`` is what the self link echoes, in the order given."""

    kind: str
    filters: list[Filter] = field(default_factory=list)
    includes: list[Include] = field(default_factory=list)
    reverse: list[Include] = field(default_factory=list)
    count: int = PER_PAGE
    understood: list[tuple[str, str]] = field(default_factory=list)


def read_query(kind: str, given: Iterable[tuple[str, str]], *, strict: bool, reverse_kinds: Iterable[str]) -> Query:
    """The search that ``given`` (name, value) pairs ask for. Raises Refused, naming parameters and never values."""
    query, known = Query(kind), frozenset(reverse_kinds)
    for name, value in given:
        if not _read_one(query, name, value, known):
            if strict:
                raise Refused(400, "not-supported", f"The parameter {_safe(name)} is not understood for {kind}.")
            continue
        query.understood.append((name, value))
    return query


def _read_one(query: Query, name: str, value: str, known: frozenset[str]) -> bool:
    """Add one parameter to ``query``; False where it is not understood."""
    match name:
        case "_count":
            query.count = min(_whole_number(value), MOST_PER_PAGE)
            return True
        case "_format":
            return True  # negotiated at the door
        case "_include" | "_include:iterate":
            return _read_include(query, value, iterate=name.endswith(":iterate"))
        case "_revinclude":
            return _read_reverse(query, value, known)
    return _read_filter(query, name, value)


def _read_include(query: Query, value: str, *, iterate: bool) -> bool:
    kind, _, name = _without_target(value).partition(":")
    parameter = references_of(kind).get(name)
    if parameter is None or (kind != query.kind and not iterate):
        return False
    query.includes.append(Include(kind, parameter, iterate))
    return True


def _read_reverse(query: Query, value: str, known: frozenset[str]) -> bool:
    kind, _, name = _without_target(value).partition(":")
    parameter = patient_references(kind).get(name)
    if query.kind != "Patient" or kind not in known or parameter is None:
        return False
    query.reverse.append(Include(kind, parameter))
    return True


def _read_filter(query: Query, name: str, value: str) -> bool:
    plain, by_identifier = _identifier_form(name)
    base, _, modifier = plain.partition(":")
    parameter = parameters_of(query.kind).get(base)
    if parameter is None or (by_identifier and parameter.target != "Patient"):
        return False
    if modifier:
        raise Refused(400, "not-supported", f"The modifier in {_safe(name)} is not supported.")
    values = split_values(value)
    if not values:
        return True  # R4 §3.1.1.2: a parameter with no value is ignored
    query.filters.append(Filter(parameter, values, by_identifier))
    return True


def _identifier_form(name: str) -> tuple[str, bool]:
    """``patient.identifier`` (chained) and ``patient:identifier`` (R4 §3.1.1.4.4) ask the same here."""
    for ending in (":Patient.identifier", ".identifier", ":identifier"):
        if name.endswith(ending):
            return name.removesuffix(ending), True
    return name, False


def split_values(value: str) -> tuple[str, ...]:
    r"""The alternatives in a value: commas part them, ``\,`` is a comma, ``\|`` and ``\$`` likewise."""
    parts = re.split(r"(?<!\\),", value)
    return tuple(re.sub(r"\\([,|$\\])", r"\1", part) for part in parts if part)


def _without_target(value: str) -> str:
    """``Type:parameter`` of ``Type:parameter:target``; a target narrows nothing here, as each has but one."""
    return ":".join(value.split(":")[:2])


def _whole_number(value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise Refused(400, "value", "_count is not a whole number.")
    return int(value)


def _safe(name: str) -> str:
    """A parameter's name as it may be shown: an odd one could be a value put in the wrong place."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z._:-]{0,60}", name) else "given"


def strict_handling(headers: Mapping[str, str]) -> bool:
    """Whether ``Prefer: handling=strict`` was asked (FHIR R4 §3.1.1.1.3)."""
    return "handling=strict" in headers.get("Prefer", "").replace(" ", "").lower()
