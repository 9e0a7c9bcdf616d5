"""Whether whoever a token was given to may still ask at all: live, at every use, so that leaving closes it at once.

Says nothing of what they may have: that is decided in ``access``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from sqlalchemy import BindParameter, bindparam, or_, select
from sqlalchemy.orm import Session

from broker.consent.models import Consent
from broker.database import Instant
from broker.doors import parts
from broker.grants import actions as grants
from broker.grants.models import Grant
from broker.identity import memberships
from broker.identity.models import Client, Membership, Organisation, Resident
from broker.proxies.acting import standing_for
from broker.proxies.models import Proxy
from broker.vocabulary import ConsentStatus, Role


class Holder(Protocol):
    """Whose a token is."""

    @property
    def client_id(self) -> str | None: ...
    @property
    def person_id(self) -> str | None: ...
    @property
    def organisation_code(self) -> str | None: ...
    @property
    def role(self) -> Role: ...
    @property
    def resident_id(self) -> str | None: ...
    @property
    def acting(self) -> str | None: ...


_AT: BindParameter[datetime] = bindparam("at", type_=Instant)
_TAKES_PART = or_(Organisation.left_at.is_(None), Organisation.left_at > _AT)
_SYSTEM = (
    select(Client.id)
    .join(Organisation, Organisation.code == Client.organisation_code)
    .where(Client.id == bindparam("client"), Client.revoked_at.is_(None), _TAKES_PART)
)
_WORKER = (
    select(Membership.id)
    .join(Organisation, Organisation.code == Membership.organisation_code)
    .where(
        Membership.person_id == bindparam("person"),
        Membership.organisation_code == bindparam("organisation"),
        Membership.role == bindparam("role"),
        memberships.current(_AT),
        memberships.in_use(bindparam("since", type_=Instant)),
        _TAKES_PART,
    )
)


def stands(session: Session, holder: Holder, *, now: datetime) -> bool:
    """A system until it is revoked, a worker while they work there in that role; both while the organisation is in.

    One that a worker uses through a system needs both. A resident's own token stands until it runs out or they die,
    and a proxy's while they may act for that resident.
    """
    system = {"client": holder.client_id, "at": now}
    if holder.client_id is not None and session.execute(_SYSTEM, system).first() is None:
        return False
    if holder.role is Role.PROXY:
        return proxy_behind(session, holder, now=now) is not None
    if holder.person_id is None:
        resident = session.get(Resident, holder.resident_id) if holder.resident_id else None
        return resident is None or not resident.has_died(at=now)
    worker = {"person": holder.person_id, "organisation": holder.organisation_code, "role": holder.role, "at": now}
    worker["since"] = memberships.used_since(parts().settings, now=now)
    return session.execute(_WORKER, worker).first() is not None


def proxy_behind(session: Session, holder: Holder, *, now: datetime) -> Proxy | None:
    """By what the holder of a proxy's token acts for its resident, as it stands now."""
    if holder.resident_id is None or holder.acting is None:
        return None
    acting = holder.acting.removeprefix("resident:")
    return standing_for(session, proxy_resident=acting, resident=holder.resident_id, now=now)


def grant_stands(session: Session, grant: Grant, *, now: datetime) -> bool:
    """Whether a grant may give another token: it has not ended, its holders stand, and so does its consent."""
    if not grants.in_use(grant, now=now) or not stands(session, grant, now=now):
        return False
    consent = session.get(Consent, grant.consent_id) if grant.consent_id else None
    return grant.consent_id is None or (consent is not None and consent.status is ConsentStatus.ACTIVE)
