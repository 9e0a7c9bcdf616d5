"""A made-up request, about a made-up resident, for the playground. Touches nobody's record and releases nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select

from broker.database import new_id
from broker.doors import parts, session
from broker.identity.models import Organisation, Place
from broker.vocabulary import Purpose, RelationshipKind, Role, Section
from broker.web.access import WORKERS
from broker.web.forms import Form

A_WHILE, AN_HOUR = timedelta(days=30), timedelta(hours=1)
PURPOSES = tuple(purpose for purpose in Purpose if not purpose.grouping)


class Permission(StrEnum):
    """What the made-up resident has said: nothing, yes, or no."""

    NOTHING = "nothing"
    PERMIT = "permit"
    DENY = "deny"


@dataclass(frozen=True)
class MadeUp:
    """What somebody wants to try. ``relationship`` is None for a stranger."""

    organisation: Organisation
    place: Place
    role: Role
    purpose: Purpose
    sections: frozenset[Section]
    relationship: RelationshipKind | None
    permission: Permission
    emergency: bool


def made_up_in(form: Form) -> MadeUp | None:
    """The request that ``form`` describes; None where it does not say enough, and ``form.errors`` says what."""
    everybody = {each.code: each for each in session().scalars(select(Organisation))}
    organisation = everybody.get(form.sent.get("organisation", ""))
    if organisation is None:
        form.errors["organisation"] = "Choose who asks."
    role = form.choice("role", WORKERS, missing="Choose a role.")
    purpose = form.choice("purpose", PURPOSES, missing="Choose a purpose.")
    sections = form.choices("sections", tuple(Section), missing="Choose at least one part of the record.")
    place = session().get(Place, form.sent.get("place", ""))
    if place is None:
        form.errors["place"] = "Choose where the resident lives."
    permission = form.choice("permission", tuple(Permission), missing="Choose what the resident has said.")
    if not (organisation and place and role and purpose and sections and permission):
        return None
    kinds = {kind.value: kind for kind in RelationshipKind}
    relationship = kinds.get(form.sent.get("relationship", ""))
    return MadeUp(
        organisation, place, role, purpose, sections, relationship, permission, emergency="emergency" in form.sent
    )


def question_of(tried: MadeUp, *, now: datetime) -> dict[str, Any]:
    """``tried`` as an engine is asked (``policies/schemas/input.json``): somebody grown up, strongly signed in."""
    registered = parts().sources.registered(session())
    return {
        "request": {
            "id": new_id(),
            "time": int(now.timestamp()),
            "purpose": tried.purpose.value,
            "sections": sorted(tried.sections),
            "pairs": [
                {"section": section.value, "source": source}
                for section in sorted(tried.sections)
                for source, system in sorted(registered.systems.items())
                if section in system.sections
            ],
            "sources": {
                source: {"organisation": system.organisation, "kind": registered.kinds[source].value}
                for source, system in registered.systems.items()
            },
            "break_glass": {"reason": "Tried out."} if tried.emergency else None,
        },
        "subject": {
            "organisation": tried.organisation.code,
            "kind": tried.organisation.kind.value,
            "active": tried.organisation.active(at=now),
            "role": tried.role.value,
            "person": "somebody",
            "member": True,
            "assurance": 3,
        },
        "resident": {"id": "nobody", "place": tried.place.code, "neighbourhood": "", "age": 40},
        "facts": {"relationships": _relationships(tried, now=now), "provisions": _provisions(tried, now=now)},
    }


def _relationships(tried: MadeUp, *, now: datetime) -> list[dict[str, Any]]:
    if tried.relationship is None:
        return []
    return [
        {
            "kind": tried.relationship.value,
            "organisation": tried.organisation.code,
            "person": None,
            "team": None,
            "tier": None,
            "from": int((now - AN_HOUR).timestamp()),
            "until": None,
            "source": "playground",
        }
    ]


def _provisions(tried: MadeUp, *, now: datetime) -> list[dict[str, Any]]:
    if tried.permission is Permission.NOTHING:
        return []
    return [
        {
            "id": "provision",
            "consent": "consent",
            "type": tried.permission.value,
            "organisation": tried.organisation.code,
            "purposes": [tried.purpose.value],
            "sections": sorted(tried.sections),
            "labels": None,
            "from": int((now - AN_HOUR).timestamp()),
            "until": int((now + A_WHILE).timestamp()),
            "ended": None,
        }
    ]
