"""An act is on the trail with its write or not at all, and reads back as it was written."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from broker.audit.export import export
from broker.audit.models import AuditEntry, AuditNode
from broker.audit.proofs import verify_consistency
from broker.audit.trail import Event, Trail
from broker.errors import NotFound
from broker.vocabulary import AuditAction
from tests.audit.conftest import KEY, NOW, looked


def test_indexes_count_from_nought_without_a_gap(trail: Trail) -> None:
    assert [trail.record(looked(), now=NOW) for _ in range(5)] == [0, 1, 2, 3, 4]


def test_what_is_read_back_is_what_was_written(trail: Trail, sessions: sessionmaker[Session]) -> None:
    elsewhere = datetime(2026, 11, 21, 11, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    trail.record(looked("r7"), now=elsewhere)
    with sessions() as session:
        (entry,) = trail.entries(session)
    assert (entry.index, entry.actor, entry.organisation, entry.resident) == (0, "person:p1", "XX9GP1", "r7")
    assert entry.at == datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=UTC)
    assert entry.action is AuditAction.DECISION
    assert entry.body["permitted"] == {"problems": ["gp"]}
    assert entry.note == "A worried call"


def test_an_act_without_resident_organisation_or_note_may_be_recorded(
    trail: Trail, sessions: sessionmaker[Session]
) -> None:
    trail.record(Event(AuditAction.POLICY_PUBLISHED, "operator:admin"), now=NOW)
    with sessions() as session:
        (entry,) = trail.entries(session)
    assert (entry.organisation, entry.resident, entry.note, entry.body) == (None, None, None, {})


def test_an_appended_act_is_committed_with_its_callers_write(trail: Trail, sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        assert trail.append(session, looked(), now=NOW) == 0
        assert trail.append(session, looked(), now=NOW) == 1
        session.commit()
    assert trail.record(looked(), now=NOW) == 2


def test_a_rolled_back_caller_leaves_no_trace_and_no_gap(trail: Trail, sessions: sessionmaker[Session]) -> None:
    trail.record(looked(), now=NOW)
    with sessions() as session:
        trail.append(session, looked(), now=NOW)
        trail.append(session, looked(), now=NOW)
        session.rollback()
    assert trail.record(looked(), now=NOW) == 1
    with sessions() as session:
        assert trail.head(session).size == 2
        assert len(trail.entries(session)) == 2


def test_a_resident_reads_their_own_entries_and_nobody_elses(trail: Trail, sessions: sessionmaker[Session]) -> None:
    for resident in ("ada", "ben", "ada", "ben", "ada"):
        trail.record(looked(resident), now=NOW)
    with sessions() as session:
        assert [e.index for e in trail.entries(session, resident="ada")] == [4, 2, 0]
        assert [e.index for e in trail.entries(session, resident="ada", newest_first=False)] == [0, 2, 4]
        assert trail.entries(session, resident="nobody") == []


def test_entries_are_read_a_page_at_a_time(trail: Trail, sessions: sessionmaker[Session]) -> None:
    for _ in range(7):
        trail.record(looked(), now=NOW)
    with sessions() as session:
        first = trail.entries(session, limit=3)
        second = trail.entries(session, limit=3, before=first[-1].index)
        assert [e.index for e in (*first, *second)] == [6, 5, 4, 3, 2, 1]
        onward = trail.entries(session, limit=3, before=2, newest_first=False)
        assert [e.index for e in onward] == [3, 4, 5]


def test_entries_are_found_by_organisation_and_action(trail: Trail, sessions: sessionmaker[Session]) -> None:
    trail.record(looked(organisation="XX9GP1"), now=NOW)
    trail.record(looked(organisation="XX9GP2"), now=NOW)
    trail.record(Event(AuditAction.SIGNED_IN, "person:p1", "XX9GP1"), now=NOW)
    with sessions() as session:
        assert [e.index for e in trail.entries(session, organisation="XX9GP1")] == [2, 0]
        assert [e.index for e in trail.entries(session, actions=[AuditAction.SIGNED_IN])] == [2]
        assert trail.entries(session, actions=[]) == []


def test_a_leaf_holds_no_resident_note_or_name(trail: Trail, sessions: sessionmaker[Session]) -> None:
    trail.record(looked("resident-internal-id", note="Ada rang, 943 476 5919, upset"), now=NOW)
    trail.record(
        Event(AuditAction.CONSENT_GIVEN, "resident:resident-internal-id", resident="resident-internal-id"), now=NOW
    )
    with sessions() as session:
        exported = "\n".join(export(session))
    for secret in ("resident-internal-id", "Ada", "943 476 5919", "9434765919", "upset"):
        assert secret not in exported
    leaf = json.loads(exported.splitlines()[2])["leaf"]
    assert leaf["actor"] == f"resident:{leaf['resident']}"


def test_a_resident_is_referred_to_alike_under_one_key_and_differently_under_another(
    sessions: sessionmaker[Session],
) -> None:
    for key in (KEY, KEY, b"other" * 6):
        Trail(sessions, key=key).record(looked("ada"), now=NOW)
    with sessions() as session:
        first, second, third = session.scalars(select(AuditEntry.resident_ref).order_by(AuditEntry.index))
    assert first == second != third


def test_the_same_note_twice_is_committed_to_differently(trail: Trail, sessions: sessionmaker[Session]) -> None:
    for _ in range(2):
        trail.record(looked(note="yes"), now=NOW)
    with sessions() as session:
        first, second = session.scalars(select(AuditEntry.note_commitment))
    assert first != second


def test_every_entry_is_proved_to_be_on_the_trail(trail: Trail, sessions: sessionmaker[Session]) -> None:
    for _ in range(21):
        trail.record(looked(), now=NOW)
    with sessions() as session:
        root = trail.head(session).root
        for index in range(21):
            proof = trail.proof(session, index)
            assert proof.holds(root)
            assert not proof.holds(bytes(32))
            assert len(proof.path) <= 5


def test_an_entry_that_is_not_there_has_no_proof(trail: Trail, sessions: sessionmaker[Session]) -> None:
    trail.record(looked(), now=NOW)
    with sessions() as session:
        for index in (1, -1, 99):
            with pytest.raises(NotFound):
                trail.proof(session, index)


def test_the_trail_is_proved_to_continue_what_it_was(trail: Trail, sessions: sessionmaker[Session]) -> None:
    heads = []
    for _ in range(13):
        trail.record(looked(), now=NOW)
        with sessions() as session:
            heads.append(trail.head(session))
    with sessions() as session:
        for old in heads:
            path = trail.consistency(session, old=old.size, new=13)
            assert verify_consistency(old=old.size, new=13, path=path, old_root=old.root, new_root=heads[-1].root)


def test_each_complete_subtree_is_kept_once(trail: Trail, sessions: sessionmaker[Session]) -> None:
    for _ in range(16):
        trail.record(looked(), now=NOW)
    with sessions() as session:
        assert len(session.scalars(select(AuditNode)).all()) == 15


@pytest.mark.parametrize("before", [2**63, 10**30, -(10**30), -1])
def test_a_page_may_begin_at_any_number_at_all(trail: Trail, sessions: sessionmaker[Session], before: int) -> None:
    trail.record(looked(), now=NOW)
    with sessions() as session:
        assert len(trail.entries(session, before=before)) == (1 if before > 0 else 0)
