"""How far and how long somebody may act for another. Pure: values and ``now`` in, an answer out.

Ages go by the day in London. A proxy that the clock has overtaken does not stand, whether or not anybody has run
anything: ``due`` only writes down what is already so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from broker.identity.models import Resident
from broker.proxies.models import Proxy
from broker.vocabulary import AccessLevel, LegalBasis, ProxyReason, ProxyState, Section, Sensitivity

LONDON = ZoneInfo("Europe/London")

# Never shown to somebody who acts for another, whatever their basis and levels: it may be about them, or be what the
# resident keeps from them. A closed table; the tests ask of every sensitivity which side it is on.
never_for_proxies: Final[frozenset[Sensitivity]] = frozenset({
    Sensitivity.SAFEGUARDING, Sensitivity.DOMESTIC_ABUSE, Sensitivity.SEXUAL_HEALTH, Sensitivity.HIV,
    Sensitivity.TERMINATION, Sensitivity.FERTILITY, Sensitivity.GENDER, Sensitivity.THIRD_PARTY,
    Sensitivity.GENDER_RECOGNITION, Sensitivity.ASSISTED_FERTILISATION,
})  # fmt: skip
# What may be withheld or shared as the resident's own levels say.
may_be_for_proxies: Final[frozenset[Sensitivity]] = frozenset({
    Sensitivity.MENTAL_HEALTH, Sensitivity.SELF_HARM, Sensitivity.ALCOHOL, Sensitivity.DRUGS,
})  # fmt: skip
# Where somebody lives and whom to ring may be what keeps them safe.
sections_never_for_proxies: Final[frozenset[Section]] = frozenset({
    Section.SAFEGUARDING, Section.DEMOGRAPHICS, Section.CONTACTS, Section.RISKS, Section.ALERTS,
})  # fmt: skip

OWN_PAGES_FROM: Final = 13  # NHS login; DPA 2018 s.9
ACTS_FROM: Final = 16
REVIEWED_AT: Final = 11
GROWN_AT: Final = 16  # presumed to have capacity (Mental Capacity Act 2005)
ADULT_AT: Final = 18
UNUSED_YEARS: Final = 5
WARNED_AT: Final[tuple[int, ...]] = (56, 28, 7)  # days before the end
# A review counts for a birthday from this long before it.
AHEAD: Final = timedelta(days=56)


def stands(proxy: Proxy, *, now: datetime) -> bool:
    """Whether somebody may act for the resident ``now``."""
    return (
        proxy.state is ProxyState.ACTIVE
        and proxy.from_at <= now
        and overtaken(proxy, now=now) is None
        and not waits_for_review(proxy, now=now)
    )


def overtaken(proxy: Proxy, *, now: datetime) -> ProxyReason | None:
    """Why the clock has ended it; None where it has not."""
    today = day_of(now)
    if _dead(proxy.resident, today):
        return ProxyReason.ROLE_DEACTIVATED_PATIENT_DIED
    if _dead(proxy.proxy_resident, today):
        return ProxyReason.ROLE_DEACTIVATED_PROXY_DIED
    if proxy.until_at is not None and proxy.until_at <= now:
        return ProxyReason.ROLE_DEACTIVATED_END_DATE
    if (grown := grows_up_at(proxy)) is not None and grown <= now:
        return ProxyReason.ROLE_DEACTIVATED_RELATIONSHIP
    unused_since = proxy.last_used_at or proxy.from_at
    if turns(day_of(unused_since), UNUSED_YEARS) <= today:
        return ProxyReason.ROLE_DEACTIVATED_UNUSED
    return None


def waits_for_review(proxy: Proxy, *, now: datetime) -> bool:
    """Whether a child has turned 11 since anybody last looked at what a parent may do for them."""
    if not proxy.legal_basis.of_childhood:
        return False
    eleventh = begins(turns(proxy.resident.born_on, REVIEWED_AT))
    return eleventh <= now and not _reviewed_for(proxy, eleventh)


def grows_up_at(proxy: Proxy) -> datetime | None:
    """When parental responsibility ends for this proxy: at 16, or at 18 where it was decided again for those years."""
    if not proxy.legal_basis.of_childhood:
        return None
    sixteenth = begins(turns(proxy.resident.born_on, GROWN_AT))
    return begins(turns(proxy.resident.born_on, ADULT_AT)) if _reviewed_for(proxy, sixteenth) else sixteenth


def ends_at(proxy: Proxy) -> datetime | None:
    """The first instant at which its own date or a birthday ends it; None where neither will."""
    return min((end for end in (proxy.until_at, grows_up_at(proxy)) if end is not None), default=None)


def longest(proxy: Proxy, basis: LegalBasis, *, first: bool, now: datetime) -> datetime | None:
    """The last end that may be given: parental responsibility is first decided up to 16, and again up to 18."""
    if not basis.of_childhood:
        return None
    sixteenth = begins(turns(proxy.resident.born_on, GROWN_AT))
    if first or now < sixteenth - AHEAD:
        return sixteenth
    return begins(turns(proxy.resident.born_on, ADULT_AT))


def could_do(resident: Resident, *, now: datetime) -> frozenset[AccessLevel]:
    """What the resident could do themself, and so the most they can let somebody else do."""
    old_enough = is_aged(resident, OWN_PAGES_FROM, now=now)
    return frozenset(AccessLevel) if old_enough and not _dead(resident, day_of(now)) else frozenset()


def is_aged(resident: Resident, years: int, *, now: datetime) -> bool:
    return turns(resident.born_on, years) <= day_of(now)


def sections_of(levels: frozenset[AccessLevel]) -> frozenset[Section]:
    """The parts of a record that ``levels`` open together."""
    return frozenset[Section]().union(*(level.sections for level in levels)) - sections_never_for_proxies


def turns(born_on: date, years: int) -> date:
    """The birthday. Somebody born on 29 February has it on 1 March in other years."""
    try:
        return born_on.replace(year=born_on.year + years)
    except ValueError:
        return date(born_on.year + years, 3, 1)


def day_of(now: datetime) -> date:
    return now.astimezone(LONDON).date()


def begins(day: date) -> datetime:
    """The instant a day begins in London, in UTC."""
    return datetime.combine(day, time.min, LONDON).astimezone(UTC)


def behalf(proxy: Proxy) -> Mapping[str, str]:
    """For the trail: whom a proxy acted for, as which proxy, on what basis."""
    return {"acting_for": proxy.resident_id, "proxy": proxy.id, "basis": proxy.legal_basis.value}


def _reviewed_for(proxy: Proxy, birthday: datetime) -> bool:
    return proxy.reviewed_at is not None and proxy.reviewed_at >= birthday - AHEAD


def _dead(resident: Resident, today: date) -> bool:
    return resident.died_on is not None and resident.died_on <= today
