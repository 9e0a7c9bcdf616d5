"""Provenance of each thing that is told: whose system it came from, who keeps it, who wrote it, and when it reached us.

Says what the entry's source stated. Never says who asked, or what else that source holds.
"""

from __future__ import annotations

import uuid
from typing import Any

from broker.api.naming import NAMESPACE, Named
from broker.records.source import RecordEntry
from broker.vocabulary import ODS_CODE, OWN

_AGENTS = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


def of_entry(entry: RecordEntry, told: Named) -> tuple[str, dict[str, Any]]:
    """The resource that says where ``entry``, told as ``told``, comes from; and its ``fullUrl``."""
    made = str(uuid.uuid5(NAMESPACE, f"provenance/{told.url}/{entry.provenance.source}"))
    return f"urn:uuid:{made}", {
        "resourceType": "Provenance",
        "id": made,
        "target": [{"reference": told.reference}],
        "recorded": entry.provenance.received_at.isoformat(),
        "agent": _agents(entry),
        "entity": [{"role": "source", "what": {"identifier": {"system": f"{OWN}:source", "value": _source(entry)}}}],
    }


def _source(entry: RecordEntry) -> str:
    return entry.provenance.source


def _agents(entry: RecordEntry) -> list[dict[str, Any]]:
    kept_by = entry.provenance.organisation
    who: dict[str, Any] = {"display": kept_by or entry.provenance.source}
    if kept_by and kept_by.isalnum() and kept_by.isupper():
        who["identifier"] = {"system": ODS_CODE, "value": kept_by}
    agents = [_agent("custodian", "Custodian", who)]
    if entry.provenance.recorded_by:
        agents.insert(0, _agent("author", "Author", {"display": entry.provenance.recorded_by}))
    return agents


def _agent(code: str, display: str, who: dict[str, Any]) -> dict[str, Any]:
    return {"type": {"coding": [{"system": _AGENTS, "code": code, "display": display}]}, "who": who}
