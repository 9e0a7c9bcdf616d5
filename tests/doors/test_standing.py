"""A token stands only while whoever holds it does: leaving, or being revoked, closes it at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from broker.agreements.bundle import load_tables
from broker.api.partner import READERS
from broker.identity.models import Client, Membership, Organisation
from broker.vocabulary import AuditAction
from tests.doors.conftest import House
from tests.doors.test_records import ask, find, view
from tests.doors.test_tokens import form, signed, system
from tests.people import ADA_BORN, ADA_NUMBER, FOOD_BANK, NOON

__all__ = ["system"]  # the food bank's own system, registered
EVERYTHING = "residents.find access.request records.read"
ADVISER = {"person": "adviser", "role": "case-worker"}


@pytest.fixture
def systems_token(house: House, system: str) -> str:
    return house.system_token(form(signed(house), scope=EVERYTHING))


def test_a_revoked_systems_live_tokens_open_nothing(house: House, systems_token: str) -> None:
    handle = find(house, systems_token)
    with house.session() as session:
        session.execute(update(Client).values(revoked_at=NOON))
        session.commit()
    answers = _everything(house, systems_token, handle)
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.get_json()["code"] for answer in answers} == {"token-invalid"}


def test_a_worker_who_has_left_holds_a_token_for_nothing(house: House, adviser: str) -> None:
    handle = find(house, adviser)
    with house.session() as session:
        leaving = house.time[0] + timedelta(seconds=5)
        session.execute(update(Membership).where(Membership.person_id == "adviser").values(ended_at=leaving))
        session.commit()
    assert ask(house, adviser, handle).status_code == 202
    house.wait(timedelta(seconds=5))
    assert {answer.status_code for answer in _everything(house, adviser, handle)} == {401}
    assert house.client.post("/demo/token", json={"person": "adviser"}).status_code == 404


def test_an_organisation_that_has_left_takes_its_tokens_with_it(
    house: House, systems_token: str, adviser: str, ada: str
) -> None:
    handle = find(house, adviser)
    with house.session() as session:
        session.execute(update(Organisation).where(Organisation.code == FOOD_BANK).values(left_at=NOON))
        session.commit()
    for token in (systems_token, adviser):
        assert {answer.status_code for answer in _everything(house, token, handle)} == {401}
    assert house.call("GET", "/api/my/consents", token=ada).status_code == 200


def test_a_system_names_nobody_who_never_worked_there(house: House, systems_token: str) -> None:
    handle = find(house, systems_token)
    for person in ("gp", ADA_NUMBER, "no body", "<script>"):
        answer = view(house, systems_token, handle, worker={"person": person, "role": "case-worker"})
        assert (answer.status_code, answer.get_json()["code"]) == (422, "worker-unknown")
    with house.session() as session:
        assert not house.broker.trail.entries(session, actions=[AuditAction.DECISION])


def test_the_trail_names_the_system_that_asked_for_a_worker(house: House, systems_token: str, adviser: str) -> None:
    view(house, systems_token, find(house, systems_token), worker=ADVISER)
    view(house, adviser, find(house, adviser))
    with house.session() as session:
        own, by_system = house.broker.trail.entries(session, actions=[AuditAction.DECISION])
    assert (by_system.actor, by_system.body["client"]) == ("person:adviser", "harvest-system")
    assert (own.actor, own.body["client"]) == ("person:adviser", None)


def test_a_role_that_reads_no_record_looks_for_nobody(house: House, adviser: str) -> None:
    lead = house.token(person="ig-lead")
    sought = {"nhs_number": ADA_NUMBER, "born_on": ADA_BORN.isoformat()}
    for answer in (
        house.call("POST", "/api/residents/find", token=lead, json=sought),
        ask(house, lead, find(house, adviser)),
    ):
        assert (answer.status_code, answer.get_json()["code"]) == (403, "role-not-permitted")
    assert {role.value for role in READERS} == set(load_tables()["record_roles"])


def test_giving_a_token_back_is_written_down_once(house: House, systems_token: str) -> None:
    for _ in range(2):
        sent = {**form(signed(house), grant_type=None, scope=None), "token": systems_token}
        assert house.client.post("/oauth/revoke", data=sent).status_code == 200
    assert house.call("POST", "/api/residents/find", token=systems_token, json={}).status_code == 401
    with house.session() as session:
        (entry,) = house.broker.trail.entries(session, actions=[AuditAction.TOKEN_REVOKED])
    assert (entry.actor, entry.organisation) == ("client:harvest-system", FOOD_BANK)


def _everything(house: House, token: str, handle: str) -> list[Any]:
    sought = {"nhs_number": ADA_NUMBER, "born_on": ADA_BORN.isoformat()}
    return [
        house.call("POST", "/api/residents/find", token=token, json=sought),
        ask(house, token, handle),
        view(house, token, handle),
        view(house, token, handle, worker=ADVISER),
    ]
