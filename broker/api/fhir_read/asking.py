"""Who asks at the FHIR side, for whose record and what for; and the one way from there to what may be shown.

Every answer begins here, so that each page and each read is decided live, fetched in full and written down. Without a
stated purpose there is no answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from flask import request

from broker.access.release import Release, release_record
from broker.access.request import AccessRequest, BreakGlass
from broker.access.restricted import GUARDED, wants_fresh_sign_in
from broker.api import fhir, outcomes, partner
from broker.api.fhir_read import table
from broker.api.naming import AtServer
from broker.database import new_id
from broker.doors import now, parts, session
from broker.errors import InvalidInput, NotFound, NotPermitted
from broker.identity import actions as identity
from broker.identity.models import Client, Resident
from broker.oauth import own_reading, smart, smart_scopes
from broker.oauth.challenges import StepUp
from broker.oauth.guard import must_be_fresh, presented
from broker.oauth.limits import Limits, limits_of
from broker.vocabulary import Purpose, Section

PURPOSE, REASON, EMERGENCY = "X-Purpose-Of-Use", "X-Access-Reason", "X-Emergency-Reason"
WORKER, WORKER_ROLE = "X-Worker", "X-Worker-Role"
ME = "me"
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What may be shown, as resources; ``issues`` say what is not there and why, as far as may be told."""

    released: Release
    told: fhir.Telling
    issues: tuple[dict[str, Any], ...]


def base() -> str:
    return smart.base(parts().settings)


def owner() -> tuple[str, ...]:
    """Whose a link to a page is: this organisation's, this person's and this system's."""
    token = presented().token
    return tuple(each or "-" for each in (token.organisation_code, token.person_id, token.client_id, token.resident_id))


def sealing() -> bytes:
    return hashlib.sha512(parts().settings.secret("fhir-pages")).digest()


def record(handle: str, kinds: frozenset[str], *, whole: bool = False) -> Answer:
    """What may be shown of ``kinds`` in the record of the resident whom ``handle`` names.

    ``whole`` is for what can only be told of all types together. Raises NotFound for a handle that this asker was
    never given, InvalidInput without a purpose, NotPermitted beyond what the token was given for, and Refused.
    """
    _check_scopes(kinds, whole=whole)
    token = presented().token
    limits = limits_of(token) or Limits()
    wanted = table.sections_of(kinds)
    wanted = wanted if limits.sections is None else wanted & limits.sections
    if not wanted:
        raise NotPermitted("outside-grant", "The token was not given for anything of that.")
    own = own_reading.is_own(token)
    known_as = own_handle() if own else handle
    if own and handle not in (ME, known_as):
        raise NotFound("resident-unknown", "There is nobody here by that name whom you may ask about.")
    resident = token.resident_id if own else _resident(handle)
    sections, issues = _without_guarded(wanted)
    asked = own_reading.own_request(token, sections, now=now()) if own else _request(resident, sections)
    limits.check(resident=known_as, purpose=asked.purpose, sections=wanted, form="fhir-searchset")
    if wants_fresh_sign_in(asked):
        must_be_fresh()
    released = limits.narrowed(release_record(parts(), session(), asked))
    naming = AtServer(base(), known_as, parts().settings.secret("fhir-ids"))
    told = _of_kinds(fhir.telling(released, naming), kinds)
    return Answer(released, told, (*issues, *outcomes.of_release(released)))


def own_handle() -> str:
    """What a resident is called in an app of theirs: as its organisation would be told."""
    token = presented().token
    client = session().get(Client, token.client_id) if token.client_id else None
    resident = session().get_one(Resident, token.resident_id)
    organisation = client.organisation_code if client else ""
    return identity.handle_named(resident, organisation=organisation, settings=parts().settings)


def _check_scopes(kinds: Iterable[str], *, whole: bool) -> None:
    """Raise NotPermitted for a type that a SMART token is not about; ours open types by their sections."""
    scopes = smart_scopes.resource_scopes(presented().token.scopes)
    held = {scope.kind for scope in scopes if scope.category is None or not whole}
    if scopes and "*" not in held and (whole or held.isdisjoint(kinds)):
        raise NotPermitted("scope-missing", "The access token has no scope for that.")


def _resident(handle: str) -> str:
    """A handle for nobody is decided as somebody nobody has a relationship with: the two must look alike."""
    organisation = presented().token.organisation_code
    if organisation is None:
        raise NotPermitted("partners-only", "Only an organisation's worker or system may do this.")
    return identity.resident_behind(session(), handle, organisation=organisation) or identity.NOBODY


def _request(resident: str | None, sections: frozenset[Section]) -> AccessRequest:
    emergency = _said(EMERGENCY)
    return AccessRequest(
        id=new_id(),
        requester=partner.for_worker(partner.who_asks(), _worker()),
        resident=resident or identity.NOBODY,
        purpose=_purpose(),
        sections=sections,
        made_at=now(),
        break_glass=BreakGlass(emergency) if emergency else None,
        reason=_said(REASON),
    )


def _purpose() -> Purpose:
    """Why. A header that is missing is a refusal: nothing is ever opened for no reason."""
    text = _said(PURPOSE)
    limits = limits_of(presented().token)
    if not text and limits is not None and limits.purpose is not None:
        return limits.purpose  # the resident gave the token for this, and for nothing else
    if not text:
        raise InvalidInput("purpose-missing", f"Say what for, in the header {PURPOSE}.", field=PURPOSE)
    try:
        return Purpose(text)
    except ValueError as error:
        raise InvalidInput("purpose-unknown", "There is no such purpose.", field=PURPOSE) from error


def _worker() -> dict[str, str] | None:
    person, role = _said(WORKER), _said(WORKER_ROLE)
    if bool(person) != bool(role):
        raise InvalidInput("worker-incomplete", f"{WORKER} and {WORKER_ROLE} go together.", field=WORKER)
    return {"person": person, "role": role} if person else None


def _said(header: str) -> str:
    listed = request.headers.getlist(header)
    if len(listed) > 1 or any(len(each) > _LONGEST for each in listed):
        raise InvalidInput("header-wrong", f"{header} is said once, in at most {_LONGEST} letters.", field=header)
    return listed[0].strip() if listed else ""


def _without_guarded(wanted: frozenset[Section]) -> tuple[frozenset[Section], tuple[dict[str, Any], ...]]:
    """``wanted`` without what is shown to nobody who did not prove lately who they are, and that it was left out.

    Raises StepUp where that is all that was wanted.
    """
    try:
        must_be_fresh()
    except StepUp:
        if wanted <= GUARDED:
            raise
        left_out = ", ".join(section.label for section in Section if section in wanted & GUARDED)
        text = f"Not asked for: {left_out}. It needs a sign-in from the last few minutes."
        said = (outcomes.issue("not-fresh", kind="login", text=text, severity="warning"),) if left_out else ()
        return wanted - GUARDED, said
    return wanted, ()


def _of_kinds(told: fhir.Telling, kinds: frozenset[str]) -> fhir.Telling:
    return replace(told, things=tuple(each for each in told.things if each.kind in kinds))
