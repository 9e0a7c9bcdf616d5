"""Recognising somebody who works here, from NHS Care Identity (CIS2) or from their own organisation's provider.

What a provider says of a role never gives one: there must be a membership here with that role at that organisation.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from broker.errors import NotPermitted
from broker.federation import linking
from broker.federation.flow import Vouched
from broker.federation.id_tokens import Claims, text_of
from broker.federation.models import IdentityProvider
from broker.federation.recognising import NeedsMoreProof, Recognised, Unlinked, proof_of
from broker.federation.signatures import NotBelieved
from broker.identity import memberships
from broker.identity.models import Membership, Organisation
from broker.vocabulary import Role

# SDS job roles (UK Core SDSJobRoleName). Closed: a code that is not here signs nobody in.
ROLES: Mapping[str, Role] = {
    **dict.fromkeys(
        ("R0260", "R0270", "R6200", "R6300", "R0050", "R0600", "R0620", "R0680", "R0690", "R0700", "R1975"),
        Role.CLINICIAN,  # general practice, consultants, nursing and midwifery
    ),
    **dict.fromkeys(
        ("R0950", "R0955", "R1070", "R1110", "R1290", "R1310", "R8000", "R8001", "R8003", "R8016"),
        Role.CLINICIAN,  # therapists, paramedics, pharmacists, and the generic clinical roles
    ),
    **dict.fromkeys(("R1330", "R1340", "R9520", "R9570", "R9590", "R9605", "R8014"), Role.SOCIAL_WORKER),
    "R9575": Role.CARE_COORDINATOR,
    "R1710": Role.LINK_WORKER,
    "R5105": Role.CALDICOTT_GUARDIAN,
    "R0001": Role.PRIVACY_OFFICER,
}
LEAST = 2  # of identity and of authentication assurance (NHS Care Identity)
_MOST_ROLES = 200
# What an organisation's provider says when it checked two factors (RFC 8176; REFEDS; OpenID EAP ACR Values 1.0).
_TWO_FACTORS = frozenset({"https://refeds.org/profile/mfa", "phr", "phrh"})


def recognise_care_identity(
    session: Session, provider: IdentityProvider, vouched: Vouched, *, now: datetime
) -> Recognised | Unlinked:
    """The member of staff that NHS Care Identity vouched for, in the role they chose there. Raises Refusal."""
    claims, told = vouched.claims, vouched.userinfo
    identity, means = (_level(claims, n) for n in ("id_assurance_level", "authentication_assurance_level"))
    if identity < LEAST or means < LEAST:
        raise NeedsMoreProof
    organisation, role = _selected(claims, told)
    subject = text_of(told, "nhsid_useruid")
    if subject is None:
        raise NotBelieved("useruid-missing")
    tied = linking.known(session, provider, subject)
    if tied is None or tied.person_id is None:
        return Unlinked(subject)
    work = tuple(each for each in _work(session, tied.person_id, organisation, now=now) if each.role is role)
    if not work:
        raise _no_work("role")
    proof = proof_of(provider, claims, assurance=3 if identity >= 3 else 2, now=now)
    return Recognised(proof, work=work[:1])


def recognise_colleague(
    session: Session, provider: IdentityProvider, vouched: Vouched, *, now: datetime
) -> Recognised | Unlinked:
    """Somebody that their own organisation's provider vouched for, with their work there. Raises Refusal."""
    claims = vouched.claims
    tied = linking.known(session, provider, claims.subject)
    if tied is None or tied.person_id is None:
        return Unlinked(claims.subject)
    work = work_at(session, provider, tied.person_id, now=now)
    if not work:
        raise _no_work("organisation")
    return Recognised(proof_of(provider, claims, assurance=assurance_of(claims), now=now), work=work)


def work_at(session: Session, provider: IdentityProvider, person: str, *, now: datetime) -> tuple[Membership, ...]:
    """The person's work now for the organisation whose provider it is. Never for another."""
    assert provider.organisation_code is not None, "an organisation's own provider names it"
    return _work(session, person, provider.organisation_code, now=now)


def assurance_of(claims: Claims) -> int:
    """Two where the provider says that two factors were used, else one. Its identity checks are its own."""
    used = claims.everything.get("amr")
    several = isinstance(used, list) and "mfa" in used
    return 2 if several or claims.text("acr") in _TWO_FACTORS else 1


def _selected(claims: Claims, told: Mapping[str, Any]) -> tuple[str, Role]:
    """The organisation and our role of the one role that was chosen, among those that the person holds."""
    chosen, held = claims.text("selected_roleid"), told.get("nhsid_nrbac_roles")
    if chosen is None or not isinstance(held, list) or len(held) > _MOST_ROLES:
        raise NotPermitted("role-not-chosen", "You have no role, or chose none. Choose a role when you sign in.")
    fitting = [each for each in held if isinstance(each, dict) and each.get("person_roleid") == chosen]
    if len(fitting) != 1:
        raise NotBelieved("role-not-held")
    organisation, code = text_of(fitting[0], "org_code"), text_of(fitting[0], "role_code")
    role = ROLES.get((code or "").rpartition(":")[2])
    if organisation is None or role is None:
        raise NotPermitted(
            "role-not-used-here",
            "The role you chose is not one this service is used in. Choose another, or ask your manager.",
        )
    return organisation, role


def _level(claims: Claims, name: str) -> int:
    """An assurance level, which is a digit, as a number or as words; anything else is none."""
    found = claims.everything.get(name)
    if isinstance(found, int) and not isinstance(found, bool):
        return found if 0 <= found <= 3 else 0
    return int(found) if isinstance(found, str) and found in ("1", "2", "3") else 0


def _work(session: Session, person: str, organisation: str, *, now: datetime) -> tuple[Membership, ...]:
    found = session.scalars(
        select(Membership)
        .join(Organisation, Organisation.code == Membership.organisation_code)
        .where(
            Membership.person_id == person,
            Membership.organisation_code == organisation,
            memberships.current(now),
            Organisation.joined_at <= now,
            or_(Organisation.left_at.is_(None), Organisation.left_at > now),
        )
        .order_by(Membership.started_at, Membership.id)
    )
    return tuple(found)


def _no_work(what: str) -> NotPermitted:
    """One refusal, whether the organisation is unknown, has left, or this person is not in it in that role."""
    return NotPermitted(
        f"{what}-not-held-here",
        "You are not a member of that organisation here, in that role. "
        "Ask its administrator to add you; if you do not know who that is, ask your information governance lead.",
    )
