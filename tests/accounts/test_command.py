"""``broker accounts`` as an operator types it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from sqlalchemy import select

from broker.accounts import account, invitations, passwords, recovery, totp
from broker.audit.models import AuditEntry
from broker.database import open_engine, session_factory
from broker.federation.models import FederatedIdentity
from broker.settings import Settings
from tests.accounts.conftest import connected
from tests.cli.conftest import Run
from tests.cli.conftest import ready as ready
from tests.cli.conftest import run as run
from tests.people import FOOD_BANK, NOON, SURGERY

CODE = re.compile(r"[A-Z2-7]{5}(-[A-Z2-7]{5}){4}-[A-Z2-7]\n")


@pytest.fixture
def adviser_signs_in(ready: Run, tmp_path: Path) -> Settings:
    settings = Settings(data_folder=tmp_path / "var")
    engine = open_engine(settings.sqlalchemy_url)
    with session_factory(engine)() as session:
        account.make(session, "adviser", "sol", now=NOON)
        passwords.keep(session, "adviser", "three harbour lanterns", now=NOON)
        totp.keep(session, settings.secret("totp"), "adviser", "JBSWY3DPEHPK3PXP", used=0, now=NOON)
        recovery.make(session, "adviser", now=NOON)
        session.commit()
    engine.dispose()
    return settings


def test_inviting_prints_a_code_that_can_be_redeemed(ready: Run, tmp_path: Path) -> None:
    exit_code, said, told = ready("accounts", "invite", "gp", "--organisation", SURGERY)
    assert exit_code == 0
    assert CODE.fullmatch(said)
    assert "/accept-invitation" in told
    engine = open_engine(Settings(data_folder=tmp_path / "var").sqlalchemy_url)
    with session_factory(engine)() as session:
        from broker.cli.opening import now

        assert invitations.redeem(session, said, visit="here", now=now()).person_id == "gp"
    engine.dispose()


@pytest.mark.parametrize(("person", "organisation"), [("gp", FOOD_BANK), ("nobody", SURGERY)])
def test_nobody_is_invited_to_where_they_do_not_work(ready: Run, person: str, organisation: str) -> None:
    for act in ("invite", "reset"):
        exit_code, said, told = ready("accounts", act, person, "--organisation", organisation)
        assert (exit_code, said) == (1, "")
        assert "not-a-member" in told


def test_somebody_who_can_sign_in_is_reset_and_not_invited(ready: Run, adviser_signs_in: Settings) -> None:
    assert "password and app" in ready("accounts", "list")[1]
    assert "can-sign-in" in ready("accounts", "invite", "adviser", "--organisation", FOOD_BANK)[2]
    exit_code, said, _ = ready("accounts", "reset", "adviser", "--organisation", FOOD_BANK)
    assert exit_code == 0
    assert CODE.fullmatch(said)
    assert "sol" in (listed := ready("accounts", "list")[1])
    assert "cannot sign in" in listed


def test_a_reset_takes_away_providers_too_and_ends_what_was_open(ready: Run, adviser_signs_in: Settings) -> None:
    engine = open_engine(adviser_signs_in.sqlalchemy_url)
    with session_factory(engine)() as session:
        session.add(connected("bank"))
        session.flush()
        for person in ("adviser", "food-bank-lead"):
            tied = FederatedIdentity(provider_id="bank", subject=person, person_id=person, linked_at=NOON)
            session.add(tied)
        session.commit()
    assert ready("accounts", "reset", "adviser", "--organisation", FOOD_BANK)[0] == 0
    with session_factory(engine)() as session:
        assert session.scalars(select(FederatedIdentity.subject)).all() == ["food-bank-lead"]
        bodies = [json.loads(body) for body in session.scalars(select(AuditEntry.body).order_by(AuditEntry.index))]
        acts = [body["act"] for body in bodies if "act" in body]
        assert acts[-3:] == ["reset", "unlinked", "invited"]
    engine.dispose()
