"""The practice's part: who may decide, what each basis needs, suspending openly or quietly, and ending."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from broker.errors import Conflict, InvalidInput, NotFound, NotPermitted
from broker.identity.models import Resident
from broker.notices.models import Notice
from broker.proxies import actions, changes, deciding, limits
from broker.proxies.acting import standing_for
from broker.proxies.deciding import VERIFIERS
from broker.proxies.models import Proxy
from broker.vocabulary import (
    AccessLevel,
    LegalBasis,
    ProxyReason,
    ProxyRelation,
    ProxyState,
    Role,
    Section,
    Sensitivity,
)
from tests.people import COUNCIL, NOON
from tests.proxies.conftest import FEW, GP, Cast

SAFEGUARDING = ProxyReason.ROLE_DEACTIVATED_SAFEGUARDING


def suspend(cast: Cast, proxy: Proxy, *, quiet: bool = False, **more: Any) -> None:
    said: dict[str, Any] = {"verifier": GP, "reason": SAFEGUARDING, **more}
    deciding.suspend(cast.session, proxy, quiet=quiet, trail=cast.trail, now=NOON, **said)


def notices(cast: Cast) -> list[Notice]:
    return list(cast.session.scalars(select(Notice).order_by(Notice.made_at)))


@pytest.mark.parametrize("role", [role for role in Role if role not in (*VERIFIERS, Role.OPERATOR)])
def test_only_those_who_verify_decide(cast: Cast, role: Role) -> None:
    proxy = cast.standing()
    with pytest.raises(NotPermitted, match="role-not-verifier"):
        suspend(cast, proxy, verifier=replace(GP, role=role))


def test_only_the_residents_own_practice_decides(cast: Cast) -> None:
    proxy = cast.standing()
    with pytest.raises(NotFound):
        suspend(cast, proxy, verifier=replace(GP, organisation=COUNCIL))


def test_a_yes_is_given_for_two_years_at_most_by_the_practice(cast: Cast) -> None:
    proxy = cast.standing()
    assert (proxy.granted_by, proxy.decided_by) == (GP.organisation, GP.by)
    assert proxy.until_at == NOON + deciding.LONGEST
    with pytest.raises(Conflict):
        cast.decide(proxy)


@pytest.mark.parametrize("basis", [basis for basis in LegalBasis if basis.evidenced and not basis.of_childhood])
def test_a_basis_in_law_needs_evidence_in_words_and_no_yes(cast: Cast, basis: LegalBasis) -> None:
    cast.ask(basis=basis)
    with pytest.raises(InvalidInput, match="evidence-missing"):
        cast.decide(cast.proxy(), words=" ")
    cast.decide(cast.proxy(), words="The order of 3 May.")
    assert cast.proxy().evidence == "The order of 3 May."
    assert limits.stands(cast.proxy(), now=NOON)


def test_parental_responsibility_ends_at_the_sixteenth_birthday_however_long_was_asked(cast: Cast) -> None:
    ben = cast.session.get_one(Resident, "ben")
    ben.born_on = date(2011, 6, 1)
    proxy = cast.standing(basis=LegalBasis.PARENTAL_RESPONSIBILITY, child=True)
    assert proxy.until_at == limits.begins(date(2027, 6, 1))


@pytest.mark.parametrize("born_on", [date(2010, 11, 20), date(2008, 11, 20), date(1990, 1, 1)])
def test_parental_responsibility_does_not_reach_somebody_of_sixteen(cast: Cast, born_on: date) -> None:
    cast.session.get_one(Resident, "ben").born_on = born_on
    with pytest.raises(NotPermitted, match="proxy-grown-up"):
        cast.standing(basis=LegalBasis.PARENTAL_RESPONSIBILITY, child=True)


def test_a_no_needs_a_reason_that_fits(cast: Cast) -> None:
    cast.ask()
    with pytest.raises(InvalidInput, match="reason-wrong"):
        cast.decide(cast.proxy(), agree=False, reason=ProxyReason.ROLE_DEACTIVATED_MISUSE)
    with pytest.raises(InvalidInput, match="reason-missing"):
        cast.decide(cast.proxy(), agree=False, reason=ProxyReason.OTHER, words="")
    cast.decide(cast.proxy(), agree=False, reason=ProxyReason.APPLICATION_REJECTED_NOT_NEEDED)
    assert cast.proxy().state is ProxyState.REJECTED


def test_nobody_acts_for_the_dead(cast: Cast) -> None:
    cast.ask()
    cast.agree(cast.proxy())
    cast.session.get_one(Resident, "ada").died_on = NOON.date()
    with pytest.raises((NotPermitted, InvalidInput)):
        cast.decide(cast.proxy())


def test_suspending_closes_at_once_and_another_look_opens_it(cast: Cast) -> None:
    proxy = cast.standing()
    suspend(cast, proxy)
    assert standing_for(cast.session, proxy_resident="cas", resident="ada", now=NOON) is None
    deciding.review(cast.session, proxy, verifier=GP, levels=FEW, trail=cast.trail, now=NOON)
    assert limits.stands(proxy, now=NOON)
    assert proxy.levels == FEW


def test_another_look_never_gives_more(cast: Cast) -> None:
    cast.ask(levels=FEW)
    cast.agree(cast.proxy())
    cast.decide(cast.proxy())
    with pytest.raises(InvalidInput, match="levels-wrong"):
        deciding.review(
            cast.session, cast.proxy(), verifier=GP, levels=frozenset(AccessLevel), trail=cast.trail, now=NOON
        )


def test_an_open_stop_tells_the_resident_and_the_practice_and_never_the_proxy(cast: Cast) -> None:
    proxy = cast.standing()
    before = len(notices(cast))
    suspend(cast, proxy)
    told = [(each.resident_id, each.organisation_code) for each in notices(cast)[before:]]
    assert sorted(told, key=str) == sorted([("ada", None), (None, GP.organisation)], key=str)


def test_a_quiet_stop_tells_nobody_and_the_trail_has_it(cast: Cast) -> None:
    proxy = cast.standing()
    before = len(notices(cast))
    suspend(cast, proxy, quiet=True, words="She was afraid.")
    assert len(notices(cast)) == before
    entry = cast.entries()[0]
    assert (entry.body["quiet"], entry.body["reason"], entry.actor) == (True, SAFEGUARDING.value, GP.by)


def test_what_follows_a_quiet_stop_is_as_quiet(cast: Cast) -> None:
    proxy = cast.standing()
    suspend(cast, proxy, quiet=True)
    before = len(notices(cast))
    deciding.end(cast.session, proxy, verifier=GP, reason=SAFEGUARDING, trail=cast.trail, now=NOON)
    assert proxy.quiet
    assert cast.entries()[0].body["quiet"] is True
    assert len(notices(cast)) == before


def test_letting_a_quietly_stopped_one_go_on_is_quiet_too(cast: Cast) -> None:
    proxy = cast.standing()
    suspend(cast, proxy, quiet=True)
    before = len(notices(cast))
    deciding.review(cast.session, proxy, verifier=GP, trail=cast.trail, now=NOON)
    assert not proxy.quiet
    assert cast.entries()[0].body["quiet"] is True
    assert len(notices(cast)) == before


def test_the_resident_is_shown_nothing_of_what_is_suspended_or_ended(cast: Cast) -> None:
    proxy = cast.standing()
    assert actions.of_resident(cast.session, "ada", now=NOON) == [proxy]
    suspend(cast, proxy, quiet=True)
    assert actions.of_resident(cast.session, "ada", now=NOON) == []
    with pytest.raises(NotFound):
        actions.stop(cast.session, proxy, resident="ada", trail=cast.trail, now=NOON)


def test_of_two_who_change_it_at_once_one_is_refused(cast: Cast) -> None:
    proxy = cast.standing()
    stale = Proxy(id=proxy.id, state=ProxyState.PROPOSED, legal_basis=proxy.legal_basis)
    with pytest.raises(Conflict):
        changes.move(
            cast.session,
            stale,
            ProxyState.REJECTED,
            ProxyReason.APPLICATION_REJECTED_NOT_NEEDED,
            by=GP.by,
            trail=cast.trail,
            now=NOON,
        )


def test_every_sensitivity_is_on_one_side_of_the_table_and_the_law_s_on_the_closed_one() -> None:
    assert limits.never_for_proxies | limits.may_be_for_proxies == set(Sensitivity)
    assert not limits.never_for_proxies & limits.may_be_for_proxies
    assert {label for label in Sensitivity if label.in_law} <= limits.never_for_proxies
    assert {Sensitivity.SAFEGUARDING, Sensitivity.DOMESTIC_ABUSE, Sensitivity.SEXUAL_HEALTH} <= limits.never_for_proxies


def test_no_level_opens_an_address_a_contact_or_safeguarding() -> None:
    opened = frozenset[Section]().union(*(level.sections for level in AccessLevel))
    assert not opened & limits.sections_never_for_proxies
    assert limits.sections_of(frozenset(AccessLevel)) == opened


LEVELS = st.frozensets(st.sampled_from(AccessLevel))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    asked=LEVELS,
    chosen=st.none() | LEVELS,
    basis=st.sampled_from(LegalBasis),
    age=st.integers(0, 100),
    died=st.booleans(),
)
def test_a_delegation_never_exceeds_its_delegator(
    asked: frozenset[AccessLevel], chosen: frozenset[AccessLevel] | None, basis: LegalBasis, age: int, died: bool
) -> None:
    """Whatever is asked and chosen: no more than was asked, nor, on a yes, than the resident could do themself."""
    resident = Resident(born_on=limits.day_of(NOON) - timedelta(days=366 * age), died_on=NOON.date() if died else None)
    proxy = Proxy(resident=resident, levels=asked, legal_basis=basis, relation=ProxyRelation.FRIEND)
    try:
        given_levels = deciding._given(proxy, chosen, basis, now=NOON)
    except InvalidInput:
        return
    assert given_levels
    assert given_levels <= asked
    if basis is LegalBasis.CONSENT:
        assert given_levels <= limits.could_do(resident, now=NOON)
        assert not died
