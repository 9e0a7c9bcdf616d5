"""The same rules give a recorded decision again; where they do not, it is said, and never mended."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from broker.agreements import actions, document
from broker.agreements.canonical import canonical
from broker.agreements.models import PolicyRevision
from broker.database import new_id
from broker.governance import fidelity, recorded
from broker.governance.fidelity import Fidelity
from broker.governance.models import DecisionRecord
from broker.governance.publishing import publish
from broker.governance.recorded import decisions
from broker.governance.sealed import Keys
from broker.vocabulary import AuditAction, Purpose, Section
from tests import texts
from tests.doors.conftest import BY, House
from tests.governance.asking import Ask
from tests.people import ADVISER, GP, NOON


def checked(house: House, **which: object) -> Fidelity:
    with house.session() as session:
        return fidelity.check(house.broker, session, by=BY, now=house.time[0], **which)  # type: ignore[arg-type]


def test_decisions_of_several_revisions_are_made_again_each_by_its_own(house: House, ask: Ask) -> None:
    ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    before = ask(ADVISER, Purpose.ADVICE_DEBT, Section.MONEY).revision
    with house.session() as session:
        publish(house.broker, session, by=BY, now=house.time[0].replace(minute=1))
    ask(GP, Purpose.EMERGENCY, Section.ALLERGIES, break_glass="Found on the floor")
    found = checked(house)
    assert (found.replayed, found.same, found.different, found.holds) == (3, 3, 0, True)
    assert checked(house, revision=before).replayed == 2


def test_an_answer_that_was_not_the_rules_is_said(house: House, ask: Ask) -> None:
    """Somebody with the key put another answer in: whole, well sealed, and with its own hash."""
    ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    keys = Keys.of(house.broker.settings)
    with house.session() as session:
        found = next(decisions(house.broker, session, by=BY, now=NOON))
        assert found.answer is not None
        other = {**found.answer, "requestable": not found.answer["requestable"]}
        row = session.execute(select(*recorded._TABLE.c)).one()._asdict() | {"result_hash": recorded.hash_of(other)}
        row["sealed"] = recorded.sealed_with(row, keys, found.question, canonical(other))
        session.execute(update(DecisionRecord).values(result_hash=row["result_hash"], sealed=row["sealed"]))
        session.commit()
    checked_now = checked(house)
    assert (checked_now.replayed, checked_now.different, checked_now.holds) == (1, 1, False)
    assert checked_now.examples == (found.decision,)


def test_the_brokers_own_refusals_are_counted_and_not_asked_again(
    house: House, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(house.broker.policy.engine, "decide", lambda *_, **__: {})
        ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    found = checked(house)
    assert (found.replayed, found.unanswered, found.holds) == (1, 1, True)


def test_a_revision_that_is_not_kept_as_it_was_is_said(house: House, ask: Ask) -> None:
    ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    with house.session() as session:
        session.execute(update(PolicyRevision).values(digest=new_id()))
        session.commit()
    found = checked(house)
    assert (found.replayed, found.unknown, found.holds) == (0, 1, False)


def test_checking_is_on_the_trail_once_and_decides_nothing(house: House, ask: Ask) -> None:
    ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    checked(house)
    with house.session() as session:
        entries = house.broker.trail.entries(session, limit=2)
    assert [entry.action for entry in entries] == [AuditAction.DECISIONS_READ, AuditAction.DECISION]
    assert entries[0].body["why"] == "fidelity"


def test_a_condition_that_names_a_worker_is_found_out(house: House, ask: Ask) -> None:
    """What is kept names nobody, so such a condition cannot be replayed; the record says so itself."""
    condition = 'package conditions["TB-CARE"]\n\ndeny contains "outside-place" if input.subject.person == "gp"\n'
    with house.session() as session:
        written = replace(document.write(texts.care(title="Again")), conditions=condition)
        actions.adopt(session, written, by=BY, trail=house.broker.trail, now=NOON)
        publish(house.broker, session, by=BY, now=NOON.replace(minute=1))
    assert not ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS).permitted
    assert checked(house).different == 1
