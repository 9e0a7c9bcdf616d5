"""From domain values to JSON. Decides nothing and adds nothing: what the view withholds is not here to leak."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from broker.access.explain import for_requester, may_be_told
from broker.access.looks import Changes
from broker.access.release import Release
from broker.api.problems import told_as_json
from broker.audit.trail import Entry
from broker.consent.actions import state_of
from broker.consent.models import AccessRequestRecord, Consent
from broker.records import arrangement
from broker.records.source import RecordEntry
from broker.records.view import JoinedEntry, SectionView, SourceStatus


def access_request(record: AccessRequestRecord, *, now: datetime) -> dict[str, Any]:
    return {
        "id": record.id,
        "state": state_of(record, now=now).value,
        "purpose": record.purpose.value,
        "sections": sorted(record.sections),
        "binding_code": record.binding_code,
        "share_until": record.share_until,
        "expires_at": record.expires_at,
    }


def consent(kept: Consent) -> dict[str, Any]:
    return {
        "id": kept.id,
        "status": kept.status.value,
        "given_at": kept.given_at,
        "ended_at": kept.ended_at,
        "provisions": [
            {
                "type": provision.type.value,
                "organisation": provision.organisation_code,
                "purposes": None if provision.purposes is None else sorted(provision.purposes),
                "sections": None if provision.sections is None else sorted(provision.sections),
                "labels": None if provision.labels is None else sorted(provision.labels),
                "from_at": provision.from_at,
                "until": provision.until_at,
            }
            for provision in kept.provisions
            if provision.ended_at is None
        ],
    }


def look(entry: Entry, names: Mapping[str, str]) -> dict[str, Any]:
    body = entry.body
    return {
        "index": entry.index,
        "at": entry.at,
        "action": entry.action.value,
        "label": entry.action.label,
        "organisation": entry.organisation,
        "organisation_name": names.get(entry.organisation or ""),
        "role": body.get("role"),
        "purpose": body.get("purpose"),
        "sections": body.get("sections", []),
        "released": sorted(body.get("released", {})),
        "permitted": body.get("permitted_any"),
        "emergency": bool(body.get("break_glass", False)),
    }


def release(released: Release, changes: Changes | None = None) -> dict[str, Any]:
    """The broker's own view: every requested section, what each source said, and what must be done with it.

    ``changes`` says what is new to whoever reads it; where they are nobody's, nothing is. ``arranged`` is the order in
    which a page would show the sections to somebody in this role.
    """
    asker, news = released.request.requester, changes or Changes()
    decision, view = released.decision, released.view
    clinical = released.request.requester.role.clinical
    told = for_requester(decision, clinical=clinical)
    return {
        "decision": decision.id,
        "purpose": released.request.purpose.value,
        # Those relied on are fewer where something is withheld, so they are named only to whoever may be told that.
        "agreements": list(decision.agreements) if may_be_told(decision, clinical=clinical) else [],
        "obligations": [
            {"code": duty.obligation.value, "label": duty.obligation.label, **duty.parameters}
            for duty in decision.duties
        ],
        "requestable": decision.requestable,
        "made_at": view.made_at.isoformat(),
        "partial": "This may not be everything: other organisations may hold more.",
        "withheld": view.withheld_told,
        "sections": [_section(section, news) for section in view.sections],
        "arranged": [
            section.value
            for section in arrangement.arranged(
                (each.section for each in view.sections), role=asker.role, tier=released.tier
            )
        ],
        "sources": [_source(status) for status in view.sources],
        "not_understood": {source: dict(counts) for source, counts in view.not_understood.items()},
        "reasons": [told_as_json(item) for item in told],
    }


def _section(section: SectionView, news: Changes) -> dict[str, Any]:
    return {
        "section": section.section.value,
        "label": section.section.label,
        "silence": section.silence.value if section.silence else None,
        "withheld": section.withheld_told,
        "entries": [_joined(joined, news) for joined in section.entries],
        "gaps": [
            {
                "source": gap.source,
                "label": gap.label,
                "cause": gap.cause.value,
                "detail": gap.detail or gap.cause.label,
            }
            for gap in section.gaps
        ],
    }


def _joined(joined: JoinedEntry, news: Changes) -> dict[str, Any]:
    return {
        **_entry(joined.entry),
        "changed": news.of(joined),
        "also_from": [_entry(other) for other in joined.others],
        "contradictions": list(joined.contradictions),
    }


def _entry(entry: RecordEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "title": entry.title,
        "at": entry.at.isoformat() if entry.at else None,
        "status": entry.status,
        "codes": [{"system": code.system, "code": code.code, "display": code.display} for code in entry.codes],
        "details": [{"label": label, "text": detail} for label, detail in entry.details],
        "labels": sorted(entry.labels),
        "source": entry.provenance.source,
        "organisation": entry.provenance.organisation,
        "recorded_by": entry.provenance.recorded_by,
        "received_at": entry.provenance.received_at.isoformat(),
    }


def _source(status: SourceStatus) -> dict[str, Any]:
    return {
        "source": status.source,
        "label": status.label,
        "organisation": status.organisation,
        "state": str(status.state),
        "cause": status.cause.value if status.cause else None,
        "took_ms": status.took_ms,
    }
