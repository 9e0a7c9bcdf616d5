"""Recognising a resident from NHS login: proved to the high level, and matched by NHS number and date of birth.

The NHS number is compared and forgotten: never shown, never logged, and in no refusal. Who is not matched, whose dates
differ and who has died get the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.audit.trail import Trail
from broker.database import valid_nhs_number
from broker.errors import InvalidInput, NotPermitted
from broker.federation import linking
from broker.federation.flow import Vouched
from broker.federation.id_tokens import text_of
from broker.federation.models import IdentityProvider
from broker.federation.recognising import NeedsMoreProof, Recognised, proof_of
from broker.federation.signatures import NotBelieved
from broker.identity.models import Resident
from broker.identity.tracing import numbered

YOUNGEST, GROWN = 13, 16  # NHS login is for people of thirteen and over; at sixteen nobody answers for them
_ASSURANCE = 3  # P9: identity compared with a person, and two factors


def recognise(
    session: Session, provider: IdentityProvider, vouched: Vouched, *, wanted: list[str], trail: Trail, now: datetime
) -> Recognised:
    """The resident that NHS login vouched for. Raises NeedsMoreProof, NotBelieved or NotPermitted.

    Ties the subject to the resident the first time; the caller commits.
    """
    _surely_enough(vouched, wanted)
    resident = _matched(session, vouched.userinfo)
    tied = linking.known(session, provider, vouched.claims.subject)
    if resident is None or (tied is not None and tied.resident_id != resident.id):
        raise NotPermitted(
            "resident-not-matched",
            "We could not match you to somebody this service knows. "
            "Ask your GP surgery to check the name and date of birth they have for you.",
        )
    age = age_of(resident.born_on, on=now.date())
    if age < YOUNGEST:
        raise NotPermitted(
            "resident-too-young", "You must be 13 or over to sign in. A parent or carer can ask your GP surgery."
        )
    if tied is None:
        subject, by = vouched.claims.subject, f"resident:{resident.id}"
        linking.link(session, provider, subject, resident=resident.id, by=by, trail=trail, now=now)
    proof = proof_of(provider, vouched.claims, assurance=_ASSURANCE, now=now)
    return Recognised(proof, resident=resident, young=age < GROWN)


def age_of(born_on: date, *, on: date) -> int:
    """Whole years. Somebody born on 29 February has their birthday on 1 March in other years."""
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))


def _surely_enough(vouched: Vouched, wanted: list[str]) -> None:
    """That the vector that came back is one that was asked for, and says so of the identity too."""
    vector = vouched.claims.text("vot")
    if vector is None:
        raise NotBelieved("vector-missing")
    if vector.partition(".")[0] in ("P0", "P5"):
        raise NeedsMoreProof
    if vector not in wanted:
        raise NotBelieved("vector-not-asked")
    if text_of(vouched.userinfo, "identity_proofing_level") != "P9":
        raise NeedsMoreProof


def _matched(session: Session, told: Mapping[str, Any]) -> Resident | None:
    """The living resident with this NHS number who was born on this day; both, or nobody."""
    try:
        number = valid_nhs_number(text_of(told, "nhs_number") or "")
        born_on = date.fromisoformat(text_of(told, "birthdate") or "")
    except (InvalidInput, ValueError):
        return None
    return session.scalar(
        select(Resident).where(numbered(number), Resident.born_on == born_on, Resident.died_on.is_(None))
    )
