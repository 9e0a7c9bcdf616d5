"""A view as FHIR R4: the resources it tells, as a searchset, or as a document with a Composition by PRSB section.

A FHIR R4 source's own resource is passed on as far as ``passed_on`` lets it, with references kept only where their
target is told too; any other entry becomes a resource of its section's natural type. What the view withholds never
reaches here, so that nothing made here (totals, order, links) can tell of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from broker.access.release import Release
from broker.api import natural, outcomes, provenance
from broker.api.naming import NAMESPACE, InBundle, Named, Naming
from broker.api.passed_on import cleaned, demographics, own_patient
from broker.oauth import smart_scopes
from broker.records.source import RecordEntry
from broker.records.view import SectionView
from broker.vocabulary import ACT_CODE, OWN, Section, Sensitivity, Silence

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
# What may go from a resource without its being any less what its profiles say.
_NOT_MISSED = frozenset({"text", "identifier", "meta", "contained", "id"})


@dataclass(frozen=True, slots=True)
class Told:
    """One resource of a view, with the entry it tells; without one it is the resident, of whom nothing is shown."""

    named: Named
    resource: dict[str, Any]
    section: Section
    entry: RecordEntry | None = None

    @property
    def kind(self) -> str:
        return str(self.resource["resourceType"])


@dataclass(frozen=True, slots=True)
class Telling:
    """Everything a view tells, in its order: the resident first."""

    resident: Told
    things: tuple[Told, ...]
    by_section: Mapping[Section, tuple[str, ...]]  # references, once each

    def __iter__(self) -> Iterator[Told]:
        yield self.resident
        yield from self.things


def telling(released: Release, naming: Naming) -> Telling:
    """The resources that ``released`` tells of. The newest demographics are told of the resident themselves."""
    patient = naming.patient()
    known = _references(released, naming)
    resident = Told(patient, {"resourceType": "Patient", "id": patient.id, "active": True}, Section.DEMOGRAPHICS)
    things: dict[str, Told] = {}
    by_section: dict[Section, dict[str, None]] = {}
    for section in released.view.sections:
        for entry in _entries(section):
            named = _named(entry, naming)
            if section.section is Section.DEMOGRAPHICS and resident.entry is None:
                named = patient
                whole = _resource(entry, known.get(entry.provenance.source, {}), patient, named)
                resident = Told(patient, {**resident.resource, **whole}, section.section, entry)
            elif named.url not in things:
                made = _resource(entry, known.get(entry.provenance.source, {}), patient, named)
                things[named.url] = Told(named, made, section.section, entry)
            by_section.setdefault(section.section, {})[named.reference] = None
    return Telling(resident, tuple(things.values()), {each: tuple(found) for each, found in by_section.items()})


def bundle(released: Release, *, kind: str, handle: str) -> dict[str, Any]:
    """A ``searchset`` or ``document`` Bundle (FHIR R4 §2.36). ``handle`` names the resident, never an NHS number."""
    told = telling(released, InBundle(handle))
    if kind == "document":
        return document(released, told)
    resources = [_entry(each.named.url, each.resource, _mode(each)) for each in told]
    issues = outcomes.of_release(released)
    return {
        "resourceType": "Bundle",
        "id": str(uuid.uuid5(NAMESPACE, released.decision.id)),
        "type": kind,
        "timestamp": released.view.made_at.isoformat(),
        "total": len(told.things),
        "entry": resources + ([outcome_entry(issues)] if issues else []),
    }


def document(released: Release, told: Telling) -> dict[str, Any]:
    """A document Bundle: the Composition, what it is made of, and where each thing of it comes from."""
    url, composition = _composition(released, told)
    return {
        "resourceType": "Bundle",
        "id": str(uuid.uuid5(NAMESPACE, released.decision.id)),
        "identifier": {"system": f"{OWN}:decision", "value": released.decision.id},
        "type": "document",
        "timestamp": released.view.made_at.isoformat(),
        "entry": [
            {"fullUrl": url, "resource": composition},
            *({"fullUrl": each.named.url, "resource": each.resource} for each in told),
            *({"fullUrl": url, "resource": made} for url, made in provenances(told)),
        ],
    }


def provenances(told: Iterable[Told]) -> list[tuple[str, dict[str, Any]]]:
    """Where each of ``told`` comes from, with its ``fullUrl``."""
    return [provenance.of_entry(each.entry, each.named) for each in told if each.entry is not None]


def outcome_entry(issues: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What a searchset says of itself, after everything it found (FHIR R4 §3.1.1.4)."""
    listed = [dict(each) for each in issues]
    return {
        "fullUrl": f"urn:uuid:{uuid.uuid5(NAMESPACE, repr(listed))}",
        "resource": outcomes.outcome(listed),
        "search": {"mode": "outcome"},
    }


def _mode(told: Told) -> str:
    return "include" if told.kind == "Patient" else "match"


def _entry(url: str, resource: dict[str, Any], mode: str) -> dict[str, Any]:
    return {"fullUrl": url, "resource": resource, "search": {"mode": mode}}


def _entries(section: SectionView) -> list[RecordEntry]:
    return [entry for joined in section.entries for entry in (joined.entry, *joined.others)]


def _kind(entry: RecordEntry) -> str:
    return smart_scopes.kind_of(entry.section, entry.original, entry.fhir_release)


def _named(entry: RecordEntry, naming: Naming) -> Named:
    return naming.item(_kind(entry), entry.provenance.source, entry.id)


def _resource(entry: RecordEntry, targets: Mapping[str, str], patient: Named, named: Named) -> dict[str, Any]:
    made, whole = _said(entry, targets, patient)
    meta: dict[str, Any] = {}
    stated = entry.original.get("meta") if entry.fhir_release == smart_scopes.R4 else None
    if isinstance(stated, Mapping):
        kept = ("lastUpdated", "profile") if whole else ("lastUpdated",)
        meta = {name: value for name, value in stated.items() if name in kept}
    meta["source"] = f"{OWN}:source:{entry.provenance.source}"
    if entry.labels:
        meta["security"] = [
            *(_security(label) for label in sorted(entry.labels)),
            {"system": CONFIDENTIALITY, "code": "R", "display": "restricted"},
        ]
    if made["resourceType"] == "Patient" and named.id != patient.id:
        made["link"] = [{"other": {"reference": patient.reference}, "type": "seealso"}]
    return {**made, "id": named.id, "meta": meta}


def _said(entry: RecordEntry, targets: Mapping[str, str], patient: Named) -> tuple[dict[str, Any], bool]:
    """What the entry tells, and whether that is as much as its source's own resource has."""
    kind = entry.original.get("resourceType") if entry.fhir_release == smart_scopes.R4 else None
    if kind is None or kind != _kind(entry):
        return natural.resource_of(entry, patient.reference), False
    if kind == "Patient":
        return cleaned(demographics(entry.original), targets), False
    made = cleaned(entry.original, targets)
    if kind == "DocumentReference" and not any(each.get("attachment") for each in made.get("content") or ()):
        made["content"] = [{"attachment": {"title": entry.title}}]  # R4 asks for one; it was an address alone
    return made, made.keys() >= entry.original.keys() - _NOT_MISSED


def _security(label: Sensitivity) -> dict[str, str]:
    return {"system": ACT_CODE, "code": label.act_code, "display": label.label}


def _references(released: Release, naming: Naming) -> dict[str, dict[str, str]]:
    """For each source, what its own references become: what we call their targets, by ``Type/id``."""
    known: dict[str, dict[str, str]] = {}
    for section in released.view.sections:
        for entry in _entries(section):
            if entry.fhir_release != smart_scopes.R4:
                continue
            targets = known.setdefault(entry.provenance.source, {})
            kind, local = entry.original.get("resourceType"), entry.original.get("id")
            if kind and local and kind != "Patient":
                targets[f"{kind}/{local}"] = _named(entry, naming).reference
            if kind and (patient := own_patient(entry.original)):
                targets[patient] = naming.patient().reference
    return known


def _composition(released: Release, told: Telling) -> tuple[str, dict[str, Any]]:
    identity = str(uuid.uuid5(NAMESPACE, f"composition/{released.decision.id}"))
    return f"urn:uuid:{identity}", {
        "resourceType": "Composition",
        "id": identity,
        "status": "final",
        "type": {
            "coding": [{"system": "http://snomed.info/sct", "code": "824321000000109", "display": "Summary record"}]
        },
        "subject": {"reference": told.resident.named.reference},
        "date": released.view.made_at.isoformat(),
        "author": [{"display": "Neighbourhood data-sharing and consent broker"}],
        "title": "Consolidated record view",
        "section": [
            *(_composition_section(section, told.by_section) for section in released.view.sections),
            *_withheld_section(released),
        ],
    }


def _withheld_section(released: Release) -> list[dict[str, Any]]:
    """That something is withheld, said once, where it may be said."""
    if not released.view.withheld_told:
        return []
    return [{"title": "Not shared", "text": _div(outcomes.WITHHELD_SAID)}]


def _composition_section(section: SectionView, by_section: Mapping[Section, tuple[str, ...]]) -> dict[str, Any]:
    said = section.silence.label if section.silence else f"{len(section.entries)} shown"
    gaps = "".join(f"; {gap.label} {gap.cause.label}" for gap in section.gaps)
    made: dict[str, Any] = {
        "title": section.section.label,
        "code": {"coding": [{"system": section.section.system, "code": section.section.value}]},
        "text": _div(said + gaps),
    }
    if found := by_section.get(section.section):
        made["entry"] = [{"reference": reference} for reference in found]
    else:
        made["emptyReason"] = _empty_reason(section.silence)
    return made


def _div(text: str) -> dict[str, str]:
    return {"status": "generated", "div": f'<div xmlns="{natural.XHTML}">{escape(text)}</div>'}


def _empty_reason(silence: Silence | None) -> dict[str, Any]:
    """Why a section is empty. That nothing came is never said as "nil known", which is a clinician's judgement."""
    if silence is None or silence is Silence.EMPTY:
        return {"text": Silence.EMPTY.label}
    code = {Silence.WITHHELD: "withheld", Silence.UNAVAILABLE: "unavailable"}.get(silence, "notasked")
    return {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/list-empty-reason", "code": code}]}
