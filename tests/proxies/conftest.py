"""Ada, her friend Cas, her son Ben; and the surgery that decides who may act for whom."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from broker.audit.trail import Entry, Trail
from broker.identity.models import Relationship, Resident
from broker.proxies import actions, deciding
from broker.proxies.actions import Wish
from broker.proxies.deciding import Verifier
from broker.proxies.models import Proxy
from broker.settings import Settings
from broker.vocabulary import (
    AccessLevel,
    AuditAction,
    LegalBasis,
    ProxyRelation,
    RelationshipKind,
    Role,
)
from tests import people
from tests.people import ADA_BORN, ADA_NUMBER, BEN_NUMBER, LONG_AGO, NOON, SURGERY

CAS_NUMBER, CAS_BORN = "9990000042", date(1970, 2, 2)
GP = Verifier(by="person:gp", organisation=SURGERY, role=Role.CLINICIAN)
FEW = frozenset({AccessLevel.SEE_SHARING, AccessLevel.SEE_WHO_LOOKED})
ALL = frozenset(AccessLevel)


class Cast:
    """Asking, deciding and looking, with everything that does not matter to a sentence filled in."""

    def __init__(self, session: Session, trail: Trail, settings: Settings) -> None:
        self.session, self.trail, self.settings = session, trail, settings

    def ask(
        self,
        *,
        asker: str = "cas",
        number: str = ADA_NUMBER,
        born_on: date = ADA_BORN,
        basis: LegalBasis = LegalBasis.CONSENT,
        levels: frozenset[AccessLevel] = ALL,
        words: str = "Seen.",
        now: datetime = NOON,
    ) -> None:
        wish = Wish(relation=ProxyRelation.FRIEND, basis=basis, levels=levels, words=words)
        actions.apply(
            self.session,
            wish,
            asker=asker,
            nhs_number=number,
            born_on=born_on,
            trail=self.trail,
            settings=self.settings,
            now=now,
        )

    def proxy(self) -> Proxy:
        return self.session.scalars(select(Proxy)).one()

    def agree(self, proxy: Proxy, *, levels: frozenset[AccessLevel] | None = None, now: datetime = NOON) -> None:
        actions.answer(
            self.session, proxy, agree=True, levels=levels, resident=proxy.resident_id, trail=self.trail, now=now
        )

    def decide(self, proxy: Proxy, *, agree: bool = True, now: datetime = NOON, **more: object) -> None:
        said = {"words": "Seen by me.", **more}
        deciding.decide(self.session, proxy, verifier=GP, agree=agree, trail=self.trail, now=now, **said)  # type: ignore[arg-type]

    def standing(self, *, basis: LegalBasis = LegalBasis.CONSENT, child: bool = False, now: datetime = NOON) -> Proxy:
        """Cas may act for Ada; or, for a ``child``, for Ben."""
        number, born_on = (
            (BEN_NUMBER, self.session.get_one(Resident, "ben").born_on) if child else (ADA_NUMBER, ADA_BORN)
        )
        self.ask(number=number, born_on=born_on, basis=basis, now=now)
        proxy = self.proxy()
        if basis is LegalBasis.CONSENT:
            self.agree(proxy, now=now)
        self.decide(proxy, now=now)
        return proxy

    def entries(self) -> list[Entry]:
        return self.trail.entries(self.session, actions=[AuditAction.PROXY_CHANGED, AuditAction.PROXY_ACTED], limit=99)


@pytest.fixture
def cast(session: Session, sessions: sessionmaker[Session], settings: Settings) -> Cast:
    people.settle(session)
    session.add(
        Resident(
            id="cas", nhs_number=CAS_NUMBER, born_on=CAS_BORN, given_name="Cas", family_name="Wye",
            neighbourhood_code="TB-1",
        )
    )  # fmt: skip
    session.flush()
    for resident in ("ben", "cas"):
        session.add(
            Relationship(
                resident_id=resident,
                organisation_code=SURGERY,
                kind=RelationshipKind.REGISTERED_PRACTICE,
                source="registration",
                from_at=LONG_AGO,
            )
        )
    session.commit()
    return Cast(session, Trail(sessions, key=b"k" * 32), settings)
