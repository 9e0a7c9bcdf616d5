"""Whose a grant is: it ends with whoever gave it, also for another, and nobody goes on after their death."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.agreements.models import SharingAgreement
from broker.grants import actions as grants
from broker.grants.models import Grant
from broker.identity import sessions as signing_in
from broker.identity.models import AccessToken, Resident
from broker.identity.sessions import Proof
from broker.oauth.authorization import asked, may_answer
from broker.oauth.standing import grant_stands
from broker.proxies.models import Proxy
from broker.vocabulary import AccessLevel, LegalBasis, ProxyReason, ProxyRelation, ProxyState, Role
from tests.doors.conftest import House
from tests.oauth.client import Partner
from tests.people import FOOD_BANK, NOON, SURGERY


def _given(session: Session, resident: str, *, acting: str | None = None) -> tuple[Grant, AccessToken]:
    role = Role.PROXY if acting and acting.startswith("resident:") else Role.RESIDENT
    grant = Grant(
        client_id="harvest-system", role=role, resident_id=resident, acting=acting, scopes="own.read", assurance=2,
        made_at=NOON, ends_at=NOON + timedelta(days=30),
    )  # fmt: skip
    session.add(grant)
    session.flush()
    token = AccessToken(
        digest=grants.digest(grant.id), role=role, resident_id=resident, acting=acting, scopes="own.read",
        audience="x", issued_at=NOON, expires_at=NOON + timedelta(minutes=5),
    )  # fmt: skip
    session.add(token)
    session.flush()
    return grant, token


def test_with_a_resident_ends_what_they_let_be_done_and_not_what_others_let_for_them(
    fapi: Partner, house: House
) -> None:
    with house.session() as session:
        own, by_app = _given(session, "ada"), _given(session, "ada", acting="client:shelf")
        for_ben, by_ben = _given(session, "ben", acting="resident:ada"), _given(session, "ada", acting="resident:ben")
        bens = _given(session, "ben")
        ended = grants.end_every(
            session, resident="ada", by="resident:ada", why="signed-out", trail=house.broker.trail, now=NOON
        )
        session.commit()
        session.expire_all()
        assert ended == 3
        for grant, token in (own, by_app, for_ben):
            assert (grant.ended_at, token.revoked_at) == (NOON, NOON)
        for grant, token in (by_ben, bens):
            assert (grant.ended_at, token.revoked_at) == (None, None)


@pytest.mark.parametrize(("days", "stands"), [(None, True), (1, True), (0, False), (-1, False)])
def test_nobody_is_signed_in_or_lets_anything_be_done_after_their_death(
    fapi: Partner, house: House, days: int | None, stands: bool
) -> None:
    token = house.token(resident="ada")
    with house.session() as session:
        ada = session.get_one(Resident, "ada")
        secret, _ = signing_in.begin_for_resident(
            session, ada, proof=Proof("passkey", 2), trail=house.broker.trail, now=NOON
        )
        grant, _ = _given(session, "ada")
        ada.died_on = None if days is None else (NOON + timedelta(days=days)).date()
        session.commit()
        found = signing_in.find(session, secret, settings=house.broker.settings, now=NOON)
        assert (found is not None) is stands
        with house.app.app_context():
            assert grant_stands(session, grant, now=NOON) is stands
    assert (house.call("GET", "/api/my/consents", token=token).status_code == 200) is stands


@pytest.mark.parametrize("labels", [[], ["domestic-abuse"]])
def test_a_proxy_answers_no_request_that_they_are_not_shown(fapi: Partner, labels: list[str]) -> None:
    """Ben (grown up for this) may answer for Ada; not to a service whose name says too much. She may."""
    uri = fapi.pushed(**fapi.asking_ada())
    with fapi.house.session() as session:
        session.add(
            Proxy(
                id="proxy", resident_id="ada", proxy_resident_id="ben", relation=ProxyRelation.CHILD,
                legal_basis=LegalBasis.DEPUTY, levels=frozenset(AccessLevel), state=ProxyState.ACTIVE,
                reason=ProxyReason.ROLE_ACTIVATED, granted_by=SURGERY, from_at=NOON,
            )
        )  # fmt: skip
        for each in session.scalars(select(SharingAgreement)):
            receives = [party["organisation"] for party in each.document["parties"] if party["receives"]]
            if FOOD_BANK in receives:
                each.document = {**each.document, "labels": labels}
        session.commit()
        ada, ben = (session.get_one(Resident, who) for who in ("ada", "ben"))
        begun = {"proof": Proof("passkey", 2), "trail": fapi.house.broker.trail, "now": NOON}
        _, own = signing_in.begin_for_resident(session, ada, **begun)  # type: ignore[arg-type]
        _, bens = signing_in.begin_for_resident(session, ben, **begun)  # type: ignore[arg-type]
        _, acting = signing_in.act_for(session, bens, "ada", trail=fapi.house.broker.trail, now=NOON)
        with fapi.house.app.app_context():
            question = asked(fapi.client_id, uri)
            assert may_answer(question, own)
            assert may_answer(question, acting) is (labels == [])
