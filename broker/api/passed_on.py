"""What of a FHIR source's own resource is passed on: what its entry tells, and nothing that names somebody else.

Identifiers (but for organisations' ODS codes), attachments' bytes and addresses, narratives, links to other people and
what they are called never leave. What cannot have been read for sensitivity cannot be passed on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from broker.vocabulary import ODS_CODE

# What a Patient tells of demographics. Its contacts, practices and needs are other entries, in other sections.
_DEMOGRAPHICS = (
    *("resourceType", "active", "name", "telecom", "gender", "birthDate"),
    *("deceasedBoolean", "deceasedDateTime", "address", "extension"),
)
_ETHNICITY = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-EthnicCategory"
# Contained resources that say what a thing is or who gives a service. Others could be about anybody.
_CONTAINED = frozenset({"Medication", "Substance", "Organization", "Location", "Practitioner", "PractitionerRole"})
_PEOPLE = frozenset({"Patient", "RelatedPerson", "Person"})
_NOT_INCLUDED = {"display": "Not included"}
_EMPTY: tuple[Any, ...] = ({}, [], None)


def demographics(patient: Mapping[str, Any]) -> dict[str, Any]:
    """A Patient with what the demographics section tells of it, and no more."""
    kept = {name: patient[name] for name in _DEMOGRAPHICS if name in patient}
    kept["extension"] = [each for each in _objects(kept, "extension") if each.get("url") == _ETHNICITY]
    return kept


def own_patient(resource: Mapping[str, Any]) -> str | None:
    """``Patient/id`` of the resident, as this resource names them; its adapter has checked that it is them."""
    if resource.get("resourceType") == "Patient":
        return f"Patient/{resource['id']}" if resource.get("id") else None
    subject = resource.get("subject") or resource.get("patient")
    named = [subject] if subject else [each.get("actor") for each in _objects(resource, "participant")]
    found = {local for each in named if isinstance(each, dict) and _kind(local := _local(each)) == "Patient"}
    return found.pop() if len(found) == 1 else None


def cleaned(resource: Mapping[str, Any], targets: Mapping[str, str]) -> dict[str, Any]:
    """``resource`` without what may not leave. ``targets`` are what is in the bundle, by ``Type/id``."""
    contained = [each for each in _objects(resource, "contained") if each.get("resourceType") in _CONTAINED]
    inside = {f"#{each['id']}": f"#{each['id']}" for each in contained if each.get("id")}
    whole = {**resource, "contained": contained}
    return dict(_fields(whole, {**targets, **inside}))


def _objects(resource: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    listed = resource.get(name)
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _fields(value: Mapping[str, Any], targets: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        if not _may_leave(name, item, value):
            continue
        kept = _clean(item, targets)
        if kept not in _EMPTY:
            yield name, kept


def _clean(value: Any, targets: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [kept for item in value if not _identifies(item) and (kept := _clean(item, targets)) not in _EMPTY]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("reference"), str):
        return _reference(value, targets)
    if value.get("type") in _PEOPLE and "resourceType" not in value:
        return dict(_NOT_INCLUDED)  # a reference by identifier alone (FHIR R4 §2.3.0.2)
    return dict(_fields(value, targets))


def _may_leave(name: str, item: Any, within: Mapping[str, Any]) -> bool:
    if _identifies(item) or (name.lower().endswith("identifier") and isinstance(item, dict) and not _is_ods(item)):
        return False
    if name in ("text", "_text") and isinstance(item, dict) and "div" in item:
        return False  # a source's narrative is never passed on as markup
    if name == "data":
        return "origin" in within  # SampledData; in anything else, bytes nobody has read
    if name == "url":
        return any(other.startswith("value") or other == "extension" for other in within)  # not an Attachment's
    return True


def _identifies(item: Any) -> bool:
    """Whether this is an Identifier of anything but an organisation. A ContactPoint's system is a word, not a URI."""
    if not isinstance(item, dict) or not isinstance(item.get("value"), str):
        return False
    return ":" in str(item.get("system", "")) and not _is_ods(item)


def _is_ods(item: Mapping[str, Any]) -> bool:
    return item.get("system") == ODS_CODE


def _reference(value: Mapping[str, Any], targets: Mapping[str, str]) -> dict[str, Any]:
    local = _local(value)
    found = targets.get(local)
    if _kind(local) in _PEOPLE or value.get("type") in _PEOPLE or (local.startswith("#") and found is None):
        return {"reference": found} if found else dict(_NOT_INCLUDED)
    others = {name: value[name] for name in ("display", "type") if isinstance(value.get(name), str)}
    return {**others, "reference": found} if found else {**_NOT_INCLUDED, **others}


def _local(reference: Mapping[str, Any]) -> str:
    """``Type/id`` of a reference that may be absolute or to one version; ``#id`` of one that is contained."""
    text = str(reference.get("reference", "")).partition("/_history/")[0]
    return text if text.startswith("#") else "/".join(text.split("/")[-2:])


def _kind(local: str) -> str:
    return local.partition("/")[0]
