"""From what a provider vouched for to somebody here, or to words for why not. One refusal tells nothing of another.

Joins nobody to anything: a member of staff has a membership here already, or is told whom to ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from broker.errors import NotPermitted
from broker.federation.id_tokens import Claims
from broker.federation.models import IdentityProvider
from broker.identity.models import Membership, Resident
from broker.identity.sessions import Proof


@dataclass(frozen=True, slots=True)
class Recognised:
    """A resident, or somebody with the work they may sign in to: one membership, or several to choose from."""

    proof: Proof
    resident: Resident | None = None
    work: tuple[Membership, ...] = ()
    young: bool = False  # thirteen to fifteen: told what that means before they go on


@dataclass(frozen=True, slots=True)
class Unlinked:
    """Somebody the provider knows and nobody here does: they are asked for their code of invitation."""

    subject: str


class NeedsMoreProof(NotPermitted):
    """Signed in at the provider, and not surely enough for a record."""

    def __init__(self) -> None:
        super().__init__(
            "identity-not-proved-enough", "You need to prove more of who you are before you can see a record here."
        )


def proof_of(provider: IdentityProvider, claims: Claims, *, assurance: int, now: datetime) -> Proof:
    """What ``claims`` prove, and when: at ``auth_time``, which is before now where the provider knew them already."""
    at = claims.authenticated_at and min(claims.authenticated_at, now)
    return Proof(provider.id, assurance, subject=claims.subject, session=claims.session, at=at)
