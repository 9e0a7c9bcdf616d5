"""An organisation leaves: at the very next request nothing of it is good, and those who shared with it are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from broker.audit.trail import Trail
from broker.consent.models import AccessRequestRecord, Consent
from broker.errors import Conflict, InvalidInput
from broker.grants import actions as grants
from broker.grants.models import Grant, RefreshToken
from broker.identity import sessions as signing_in
from broker.identity.models import AccessToken, Client, Membership, Organisation, Source
from broker.identity.sessions import Proof
from broker.joining import actions
from broker.joining.leaving import Left, leave
from broker.notices.models import Notice
from broker.settings import Settings
from broker.vocabulary import ApplicationState, AuditAction, ConsentStatus, NoticeKind, RequestState, Role
from tests.doors.conftest import House, build_house
from tests.doors.test_records import agree, find, view
from tests.joining.conftest import SECOND, SHED, VOUCHER, Apply
from tests.people import COUNCIL, FOOD_BANK, NOON

WHY = "It closed."


@pytest.fixture
def house(settings: Settings, sqlite_template: Path) -> Iterator[House]:
    yield from build_house(replace(settings, demonstration=True, lookups_per_minute=50), template=sqlite_template)


def _leaves(house: House, code: str = FOOD_BANK) -> Left:
    with house.session() as session:
        organisation = session.get_one(Organisation, code)
        left = leave(session, organisation, by="operator:t", why=WHY, trail=house.broker.trail, now=house.time[0])
        session.commit()
        return left


def test_every_token_is_dead_on_the_next_request(house: House) -> None:
    """The food bank's worker, and its own system; the surgery's goes on, and so does the resident's."""
    worker, gp, ada = house.token(person="adviser"), house.token(person="gp"), house.token(resident="ada")
    system = house.token(person="adviser")
    with house.session() as session:
        session.add(
            Client(
                id="shelf", organisation_code=FOOD_BANK, name="Shelf", role=Role.CASE_WORKER,
                jwks={"keys": []}, scopes="records.read residents.find", registered_at=NOON,
            )
        )  # fmt: skip
        session.flush()
        session.execute(
            update(AccessToken)
            .where(AccessToken.digest == grants.digest(system))
            .values(client_id="shelf", person_id=None)
        )
        session.commit()
    handle = find(house, worker)
    agree(house, worker, ada, handle)
    for token in (worker, system):
        assert view(house, token, handle).status_code == 200
    house.wait(timedelta(seconds=1))
    left = _leaves(house)
    for token in (worker, system):
        answer = view(house, token, handle)
        assert (answer.status_code, answer.get_json()["code"]) == (401, "token-invalid")
    assert (left.systems, left.permissions, left.told) == (1, 1, 1)
    assert find(house, gp)
    assert house.call("GET", "/api/my/consents", token=ada).status_code == 200


def test_a_grant_gives_no_other_token_and_no_refresh_is_good(house: House) -> None:
    with house.session() as session:
        session.add(
            Client(
                id="shelf", organisation_code=FOOD_BANK, name="Shelf", role=Role.CASE_WORKER,
                jwks={"keys": []}, scopes="records.read", registered_at=NOON,
            )
        )  # fmt: skip
        session.flush()
        grant = Grant(
            client_id="shelf", person_id="adviser", organisation_code=FOOD_BANK, role=Role.CASE_WORKER,
            scopes="records.read", assurance=2, made_at=NOON, ends_at=NOON + timedelta(days=1),
        )  # fmt: skip
        grants.make(session, grant, by="person:adviser", trail=house.broker.trail, now=NOON)
        refresh = grants.new_refresh(session, grant, jkt="x" * 43, now=NOON)
        session.commit()
        assert grants.in_use(grant, now=NOON)
    assert _leaves(house).grants == 1
    with house.session() as session:
        assert session.scalars(select(Grant.ended_at)).all() == [NOON]
        kept = session.get_one(RefreshToken, grants.digest(refresh))
        assert kept.revoked_at == NOON


def test_its_people_are_signed_out_and_its_systems_are_not_asked(house: House) -> None:
    with house.session() as session:
        membership = session.scalars(select(Membership).where(Membership.organisation_code == COUNCIL)).first()
        assert membership is not None
        proof = Proof(means="passkey", assurance=2)
        trail, settings = house.broker.trail, house.broker.settings
        secret, _ = signing_in.begin_for_worker(session, membership, proof=proof, trail=trail, now=NOON)
        assert signing_in.find(session, secret, settings=settings, now=NOON)
    left = _leaves(house, COUNCIL)
    assert (left.sessions, left.sources, left.members) == (1, 1, 1)
    with house.session() as session:
        assert signing_in.find(session, secret, settings=settings, now=NOON) is None
        assert session.scalars(select(Source.id).where(Source.removed_at.is_(None))).all() == ["millrace-gp"]


def test_residents_are_told_requests_run_out_and_permissions_end(house: House) -> None:
    worker, ada = house.token(person="adviser"), house.token(resident="ada")
    handle = find(house, worker)
    agree(house, worker, ada, handle)
    body = {
        "resident": handle, "purpose": "advice-debt", "sections": ["housing"], "reason": "More help.",
        "until": (NOON + timedelta(days=20)).isoformat(),
    }  # fmt: skip
    assert house.call("POST", "/api/access-requests", token=worker, json=body).status_code == 202
    house.wait(timedelta(hours=1))
    assert _leaves(house).requests == 1
    with house.session() as session:
        told = session.scalars(select(Notice).where(Notice.kind == NoticeKind.ORGANISATION_LEFT)).all()
        assert [(notice.resident_id, notice.parameters) for notice in told] == [("ada", {"organisation": FOOD_BANK})]
        states = set(session.scalars(select(AccessRequestRecord.state)))
        assert RequestState.PENDING not in states
        assert session.scalars(select(Consent.status)).all() == [ConsentStatus.INACTIVE]
        [entry] = [
            each
            for each in house.broker.trail.entries(session, actions=[AuditAction.ORGANISATION_CHANGED])
            if each.body["act"] == "left"
        ]
        assert (entry.note, entry.organisation) == (WHY, FOOD_BANK)
    assert house.call("GET", "/api/my/consents", token=house.token(resident="ada")).status_code == 200


def test_it_leaves_once_and_says_why(house: House) -> None:
    with house.session() as session, pytest.raises(InvalidInput):
        leave(
            session, session.get_one(Organisation, FOOD_BANK), by="operator:t", why=" ",
            trail=house.broker.trail, now=NOON,
        )  # fmt: skip
    _leaves(house)
    with pytest.raises(Conflict):
        _leaves(house)


def test_coming_back_is_a_new_application_and_revives_nothing(settled: Session, applies: Apply, trail: Trail) -> None:
    given = {"trail": trail, "now": NOON}
    application, _ = applies()
    actions.vouch(settled, application, officer=VOUCHER, by="person:v", why="Known.", **given)  # type: ignore[arg-type]
    admitted = actions.admit(settled, application, officer=SECOND, by="person:s", why="Yes.", **given)  # type: ignore[arg-type]
    settled.commit()
    later = NOON + timedelta(days=3)
    leave(settled, admitted.organisation, by="operator:t", why=WHY, trail=trail, now=later)
    settled.commit()
    assert application.state is ApplicationState.LEFT
    assert application.contacts == {}
    again, _ = applies(at=later)
    actions.vouch(settled, again, officer=VOUCHER, by="person:v", why="Known.", **given)  # type: ignore[arg-type]
    back = actions.admit(
        settled, again, officer=SECOND, by="person:s", why="Yes.", trail=trail, now=later + timedelta(days=1)
    )
    settled.commit()
    assert back.organisation.code == SHED
    assert back.organisation.left_at is None
    standing = settled.scalars(
        select(Membership).where(Membership.organisation_code == SHED, Membership.ended_at.is_(None))
    ).all()
    assert standing == [back.administrator]
    assert back.administrator.started_at > NOON
