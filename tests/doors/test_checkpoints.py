"""The trail is signed while the broker serves, without anybody asking for it."""

from __future__ import annotations

from datetime import timedelta

from broker.audit.checkpoints import latest, trail_signer
from broker.audit.signed_note import open_checkpoint
from tests.doors.conftest import House


def test_a_checkpoint_is_signed_as_the_trail_grows(house: House, ada: str) -> None:
    house.wait(timedelta(seconds=house.broker.settings.checkpoint_seconds))
    house.call("GET", "/api/my/consents", token=ada)
    with house.session() as session:
        kept = latest(session)
        assert kept is not None
        head = house.broker.trail.head(session)
    checkpoint = open_checkpoint(kept.note, trail_signer(house.broker.settings).verifier)
    assert (checkpoint.size, checkpoint.root) == (head.size, head.root)


def test_none_is_signed_before_it_is_due(house: House, ada: str) -> None:
    house.call("GET", "/api/my/consents", token=ada)
    with house.session() as session:
        assert latest(session) is None
