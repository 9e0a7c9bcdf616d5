"""People come, change and go: what hung on their work ends with it, and nothing else does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.audit.trail import Trail
from broker.consent import actions as consents
from broker.consent import asking
from broker.errors import Conflict, NotPermitted
from broker.grants import actions as grants
from broker.grants.models import Grant
from broker.identity import sessions as signing_in
from broker.identity.models import AccessToken, Client, Membership, Person
from broker.identity.sessions import Proof
from broker.joining import people as staff
from broker.notices.models import Notice
from broker.settings import Settings
from broker.vocabulary import NoticeKind, Purpose, Role, Section
from tests.people import ADVISER, BEFRIENDERS, FOOD_BANK, NOON

BY = "person:food-bank-lead"
GIVEN_BY: dict[str, Any] = {"by": BY, "now": NOON}


def _membership(session: Session, person: str, organisation: str = FOOD_BANK) -> Membership:
    theirs = select(Membership).where(Membership.person_id == person, Membership.organisation_code == organisation)
    return session.scalars(theirs).one()


def _client(session: Session, organisation: str = FOOD_BANK) -> str:
    named = f"system-{organisation.lower()}"
    if session.get(Client, named) is None:
        session.add(
            Client(
                id=named, organisation_code=organisation, name="Shelf", role=Role.CASE_WORKER,
                jwks={"keys": []}, scopes="records.read", registered_at=NOON,
            )
        )  # fmt: skip
        session.flush()
    return named


def _works_elsewhere(session: Session, person: str) -> Membership:
    also = Membership(person_id=person, organisation_code=BEFRIENDERS, role=Role.CASE_WORKER, started_at=NOON)
    session.add(also)
    session.flush()
    return also


def _lets_a_system_act(session: Session, trail: Trail, membership: Membership) -> tuple[Grant, AccessToken]:
    grant = Grant(
        client_id=_client(session, membership.organisation_code),
        person_id=membership.person_id,
        organisation_code=membership.organisation_code,
        role=membership.role,
        scopes="records.read",
        assurance=2,
        made_at=NOON,
        ends_at=NOON + timedelta(days=1),
    )
    grants.make(session, grant, by=f"person:{membership.person_id}", trail=trail, now=NOON)
    token = AccessToken(
        digest=grants.digest(grant.id), client_id=grant.client_id, person_id=grant.person_id,
        organisation_code=grant.organisation_code, role=grant.role, scopes=grant.scopes, audience="x",
        grant_id=grant.id, issued_at=NOON, expires_at=NOON + timedelta(minutes=5),
    )  # fmt: skip
    session.add(token)
    session.commit()
    return grant, token


def test_who_leaves_one_organisation_loses_that_and_keeps_the_other(
    settled: Session, trail: Trail, settings: Settings
) -> None:
    here, there = _membership(settled, "adviser"), _works_elsewhere(settled, "adviser")
    ended, goes_on = _lets_a_system_act(settled, trail, here), _lets_a_system_act(settled, trail, there)
    proof = Proof(means="passkey", assurance=2)
    first, _ = signing_in.begin_for_worker(settled, here, proof=proof, trail=trail, now=NOON)
    second, _ = signing_in.begin_for_worker(settled, there, proof=proof, trail=trail, now=NOON)
    staff.dismiss(settled, here, why="Moved away.", **GIVEN_BY, trail=trail, settings=settings)
    settled.commit()
    settled.expire_all()
    assert signing_in.find(settled, first, settings=settings, now=NOON) is None
    assert signing_in.find(settled, second, settings=settings, now=NOON) is not None
    assert (ended[0].ended_at, ended[1].revoked_at) == (NOON, NOON)
    assert (goes_on[0].ended_at, goes_on[1].revoked_at) == (None, None)


def test_nobody_leaves_twice(settled: Session, trail: Trail, settings: Settings) -> None:
    here = _membership(settled, "adviser")
    staff.dismiss(settled, here, **GIVEN_BY, trail=trail, settings=settings)
    with pytest.raises(Conflict):
        staff.dismiss(settled, here, **GIVEN_BY, trail=trail, settings=settings)


def test_another_role_is_another_membership_and_the_old_ones_grants_end(
    settled: Session, trail: Trail, settings: Settings
) -> None:
    here = _membership(settled, "adviser")
    grant, _ = _lets_a_system_act(settled, trail, here)
    begun = staff.move(settled, here, Role.IG_LEAD, **GIVEN_BY, trail=trail, settings=settings)
    settled.commit()
    assert (here.ended_at, begun.role, grant.ended_at) == (NOON, Role.IG_LEAD, NOON)


def test_the_last_administrator_cannot_go_or_change(settled: Session, trail: Trail, settings: Settings) -> None:
    only = staff.employ(
        settled, Person(id="boss", name="Pia Lund"), organisation=FOOD_BANK, role=Role.ADMINISTRATOR,
        by=BY, trail=trail, now=NOON,
    )  # fmt: skip
    with pytest.raises(Conflict):
        staff.dismiss(settled, only, **GIVEN_BY, trail=trail, settings=settings)
    with pytest.raises(Conflict):
        staff.move(settled, only, Role.CASE_WORKER, **GIVEN_BY, trail=trail, settings=settings)
    staff.employ(
        settled, Person(id="deputy", name="Ola Reed"), organisation=FOOD_BANK, role=Role.ADMINISTRATOR,
        by=BY, trail=trail, now=NOON,
    )  # fmt: skip
    staff.dismiss(settled, only, **GIVEN_BY, trail=trail, settings=settings)
    assert only.ended_at == NOON


def _administrator(session: Session, trail: Trail, name: str) -> Membership:
    return staff.employ(
        session, Person(id=name, name=name), organisation=FOOD_BANK, role=Role.ADMINISTRATOR,
        by=BY, trail=trail, now=NOON,
    )  # fmt: skip


def test_one_who_cannot_sign_in_is_no_other_administrator(settled: Session, trail: Trail, settings: Settings) -> None:
    first, second = _administrator(settled, trail, "boss"), _administrator(settled, trail, "deputy")
    second.started_at = NOON - timedelta(days=settings.membership_idle_days)
    settled.flush()
    with pytest.raises(Conflict, match="last-administrator"):
        staff.dismiss(settled, first, **GIVEN_BY, trail=trail, settings=settings)
    second.used_at = NOON
    staff.dismiss(settled, first, **GIVEN_BY, trail=trail, settings=settings)
    assert (first.ended_at, second.ended_at) == (NOON, None)


def test_coming_back_revives_nothing_that_was_let_before(settled: Session, trail: Trail) -> None:
    here, there = _membership(settled, "adviser"), _works_elsewhere(settled, "adviser")
    ended, goes_on = _lets_a_system_act(settled, trail, here), _lets_a_system_act(settled, trail, there)
    begun = staff.reinstate(settled, here, **GIVEN_BY, trail=trail)
    settled.commit()
    settled.expire_all()
    assert (begun.role, begun.ended_at) == (here.role, None)
    assert (ended[0].ended_at, ended[1].revoked_at) == (NOON, NOON)
    assert (goes_on[0].ended_at, goes_on[1].revoked_at) == (None, None)


@pytest.mark.parametrize("role", staff.GOVERNING)
def test_an_administrator_gives_a_governing_role_to_the_first_alone(
    settled: Session, trail: Trail, settings: Settings, role: Role
) -> None:
    def gives(giver: Role) -> None:
        staff.must_be_theirs_to_give(settled, role, organisation=BEFRIENDERS, giver=giver)

    gives(Role.ADMINISTRATOR)
    lead = staff.employ(
        settled, Person(id="lead", name="Ola Reed"), organisation=BEFRIENDERS, role=Role.IG_LEAD,
        by=BY, trail=trail, now=NOON,
    )  # fmt: skip
    for _ in range(2):  # while there is one, and once there is none any more
        with pytest.raises(NotPermitted, match="role-not-to-give"):
            gives(Role.ADMINISTRATOR)
        gives(Role.IG_LEAD)
        if lead.ended_at is None:
            staff.dismiss(settled, lead, **GIVEN_BY, trail=trail, settings=settings)
    staff.must_be_theirs_to_give(settled, Role.CASE_WORKER, organisation=BEFRIENDERS, giver=Role.ADMINISTRATOR)


# ---- who is told of somebody new -----------------------------------------------------------------------------------


def share(session: Session, trail: Trail, settings: Settings, resident: str = "ada") -> None:
    """A resident lets the food bank see their housing."""
    from broker.identity.actions import find_resident
    from tests.people import ADA_BORN, ADA_NUMBER, BEN_BORN, BEN_NUMBER

    number, born_on = {"ada": (ADA_NUMBER, ADA_BORN), "ben": (BEN_NUMBER, BEN_BORN)}[resident]
    given = {"trail": trail, "settings": settings, "now": NOON}
    handle = find_resident(session, asker=ADVISER, nhs_number=number, born_on=born_on, **given)  # type: ignore[arg-type]
    asked = consents.ask(
        session, requester=ADVISER, handle=handle, purpose=Purpose.ADVICE_DEBT, sections=frozenset({Section.HOUSING}),
        reason="To help.", share_until=NOON + timedelta(days=30), **given,  # type: ignore[arg-type]
    )  # fmt: skip
    consents.answer(session, asked, agree=True, by=f"resident:{resident}", trail=trail, now=NOON)


def _told(session: Session) -> list[tuple[str | None, str]]:
    return [(n.resident_id, n.kind) for n in session.scalars(select(Notice))]


def _comes(session: Session, trail: Trail, role: Role) -> None:
    new = Person(id=f"new-{role}", name="Fen Ash")
    staff.employ(session, new, organisation=FOOD_BANK, role=role, by=BY, trail=trail, now=NOON)
    session.commit()


def _asks_to_be_told(session: Session, trail: Trail, tell: bool) -> None:
    asking.change(
        session, "ada", asking.Preferences(tell_of_joiners=tell), by="resident:ada", trail=trail, now=NOON
    )  # fmt: skip


def test_residents_who_share_and_asked_are_told_of_somebody_new(
    settled: Session, trail: Trail, settings: Settings
) -> None:
    share(settled, trail, settings)
    _asks_to_be_told(settled, trail, True)
    _comes(settled, trail, Role.CASE_WORKER)
    assert _told(settled) == [("ada", NoticeKind.SOMEBODY_JOINED)]
    assert "Fen" not in str([each.parameters for each in settled.scalars(select(Notice))])


def test_one_who_did_not_ask_to_be_told_is_not(settled: Session, trail: Trail, settings: Settings) -> None:
    share(settled, trail, settings)
    _asks_to_be_told(settled, trail, False)
    _comes(settled, trail, Role.CASE_WORKER)
    assert _told(settled) == []


def test_nobody_is_told_of_somebody_who_reads_no_record(settled: Session, trail: Trail, settings: Settings) -> None:
    share(settled, trail, settings)
    _asks_to_be_told(settled, trail, True)
    _comes(settled, trail, Role.IG_LEAD)
    assert _told(settled) == []


def test_residents_who_share_nothing_here_are_not_told(settled: Session, trail: Trail) -> None:
    _asks_to_be_told(settled, trail, True)
    _comes(settled, trail, Role.CASE_WORKER)
    assert _told(settled) == []
