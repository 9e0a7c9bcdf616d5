"""The CapabilityStatement: what works here, made from the table that the routes use, so that the two cannot differ."""

from __future__ import annotations

from typing import Any

from broker.api.fhir_read import table
from broker.oauth import smart
from broker.settings import Settings
from broker.vocabulary import OWN

Json = dict[str, Any]
_SMART = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SECURITY = "http://terminology.hl7.org/CodeSystem/restful-security-service"
EVERYTHING, DOCUMENT = "everything", "document"
_OPERATIONS = {
    EVERYTHING: "http://hl7.org/fhir/OperationDefinition/Patient-everything",
    DOCUMENT: f"{OWN}:operation:document",
}
_WHOSE = "The resident's handle, with or without Patient/ before it. Every search must say whose record it is."


def statement(settings: Settings) -> Json:
    """CapabilityStatement for FHIR R4 (4.0.1), JSON alone."""
    base = smart.base(settings)
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-22",
        "kind": "instance",
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "implementation": {"description": "Neighbourhood data-sharing and consent broker", "url": base},
        "rest": [
            {
                "mode": "server",
                "documentation": (
                    "Reading alone, decided live at each request and each page. Say what for in the header "
                    "X-Purpose-Of-Use. A resident is named by the handle their organisation was given."
                ),
                "security": _security(settings),
                "resource": [
                    *(_resource(kind) for kind, each in table.TYPES.items() if each.read),
                    _choices(),
                    _audit_events(),
                ],
            }
        ],
    }


def _security(settings: Settings) -> Json:
    addresses = {
        "token": f"{settings.issuer}/smart/token",
        "authorize": f"{settings.issuer}/oauth/authorize",
    }
    listed = [{"url": name, "valueUri": address} for name, address in addresses.items()]
    return {
        "extension": [{"url": _SMART, "extension": listed}],
        "service": [{"coding": [{"system": _SECURITY, "code": "SMART-on-FHIR"}]}],
    }


def _resource(kind: str) -> Json:
    made: Json = {"type": kind, "interaction": [{"code": "read"}], "versioning": "no-version"}
    if table.TYPES[kind].searched:
        made["interaction"].append({"code": "search-type"})
        made["searchInclude"] = list(table.includes_of(kind))
        made["searchRevInclude"] = [table.PROVENANCE]
        made["searchParam"] = [_parameter(name, type_) for name, type_ in table.parameters_of(kind).items()]
    if kind == "Patient":
        made["searchParam"] += [
            {"name": "identifier", "type": "token", "documentation": "By POST to _search alone, with birthdate."},
            {"name": "birthdate", "type": "date", "documentation": "By POST to _search alone, with identifier."},
        ]
        made["operation"] = [{"name": name, "definition": where} for name, where in _OPERATIONS.items()]
    return {name: value for name, value in made.items() if value}


def _parameter(name: str, type_: str) -> Json:
    made = {"name": name, "type": type_}
    return {**made, "documentation": _WHOSE} if name == "patient" else made


def _choices() -> Json:
    """What a resident shares and withholds, for themselves: ``consents_fhir`` has these."""
    return {
        "type": "Consent",
        "documentation": "A resident's own choices, for their own app. An update ends one.",
        "interaction": [{"code": code} for code in ("read", "search-type", "create", "update")],
        "searchParam": [{"name": "patient", "type": "reference"}, {"name": "status", "type": "token"}],
    }


def _audit_events() -> Json:
    """Who looked, for the resident whose record it is and for those who answer for it."""
    return {
        "type": "AuditEvent",
        "interaction": [{"code": "search-type"}],
        "searchParam": [{"name": "patient", "type": "reference", "documentation": "me: whose token it is."}],
    }
