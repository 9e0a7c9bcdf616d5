"""A view as a FHIR R4 Bundle: a searchset of what was found, or a document with a Composition by PRSB section.

A FHIR source's own resource is passed on, with references kept only where their target is in the bundle; an entry from
elsewhere becomes a ``Basic`` that says what it is. What the view withholds never reaches here.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from html import escape
from typing import Any

from broker.access.release import Release
from broker.records.source import RecordEntry
from broker.records.view import SectionView
from broker.vocabulary import ACT_CODE, OWN, Section, Sensitivity

NAMESPACE = uuid.UUID("6f2d3f0e-5b0b-4c29-9a52-1f6a0f4b7a51")


def bundle(released: Release, *, kind: str, handle: str) -> dict[str, Any]:
    """A ``searchset`` or ``document`` Bundle (FHIR R4 §2.36). ``handle`` names the resident, never an NHS number."""
    subject = {"resourceType": "Patient", "id": handle, "active": True}
    subject_url = _url("Patient", handle)
    resources: list[tuple[str, dict[str, Any]]] = [(subject_url, subject)]
    by_section: dict[Section, list[str]] = {}
    seen: dict[str, str] = {}
    for section in released.view.sections:
        for entry in _entries(section):
            url = _url(entry.provenance.source, entry.id)
            by_section.setdefault(section.section, []).append(url)
            if url not in seen:
                seen[url] = entry.id
                resources.append((url, _resource(entry)))
    known = _references(released, subject_url)
    cleaned = [(url, _with_references(resource, known, subject_url)) for url, resource in resources]
    if kind == "document":
        cleaned.insert(0, _composition(released, by_section, subject_url))
    made: dict[str, Any] = {
        "resourceType": "Bundle",
        "id": str(uuid.uuid5(NAMESPACE, released.decision.id)),
        "type": kind,
        "timestamp": released.view.made_at.isoformat(),
        "entry": [_bundle_entry(url, resource, kind) for url, resource in cleaned],
    }
    if kind == "document":
        made["identifier"] = {"system": f"{OWN}:decision", "value": released.decision.id}
    else:
        outcomes = [_outcome_entry(issue) for issue in _issues(released)]
        made["total"] = sum(1 for _, resource in cleaned if resource["resourceType"] != "Patient")
        made["entry"] += outcomes
    return made


def _entries(section: SectionView) -> list[RecordEntry]:
    return [entry for joined in section.entries for entry in (joined.entry, *joined.others)]


def _url(source: str, local: str) -> str:
    return f"urn:uuid:{uuid.uuid5(NAMESPACE, f'{source}/{local}')}"


def _resource(entry: RecordEntry) -> dict[str, Any]:
    original = dict(entry.original) if entry.original.get("resourceType") else _basic(entry)
    original["id"] = str(uuid.uuid5(NAMESPACE, f"{entry.provenance.source}/{entry.id}"))
    original.pop("text", None)  # a source's narrative is never passed on as markup
    meta = {name: value for name, value in original.get("meta", {}).items() if name in ("lastUpdated", "profile")}
    meta["source"] = f"{OWN}:source:{entry.provenance.source}"
    if entry.labels:
        meta["security"] = [_security(label) for label in sorted(entry.labels)]
    return {**original, "meta": meta}


def _security(label: Sensitivity) -> dict[str, str]:
    return {"system": ACT_CODE, "code": label.act_code, "display": label.label}


def _basic(entry: RecordEntry) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "resourceType": "Basic",
        "code": {
            "coding": [
                {"system": entry.section.system, "code": entry.section.value, "display": entry.section.label},
                *({"system": code.system, "code": code.code} for code in entry.codes if code.system and code.code),
            ],
            "text": entry.title,
        },
        "subject": {"reference": "Patient"},
    }
    if entry.at is not None:
        resource["created"] = entry.at.isoformat()[:10]
    if entry.details:
        resource["extension"] = [
            {"url": f"{OWN}:detail:{_slug(label)}", "valueString": detail} for label, detail in entry.details if detail
        ]
    return resource


def _slug(label: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in label.lower()).split()) or "detail"


def _references(released: Release, subject_url: str) -> dict[str, dict[str, str]]:
    """For each source, what its own references become: the bundle's addresses, by ``Type/id``."""
    known: dict[str, dict[str, str]] = {}
    for section in released.view.sections:
        for entry in _entries(section):
            kind, local = entry.original.get("resourceType"), entry.original.get("id")
            if kind and local:
                url = subject_url if kind == "Patient" else _url(entry.provenance.source, entry.id)
                known.setdefault(entry.provenance.source, {})[f"{kind}/{local}"] = url
    return known


def _with_references(
    resource: dict[str, Any], known: Mapping[str, Mapping[str, str]], subject_url: str
) -> dict[str, Any]:
    source = str(resource.get("meta", {}).get("source", "")).rpartition(":")[2]
    targets = known.get(source, {})

    def clean(value: Any) -> Any:
        if isinstance(value, list):
            return [kept for kept in (clean(item) for item in value) if kept not in ({}, [], None)]
        if not isinstance(value, dict):
            return value
        if isinstance(value.get("reference"), str):
            return _reference(value, targets, subject_url)
        return {name: kept for name, item in value.items() if (kept := clean(item)) not in ({}, [], None)}

    cleaned: dict[str, Any] = clean(resource)
    return cleaned


def _reference(value: dict[str, Any], targets: Mapping[str, str], subject_url: str) -> dict[str, Any]:
    target = value["reference"]
    others = {name: kept for name, kept in value.items() if name in ("display", "type")}
    if target == "Patient" or target.split("/")[-2:-1] == ["Patient"]:
        return {**others, "reference": subject_url}
    if target.startswith("#"):
        return value
    found = targets.get("/".join(target.split("/")[-2:]))
    return {**others, "reference": found} if found else {**others, "display": others.get("display", "Not included")}


def _composition(
    released: Release, by_section: Mapping[Section, list[str]], subject_url: str
) -> tuple[str, dict[str, Any]]:
    identity = str(uuid.uuid5(NAMESPACE, f"composition/{released.decision.id}"))
    return f"urn:uuid:{identity}", {
        "resourceType": "Composition",
        "id": identity,
        "status": "final",
        "type": {
            "coding": [{"system": "http://snomed.info/sct", "code": "824321000000109", "display": "Summary record"}]
        },
        "subject": {"reference": subject_url},
        "date": released.view.made_at.isoformat(),
        "author": [{"display": "Neighbourhood data-sharing and consent broker"}],
        "title": "Consolidated record view",
        "section": [_composition_section(section, by_section) for section in released.view.sections],
    }


def _composition_section(section: SectionView, by_section: Mapping[Section, list[str]]) -> dict[str, Any]:
    said = section.silence.label if section.silence else f"{len(section.entries)} shown"
    gaps = "".join(f"; {gap.label} {gap.cause.label}" for gap in section.gaps)
    made: dict[str, Any] = {
        "title": section.section.label,
        "code": {"coding": [{"system": section.section.system, "code": section.section.value}]},
        "text": {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{escape(said + gaps)}</div>',
        },
    }
    if urls := by_section.get(section.section):
        made["entry"] = [{"reference": url} for url in dict.fromkeys(urls)]
    else:
        made["emptyReason"] = {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/list-empty-reason",
                    "code": {"withheld": "withheld", "empty": "nilknown", "unavailable": "unavailable"}.get(
                        section.silence.value if section.silence else "empty", "notasked"
                    ),
                }
            ]
        }
    return made


def _bundle_entry(url: str, resource: dict[str, Any], kind: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"fullUrl": url, "resource": resource}
    if kind == "searchset":
        entry["search"] = {"mode": "include" if resource["resourceType"] == "Patient" else "match"}
    return entry


def _issues(released: Release) -> list[dict[str, Any]]:
    issues = [
        {
            "severity": "warning",
            "code": "incomplete",
            "details": {"text": f"{section.section.label}: {gap.label} {gap.cause.label}"},
        }
        for section in released.view.sections
        for gap in section.gaps
    ]
    if released.view.withheld_told:
        text = "Some information was not shared, by agreement or by the resident's choice."
        issues.append({"severity": "information", "code": "suppressed", "details": {"text": text}})
    return issues


def _outcome_entry(issue: dict[str, Any]) -> dict[str, Any]:
    return {
        "fullUrl": f"urn:uuid:{uuid.uuid5(NAMESPACE, repr(issue))}",
        "resource": {"resourceType": "OperationOutcome", "issue": [issue]},
        "search": {"mode": "outcome"},
    }
