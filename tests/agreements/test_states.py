"""The states of an agreement: one table, and a diagram that is drawn from it."""

from __future__ import annotations

from broker.agreements.models import COUNTS, TRANSITIONS
from broker.agreements.states import diagram, with_diagram
from broker.vocabulary import AgreementState
from tests.house.tree import ROOT

PAGE = ROOT / "docs" / "agreement-states.md"


def test_every_state_has_its_place_in_the_table_and_in_the_order_of_what_counts() -> None:
    assert TRANSITIONS.keys() == set(AgreementState)
    assert sorted(COUNTS) == sorted(AgreementState)


def test_nothing_leaves_a_state_that_is_final() -> None:
    assert {state for state, after in TRANSITIONS.items() if not after} == {
        AgreementState.ENDED,
        AgreementState.SUPERSEDED,
    }


def test_only_what_is_approved_or_was_in_force_can_come_into_force() -> None:
    before = {state for state, after in TRANSITIONS.items() if AgreementState.IN_FORCE in after}
    assert before == {AgreementState.APPROVED, AgreementState.SUSPENDED}


def test_the_diagram_has_every_move_and_no_other() -> None:
    drawn = [line.strip().partition(":")[0] for line in diagram().splitlines() if "-->" in line and "[*]" not in line]
    moves = [
        f"{a.value} --> {b.value}".replace("-review", "_review") for a, after in TRANSITIONS.items() for b in after
    ]
    assert sorted(drawn) == sorted(move.replace("in-force", "in_force") for move in moves)


def test_the_page_has_the_diagram_as_it_would_be_drawn_now() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_diagram(page) == page
