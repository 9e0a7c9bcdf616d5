"""Who looked, as AuditEvents, to whom it may be shown: a resident's own, and a governor's organisation's.

What ``/api/my/activity`` and the pages of the trail show, under the same rules, and nothing beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from broker.api import own
from broker.api.audit_events import Events
from broker.api.fhir_read import asking, table
from broker.audit.trail import Entry
from broker.doors import parts, session
from broker.errors import InvalidInput, NotPermitted
from broker.identity.models import Organisation, Source
from broker.oauth import own_reading, smart_scopes
from broker.oauth.guard import presented
from broker.vocabulary import AuditAction, OrganisationKind, Role

Json = dict[str, Any]
GOVERNORS = (Role.IG_LEAD, Role.CALDICOTT_GUARDIAN, Role.PRIVACY_OFFICER)
OVERSEERS = (OrganisationKind.REGION, OrganisationKind.ICB, OrganisationKind.INTEGRATOR)
MOST = table.LARGEST_PAGE


def shown(asked: Mapping[str, str], *, base: str) -> Json:
    """A searchset of what whoever presents the token may see: a resident their own, a governor their organisation's.

    Raises NotPermitted for anybody else, and for a token whose scopes are about other things.
    """
    token = presented().token
    key = parts().settings.secret("trail-pseudonyms")
    _check_scope(token.scopes, theirs="own.read" if own_reading.is_own(token) else "records.read")
    if own_reading.is_own(token):
        handle = asking.own_handle()
        if asked.get("patient", asking.ME).removeprefix("Patient/") not in (asking.ME, handle):
            raise NotPermitted("residents-only", "Only a resident may see who looked, at their own record.")
        events = Events(key=key, patient=lambda _: {"reference": f"Patient/{handle}"})
        entries = own.looks()
    elif token.role in GOVERNORS and token.organisation_code is not None:
        events, entries = Events(key=key, plainly=True), _answered_for(token.organisation_code)
    else:
        raise NotPermitted("residents-only", "Who looked is for the resident, and for those who answer for the trail.")
    made = [event for entry in entries for event in events.of(entry)][: _count(asked.get("_count"))]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(made),
        "link": [{"relation": "self", "url": f"{base}/AuditEvent"}],
        "entry": [
            {"fullUrl": f"{base}/AuditEvent/{event['id']}", "resource": event, "search": {"mode": "match"}}
            for event in made
        ],
    }


def _check_scope(scopes: str, *, theirs: str) -> None:
    """Raise NotPermitted for a token that is about other things: a type's scope is not one of who looked."""
    context = "patient" if theirs == "own.read" else "user"
    every = any(
        each.context == context and each.kind == "*" and each.category is None
        for each in smart_scopes.resource_scopes(scopes)
    )
    if theirs not in scopes.split() and not every:
        raise NotPermitted("scope-missing", "The access token has no scope for that.")


def _answered_for(organisation: str) -> list[Entry]:
    """Decisions that an organisation asked for, or that one of its systems had a part in; an overseer's are all."""
    kind = session().get_one(Organisation, organisation).kind
    sources = set(session().scalars(select(Source.id).where(Source.organisation_code == organisation)))
    found = parts().trail.entries(session(), actions=(AuditAction.DECISION, AuditAction.RELEASE), limit=5 * MOST)
    if kind in OVERSEERS:
        return found[:MOST]
    return [e for e in found if e.organisation == organisation or not _asked_of(e).isdisjoint(sources)][:MOST]


def _asked_of(entry: Entry) -> set[str]:
    if entry.action is AuditAction.RELEASE:
        return {str(each) for each in entry.body.get("sources") or ()}
    asked = [entry.body.get(name) or {} for name in ("permitted", "read_for_labels")]
    return {str(each) for of_section in asked for sources in of_section.values() for each in sources}


def _count(text: str | None) -> int:
    if text is None:
        return MOST
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise InvalidInput("value-wrong", "_count is a whole number.", field="_count")
    return min(int(text), table.LARGEST_PAGE)
