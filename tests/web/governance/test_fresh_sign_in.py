"""Signing, putting in force and resuming need a sign-in from the last five minutes; suspending and ending never do."""

from __future__ import annotations

from datetime import timedelta

from broker.vocabulary import AuditAction
from tests.web.conftest import Door
from tests.web.governance.conftest import Amendment, sign
from tests.web.test_step_up import comes_back_to, proves, sends_what_waits

CARE = "/governance/agreements/TB-CARE/1"
LATER = timedelta(seconds=301)


def test_a_signature_waits_for_the_proof_and_signs_the_text_that_was_read(door: Door, narrower: Amendment) -> None:
    narrower.submitted().worked_out()
    guardian = door.signed_in("guardian")
    door.clock.forward(LATER)
    assert guardian.get(f"{narrower.path}/sign").status_code == 200
    kept = proves(guardian, sign(guardian, narrower.path))
    assert door.trail(AuditAction.AGREEMENT_SIGNED) == []
    assert sends_what_waits(guardian, kept).headers["Location"] == f"{narrower.path}?done=signed"
    assert len(door.trail(AuditAction.AGREEMENT_SIGNED)) == 1


def test_putting_in_force_waits_for_the_proof(door: Door, narrower: Amendment) -> None:
    narrower.approved()
    author = door.signed_in("overseer")
    door.clock.forward(LATER)
    kept = proves(author, author.send(f"{narrower.path}/put-in-force"))
    assert narrower.state == "approved"
    sends_what_waits(author, kept)
    assert narrower.state == "in-force"


def test_suspending_and_ending_ask_nothing_and_resuming_does(door: Door) -> None:
    lead = door.signed_in("ig-lead")
    door.clock.forward(LATER)
    assert lead.send(f"{CARE}/suspend").headers["Location"] == f"{CARE}?done=suspend"
    assert comes_back_to(lead.send(f"{CARE}/resume")).startswith("/sign-in/again/kept/")
    assert lead.send(f"{CARE}/end").headers["Location"] == f"{CARE}?done=end"
