"""Looking for people tells nobody who exists: not by words, not by length, not by the work that was done."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from broker.consent import pairing
from broker.doors import db
from broker.identity.models import Resident
from broker.settings import Settings
from tests.conformance.rows import row
from tests.doors.conftest import House, build_house
from tests.oauth.client import Partner
from tests.people import ADA_BORN, ADA_NUMBER, BEN_BORN, BEN_NUMBER, STRANGER_NUMBER

LOOKS, KNOWN = 10_000, 200
BORN = date(1970, 1, 1)
# What differs from one answer to the next whoever is looked for.
PASSING = frozenset({"X-Request-Id", "Date"})


@dataclass
class Work:
    """The statements that one request made the database do."""

    statements: list[str] = field(default_factory=list)


@pytest.fixture
def open_house(settings: Settings, sqlite_template: Path) -> Iterator[House]:
    """Where anybody may look as often as they like."""
    unlimited = replace(settings, demonstration=True, lookups_per_minute=10**7, lookups_per_day=10**7)
    yield from build_house(unlimited, template=sqlite_template)


@contextmanager
def counted(house: House) -> Iterator[Work]:
    """What is asked of the database meanwhile; without waiting for the disk, which is not what is measured."""
    work = Work()

    def note(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        if "audit_node" not in statement:  # the trail's tree grows by its own count, whoever is looked for
            work.statements.append(statement)

    def hurry(connection: Any, *more: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    with house.app.app_context():
        engine = db.engine
    engine.dispose()
    event.listen(engine, "connect", hurry)
    event.listen(engine, "before_cursor_execute", note)
    yield work
    event.remove(engine, "before_cursor_execute", note)


def numbers(count: int, *, seed: int) -> list[str]:
    """Valid numbers of the range kept for tests, each once, in no order."""
    chance, found = random.Random(seed), dict[str, None]()
    while len(found) < count:
        digits = f"999{chance.randrange(10**6):06d}"
        check = (11 - sum(int(each) * weight for each, weight in zip(digits, range(10, 1, -1), strict=True)) % 11) % 11
        if check < 10:
            found[f"{digits}{check}"] = None
    return list(found)


@row("T2")
@pytest.mark.slow
def test_ten_thousand_looks_tell_nobody_apart(open_house: House) -> None:
    sought = numbers(LOOKS, seed=7)
    known = set(random.Random(8).sample(sought, KNOWN))
    with open_house.session() as session:
        for number in known:
            named = {"given_name": "Some", "family_name": "Body", "neighbourhood_code": "TB-1"}
            session.add(Resident(nhs_number=number, born_on=BORN, **named))
        session.commit()
    token = open_house.token(person="adviser")
    seen: dict[bool, Counter[Any]] = {True: Counter(), False: Counter()}
    handles = set()
    with counted(open_house) as work:
        open_house.call("POST", "/api/residents/find", token=token, json=_body(STRANGER_NUMBER))  # warm
        for number in sought:
            work.statements.clear()
            answer = open_house.call("POST", "/api/residents/find", token=token, json=_body(number))
            handles.add(answer.get_json()["resident"])
            headers = tuple(sorted((k, v) for k, v in answer.headers.items() if k not in PASSING))
            seen[number in known][(answer.status_code, len(answer.data), headers, tuple(work.statements))] += 1
            if len(handles) % 1000 == 0:
                token = open_house.token(person="adviser")
    assert sum(seen[True].values()) == KNOWN
    assert sum(seen[False].values()) == LOOKS - KNOWN
    assert len(handles) == LOOKS
    assert set(seen[True]) == set(seen[False]), "who exists can be told from what was answered or done"
    assert len(seen[True]) == 1


def test_no_two_organisations_know_anybody_by_one_name(open_house: House) -> None:
    """Their handles share no part that a guess at the other's could begin with."""
    sought = [*numbers(40, seed=9), ADA_NUMBER]
    of = {}
    for person in ("adviser", "befriender", "gp"):
        token = open_house.token(person=person)
        of[person] = [
            open_house.call("POST", "/api/residents/find", token=token, json=_body(each)).get_json()["resident"]
            for each in sought
        ]
    every = [handle for handles in of.values() for handle in handles]
    assert len(set(every)) == len(every)
    assert len({handle[:12] for handle in every}) == len(every)
    assert {len(handle) for handle in every} == {40}


def test_a_resident_by_a_wrong_date_of_birth_is_nobody(open_house: House) -> None:
    token = open_house.token(person="adviser")
    with counted(open_house) as work:
        open_house.call("POST", "/api/residents/find", token=token, json=_body(STRANGER_NUMBER))  # warm
        answers = []
        for number, born in ((ADA_NUMBER, ADA_BORN), (ADA_NUMBER, BEN_BORN), (BEN_NUMBER, ADA_BORN)):
            work.statements.clear()
            sought = {"nhs_number": number, "born_on": born.isoformat()}
            answer = open_house.call("POST", "/api/residents/find", token=token, json=sought)
            answers.append((answer.status_code, len(answer.data), tuple(work.statements)))
    assert [each for each in answers if each != answers[0]] == []


def test_a_pairing_code_that_does_not_work_says_nothing_of_why(open_house: House) -> None:
    """Never made, used by us, used by another organisation, and run out: one answer."""
    session_of = open_house.token
    adviser, befriender = session_of(person="adviser"), session_of(person="befriender")
    used, theirs, old = (_code(open_house) for _ in range(3))
    assert _pair(open_house, adviser, used).status_code == 200
    assert _pair(open_house, befriender, theirs).status_code == 200
    answers = [_pair(open_house, adviser, code) for code in ("BCDFGHJK", used, theirs)]
    open_house.wait(timedelta(minutes=11))
    answers.append(_pair(open_house, session_of(person="adviser"), old))
    assert {answer.status_code for answer in answers} == {404}
    assert len({_plain(answer) for answer in answers}) == 1


def test_asking_the_absent_answers_alike_for_somebody_and_nobody(fapi: Partner) -> None:
    """The handle as a hint (CIBA §7.1) is no oracle: not at once, and not when it is asked after."""
    seen = []
    for number in (ADA_NUMBER, BEN_NUMBER, STRANGER_NUMBER):
        handle = fapi.find(number)
        asked = {"scope": "records.read", "login_hint": handle, "authorization_details": fapi.details(handle)}
        answer = fapi.post("/oauth/bc-authorize", asked)
        said = answer.get_json()
        poll = {"grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": said["auth_req_id"]}
        polled = fapi.token(**poll)
        shape = {name: len(value) if isinstance(value, str) else value for name, value in said.items()}
        seen.append((answer.status_code, str(shape), polled.status_code, polled.data))
    assert len(set(seen)) == 1


def _body(number: str) -> dict[str, str]:
    return {"nhs_number": number, "born_on": BORN.isoformat()}


def _code(house: House) -> str:
    kept = house.broker
    with house.session() as session:
        return pairing.new_code(
            session, "ada", by="resident:ada", trail=kept.trail, settings=kept.settings, now=house.time[0]
        )


def _pair(house: House, token: str, code: str) -> Any:
    return house.call("POST", "/api/residents/pair", token=token, json={"code": code})


def _plain(answer: Any) -> tuple[Any, ...]:
    headers = tuple(sorted((k, v) for k, v in answer.headers.items() if k not in PASSING))
    return answer.data, headers
