"""Cas, who may act for Ada as far as a test says; put straight into a door's database."""

from __future__ import annotations

from datetime import date, timedelta

from broker.identity.models import Resident
from broker.proxies.models import Proxy
from broker.vocabulary import AccessLevel, LegalBasis, ProxyReason, ProxyRelation, ProxyState
from tests.people import NOON, SURGERY
from tests.web.conftest import Door

CAS_NUMBER, CAS_BORN = "9990000042", date(1970, 2, 2)
OURS = frozenset(level for level in AccessLevel if not level.national)


def settle_cas(door: Door) -> None:
    with door.broker.sessions() as session:
        if session.get(Resident, "cas") is None:
            session.add(
                Resident(
                    id="cas",
                    nhs_number=CAS_NUMBER,
                    born_on=CAS_BORN,
                    given_name="Cas",
                    family_name="Wye",
                    neighbourhood_code="TB-1",
                )
            )
            session.commit()


def let_cas_act(door: Door, *, levels: frozenset[AccessLevel] = OURS, id: str = "proxy") -> str:
    """Cas may act for Ada from yesterday for a year, by Ada's own yes."""
    settle_cas(door)
    with door.broker.sessions() as session:
        session.add(
            Proxy(
                id=id,
                resident_id="ada",
                proxy_resident_id="cas",
                relation=ProxyRelation.FRIEND,
                legal_basis=LegalBasis.CONSENT,
                levels=levels,
                state=ProxyState.ACTIVE,
                reason=ProxyReason.ROLE_ACTIVATED,
                granted_by=SURGERY,
                decided_by="person:gp",
                agreed_at=NOON - timedelta(days=1),
                from_at=NOON - timedelta(days=1),
                until_at=NOON + timedelta(days=365),
                reviewed_at=NOON - timedelta(days=1),
            )
        )
        session.commit()
    return id
