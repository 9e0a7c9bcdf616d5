"""A resident's own record, and a proxy's reading of it: the one way to a record, decided live and on the trail."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import update

from broker.access.release import Refused, release_record
from broker.access.request import AccessRequest, Requester
from broker.database import new_id
from broker.errors import NotPermitted
from broker.identity.models import AccessToken, Resident
from broker.oauth import tokens
from broker.oauth.own_reading import own_requester
from broker.vocabulary import AccessLevel, AuditAction, DenialReason, LegalBasis, Purpose, Role, Section
from tests.doors.conftest import House
from tests.doors.test_proxies import close, proxy_token
from tests.people import NOON, SURGERY


def read(house: House, token: str, *sections: Section, **more: Any) -> Any:
    body = {"sections": [section.value for section in sections], **more} if sections else more
    return house.call("POST", "/api/my/record", token=token, json=body)


def titles(answer: Any) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {entry["title"] for section in answer.get_json()["sections"] for entry in section["entries"]}


def trail(house: House, *actions: AuditAction) -> list[Any]:
    with house.session() as session:
        return house.broker.trail.entries(session, actions=actions, limit=20)


EVERYTHING = {
    "Ada Okoro", "Penicillin", "Asthma", "Diabetes", "Lives alone", "Council tenancy", "Council tax arrears",
}  # fmt: skip


def test_a_resident_reads_what_every_source_holds_under_no_agreement(house: House, ada: str) -> None:
    answer = read(house, ada)

    assert titles(answer) == EVERYTHING
    assert answer.get_json()["agreements"] == []
    assert answer.get_json()["arranged"][0] == "about-me"
    assert answer.headers["Cache-Control"] == "no-store"


def test_and_only_the_parts_they_choose(house: House, ada: str) -> None:
    answer = read(house, ada, Section.ALLERGIES)
    assert titles(answer) == {"Penicillin"}
    assert [each["section"] for each in answer.get_json()["sections"]] == [Section.ALLERGIES.value]
    assert trail(house, AuditAction.RECORD_VIEWED_BY_RESIDENT)[0].body["released"] == {Section.ALLERGIES.value: 1}


def test_whose_other_parts_are_read_for_their_labels_alone(house: House, ada: str) -> None:
    read(house, ada, Section.ALLERGIES)
    asked = {section for source in house.sources.values() for some in source.asked for section in some}
    beside = trail(house, AuditAction.DECISION)[0].body["read_for_labels"]
    assert asked == {Section.ALLERGIES} | {Section(each) for each in beside}


def test_a_resident_reads_nobody_elses(house: House) -> None:
    child = read(house, house.token(resident="ben"))
    assert child.status_code == 403
    assert {each["code"] for each in child.get_json()["reasons"]} == {"role-not-permitted"}
    with house.session() as session:
        asker = Requester("", Role.RESIDENT, assurance=3, resident="ben")
        asked = AccessRequest(new_id(), asker, "ada", Purpose.OWN_RECORD, frozenset(Section), NOON)
        with pytest.raises(Refused) as refused:
            release_record(house.broker, session, asked)
    assert refused.value.decision.reasons == (DenialReason.NOT_OWN_RECORD,)


def test_a_worker_has_no_use_of_it_by_either_door(house: House, gp: str) -> None:
    assert read(house, gp).get_json()["code"] == "scope-missing"
    found = {"nhs_number": "9990000018", "born_on": "1964-03-14"}
    handle = house.call("POST", "/api/residents/find", token=gp, json=found).get_json()["resident"]
    body = {"resident": handle, "purpose": "own-record", "sections": ["problems"]}
    answer = house.call("POST", "/api/records/view", token=gp, json=body)

    assert (answer.status_code, answer.get_json()["code"]) == (403, "access-refused")
    assert "Asthma" not in answer.text


def test_no_worker_is_taken_for_a_resident(house: House) -> None:
    """Whatever a door should say by mistake: policy looks at who they are."""
    for asker in (
        Requester(SURGERY, Role.RESIDENT, person="gp", assurance=3, resident="ada"),
        Requester(SURGERY, Role.CLINICIAN, person="gp", assurance=3, resident="ada"),
        Requester("", Role.PROXY, assurance=3, resident="ada"),
    ):
        asked = AccessRequest(new_id(), asker, "ada", Purpose.OWN_RECORD, frozenset({Section.PROBLEMS}), NOON)
        with house.session() as session, pytest.raises(Refused):
            release_record(house.broker, session, asked)


def test_a_sign_in_of_two_factors_alone_does_not_open_it(house: House) -> None:
    with house.session() as session:
        weak = tokens.issue(
            session, role=Role.RESIDENT, scopes="own.read", settings=house.broker.settings, now=NOON, resident="ada"
        )
        session.commit()

    answer = read(house, weak)

    assert (answer.status_code, answer.get_json()["code"]) == (403, "access-refused")
    assert "Asthma" not in answer.text


def test_somebody_who_has_died_asks_for_nothing(house: House, ada: str) -> None:
    with house.session() as session:
        session.get_one(Resident, "ada").died_on = date(2026, 11, 19)
        session.commit()
        asker = Requester("", Role.RESIDENT, assurance=3, resident="ada")
        asked = AccessRequest(new_id(), asker, "ada", Purpose.OWN_RECORD, frozenset({Section.PROBLEMS}), NOON)
        with pytest.raises(Refused) as refused:
            release_record(house.broker, session, asked)

    assert refused.value.decision.reasons == (DenialReason.NOT_OWN_RECORD,)
    assert read(house, ada).status_code == 401


def test_what_must_be_judged_first_is_neither_asked_for_nor_mentioned(house: House, ada: str) -> None:
    house.sources["millrace-gp"].holds = {Section.SAFEGUARDING: ("Strategy meeting",), Section.PROBLEMS: ("Asthma",)}
    answer = read(house, ada, Section.SAFEGUARDING, Section.PROBLEMS)

    assert titles(answer) == {"Asthma"}
    section = next(each for each in answer.get_json()["sections"] if each["section"] == "safeguarding")
    assert (section["silence"], section["withheld"]) == ("empty", False)
    assert answer.get_json()["reasons"] == []
    assert not any(Section.SAFEGUARDING in asked for asked in house.sources["millrace-gp"].asked)


def test_what_a_resident_withholds_from_everyone_they_still_read(house: House, ada: str) -> None:
    body = {"organisation": None, "sections": ["problems"], "labels": None}
    assert house.call("POST", "/api/my/withholdings", token=ada, json=body).status_code == 201

    assert {"Asthma", "Diabetes"} <= titles(read(house, ada))


def test_it_is_on_the_trail_as_the_residents_own_reading(house: House, ada: str) -> None:
    read(house, ada, Section.PROBLEMS)

    decision, view = (trail(house, each)[0] for each in (AuditAction.DECISION, AuditAction.RECORD_VIEWED_BY_RESIDENT))
    for entry in (decision, view):
        assert (entry.actor, entry.resident, entry.organisation) == ("resident:ada", "ada", None)
        assert entry.body["purpose"] == "own-record"
        assert "acting" not in entry.body
    assert view.body["released"] == {"problems": 2}
    assert trail(house, AuditAction.RELEASE) == []


# ---- somebody who acts for them ------------------------------------------------------------------------------------


def carer(house: House, *levels: AccessLevel) -> str:
    text = proxy_token(house, *levels)
    with house.session() as session:
        session.execute(update(AccessToken).values(assurance=3))
        session.commit()
    return text


def test_a_proxy_reads_what_their_levels_open_and_is_named_for_it(house: House) -> None:
    token = carer(house, AccessLevel.CONDITIONS)

    assert titles(read(house, token)) == {"Asthma", "Diabetes"}
    released = trail(house, AuditAction.RELEASE)[0]
    assert (released.actor, released.resident) == ("resident:ben", "ada")
    assert released.body["acting"] == {"acting_for": "ada", "proxy": "proxy", "basis": LegalBasis.DEPUTY.value}
    assert trail(house, AuditAction.RECORD_VIEWED_BY_RESIDENT) == []


def test_a_proxy_whose_levels_open_nothing_reads_nothing(house: House) -> None:
    token = carer(house, AccessLevel.SEE_SHARING, AccessLevel.CHANGE_SHARING)
    answer = read(house, token, Section.PROBLEMS)

    assert (answer.status_code, answer.get_json()["code"]) == (403, "access-refused")
    assert {each["code"] for each in answer.get_json()["reasons"]} == {"beyond-proxy"}


def test_a_proxy_never_reads_where_somebody_lives(house: House) -> None:
    assert "Ada Okoro" not in titles(read(house, carer(house, *AccessLevel)))


@pytest.mark.parametrize("how", ["quietly", "stopped", "ran-out"])
def test_a_proxy_who_may_act_no_longer_reads_nothing(house: House, how: str) -> None:
    token = carer(house, *AccessLevel)
    assert titles(read(house, token, Section.PROBLEMS)) == {"Asthma", "Diabetes"}
    close(house, how)

    assert read(house, token, Section.PROBLEMS).status_code == 401
    with house.session() as session:
        asker = Requester("", Role.PROXY, assurance=3, resident="ben")
        asked = AccessRequest(new_id(), asker, "ada", Purpose.OWN_RECORD, frozenset({Section.PROBLEMS}), house.time[0])
        with pytest.raises(Refused) as refused:
            release_record(house.broker, session, asked)
    assert refused.value.decision.reasons == (DenialReason.NOT_OWN_RECORD,)


def test_what_the_resident_withholds_from_everyone_a_proxy_never_learns_of(house: House, ada: str) -> None:
    token = carer(house, *AccessLevel)
    house.sources["millrace-gp"].holds = {Section.PROBLEMS: (), Section.ALLERGIES: ("Penicillin",)}
    never_there = read(house, token, Section.PROBLEMS, Section.ALLERGIES).get_json()
    house.sources["millrace-gp"].holds = {Section.PROBLEMS: ("Asthma",), Section.ALLERGIES: ("Penicillin",)}
    body = {"organisation": None, "sections": ["problems"], "labels": None}
    assert house.call("POST", "/api/my/withholdings", token=ada, json=body).status_code == 201
    kept_back = read(house, token, Section.PROBLEMS, Section.ALLERGIES).get_json()

    assert {**kept_back, "decision": ""} == {**never_there, "decision": ""}


def test_who_asks_with_a_proxys_token_is_the_proxy(house: House, gp: str) -> None:
    token = carer(house, *AccessLevel)
    with house.session() as session:
        kept = tokens.kept(session, token)
        worker = tokens.kept(session, gp)
    assert kept is not None
    assert worker is not None
    asker = own_requester(kept)

    assert (asker.role, asker.resident, asker.organisation, asker.person) == (Role.PROXY, "ben", "", None)
    with pytest.raises(NotPermitted):
        own_requester(worker)
