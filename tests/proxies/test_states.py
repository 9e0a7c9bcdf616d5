"""The states of a proxy: one table of moves with their reasons, every other move refused, and its diagram."""

from __future__ import annotations

from itertools import product

import pytest

from broker.errors import Conflict, InvalidInput
from broker.proxies.states import MOVES, OPEN, diagram, must_move, with_diagram
from broker.vocabulary import AccessLevel, LegalBasis, ProxyReason, ProxyState
from tests.house.tree import ROOT

PAGE = ROOT / "docs" / "proxies.md"
BEFORE = (None, *ProxyState)
DEACTIVATED = (
    "SAFEGUARDING",
    "PATIENT_REQUEST",
    "END_DATE_REACHED",
    "INACTIVE_ROLE",
    "PATIENT_DECEASED",
    "PROXY_DECEASED",
    "CHANGE_IN_RELATIONSHIP",
    "PROXY_LACKS_CAPACITY",
    "MISUSE_OF_SYSTEM",
    "PATIENT_GP_TRANSFERRED",
    "PROXY_GP_TRANSFERRED",
    "PROXY_NOT_LIVING_IN_ENGLAND_OR_WALES",
)
REJECTED = (
    "NOT_NEEDED",
    "SAFEGUARDING",
    "IDENTITY_NOT_VERIFIED",
    "NO_CONSENT",
    "PROXY_LACKS_CAPACITY",
    "PROXY_NOT_LIVING_IN_ENGLAND_OR_WALES",
    "NO_LEGAL_BASIS",
)
OTHERS = (
    "ROLE_CREATED",
    "ROLE_ACTIVATED",
    "ROLE_REACTIVATED",
    "ROLE_SUSPENDED_PENDING_REVIEW",
    "APPLICATION_SUBMITTED",
    "APPLICATION_RESUBMITTED",
    "APPLICATION_WITHDRAWN",
    "OTHER",
)
NATIONAL_REASONS = (
    *(f"ROLE_DEACTIVATED_{why}" for why in DEACTIVATED),
    *(f"APPLICATION_REJECTED_{why}" for why in REJECTED),
    *OTHERS,
)


def test_the_national_codes_are_all_there_and_no_other_reason() -> None:
    assert sorted(why.national for why in ProxyReason) == sorted(NATIONAL_REASONS)
    national = {level.national for level in AccessLevel} - {""}
    assert national == {"PRESCR", "APPT", "RECRD", "TEST", "VACC", "COND", "CONSULT", "DOCS"}
    assert {basis.value for basis in LegalBasis} == {
        "consent",
        "parental-responsibility",
        "best-interest",
        "health-and-welfare-lasting-power-of-attorney",
        "court-appointed-personal-welfare-deputy",
    }
    statuses = {state.fhir for state in ProxyState}
    assert statuses == {"proposed", "active", "rejected", "inactive", "entered-in-error"}


@pytest.mark.parametrize(("before", "after"), list(product(BEFORE, ProxyState)))
def test_a_move_is_made_for_each_reason_the_table_has_and_for_no_other(
    before: ProxyState | None, after: ProxyState
) -> None:
    reasons = MOVES[before].get(after)
    for why in ProxyReason:
        if reasons is None:
            with pytest.raises(Conflict, match="proxy-state-wrong"):
                must_move(before, after, why, "words")
        elif why in reasons:
            must_move(before, after, why, "words")
        else:
            with pytest.raises(InvalidInput, match="reason-wrong"):
                must_move(before, after, why, "words")


def test_another_reason_must_say_which() -> None:
    with pytest.raises(InvalidInput, match="reason-missing"):
        must_move(ProxyState.ACTIVE, ProxyState.INACTIVE, ProxyReason.OTHER, "  ")


def test_every_reason_is_for_some_move_and_every_state_is_reached() -> None:
    moves = [(after, why) for moves in MOVES.values() for after, reasons in moves.items() for why in reasons]
    assert {why for _, why in moves} == set(ProxyReason)
    assert {after for after, _ in moves} == set(ProxyState)


def test_only_a_decision_or_another_look_lets_somebody_act() -> None:
    before = {state for state, moves in MOVES.items() if ProxyState.ACTIVE in moves}
    assert before == OPEN


def test_nothing_leaves_a_mistake() -> None:
    assert {state for state, moves in MOVES.items() if not moves} == {ProxyState.ENTERED_IN_ERROR}


def test_the_diagram_has_every_move_and_no_other() -> None:
    drawn = {line.strip().partition(":")[0] for line in diagram().splitlines() if "-->" in line and ": " in line}
    names = {None: "[*]"} | {state: state.value.replace("-", "_") for state in ProxyState}
    assert drawn == {f"{names[before]} --> {names[after]}" for before, moves in MOVES.items() for after in moves}


def test_the_page_has_the_diagram_as_it_would_be_drawn_now() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_diagram(page) == page
    assert "stateDiagram-v2" in page
