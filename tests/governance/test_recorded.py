"""Every decision is kept so that it can be made again, without a name in it; and nobody opens one unseen."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, func, select, text, update
from sqlalchemy.orm import Session

from broker.access import pdp
from broker.access.engines import DECISION, child
from broker.access.facts import gather
from broker.access.policy import published_bundle
from broker.access.release import decide_only, release_record
from broker.access.request import AccessRequest, BreakGlass
from broker.audit.event import Event
from broker.audit.models import AuditEntry
from broker.audit.trail import Trail
from broker.database import session_factory
from broker.errors import NotFound, TrailUnavailable
from broker.governance import recorded
from broker.governance.models import DecisionRecord
from broker.governance.recorded import decisions, forget, hash_of, in_order, without_names
from broker.governance.sealed import Keys, RecordUnreadable, replace_key
from broker.identity.actions import NOBODY
from broker.vocabulary import AuditAction, Purpose, Section, Tier
from tests.doors.conftest import BY, House
from tests.governance.asking import Ask, patient
from tests.people import ADA_NUMBER, ADVISER, FOOD_BANK, GP, NOON, SURGERY, join_team

REASON = "Found on the floor by Sol Marsh"


def opened(house: House, **which: Any) -> list[recorded.Recorded]:
    with house.session() as session:
        return list(decisions(house.broker, session, by=BY, now=house.time[0], **which))


def kept(session: Session) -> DecisionRecord:
    found: DecisionRecord = session.scalars(select(DecisionRecord)).one()
    return found


# ---- what is kept ----------------------------------------------------------------------------------------------------


def test_a_decision_is_kept_with_its_answer_and_what_made_it(house: House, ask: Ask) -> None:
    decision = ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    found = opened(house)[0]
    assert (found.decision, found.made_at, found.organisation) == (decision.id, NOON, SURGERY)
    assert (found.revision, found.engine) == (decision.revision, decision.engine)
    assert found.answer is not None
    assert found.answer["pairs"][0]["reasons"] == []
    assert found.result_hash == hash_of(found.answer)


def test_a_refusal_is_kept_like_a_permission(house: House, ask: Ask) -> None:
    decision = ask(ADVISER, Purpose.ADVICE_DEBT, Section.MONEY)
    assert not decision.permitted
    assert opened(house)[0].answer["reasons"] == ["no-relationship"]  # type: ignore[index]


def test_a_released_view_leaves_one_record_too(house: House) -> None:
    request = AccessRequest("r1", GP, "ada", Purpose.DIRECT_CARE, frozenset({Section.PROBLEMS}), NOON)
    with house.session() as session:
        release = release_record(patient(house), session, request)
    assert [found.decision for found in opened(house)] == [release.decision.id]


def test_deciding_only_asks_no_source_and_is_on_the_trail(house: House, ask: Ask) -> None:
    decision = ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    assert decision.permitted
    assert all(not source.asked for source in house.sources.values())
    with house.session() as session:
        entry = house.broker.trail.entries(session, actions=[AuditAction.DECISION])[0]
        assert entry.body["decision"] == decision.id
        assert not house.broker.trail.entries(session, actions=[AuditAction.RELEASE])


def test_where_no_engine_answered_the_brokers_own_refusal_is_kept(
    house: House, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.broker.policy.engine, "decide", lambda *_, **__: {"nonsense": True})
    assert [reason.value for reason in ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS).reasons] == ["policy-unclear"]
    found = opened(house)[0]
    assert found.answer is None
    assert found.question["request"]["purpose"] == "direct-care"


# ---- nobody is named -------------------------------------------------------------------------------------------------


def test_nobody_and_nothing_said_of_them_is_in_what_is_kept(house: House, ask: Ask) -> None:
    with house.session() as session:
        join_team(session, "gp", SURGERY, Tier.CONSISTENT)
    ask(GP, Purpose.EMERGENCY, Section.ALLERGIES, break_glass=REASON)
    whole = json.dumps([found.question | {"answer": found.answer} for found in opened(house)])
    for personal in (ADA_NUMBER, "ada", "Okoro", "Ada", "Noor", '"gp"', "registration", "Riverside team", REASON):
        assert personal not in whole
    for kept_word in ("stated", SURGERY, "neighbourhood-team", "registered-practice"):
        assert kept_word in whole


def test_what_is_kept_cannot_be_read_without_the_key(house: House, ask: Ask) -> None:
    ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    with house.session() as session:
        sealed = kept(session).sealed
    assert sealed is not None
    assert b"direct-care" not in sealed
    assert b"x\x01" not in sealed[:40]  # how compressed text would begin


def test_one_resident_is_one_pseudonym_and_two_are_two(house: House, ask: Ask) -> None:
    for resident in ("ada", "ada", "ben"):
        ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS, resident=resident)
    ben, *ada = [found.question["resident"]["id"] for found in opened(house)][::-1][::-1]
    counted = {found.question["resident"]["id"] for found in opened(house)}
    assert len(counted) == 2
    assert ben in counted
    assert set(ada) <= counted


def test_nobody_stays_nobody(house: House, ask: Ask) -> None:
    ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS, resident=NOBODY)
    assert opened(house)[0].question["resident"]["id"] == NOBODY


def test_a_pseudonym_of_a_person_is_not_that_of_a_resident_with_the_same_id(house: House) -> None:
    keys = Keys.of(house.broker.settings)
    assert keys.pseudonym("person", "ada") != keys.pseudonym("resident", "ada")


@pytest.mark.parametrize(("said", "stated"), [(REASON, "stated"), ("  ", ""), ("\x85\u2003", ""), ("\x1c", "stated")])
def test_of_an_emergencys_reason_only_that_there_was_one_is_kept(house: House, said: str, stated: str) -> None:
    request = AccessRequest(
        "r1", GP, "ada", Purpose.EMERGENCY, frozenset({Section.ALLERGIES}), NOON, break_glass=BreakGlass(said)
    )
    with house.session() as session:
        registered = house.broker.sources.registered(session)
        question = pdp.question(request, gather(session, request, registered.systems, registered.kinds))
        bundle = published_bundle(session)
    nameless = without_names(question, Keys.of(house.broker.settings))
    assert nameless["request"]["break_glass"] == {"reason": stated}
    named, without = (each[DECISION] for each in child.evaluate(bundle, [question, nameless]))
    assert named == without
    assert ("break-glass-no-reason" in named["reasons"]) == (stated == "")


# ---- with the trail, or not at all -----------------------------------------------------------------------------------


def test_a_record_that_cannot_be_written_stops_the_release(house: House) -> None:
    with house.session() as session:
        session.execute(text("DROP TABLE decision_record"))
        session.commit()
    request = AccessRequest("r1", GP, "ada", Purpose.DIRECT_CARE, frozenset({Section.PROBLEMS}), NOON)
    with house.session() as session:
        before = house.broker.trail.head(session).size
        with pytest.raises(TrailUnavailable):
            release_record(patient(house), session, request)
    assert all(not source.asked for source in house.sources.values())
    with house.session() as session:
        assert house.broker.trail.head(session).size == before


def test_an_entry_that_cannot_be_written_leaves_no_record(house: House) -> None:
    with house.session() as session:
        session.execute(text("UPDATE audit_head SET edge = x'00'"))
        session.commit()
    request = AccessRequest("r1", GP, "ada", Purpose.DIRECT_CARE, frozenset({Section.PROBLEMS}), NOON)
    with house.session() as session, pytest.raises(TrailUnavailable):
        decide_only(patient(house), session, request)
    with house.session() as session:
        assert session.scalar(select(func.count()).select_from(DecisionRecord)) == 0


def test_an_answer_that_cannot_be_written_down_is_not_acted_on(
    house: House, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, answer = house.broker.policy.engine, house.broker.policy.engine.decide

    def odd(*question: Any, **options: Any) -> dict[str, Any]:
        return {**answer(*question, **options), "obligations": [{"obligation": "review", "within": "\ud800"}]}

    monkeypatch.setattr(engine, "decide", odd)
    with pytest.raises(TrailUnavailable):
        ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)


# ---- opening ---------------------------------------------------------------------------------------------------------


def test_opening_is_on_the_trail_with_who_and_why_and_how_many(house: House, ask: Ask) -> None:
    ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    ask(ADVISER, Purpose.ADVICE_DEBT, Section.MONEY)
    assert len(opened(house, organisation=FOOD_BANK, why="impact")) == 1
    with house.session() as session:
        entry = house.broker.trail.entries(session, actions=[AuditAction.DECISIONS_READ])[0]
    assert entry.actor == BY
    assert entry.body == {"why": "impact", "organisations": [FOOD_BANK], "opened": 1, "unreadable": 0}


def test_only_those_asked_for_are_opened_newest_first(house: House, ask: Ask) -> None:
    first = ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS).id
    house.wait(timedelta(hours=1))
    second = ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS).id
    assert [found.decision for found in opened(house)] == [second, first]
    assert [found.decision for found in opened(house, limit=1)] == [second]
    assert [found.decision for found in opened(house, since=house.time[0])] == [second]
    assert opened(house, organisations=()) == []


def test_one_decision_can_be_opened_by_its_id_and_another_is_not_there(house: House, ask: Ask) -> None:
    decision = ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    with house.session() as session:
        assert recorded.decision(house.broker, session, decision.id, by=BY, now=NOON).decision == decision.id
        assert house.broker.trail.entries(session)[0].body["decision"] == decision.id
        with pytest.raises(NotFound):
            recorded.decision(house.broker, session, "another", by=BY, now=NOON)


def test_decisions_are_written_while_others_are_opened(house: House, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    unlock, event = Keys.unlock, Event(action=AuditAction.SIGNED_IN, actor="operator:tests")

    def meanwhile(keys: Keys, *given: Any, **beside: Any) -> bytes:
        house.broker.trail.record(event, now=NOON)
        return unlock(keys, *given, **beside)

    monkeypatch.setattr(Keys, "unlock", meanwhile)
    assert len(opened(house)) == 1
    with house.session() as session:
        assert [entry.action for entry in house.broker.trail.entries(session, limit=2)] == [
            AuditAction.DECISIONS_READ,
            AuditAction.SIGNED_IN,
        ]


Change = Callable[[DecisionRecord], Any]


@pytest.mark.parametrize(
    "change",
    [
        lambda row: {"sealed": row.sealed[:-1] + bytes([row.sealed[-1] ^ 1])},
        lambda row: {"sealed": row.sealed[:12]},
        lambda row: {"sealed": b""},
        lambda row: {"sealed": b"\x02" + row.sealed[1:]},
        lambda row: {"organisation_code": FOOD_BANK},
        lambda row: {"revision": "another"},
        lambda row: {"result_hash": "0" * 64},
        lambda row: {"made_at": row.made_at + timedelta(seconds=1)},
        lambda row: {"decision": "moved"},
    ],
)
def test_an_altered_record_opens_nothing_and_hides_nothing_else(house: House, ask: Ask, change: Change) -> None:
    ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    with house.session() as session:
        session.execute(update(DecisionRecord).values(**change(kept(session))))
        session.commit()
        altered = session.scalars(select(DecisionRecord.decision)).one()
        with pytest.raises(RecordUnreadable) as refused:
            recorded.decision(house.broker, session, altered, by=BY, now=NOON)
    assert refused.value.code == "record-altered"
    good = ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    assert [found.decision for found in opened(house)] == [good.id]
    with house.session() as session:
        entry = house.broker.trail.entries(session, actions=[AuditAction.DECISIONS_READ])[0]
    assert entry.body["unreadable"] == 1


def test_a_record_locked_with_another_key_says_so(house: House, ask: Ask) -> None:
    decision = ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    (house.broker.settings.data_folder / "secrets" / "decision-records").unlink()
    with house.session() as session, pytest.raises(RecordUnreadable) as refused:
        recorded.decision(house.broker, session, decision.id, by=BY, now=NOON)
    assert refused.value.code == "record-key-unknown"


def test_a_replaced_key_still_opens_what_it_locked_and_locks_no_more(house: House, ask: Ask) -> None:
    ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    old = Keys.of(house.broker.settings)
    replace_key(house.broker.settings)
    new = Keys.of(house.broker.settings)
    assert len(opened(house)) == 1
    assert old.unlock(new.seal(b'{"a":1}', beside="b"), beside="b") == b'{"a":1}'
    assert new.current.id != old.current.id
    assert new.pseudonym("resident", "ada") == old.pseudonym("resident", "ada")


def test_a_record_that_would_unpack_to_no_end_is_not_unpacked(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys.of(house.broker.settings)
    whole = keys.seal(b"a" * 1000, beside="")
    assert len(keys.unlock(whole, beside="")) == 1000
    monkeypatch.setattr("broker.governance.sealed.LARGEST", 100)
    with pytest.raises(RecordUnreadable):
        keys.unlock(whole, beside="")


# ---- forgetting ------------------------------------------------------------------------------------------------------


def test_after_its_days_a_question_is_forgotten_and_the_hash_of_its_answer_stays(house: House, ask: Ask) -> None:
    old = ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS).id
    house.wait(timedelta(days=house.broker.settings.decision_days) - timedelta(seconds=1))
    recent = ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS).id
    with house.session() as session:
        assert forget(session, now=house.time[0]) == 0
        house.wait(timedelta(seconds=1))
        assert forget(session, now=house.time[0]) == 1
        session.commit()
        forgotten = session.get_one(DecisionRecord, old)
        assert forgotten.sealed is None
        assert len(forgotten.result_hash) == 64
        with pytest.raises(RecordUnreadable) as refused:
            recorded.decision(house.broker, session, old, by=BY, now=house.time[0])
    assert refused.value.code == "record-forgotten"
    assert [found.decision for found in opened(house)] == [recent]


def test_what_is_past_its_days_is_not_opened_even_before_it_is_emptied(house: House, ask: Ask) -> None:
    old = ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS).id
    house.wait(timedelta(days=house.broker.settings.decision_days))
    with house.session() as session, pytest.raises(RecordUnreadable):
        recorded.decision(house.broker, session, old, by=BY, now=house.time[0])


# ---- equal answers are equal text ------------------------------------------------------------------------------------


def test_the_order_of_what_has_no_order_changes_no_hash() -> None:
    row: dict[str, Any] = {
        "section": "housing",
        "source": "gp",
        "reasons": [],
        "agreements": ["A", "B"],
        "withheld_labels": ["x", "y"],
    }
    other = {**row, "source": "council", "agreements": ["B"]}
    answer: dict[str, Any] = {
        "pairs": [row, other],
        "reasons": ["a", "b"],
        "obligations": [{"obligation": "x"}, {"obligation": "a"}],
    }
    turned = {
        "obligations": answer["obligations"][::-1],
        "reasons": ["b", "a"],
        "pairs": [other, {**row, "agreements": ["B", "A"], "withheld_labels": ["y", "x"]}],
    }
    assert hash_of(in_order(answer)) == hash_of(in_order(turned))
    assert hash_of(in_order({**answer, "pairs": [other, other]})) != hash_of(in_order(answer))


def test_kept_on_either_database_alike(each_engine: Any, settings: Any, house: House, ask: Ask) -> None:
    """The row that one database gave back, written to the other kind, opens there."""
    ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    with house.session() as session:
        row = session.execute(select(*recorded._TABLE.c)).one()._asdict()
    with Session(each_engine) as session:
        session.execute(recorded._TABLE.insert(), [row])
        session.commit()
        elsewhere = replace(house.broker, recorder=house.broker.recorder)
        again = session.execute(select(*recorded._TABLE.c)).one()._asdict()
        keys = Keys.of(elsewhere.settings)
        assert keys.unlock(again["sealed"], beside=recorded._in_the_open(again))
        assert forget(session, now=NOON + timedelta(days=400)) == 1
        session.execute(delete(DecisionRecord))


def test_the_trails_entries_and_the_records_are_as_many(house: House, ask: Ask) -> None:
    for resident in ("ada", "ben", NOBODY):
        ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS, resident=resident)
    with house.session() as session:
        entries = select(func.count()).where(AuditEntry.action == AuditAction.DECISION)
        assert session.scalar(entries) == session.scalar(select(func.count()).select_from(DecisionRecord)) == 3


def test_an_event_alone_is_written_as_before(house: House) -> None:
    event = Event(action=AuditAction.SIGNED_IN, actor="operator:tests")
    index = house.broker.trail.record(event, now=NOON)
    with house.session() as session:
        assert house.broker.trail.entries(session)[0].index == index


def test_an_entry_and_what_is_beside_it_are_one_commit_on_either_database(
    each_engine: Engine, house: House, ask: Ask
) -> None:
    ask(GP, Purpose.DIRECT_CARE, Section.PROBLEMS)
    with house.session() as session:
        row = session.execute(select(*recorded._TABLE.c)).one()._asdict()
    trail = Trail(session_factory(each_engine), key=b"k" * 32)
    event = Event(action=AuditAction.SIGNED_IN, actor="operator:tests")
    trail.record(event, now=NOON, beside=[(recorded._TABLE, row)])
    with pytest.raises(TrailUnavailable):
        trail.record(event, now=NOON, beside=[(recorded._TABLE, {**row, "decision": "d2"}), (recorded._TABLE, row)])
    with Session(each_engine) as session:
        assert trail.head(session).size == 1
        assert session.scalars(select(DecisionRecord.decision)).all() == [row["decision"]]
