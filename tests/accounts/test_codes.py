"""Codes from an app, recovery codes, and invitations: each taken once, however many try at the same moment."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.accounts import account, invitations, recovery, totp
from broker.accounts.models import Invitation, RecoveryCode, TotpSecret
from broker.accounts.proving import Door
from broker.errors import Conflict, NotFound
from broker.federation.models import FederatedIdentity
from broker.identity.models import Membership
from broker.joining import people
from broker.vocabulary import AuditAction, Role
from tests.accounts.conftest import SECRET, Kept, connected
from tests.people import FOOD_BANK, NOON, SURGERY


def accept(session: Session, door: Door, code: str, *, after: timedelta = timedelta()) -> bool:
    return totp.accept(session, door.settings.secret("totp"), "adviser", code, now=NOON + after)


def test_a_code_is_taken_once(settled: Session, adviser: Kept, door: Door) -> None:
    assert accept(settled, door, adviser.code())
    assert not accept(settled, door, adviser.code())
    assert not accept(settled, door, adviser.code(), after=timedelta(seconds=29))


def test_a_code_may_be_a_step_early_or_late_and_no_more(settled: Session, adviser: Kept, door: Door) -> None:
    for wrong in (-2, 2):
        assert not accept(settled, door, adviser.code(steps=wrong))
    for right in (-1, 0, 1):
        assert accept(settled, door, adviser.code(steps=right))


def test_after_a_later_code_an_earlier_one_is_refused(settled: Session, adviser: Kept, door: Door) -> None:
    assert accept(settled, door, adviser.code(steps=1))
    assert not accept(settled, door, adviser.code())


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "000000\x00", "１２", "9" * 5000, "½" * 6])
def test_what_is_no_code_is_refused(settled: Session, adviser: Kept, door: Door, typed: str) -> None:
    assert not accept(settled, door, typed)


def test_a_code_may_be_typed_with_a_space(settled: Session, adviser: Kept, door: Door) -> None:
    code = adviser.code()
    assert accept(settled, door, f" {code[:3]} {code[3:]} ")


def test_the_secret_is_sealed_and_for_one_person(settled: Session, adviser: Kept, door: Door) -> None:
    kept = settled.get(TotpSecret, "adviser")
    assert kept is not None
    assert SECRET.encode() not in kept.sealed
    account.make(settled, "gp", "noor", now=NOON)
    settled.add(TotpSecret(person_id="gp", sealed=kept.sealed, last_step=0, made_at=NOON))
    settled.commit()
    assert not totp.accept(settled, door.settings.secret("totp"), "gp", adviser.code(), now=NOON)


def test_what_is_proposed_is_one_browsers_and_changes_with_use() -> None:
    one = totp.proposed(b"k" * 32, "adviser", visit="a", after=None)
    assert one == totp.proposed(b"k" * 32, "adviser", visit="a", after=None)
    others = {totp.proposed(b"k" * 32, "adviser", visit="b", after=None)}
    others |= {totp.proposed(b"k" * 32, "gp", visit="a", after=None)}
    others |= {totp.proposed(b"k" * 32, "adviser", visit="a", after=NOON)}
    assert len(others | {one}) == 4
    assert totp.step_of(one, pyotp.TOTP(one).at(NOON), now=NOON) is not None


def test_recovery_codes_are_ten_hashed_and_good_once(settled: Session, adviser: Kept) -> None:
    assert len(set(adviser.codes)) == 10
    kept = settled.scalars(select(RecoveryCode.digest)).all()
    assert not any(recovery.plain(code) in digest for code in adviser.codes for digest in kept)
    typed = adviser.codes[3].lower().replace("-", " ")
    assert recovery.accept(settled, "adviser", typed, now=NOON)
    assert not recovery.accept(settled, "adviser", typed, now=NOON)
    assert not recovery.accept(settled, "gp", adviser.codes[4], now=NOON)
    assert not recovery.accept(settled, None, adviser.codes[4], now=NOON)
    assert recovery.left(settled, "adviser") == 9


def test_new_recovery_codes_end_the_old(settled: Session, adviser: Kept) -> None:
    new = recovery.make(settled, "adviser", now=NOON)
    settled.commit()
    assert not recovery.accept(settled, "adviser", adviser.codes[0], now=NOON)
    assert recovery.accept(settled, "adviser", new[0], now=NOON)


# ---- invitations ----------------------------------------------------------------------------------------------------


def invite(session: Session, door: Door, person: str = "gp", organisation: str = SURGERY) -> str:
    return invitations.invite(session, person, organisation, by="operator:tests", trail=door.trail, now=NOON)


def test_an_invitation_is_128_bits_hashed_and_good_once(settled: Session, door: Door) -> None:
    code = invite(settled, door)
    assert len(recovery.plain(code)) == 26
    (kept,) = settled.scalars(select(Invitation)).all()
    assert recovery.plain(code) not in kept.digest
    redeemed = invitations.redeem(settled, code.lower(), visit="here", now=NOON)
    assert (redeemed.person_id, redeemed.organisation_code) == ("gp", SURGERY)
    with pytest.raises(NotFound):
        invitations.redeem(settled, code, visit="here", now=NOON)
    (entry,) = door.trail.entries(settled, actions=(AuditAction.CREDENTIAL_CHANGED,))
    assert (entry.actor, entry.body) == ("operator:tests", {"act": "invited", "person": "gp"})


@pytest.mark.parametrize("wrong", ["", "x", "A" * 26, "0" * 5000])
def test_a_code_that_is_none_redeems_nothing(settled: Session, door: Door, wrong: str) -> None:
    invite(settled, door)
    with pytest.raises(NotFound):
        invitations.redeem(settled, wrong, visit="here", now=NOON)


def test_an_invitation_runs_out_after_a_week_and_half_an_hour_after_it_is_used(settled: Session, door: Door) -> None:
    code = invite(settled, door)
    with pytest.raises(NotFound):
        invitations.redeem(settled, code, visit="here", now=NOON + timedelta(days=7))
    invitations.redeem(settled, code, visit="here", now=NOON)
    assert invitations.being_accepted(settled, visit="here", now=NOON + timedelta(minutes=29)).person_id == "gp"
    with pytest.raises(NotFound):
        invitations.being_accepted(settled, visit="here", now=NOON + timedelta(minutes=30))


def test_an_invitation_is_accepted_in_the_browser_it_was_redeemed_in(settled: Session, door: Door) -> None:
    invitations.redeem(settled, invite(settled, door), visit="here", now=NOON)
    for elsewhere in ("", "there"):
        with pytest.raises(NotFound):
            invitations.being_accepted(settled, visit=elsewhere, now=NOON)


def test_inviting_again_ends_the_code_before(settled: Session, door: Door) -> None:
    first, second = invite(settled, door), invite(settled, door)
    with pytest.raises(NotFound):
        invitations.redeem(settled, first, visit="here", now=NOON)
    assert invitations.redeem(settled, second, visit="here", now=NOON)


def test_somebody_who_can_sign_in_is_not_invited_nor_taken_over(settled: Session, adviser: Kept, door: Door) -> None:
    with pytest.raises(Conflict, match="can sign in already"):
        invite(settled, door, "adviser", FOOD_BANK)


def test_only_somebody_who_works_there_is_invited_and_redeems(settled: Session, door: Door) -> None:
    with pytest.raises(Conflict, match="do not work for"):
        invite(settled, door, "gp", FOOD_BANK)
    code = invite(settled, door)
    settled.scalars(select(Membership).where(Membership.person_id == "gp")).one().ended_at = NOON
    settled.commit()
    with pytest.raises(NotFound):
        invitations.redeem(settled, code, visit="here", now=NOON)


# ---- nobody becomes a colleague -------------------------------------------------------------------------------------


def tie(session: Session, person: str) -> None:
    """Somebody signs in with a provider."""
    session.add(connected("bank"))
    session.flush()
    session.add(FederatedIdentity(provider_id="bank", subject=f"{person}-there", person_id=person, linked_at=NOON))
    session.commit()


def invite_here(session: Session, door: Door) -> str:
    """As an organisation's own administrator does it."""
    membership = session.scalars(
        select(Membership).where(Membership.person_id == "gp", Membership.organisation_code == SURGERY)
    ).one()
    return people.invite(session, membership, by="person:boss", trail=door.trail, now=NOON)


def works_also_at(session: Session, organisation: str) -> Membership:
    more = Membership(person_id="gp", organisation_code=organisation, role=Role.CLINICIAN, started_at=NOON)
    session.add(more)
    session.commit()
    return more


def test_somebody_who_signs_in_with_a_provider_is_not_invited(settled: Session, door: Door) -> None:
    tie(settled, "adviser")
    assert account.can_sign_in(settled, "adviser")
    with pytest.raises(Conflict, match="can sign in already"):
        invite(settled, door, "adviser", FOOD_BANK)
    assert not account.can_sign_in(settled, "gp")
    assert invite(settled, door)


def test_a_code_that_was_redeemed_gives_nothing_of_somebody_tied_meanwhile(settled: Session, door: Door) -> None:
    redeemed = invitations.redeem(settled, invite(settled, door), visit="here", now=NOON)
    tie(settled, "gp")
    with pytest.raises(Conflict):
        invitations.finish(settled, redeemed, now=NOON)


def test_an_organisation_invites_nobody_who_works_elsewhere_and_the_operator_does(settled: Session, door: Door) -> None:
    elsewhere = works_also_at(settled, FOOD_BANK)
    with pytest.raises(Conflict, match="work for another organisation too"):
        invite_here(settled, door)
    assert invite(settled, door)
    elsewhere.ended_at = NOON
    settled.commit()
    assert invite_here(settled, door)


def test_an_organisations_code_is_no_good_once_they_work_elsewhere_and_the_operators_is(
    settled: Session, door: Door
) -> None:
    theirs = invitations.redeem(settled, invite_here(settled, door), visit="here", now=NOON)
    works_also_at(settled, FOOD_BANK)
    with pytest.raises(Conflict):
        invitations.finish(settled, theirs, now=NOON)
    operators = invitations.redeem(settled, invite(settled, door), visit="here", now=NOON)
    invitations.finish(settled, operators, now=NOON)
