"""A view as a FHIR R4 Bundle: a searchset of what was found, or a document with a Composition by PRSB section.

A FHIR source's own resource is passed on as far as ``passed_on`` lets it, with references kept only where their target
is in the bundle; any other entry becomes a ``Basic`` that says what it is. What the view withholds never reaches here.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from html import escape
from typing import Any

from broker.access.release import Release
from broker.api.passed_on import cleaned, demographics, own_patient
from broker.records.source import RecordEntry
from broker.records.view import SectionView
from broker.vocabulary import ACT_CODE, OWN, Section, Sensitivity, Silence

NAMESPACE = uuid.UUID("6f2d3f0e-5b0b-4c29-9a52-1f6a0f4b7a51")


def bundle(released: Release, *, kind: str, handle: str) -> dict[str, Any]:
    """A ``searchset`` or ``document`` Bundle (FHIR R4 §2.36). ``handle`` names the resident, never an NHS number."""
    subject = {"resourceType": "Patient", "id": handle, "active": True}
    subject_url = _url("Patient", handle)
    resources: list[tuple[str, dict[str, Any]]] = [(subject_url, subject)]
    by_section: dict[Section, list[str]] = {}
    known = _references(released, subject_url)
    seen: set[str] = set()
    for section in released.view.sections:
        for entry in _entries(section):
            url = _url(entry.provenance.source, entry.id)
            by_section.setdefault(section.section, []).append(url)
            if url not in seen:
                seen.add(url)
                resources.append((url, _resource(entry, known.get(entry.provenance.source, {}), subject_url)))
    if kind == "document":
        resources.insert(0, _composition(released, by_section, subject_url))
    made: dict[str, Any] = {
        "resourceType": "Bundle",
        "id": str(uuid.uuid5(NAMESPACE, released.decision.id)),
        "type": kind,
        "timestamp": released.view.made_at.isoformat(),
        "entry": [_bundle_entry(url, resource, kind) for url, resource in resources],
    }
    if kind == "document":
        made["identifier"] = {"system": f"{OWN}:decision", "value": released.decision.id}
    else:
        outcomes = [_outcome_entry(issue) for issue in _issues(released)]
        made["total"] = sum(1 for _, resource in resources if resource["resourceType"] != "Patient")
        made["entry"] += outcomes
    return made


def _entries(section: SectionView) -> list[RecordEntry]:
    return [entry for joined in section.entries for entry in (joined.entry, *joined.others)]


def _url(source: str, local: str) -> str:
    return f"urn:uuid:{uuid.uuid5(NAMESPACE, f'{source}/{local}')}"


def _resource(entry: RecordEntry, targets: Mapping[str, str], subject_url: str) -> dict[str, Any]:
    meta: dict[str, Any] = {
        name: value for name, value in entry.original.get("meta", {}).items() if name in ("lastUpdated", "profile")
    }
    meta["source"] = f"{OWN}:source:{entry.provenance.source}"
    if entry.labels:
        meta["security"] = [_security(label) for label in sorted(entry.labels)]
    identity = str(uuid.uuid5(NAMESPACE, f"{entry.provenance.source}/{entry.id}"))
    return {**_told(entry, targets, subject_url), "id": identity, "meta": meta}


def _told(entry: RecordEntry, targets: Mapping[str, str], subject_url: str) -> dict[str, Any]:
    """What the entry tells. One Patient is several entries, so only demographics are told as a Patient."""
    kind = entry.original.get("resourceType")
    if kind == "Patient" and entry.section is Section.DEMOGRAPHICS:
        return cleaned(demographics(entry.original), targets)
    if kind and kind != "Patient":
        return cleaned(entry.original, targets)
    return _basic(entry, subject_url)


def _security(label: Sensitivity) -> dict[str, str]:
    return {"system": ACT_CODE, "code": label.act_code, "display": label.label}


def _basic(entry: RecordEntry, subject_url: str) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "resourceType": "Basic",
        "code": {
            "coding": [
                {"system": entry.section.system, "code": entry.section.value, "display": entry.section.label},
                *({"system": code.system, "code": code.code} for code in entry.codes if code.system and code.code),
            ],
            "text": entry.title,
        },
        "subject": {"reference": subject_url},
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
            targets = known.setdefault(entry.provenance.source, {})
            kind, local = entry.original.get("resourceType"), entry.original.get("id")
            if kind and local and kind != "Patient":
                targets[f"{kind}/{local}"] = _url(entry.provenance.source, entry.id)
            if kind and (patient := own_patient(entry.original)):
                targets[patient] = subject_url
    return known


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
        made["emptyReason"] = _empty_reason(section.silence)
    return made


def _empty_reason(silence: Silence | None) -> dict[str, Any]:
    """Why a section is empty. That nothing came is never said as "nil known", which is a clinician's judgement."""
    if silence is None or silence is Silence.EMPTY:
        return {"text": Silence.EMPTY.label}
    code = {Silence.WITHHELD: "withheld", Silence.UNAVAILABLE: "unavailable"}.get(silence, "notasked")
    return {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/list-empty-reason", "code": code}]}


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
