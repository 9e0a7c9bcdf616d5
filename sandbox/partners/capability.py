"""The CapabilityStatement of a sandbox FHIR server, made from the same table that the search reads."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sandbox.partners.outcome import FHIR_JSON
from sandbox.partners.parameters import DEFINITION, TABLE, includes_of, parameters_of, reverse_includes

SOFTWARE_VERSION = "1"


def capability_statement(
    source: str, base: str, loaded: Iterable[str], *, started_at: datetime, authorised: bool
) -> dict[str, Any]:
    """What the server at ``base`` can do: the table's types and those ``loaded``. ``authorised``: it wants a token."""
    kinds = tuple(sorted({*TABLE, *loaded}))
    rest: dict[str, Any] = {
        "mode": "server",
        "resource": [_resource(kind, kinds) for kind in kinds],
        "interaction": [{"code": "transaction"}],
    }
    if authorised:
        rest["security"] = {"description": "A bearer token is needed, except for this statement."}
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "experimental": True,
        "date": started_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "kind": "instance",
        "software": {"name": "Sandbox partner system", "version": SOFTWARE_VERSION},
        "implementation": {"description": f"Synthetic records of {source}", "url": base},
        "fhirVersion": "4.0.1",
        "format": [FHIR_JSON],
        "rest": [rest],
    }


def _resource(kind: str, kinds: tuple[str, ...]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "type": kind,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "readHistory": False,
        "searchParam": [
            {"name": p.name, "definition": f"{DEFINITION}/{_definition(kind, p.name)}", "type": p.kind.value}
            for p in parameters_of(kind).values()
        ],
    }
    if includes := includes_of(kind):
        described["searchInclude"] = list(includes)
    if kind == "Patient":
        described["searchRevInclude"] = list(reverse_includes(kinds))
        described["operation"] = [
            {"name": "everything", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything"}
        ]
    return described


def _definition(kind: str, name: str) -> str:
    owner = "Resource" if name.startswith("_") else kind
    return f"{owner}-{name.removeprefix('_')}"
