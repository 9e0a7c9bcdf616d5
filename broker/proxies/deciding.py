"""The practice's part: who may act for its patients, decided, looked at again, paused and ended.

Only the practice a resident is registered with decides; to any other there is nothing to decide.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from broker.audit.trail import Trail
from broker.errors import Conflict, InvalidInput, NotFound, NotPermitted
from broker.identity.models import Relationship
from broker.proxies import changes, limits
from broker.proxies.models import Proxy
from broker.vocabulary import (
    AccessLevel,
    LegalBasis,
    NoticeKind,
    ProxyReason,
    ProxyState,
    RelationshipKind,
    Role,
)

VERIFIERS: Final = (Role.CLINICIAN, Role.ADMINISTRATOR, Role.IG_LEAD, Role.CALDICOTT_GUARDIAN)


LONGEST: Final = timedelta(days=2 * 366)  # then somebody looks again


@dataclass(frozen=True, slots=True)
class Verifier:
    """Who decides, for the practice that verified it. ``by`` is as the trail names them."""

    by: str
    organisation: str
    role: Role


def decide(
    session: Session,
    proxy: Proxy,
    *,
    verifier: Verifier,
    agree: bool,
    reason: ProxyReason | None = None,
    words: str = "",
    levels: frozenset[AccessLevel] | None = None,
    until: datetime | None = None,
    trail: Trail,
    now: datetime,
) -> None:
    """The practice's yes or no to an application. ``words`` are the evidence for a yes, the reason for a no. Commits.

    A yes gives at most what was asked, for two years at most. Raises NotPermitted or InvalidInput where the basis does
    not hold, Conflict where it was decided before.
    """
    must_verify(session, proxy, verifier, now=now)
    _must_be_in(proxy, ProxyState.PROPOSED)
    if not agree:
        why = reason or ProxyReason.OTHER
        changes.move(session, proxy, ProxyState.REJECTED, why, words=words, by=verifier.by, trail=trail, now=now)
        session.commit()
        return
    given = _given(proxy, levels, proxy.legal_basis, now=now)
    _must_hold(proxy, proxy.legal_basis, words=words, first=True, now=now)
    end = _end(proxy, proxy.legal_basis, until, first=True, now=now)
    why, after = ProxyReason.ROLE_ACTIVATED, ProxyState.ACTIVE
    fields = _granted(verifier, given, words, end=end, now=now)
    changes.move(session, proxy, after, why, words=words, by=verifier.by, trail=trail, now=now, from_at=now, **fields)
    changes.tell(session, proxy, resident=NoticeKind.PROXY_BEGUN, acting=NoticeKind.PROXY_MAY_ACT, now=now)
    session.commit()


def review(
    session: Session,
    proxy: Proxy,
    *,
    verifier: Verifier,
    basis: LegalBasis | None = None,
    words: str = "",
    levels: frozenset[AccessLevel] | None = None,
    until: datetime | None = None,
    trail: Trail,
    now: datetime,
) -> None:
    """Look at it again, and let it go on, or go on again, perhaps on another basis. Commits.

    On the same levels or fewer. A pause nobody was told of ends as quietly.
    """
    must_verify(session, proxy, verifier, now=now)
    _must_be_in(proxy, ProxyState.ACTIVE, ProxyState.SUSPENDED)
    basis, was_quiet = basis or proxy.legal_basis, proxy.quiet
    given = _given(proxy, levels, basis, now=now)
    _must_hold(proxy, basis, words=words, first=False, now=now)
    end = _end(proxy, basis, until, first=False, now=now)
    fields = _granted(verifier, given, words, end=end, now=now) | {"legal_basis": basis}
    why, after = ProxyReason.ROLE_REACTIVATED, ProxyState.ACTIVE
    changes.move(session, proxy, after, why, words=words, by=verifier.by, trail=trail, now=now, **fields)
    if not was_quiet:
        changes.tell(session, proxy, resident=NoticeKind.PROXY_BEGUN, acting=NoticeKind.PROXY_MAY_ACT, now=now)
    session.commit()


def suspend(
    session: Session,
    proxy: Proxy,
    *,
    verifier: Verifier,
    reason: ProxyReason,
    words: str = "",
    quiet: bool = False,
    trail: Trail,
    now: datetime,
) -> None:
    """Pause it at once. ``quiet``: nobody is told, and no page of either's shows it; only the trail does. Commits."""
    _close(session, proxy, ProxyState.SUSPENDED, reason, words, verifier=verifier, quiet=quiet, trail=trail, now=now)


def end(
    session: Session,
    proxy: Proxy,
    *,
    verifier: Verifier,
    reason: ProxyReason,
    words: str = "",
    quiet: bool = False,
    trail: Trail,
    now: datetime,
) -> None:
    """End it at once and for good: another application is needed. Commits."""
    _close(session, proxy, ProxyState.INACTIVE, reason, words, verifier=verifier, quiet=quiet, trail=trail, now=now)


def must_verify(session: Session, proxy: Proxy, verifier: Verifier, *, now: datetime) -> None:
    """Raises NotPermitted for a role that verifies nobody, NotFound for a practice the resident is not registered at.

    The operator acts for that practice, and is held to it too.
    """
    if verifier.role not in (*VERIFIERS, Role.OPERATOR):
        raise NotPermitted("role-not-verifier", "Somebody else at the practice decides who may act for a patient.")
    if verifier.organisation not in practices_of(session, proxy.resident_id, now=now):
        raise NotFound("proxy-unknown", "There is nobody like that.", field="proxy")


def practices_of(session: Session, resident: str, *, now: datetime) -> list[str]:
    """The practices that a resident is registered with ``now``."""
    return list(
        session.scalars(
            select(Relationship.organisation_code).where(*_registered(now), Relationship.resident_id == resident)
        )
    )


def at_practice(session: Session, practice: str, *, states: Collection[ProxyState], now: datetime) -> list[Proxy]:
    """The proxies of the residents registered with a practice, oldest first."""
    patients = select(Relationship.resident_id).where(*_registered(now), Relationship.organisation_code == practice)
    found = select(Proxy).where(Proxy.resident_id.in_(patients), Proxy.state.in_(states))
    return list(session.scalars(found.order_by(Proxy.from_at, Proxy.id)))


def _registered(now: datetime) -> tuple[Any, ...]:
    return (
        Relationship.kind == RelationshipKind.REGISTERED_PRACTICE,
        Relationship.from_at <= now,
        or_(Relationship.until_at.is_(None), Relationship.until_at > now),
    )


def _close(
    session: Session,
    proxy: Proxy,
    after: ProxyState,
    reason: ProxyReason,
    words: str,
    *,
    verifier: Verifier,
    quiet: bool,
    trail: Trail,
    now: datetime,
) -> None:
    must_verify(session, proxy, verifier, now=now)
    changes.move(session, proxy, after, reason, words=words, quiet=quiet, by=verifier.by, trail=trail, now=now)
    changes.tell(session, proxy, resident=NoticeKind.PROXY_STOPPED, now=now)
    session.commit()


def _given(
    proxy: Proxy, levels: frozenset[AccessLevel] | None, basis: LegalBasis, *, now: datetime
) -> frozenset[AccessLevel]:
    """What may be given: no more than was asked, and, where it rests on the resident's yes, than they could do."""
    chosen = proxy.levels if levels is None else levels
    most = proxy.levels & (limits.could_do(proxy.resident, now=now) if basis is LegalBasis.CONSENT else proxy.levels)
    if not chosen or not chosen <= most:
        raise InvalidInput("levels-wrong", "Choose at least one thing, and no more than was asked.", field="levels")
    return chosen


def _must_hold(proxy: Proxy, basis: LegalBasis, *, words: str, first: bool, now: datetime) -> None:
    """Raises NotPermitted where nobody may act on this basis now, InvalidInput where the evidence is missing."""
    if limits.day_of(now) >= (proxy.resident.died_on or date.max):
        raise NotPermitted("resident-died", "Nobody can act for somebody who has died.")
    if not limits.is_aged(proxy.proxy_resident, limits.ACTS_FROM, now=now):
        raise NotPermitted("proxy-too-young", "Somebody must be 16 or over to act for another.")
    if basis is LegalBasis.CONSENT and proxy.agreed_at is None:
        raise NotPermitted("proxy-not-agreed", "The resident has not agreed to this themself.")
    if basis.of_childhood:
        too_old = limits.GROWN_AT if first else limits.ADULT_AT
        if limits.is_aged(proxy.resident, too_old, now=now):
            raise NotPermitted(
                "proxy-grown-up", f"Parental responsibility does not reach somebody of {too_old} or over."
            )
    if basis.evidenced and not words.strip():
        raise InvalidInput(
            "evidence-missing",
            "Write down what you saw, and for a child of 11 or over how they were asked.",
            field="words",
        )


def _end(proxy: Proxy, basis: LegalBasis, until: datetime | None, *, first: bool, now: datetime) -> datetime:
    last = min(end for end in (now + LONGEST, limits.longest(proxy, basis, first=first, now=now)) if end is not None)
    if until is not None and not now < until <= now + LONGEST:
        raise InvalidInput("until-invalid", "It must end after today and within two years.", field="until")
    return last if until is None else min(until, last)


def _granted(
    verifier: Verifier, levels: frozenset[AccessLevel], words: str, *, end: datetime, now: datetime
) -> dict[str, Any]:
    return {
        "granted_by": verifier.organisation, "decided_by": verifier.by, "levels": levels, "evidence": words.strip(),
        "until_at": end, "reviewed_at": now, "review_due_at": end - limits.AHEAD, "warned": None, "last_used_at": now,
    }  # fmt: skip


def _must_be_in(proxy: Proxy, *states: ProxyState) -> None:
    if proxy.state not in states:
        raise Conflict("proxy-state-wrong", "This has been decided, or has ended. Look at it again.")
