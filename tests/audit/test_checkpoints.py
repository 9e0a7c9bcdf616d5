"""A checkpoint is signed when it is due, once, and never over a history that was changed."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session, sessionmaker

from broker.audit.checkpoints import checkpoint_if_due, latest, trail_signer
from broker.audit.models import AuditCheckpoint
from broker.audit.signed_note import Signer, open_checkpoint
from broker.audit.trail import Trail
from broker.errors import TrailUnavailable
from broker.settings import Settings
from tests.audit.conftest import NOW, looked

MINUTE = timedelta(minutes=1)


def test_an_empty_trail_is_not_signed(sessions: sessionmaker[Session], signer: Signer) -> None:
    assert checkpoint_if_due(sessions, signer, every=MINUTE, now=NOW) is None


def test_the_first_entry_is_signed_at_once(sessions: sessionmaker[Session], signer: Signer, trail: Trail) -> None:
    trail.record(looked(), now=NOW)
    made = checkpoint_if_due(sessions, signer, every=MINUTE, now=NOW)
    assert made is not None
    with sessions() as session:
        kept = latest(session)
        assert kept is not None
        assert open_checkpoint(kept.note, signer.verifier) == made
        assert made.root == trail.head(session).root


def test_a_checkpoint_is_due_only_when_the_trail_has_grown_and_time_has_passed(
    sessions: sessionmaker[Session], signer: Signer, trail: Trail
) -> None:
    trail.record(looked(), now=NOW)
    checkpoint_if_due(sessions, signer, every=MINUTE, now=NOW)
    assert checkpoint_if_due(sessions, signer, every=MINUTE, now=NOW + 2 * MINUTE) is None
    trail.record(looked(), now=NOW)
    assert checkpoint_if_due(sessions, signer, every=MINUTE, now=NOW + MINUTE / 2) is None
    made = checkpoint_if_due(sessions, signer, every=MINUTE, now=NOW + MINUTE)
    assert made is not None
    assert made.size == 2


def test_two_writers_that_find_it_due_sign_once(sessions: sessionmaker[Session], signer: Signer, trail: Trail) -> None:
    trail.record(looked(), now=NOW)
    made = []
    threads = [
        threading.Thread(target=lambda: made.append(checkpoint_if_due(sessions, signer, every=MINUTE, now=NOW)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([each for each in made if each]) == 1
    with sessions() as session:
        assert len(session.scalars(select(AuditCheckpoint)).all()) == 1


def test_a_history_that_was_changed_is_not_signed(
    engine: Engine, sessions: sessionmaker[Session], signer: Signer, trail: Trail
) -> None:
    for _ in range(5):
        trail.record(looked(), now=NOW)
    checkpoint_if_due(sessions, signer, every=MINUTE, now=NOW)
    trail.record(looked(), now=NOW)
    with engine.begin() as connection:
        connection.execute(text("UPDATE audit_head SET edge = zeroblob(length(edge))"))
    with pytest.raises(TrailUnavailable, match="will not be signed"):
        checkpoint_if_due(sessions, signer, every=MINUTE, now=NOW + MINUTE)


def test_the_brokers_signer_is_named_after_its_key_and_keeps_both_when_it_moves(settings: Settings) -> None:
    moved = replace(settings, bind="127.0.0.1:9999", public_url="https://broker.example")
    assert trail_signer(settings).verifier == trail_signer(moved).verifier
    elsewhere = replace(settings, data_folder=settings.data_folder / "elsewhere")
    assert trail_signer(elsewhere).name != trail_signer(settings).name
