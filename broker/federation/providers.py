"""The providers that people can sign in with here: connected, offered, given new keys, and removed by an operator."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from broker.audit.trail import Event, Trail
from broker.errors import Conflict, InvalidInput, NotFound
from broker.federation.kinds import KINDS
from broker.federation.metadata import Pinned
from broker.federation.models import IdentityProvider
from broker.identity.models import Organisation, SignedInSession
from broker.vocabulary import AuditAction, ProviderKind

_ID = re.compile(r"[a-z][a-z0-9-]{1,38}[a-z0-9]")
# A session's ``means`` is a provider's id, or one of these.
OWN_MEANS = frozenset({"demonstration", "passkey", "password", "totp", "recovery"})


def offered(session: Session, now: datetime) -> Sequence[IdentityProvider]:
    """Those that the sign-in page shows: residents' first, then staff's, then each organisation's by label."""
    found = session.scalars(
        select(IdentityProvider)
        .outerjoin(Organisation, Organisation.code == IdentityProvider.organisation_code)
        .where(
            IdentityProvider.removed_at.is_(None),
            or_(Organisation.code.is_(None), Organisation.left_at.is_(None), Organisation.left_at > now),
        )
    )
    order = list(ProviderKind)
    return sorted(found, key=lambda each: (order.index(each.kind), each.label, each.id))


def connected(session: Session, provider_id: str, *, now: datetime) -> IdentityProvider:
    """A provider that is offered. Raises NotFound for any other: removed, unknown, or of an organisation that left."""
    found = next((each for each in offered(session, now) if each.id == provider_id), None)
    if found is None:
        raise NotFound("provider-unknown", f"There is no provider {provider_id}.")
    return found


def add(
    session: Session,
    provider_id: str,
    *,
    kind: ProviderKind,
    label: str,
    issuer: str,
    client_id: str,
    organisation: str | None,
    pinned: Pinned,
    by: str,
    trail: Trail,
    now: datetime,
) -> IdentityProvider:
    """Connect a provider. Raises InvalidInput or Conflict. Commits."""
    _check_name(session, provider_id, kind=kind, organisation=organisation)
    provider = IdentityProvider(
        id=provider_id,
        kind=kind,
        organisation_code=organisation,
        label=label,
        issuer=issuer,
        client_id=client_id,
        scopes=KINDS[kind].scopes,
        added_at=now,
        **{name: getattr(pinned, name) for name in Pinned.__slots__},
    )
    session.add(provider)
    _entry(session, provider, "added", by=by, trail=trail, now=now)
    return provider


def change_keys(
    session: Session, provider: IdentityProvider, jwks: dict[str, Any], *, by: str, trail: Trail, now: datetime
) -> bool:
    """Pin other keys; says whether they differ from those before. Commits."""
    if provider.jwks == jwks:
        return False
    provider.jwks = jwks
    _entry(session, provider, "keys-changed", by=by, trail=trail, now=now)
    return True


def remove(session: Session, provider: IdentityProvider, *, by: str, trail: Trail, now: datetime) -> int:
    """Stop signing anybody in with it, and end every session it began; gives how many. Commits.

    Who was tied to it stays tied, so that nobody else is ever met under its name.
    """
    provider.removed_at = now
    ended = session.execute(
        update(SignedInSession)
        .where(SignedInSession.means == provider.id, SignedInSession.ended_at.is_(None))
        .values(ended_at=now)
        .returning(SignedInSession.digest)
        .execution_options(synchronize_session=False)
    ).all()
    _entry(session, provider, "removed", by=by, trail=trail, now=now)
    return len(ended)


def _check_name(session: Session, provider_id: str, *, kind: ProviderKind, organisation: str | None) -> None:
    if not _ID.fullmatch(provider_id) or provider_id in OWN_MEANS:
        raise InvalidInput("provider-name-malformed", "A name has 3 to 40 small letters, digits and hyphens.")
    if (kind is ProviderKind.ORGANISATION) != (organisation is not None):
        raise InvalidInput(
            "organisation-not-fitting",
            "An organisation’s own provider names the organisation, and no other provider does.",
            field="--organisation",
        )
    if session.get(IdentityProvider, provider_id) is not None:
        # Also where it was removed: its subjects are tied to its name, and another's must not meet them.
        raise Conflict("provider-exists", f"There is, or was, a provider {provider_id}. Choose another name.")


def _entry(session: Session, provider: IdentityProvider, act: str, *, by: str, trail: Trail, now: datetime) -> None:
    session.flush()
    body = {"provider": provider.id, "act": act, "kind": provider.kind.value}
    trail.append(session, Event(AuditAction.PROVIDER_CHANGED, by, provider.organisation_code, body=body), now=now)
    session.commit()
