"""An AuthZEN question as the broker's own: who, whose record, for what, which sections. Decides nothing.

Raises InvalidInput where the question lacks something or says it wrongly, and NotFound where it names what is not there
or not the asker's to know of: the two look alike. A token asks about whom it may ask for at the record door: a worker's
own for that worker, a system's for whoever works for its organisation and for itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.access.request import AccessRequest, BreakGlass, Requester
from broker.database import table_of
from broker.errors import InvalidInput, NotFound
from broker.identity.actions import NOBODY, resident_behind
from broker.identity.models import Membership
from broker.vocabulary import DenialReason, Purpose, Role, Section

PERSON, CLIENT = "person", "client"
SHARE = "share"
SECTION, RECORD = "record-section", "record"
LONGEST = 500  # characters of a reason, as at the record door

Entity = Mapping[str, Any]
_Code = TypeVar("_Code", bound=StrEnum)
_MEMBERSHIP = table_of(Membership).c


def question(session: Session, asked: Entity, *, asker: Requester, now: datetime) -> AccessRequest:
    """What ``asked`` (``subject``, ``action``, ``resource``, perhaps ``context``) asks, as the policy is asked it."""
    requester = subject(session, asked["subject"], asker=asker, now=now)
    purpose = purpose_of(asked["action"])
    handle, sections = record(asked["resource"])
    return asking(session, requester, handle, sections, purpose=purpose, context=asked.get("context", {}), now=now)


def asking(
    session: Session,
    requester: Requester,
    handle: str,
    sections: frozenset[Section],
    *,
    purpose: Purpose,
    context: Entity,
    now: datetime,
) -> AccessRequest:
    """The request for these sections of whoever ``handle`` stands for, which may be nobody."""
    return AccessRequest(
        id=str(uuid.uuid4()),
        requester=requester,
        resident=resident_behind(session, handle, organisation=requester.organisation) or NOBODY,
        purpose=purpose,
        sections=sections,
        made_at=now,
        break_glass=_break_glass(context),
        reason=_text(context, "reason", "context", most=LONGEST) or "",
    )


def subject(session: Session, entity: Entity, *, asker: Requester, now: datetime) -> Requester:
    """Who would be given it. Somebody of another organisation, and nobody at all, are refused in the same words."""
    properties = entity.get("properties", {})
    role = _text(properties, "role", "subject.properties")
    found = _subject(session, entity["type"], entity["id"], role, asker=asker, now=now)
    return replace(found, assurance=min(asker.assurance, _assurance(properties, otherwise=asker.assurance)))


def subjects(session: Session, kind: str, *, asker: Requester, now: datetime) -> Iterator[Requester]:
    """Everybody of this kind whom the asker may ask about and who works there now, in each of their roles."""
    if kind == CLIENT and asker.person is None:
        yield asker
    if kind == PERSON and asker.person is not None:
        yield asker
    if kind == PERSON and asker.person is None:
        here = _MEMBERSHIP.organisation_code == asker.organisation
        roles = select(_MEMBERSHIP.person_id, _MEMBERSHIP.role).where(here, *_works(now)).distinct()
        for row in session.execute(roles):
            yield replace(asker, person=row.person_id, role=row.role)


def as_entity(requester: Requester) -> dict[str, Any]:
    """A subject, as an answer names it: asking about exactly this one says the same."""
    if requester.person is None:
        return {"type": CLIENT, "id": requester.client}
    return {"type": PERSON, "id": requester.person, "properties": {"role": requester.role.value}}


def purpose_of(entity: Entity) -> Purpose:
    if entity["name"] != SHARE:
        raise NotFound("action-unknown", "The only action is share.", field="action.name")
    said = _needed(entity, "purpose", "action.properties", "Say exactly what for.")
    return _code(Purpose, said, DenialReason.PURPOSE_UNKNOWN, "action.properties.purpose")


def record(entity: Entity) -> tuple[str, frozenset[Section]]:
    """The resident's handle, and the sections asked for."""
    if entity["type"] == RECORD:
        return entity["id"], _sections(entity.get("properties", {}))
    handle = handle_of(entity)
    return handle, frozenset({_code(Section, entity["id"], DenialReason.SECTION_UNKNOWN, "resource.id")})


def handle_of(entity: Entity) -> str:
    """Whose record a section is of."""
    if entity["type"] != SECTION:
        raise NotFound("resource-unknown", "There is no such kind of resource.", field="resource.type")
    return _needed(entity, "resident", "resource.properties", "Give your organisation's handle for the resident.")


def _subject(session: Session, kind: str, id: str, role: str | None, *, asker: Requester, now: datetime) -> Requester:
    own = {CLIENT: asker.client, PERSON: asker.person}.get(kind)
    if (kind == CLIENT) == (asker.person is None) and own == id and role in (None, asker.role.value):
        return asker
    if kind != PERSON or asker.person is not None:
        raise _nobody_here()
    return replace(asker, person=id, role=_role(session, id, role, organisation=asker.organisation, now=now))


def _role(session: Session, person: str, said: str | None, *, organisation: str, now: datetime) -> Role:
    """The role said, or the one they have. Whether they work there in it now is the policy's to say."""
    here = (_MEMBERSHIP.person_id == person, _MEMBERSHIP.organisation_code == organisation)
    ever = list(session.scalars(select(_MEMBERSHIP.role).where(*here).order_by(_MEMBERSHIP.started_at.desc())))
    if not ever:
        raise _nobody_here()
    if said is not None:
        return _code(Role, said, None, "subject.properties.role")
    present = set(session.scalars(select(_MEMBERSHIP.role).where(*here, *_works(now))))
    if len(present) > 1:
        raise InvalidInput("role-needed", "They work in several roles. Say which.", field="subject.properties.role")
    role: Role = present.pop() if present else ever[0]
    return role


def _works(now: datetime) -> tuple[Any, Any]:
    return _MEMBERSHIP.started_at <= now, (_MEMBERSHIP.ended_at.is_(None)) | (_MEMBERSHIP.ended_at > now)


def _nobody_here() -> NotFound:
    return NotFound("subject-unknown", "You may ask about nobody of that kind and id.", field="subject")


def _sections(properties: Entity) -> frozenset[Section]:
    said, field = properties.get("sections"), "resource.properties.sections"
    if not isinstance(said, list) or not said or not all(isinstance(each, str) for each in said):
        raise InvalidInput("sections-needed", "Name the sections, as a list of their codes.", field=field)
    return frozenset(_code(Section, each, DenialReason.SECTION_UNKNOWN, field) for each in said)


def _break_glass(context: Entity) -> BreakGlass | None:
    if "break_glass" not in context:
        return None
    said = context["break_glass"]
    if not isinstance(said, dict):
        raise InvalidInput("break-glass-wrong", "Give it as an object with a reason.", field="context.break_glass")
    return BreakGlass(_needed({"properties": said}, "reason", "context.break_glass", "Say why it is an emergency."))


def _assurance(properties: Entity, *, otherwise: int) -> int:
    said = properties.get("assurance", otherwise)
    if isinstance(said, bool) or not isinstance(said, int) or not 0 <= said <= 3:
        field = "subject.properties.assurance"
        raise InvalidInput("assurance-wrong", "Give it as a whole number from 0 to 3.", field=field)
    return said


def _needed(entity: Entity, name: str, where: str, what: str) -> str:
    said = _text(entity.get("properties", {}), name, where, most=LONGEST)
    if not said:
        raise InvalidInput(f"{name}-needed", what, field=f"{where}.{name}")
    return said


def _text(properties: Entity, name: str, where: str, *, most: int = LONGEST) -> str | None:
    said = properties.get(name)
    if said is not None and (not isinstance(said, str) or len(said) > most):
        raise InvalidInput(f"{name}-wrong", f"Give it as text of {most} characters at most.", field=f"{where}.{name}")
    return said


def _code(kind: type[_Code], said: str, reason: DenialReason | None, field: str) -> _Code:
    try:
        return kind(said)
    except ValueError as error:
        code = reason.value if reason else f"{kind.__name__.lower()}-unknown"
        label = reason.label if reason else f"There is no such {kind.__name__.lower()}."
        raise NotFound(code, label, field=field) from error
