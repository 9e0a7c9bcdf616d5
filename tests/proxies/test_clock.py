"""Time travel: birthdays, last days, warnings, five years and death. What the clock has overtaken does not stand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from broker.identity.models import Resident
from broker.notices.models import Notice
from broker.proxies import actions, deciding, limits
from broker.proxies.acting import standing_for
from broker.proxies.clock import due
from broker.proxies.limits import begins, stands, turns
from broker.vocabulary import LegalBasis, NoticeKind, ProxyReason, ProxyState
from tests.conformance.rows import row
from tests.people import BEN_BORN, NOON, SURGERY
from tests.proxies.conftest import GP, Cast

PARENT = LegalBasis.PARENTAL_RESPONSIBILITY
TICK = timedelta(seconds=1)


def done(cast: Cast, now: datetime) -> list[str]:
    return [each.what for each in due(cast.session, trail=cast.trail, now=now)]


def told(cast: Cast, kind: NoticeKind) -> list[tuple[str | None, str | None]]:
    found = cast.session.scalars(select(Notice).where(Notice.kind == kind.value))
    return [(each.resident_id, each.organisation_code) for each in found]


def review(cast: Cast, now: datetime, **more: object) -> None:
    said = {"words": "Ben was asked alone.", **more}
    deciding.review(cast.session, cast.proxy(), verifier=GP, trail=cast.trail, now=now, **said)  # type: ignore[arg-type]


def parent(cast: Cast, *, years: int, before: timedelta) -> datetime:
    """Cas acts for Ben from so long before he turns ``years``; gives the instant of that birthday in London."""
    birthday = begins(turns(BEN_BORN, years))
    cast.standing(basis=PARENT, child=True, now=birthday - before)
    return birthday


def test_at_eleven_a_parents_stops_to_the_second_until_somebody_has_looked(cast: Cast) -> None:
    eleventh = parent(cast, years=11, before=timedelta(days=200))
    assert stands(cast.proxy(), now=eleventh - TICK)
    assert not stands(cast.proxy(), now=eleventh)
    assert done(cast, eleventh) == [ProxyReason.ROLE_SUSPENDED.value]
    assert (None, SURGERY) in told(cast, NoticeKind.PROXY_REVIEW)
    review(cast, eleventh + timedelta(days=3))
    assert stands(cast.proxy(), now=eleventh + timedelta(days=3))


def test_a_review_in_the_weeks_before_eleven_counts_and_an_older_one_does_not(cast: Cast) -> None:
    eleventh = parent(cast, years=11, before=timedelta(days=200))
    review(cast, eleventh - limits.AHEAD - TICK)
    assert not stands(cast.proxy(), now=eleventh)
    review(cast, eleventh - limits.AHEAD)
    assert stands(cast.proxy(), now=eleventh)


def test_at_thirteen_it_goes_on_and_the_young_person_is_told_once(cast: Cast) -> None:
    thirteenth = parent(cast, years=13, before=timedelta(days=60))
    assert done(cast, thirteenth - TICK) == []
    assert done(cast, thirteenth) == ["asked-13"]
    assert done(cast, thirteenth + timedelta(days=1)) == []
    assert told(cast, NoticeKind.PROXY_REVIEW) == [("ben", None), (None, SURGERY)]
    assert stands(cast.proxy(), now=thirteenth)


def test_the_young_person_stops_it_at_thirteen(cast: Cast) -> None:
    thirteenth = parent(cast, years=13, before=timedelta(days=60))
    actions.stop(cast.session, cast.proxy(), resident="ben", trail=cast.trail, now=thirteenth)
    assert not stands(cast.proxy(), now=thirteenth)


@row("T16")
def test_at_sixteen_a_parents_ends_to_the_second(cast: Cast) -> None:
    sixteenth = parent(cast, years=16, before=timedelta(days=300))
    assert stands(cast.proxy(), now=sixteenth - TICK)
    assert standing_for(cast.session, proxy_resident="cas", resident="ben", now=sixteenth) is None
    assert cast.proxy().state is ProxyState.ACTIVE, "it stopped before anybody ran anything"
    done(cast, sixteenth)
    assert cast.proxy().state is ProxyState.INACTIVE


def test_one_decided_just_before_sixteen_ends_at_sixteen_all_the_same(cast: Cast) -> None:
    sixteenth = parent(cast, years=16, before=timedelta(days=2))
    assert not stands(cast.proxy(), now=sixteenth)


def test_at_sixteen_it_goes_on_where_it_was_decided_again_and_ends_at_eighteen(cast: Cast) -> None:
    sixteenth = parent(cast, years=16, before=timedelta(days=300))
    eighteenth = begins(turns(BEN_BORN, 18))
    review(cast, sixteenth - timedelta(days=10))
    assert stands(cast.proxy(), now=sixteenth)
    later = sixteenth + timedelta(days=300)
    review(cast, later)
    assert stands(cast.proxy(), now=eighteenth - TICK)
    assert not stands(cast.proxy(), now=eighteenth)
    assert done(cast, eighteenth)[0].startswith("role-deactivated-")


def test_renewed_on_another_basis_it_outlives_the_birthdays(cast: Cast) -> None:
    sixteenth = parent(cast, years=16, before=timedelta(days=30))
    review(cast, sixteenth - timedelta(days=5), basis=LegalBasis.DEPUTY, words="Order seen.")
    assert stands(cast.proxy(), now=sixteenth + timedelta(days=300))


@pytest.mark.parametrize("basis", [LegalBasis.CONSENT, LegalBasis.DEPUTY])
def test_birthdays_end_nothing_but_parental_responsibility(cast: Cast, basis: LegalBasis) -> None:
    cast.session.get_one(Resident, "ada").born_on = date(2008, 11, 21)  # eighteen tomorrow
    cast.session.commit()
    cast.ask(born_on=date(2008, 11, 21), basis=basis)
    if basis is LegalBasis.CONSENT:
        cast.agree(cast.proxy())
    cast.decide(cast.proxy())
    assert stands(cast.proxy(), now=NOON + timedelta(days=2))


def test_a_birthday_begins_at_midnight_in_london() -> None:
    assert begins(date(2026, 6, 1)) == datetime(2026, 5, 31, 23, tzinfo=UTC)
    assert begins(date(2026, 12, 1)) == datetime(2026, 12, 1, tzinfo=UTC)


def test_somebody_born_on_a_leap_day_turns_sixteen_with_it_and_thirteen_the_day_after() -> None:
    assert turns(date(2012, 2, 29), 16) == date(2028, 2, 29)
    assert turns(date(2012, 2, 29), 13) == date(2025, 3, 1)


def test_the_last_day_ends_it_and_a_court_s_order_can_be_nearer(cast: Cast) -> None:
    cast.ask(basis=LegalBasis.DEPUTY)
    end = NOON + timedelta(days=30)
    cast.decide(cast.proxy(), until=end)
    assert stands(cast.proxy(), now=end - TICK)
    assert not stands(cast.proxy(), now=end)
    assert done(cast, end) == [ProxyReason.ROLE_DEACTIVATED_END_DATE.value]


def test_each_warning_is_given_once_and_a_late_run_gives_only_the_nearest(cast: Cast) -> None:
    proxy = cast.standing()
    assert proxy.until_at is not None
    end = proxy.until_at
    given = [done(cast, end - timedelta(days=days)) for days in (57, 56, 50, 28, 27, 7, 1)]
    assert given == [[], ["warned-56"], [], ["warned-28"], [], ["warned-7"], []]
    assert told(cast, NoticeKind.PROXY_ENDING).count(("ada", None)) == 3
    assert told(cast, NoticeKind.PROXY_ENDING_FOR_YOU) == [("cas", None)] * 3


def test_a_late_run_gives_only_the_nearest_warning(cast: Cast) -> None:
    proxy = cast.standing()
    assert proxy.until_at is not None
    assert done(cast, proxy.until_at - timedelta(days=5)) == ["warned-7"]


def test_a_renewal_begins_the_warnings_again(cast: Cast) -> None:
    proxy = cast.standing()
    assert proxy.until_at is not None
    soon = proxy.until_at - timedelta(days=20)
    done(cast, soon)
    deciding.review(cast.session, proxy, verifier=GP, trail=cast.trail, now=soon)
    assert done(cast, soon) == []
    assert proxy.until_at - soon == deciding.LONGEST


def test_a_quietly_suspended_one_ends_with_nobody_told(cast: Cast) -> None:
    proxy = cast.standing()
    reason = ProxyReason.ROLE_DEACTIVATED_SAFEGUARDING
    deciding.suspend(cast.session, proxy, verifier=GP, reason=reason, quiet=True, trail=cast.trail, now=NOON)
    before = len(cast.session.scalars(select(Notice)).all())
    assert proxy.until_at is not None
    assert done(cast, proxy.until_at - timedelta(days=20)) == []
    assert done(cast, proxy.until_at) == [ProxyReason.ROLE_DEACTIVATED_END_DATE.value]
    assert len(cast.session.scalars(select(Notice)).all()) == before
    assert cast.entries()[0].body["quiet"] is True


def test_five_years_without_use_end_it_and_a_use_begins_them_again(cast: Cast) -> None:
    proxy = cast.standing()
    proxy.until_at = None  # as one brought in from elsewhere may be
    five = begins(turns(NOON.date(), limits.UNUSED_YEARS))
    assert stands(proxy, now=five - TICK)
    assert not stands(proxy, now=five)
    proxy.last_used_at = NOON + timedelta(days=100)
    assert stands(proxy, now=five)


@row("T16")
@pytest.mark.parametrize(
    ("who", "why"),
    [("ada", ProxyReason.ROLE_DEACTIVATED_PATIENT_DIED), ("cas", ProxyReason.ROLE_DEACTIVATED_PROXY_DIED)],
)
def test_the_death_of_either_ends_it(cast: Cast, who: str, why: ProxyReason) -> None:
    proxy = cast.standing()
    cast.session.get_one(Resident, who).died_on = NOON.date() + timedelta(days=3)
    cast.session.commit()
    assert stands(proxy, now=NOON)
    after = NOON + timedelta(days=3)
    assert not stands(proxy, now=after)
    assert done(cast, after) == [why.value]


def test_an_application_falls_with_a_death_too(cast: Cast) -> None:
    cast.ask()
    cast.session.get_one(Resident, "ada").died_on = NOON.date()
    cast.session.commit()
    assert done(cast, NOON) == [ProxyReason.ROLE_DEACTIVATED_PATIENT_DIED.value]


def test_running_twice_does_nothing_more(cast: Cast) -> None:
    cast.standing()
    end = NOON + deciding.LONGEST
    assert done(cast, end)
    assert done(cast, end) == []
