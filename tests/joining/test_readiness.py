"""The readiness checklist: each thing missing is named with what to do, and each is met once it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from broker.agreements import actions as agreements
from broker.agreements.document import write
from broker.audit.event import Event
from broker.audit.trail import Trail
from broker.identity import memberships
from broker.identity.models import Client, Organisation, Person, Source
from broker.joining import actions, states
from broker.joining.readiness import CHECKS, Check, Needed, readiness, ready
from broker.vocabulary import AuditAction, OrganisationKind, Role, Toolkit
from tests import texts
from tests.house.tree import ROOT
from tests.joining.conftest import SECOND, SHED, VOUCHER, Apply
from tests.people import COUNCIL, FOOD_BANK, LONG_AGO, NOON, SURGERY

Admit = Callable[..., Organisation]


@pytest.fixture
def admit(applies: Apply, settled: Session, trail: Trail) -> Admit:
    def admitted(**changes: object) -> Organisation:
        application, _ = applies(**changes)
        given = {"why": "Known.", "trail": trail, "now": NOON}
        actions.vouch(settled, application, officer=VOUCHER, by="person:v", **given)  # type: ignore[arg-type]
        made = actions.admit(settled, application, officer=SECOND, by="person:s", **given)  # type: ignore[arg-type]
        settled.commit()
        return made.organisation

    return admitted


@pytest.fixture
def check(settled: Session, trail: Trail) -> Callable[..., dict[Needed, Check]]:
    def checked(code: str, *, days: int = 0) -> dict[Needed, Check]:
        organisation = settled.get_one(Organisation, code)
        listed = readiness(settled, organisation, trail=trail, now=NOON + timedelta(days=days))
        assert [each.code for each in listed] == list(Needed)
        assert all(each.words and bool(each.what_to_do) is not each.met for each in listed)
        return {each.code: each for each in listed}

    return checked


def test_there_is_a_check_for_everything_that_is_needed() -> None:
    assert CHECKS.keys() == set(Needed)


def test_one_just_admitted_is_told_what_is_missing(admit: Admit, check: Callable[..., dict[Needed, Check]]) -> None:
    admit()
    missing = {code for code, each in check(SHED).items() if not each.met}
    assert missing == {Needed.ADMINISTRATOR, Needed.IG_LEAD, Needed.AGREEMENT, Needed.WAY_IN}


@pytest.mark.parametrize(
    ("changes", "days", "met"),
    [
        ({}, 0, True),
        ({}, 222, True),
        ({}, 223, False),
        ({"toolkit": Toolkit.NOT_MET, "toolkit_until": None}, 0, False),
        ({"toolkit": Toolkit.EXEMPT, "toolkit_until": None, "toolkit_reason": "Two of us."}, 999, True),
        ({"toolkit": Toolkit.APPROACHING}, 0, True),
    ],
)
def test_a_toolkit_standing_counts_until_its_last_day(
    admit: Admit, check: Callable[..., dict[Needed, Check]], changes: dict[str, object], days: int, met: bool
) -> None:
    """30 June 2027 is 222 days after the application."""
    assert (NOON + timedelta(days=222)).date() == date(2027, 6, 30)
    admit(**changes)
    assert check(SHED, days=days)[Needed.TOOLKIT].met is met


def test_an_organisation_that_is_ready_has_nothing_to_do(
    settled: Session, trail: Trail, check: Callable[..., dict[Needed, Check]]
) -> None:
    for document in (*texts.frameworks(), texts.advice()):
        agreements.adopt(settled, write(document), by="operator:t", trail=trail, now=NOON)
    boss = memberships.start(
        settled, Person(id="boss", name="Pia Lund"), organisation=FOOD_BANK, role=Role.ADMINISTRATOR,
        by="operator:t", trail=trail, now=NOON,
    )  # fmt: skip
    assert not check(FOOD_BANK)[Needed.ADMINISTRATOR].met, "they have never signed in"
    boss.used_at = NOON
    settled.commit()
    assert check(FOOD_BANK)[Needed.ADMINISTRATOR].met
    assert check(FOOD_BANK)[Needed.AGREEMENT].words == "TB-ADVICE."
    unmet = [each for each in check(FOOD_BANK).values() if not each.met]
    assert [each.code for each in unmet] == [Needed.SOURCE]
    assert not ready(unmet)
    settled.add(
        Source(id="shed", label="Shelf", kind="told", organisation_code=FOOD_BANK, configuration={}, added_at=LONG_AGO)
    )
    settled.commit()
    assert ready(list(check(FOOD_BANK).values()))


WALK = (
    (AuditAction.TOKEN_ISSUED, {"client": "shelf", "grant": "one", "scopes": ["records.read"]}),
    (AuditAction.DECISION, {"client": "shelf", "permitted_any": True}),
    (AuditAction.TOKEN_REVOKED, {"scopes": ["records.read"]}),
)
Leave = Callable[..., None]


@pytest.fixture
def leave(settled: Session, trail: Trail) -> Leave:
    """Registers a system, and leaves entries of its on the trail."""
    settled.add(
        Client(
            id="shelf", organisation_code=FOOD_BANK, name="Shelf", role=Role.CASE_WORKER,
            jwks={"keys": []}, scopes="records.read", registered_at=NOON,
        )
    )  # fmt: skip
    settled.commit()

    def left(entries: Iterable[tuple[AuditAction, dict[str, object]]], *, organisation: str = FOOD_BANK) -> None:
        for action, body in entries:
            trail.append(settled, Event(action, "client:shelf", organisation=organisation, body=body), now=NOON)
        settled.commit()

    return left


def test_without_a_system_there_is_nothing_to_walk(check: Callable[..., dict[Needed, Check]]) -> None:
    assert check(FOOD_BANK)[Needed.WALK].met


def test_a_system_must_walk_the_flow_once(leave: Leave, check: Callable[..., dict[Needed, Check]]) -> None:
    assert not check(FOOD_BANK)[Needed.WALK].met
    leave(WALK, organisation=COUNCIL)
    assert not check(FOOD_BANK)[Needed.WALK].met, "another organisation's walk is not its"
    leave(WALK)
    assert check(FOOD_BANK)[Needed.WALK].met


def test_a_system_that_only_gave_a_token_back_has_not_walked(
    leave: Leave, check: Callable[..., dict[Needed, Check]]
) -> None:
    leave(WALK[2:])
    assert not check(FOOD_BANK)[Needed.WALK].met


@pytest.mark.parametrize("without", [0, 1, 2], ids=["no-grant", "nothing-asked", "not-given-back"])
def test_a_walk_with_a_step_left_out_is_none(
    leave: Leave, check: Callable[..., dict[Needed, Check]], without: int
) -> None:
    leave(WALK[:without] + WALK[without + 1 :])
    assert not check(FOOD_BANK)[Needed.WALK].met


def test_a_walk_the_wrong_way_round_is_none(leave: Leave, check: Callable[..., dict[Needed, Check]]) -> None:
    leave(reversed(WALK))
    assert not check(FOOD_BANK)[Needed.WALK].met


def test_a_token_of_its_own_is_not_for_a_grant(leave: Leave, check: Callable[..., dict[Needed, Check]]) -> None:
    leave([(AuditAction.TOKEN_ISSUED, {"client": "shelf", "scopes": ["records.read"]}), *WALK[1:]])
    assert not check(FOOD_BANK)[Needed.WALK].met


def test_the_walk_of_a_system_that_was_stopped_is_not_counted(
    settled: Session, leave: Leave, check: Callable[..., dict[Needed, Check]]
) -> None:
    leave(WALK)
    settled.get_one(Client, "shelf").revoked_at = NOON
    settled.add(
        Client(
            id="shelfs", organisation_code=FOOD_BANK, name="New shelf", role=Role.CASE_WORKER,
            jwks={"keys": []}, scopes="records.read", registered_at=NOON,
        )
    )  # fmt: skip
    settled.commit()
    assert not check(FOOD_BANK)[Needed.WALK].met


def test_one_that_gives_needs_a_source(
    settled: Session, trail: Trail, check: Callable[..., dict[Needed, Check]]
) -> None:
    assert check(SURGERY)[Needed.SOURCE].met
    for document in (*texts.frameworks(), texts.care()):
        agreements.adopt(settled, write(document), by="operator:t", trail=trail, now=NOON)
    assert not check(SURGERY)[Needed.SOURCE].met
    settled.add(
        Source(id="gp", label="Millrace", kind="told", organisation_code=SURGERY, configuration={}, added_at=LONG_AGO)
    )
    settled.commit()
    assert check(SURGERY)[Needed.SOURCE].met


def test_a_number_of_no_register_is_named(settled: Session, check: Callable[..., dict[Needed, Check]]) -> None:
    settled.add(Organisation(code="GB-CHC-ABCDEF", name="Odd", kind=OrganisationKind.VCFSE, joined_at=LONG_AGO))
    settled.commit()
    assert not check("GB-CHC-ABCDEF")[Needed.NUMBER].met
    assert check(FOOD_BANK)[Needed.NUMBER].met


# ---- the page for those who join -----------------------------------------------------------------------------------

PAGE: Path = ROOT / "docs" / "join.md"


def test_the_page_has_the_diagram_as_it_would_be_drawn_now() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert states.with_diagram(page) == page
    assert states.diagram() in page
