"""A resident's choice as an entry on the trail: what was permitted or refused, in codes. Keeps no choice itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from broker.audit.trail import Event, Trail
from broker.consent.models import Consent, Provision
from broker.vocabulary import AuditAction, Section

# Where a proxy made the choice: for whom, as which proxy, on what basis. None where the resident did.
Acting = Mapping[str, str] | None


def write_down(
    session: Session,
    trail: Trail,
    action: AuditAction,
    consent: Consent,
    provisions: Iterable[Provision],
    *,
    by: str,
    acting: Acting = None,
    now: datetime,
    stopped: frozenset[Section] = frozenset(),
) -> None:
    """Append the act to the trail, in the caller's transaction."""
    session.flush()
    kept = list(provisions)
    body = {
        "consent": consent.id,
        "provisions": [
            {
                "type": provision.type.value,
                "organisation": provision.organisation_code,
                "purposes": None if provision.purposes is None else sorted(provision.purposes),
                "sections": None if provision.sections is None else sorted(provision.sections),
                "labels": None if provision.labels is None else sorted(provision.labels),
                "until": provision.until_at.isoformat() if provision.until_at else None,
            }
            for provision in kept
        ],
        "stopped": sorted(stopped),
        **({"acting": acting} if acting else {}),
    }
    organisation = next((provision.organisation_code for provision in kept), None)
    trail.append(
        session,
        Event(action=action, actor=by, organisation=organisation, resident=consent.resident_id, body=body),
        now=now,
    )
