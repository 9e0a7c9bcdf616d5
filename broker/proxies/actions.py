"""Asking that somebody may act for another, and the resident's own yes and stop. ``deciding`` is the practice's part.

Whoever asks is told the same whether or not there is such a person. Nobody who acts for another is here at all: what
a resident does about their proxies they do as themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from broker.audit.trail import Event, Trail
from broker.database import valid_nhs_number
from broker.errors import Conflict, InvalidInput, NotFound, NotPermitted
from broker.identity.actions import limit_lookups
from broker.identity.models import Resident
from broker.identity.tracing import numbered
from broker.proxies import changes, limits
from broker.proxies.models import Proxy, ProxyAsking
from broker.proxies.states import OPEN
from broker.settings import Settings
from broker.vocabulary import (
    AccessLevel,
    AuditAction,
    LegalBasis,
    NoticeKind,
    ProxyReason,
    ProxyRelation,
    ProxyState,
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: what they are to each other, on what basis, how far, and why, in the asker's words."""

    relation: ProxyRelation
    basis: LegalBasis
    levels: frozenset[AccessLevel]
    words: str = ""


def apply(
    session: Session,
    wish: Wish,
    *,
    asker: str,
    nhs_number: str,
    born_on: date,
    trail: Trail,
    settings: Settings,
    now: datetime,
) -> None:
    """A resident asks to act for somebody else, named by two identifiers. Tells nothing of whether they exist. Commits.

    Raises InvalidInput for what is wrong with the asking alone, and TooMany.
    """
    me = session.get_one(Resident, asker)
    _must_be_whole(wish)
    if not limits.is_aged(me, limits.ACTS_FROM, now=now):
        raise NotPermitted("proxy-too-young", "You must be 16 or over to act for somebody else.")
    found = _looked_for(session, asker, nhs_number, born_on, settings=settings, now=now)
    _ask(session, wish, resident=found, proxy=me, by=asker, agreed_at=None, trail=trail, now=now)


def appoint(
    session: Session,
    wish: Wish,
    *,
    resident: str,
    nhs_number: str,
    born_on: date,
    trail: Trail,
    settings: Settings,
    now: datetime,
) -> None:
    """A resident asks that somebody may act for them. It is their own yes; their practice decides. Commits.

    Raises NotPermitted for more than they could do themself. Tells nothing of whether the other exists.
    """
    me = session.get_one(Resident, resident)
    _must_be_whole(wish)
    if wish.basis is not LegalBasis.CONSENT:
        raise InvalidInput("basis-wrong", "You can let somebody act for you only by agreeing to it.", field="basis")
    if not wish.levels <= limits.could_do(me, now=now):
        raise NotPermitted("proxy-beyond-resident", "You cannot let somebody do more than you can do yourself.")
    found = _looked_for(session, resident, nhs_number, born_on, settings=settings, now=now)
    _ask(session, wish, resident=me, proxy=found, by=resident, agreed_at=now, trail=trail, now=now)


def answer(
    session: Session,
    proxy: Proxy,
    *,
    agree: bool,
    levels: frozenset[AccessLevel] | None = None,
    resident: str,
    trail: Trail,
    now: datetime,
) -> None:
    """The resident's own answer to somebody who asked to act for them: yes, as far as ``levels``, or no. Commits."""
    _must_be_own(proxy, resident)
    if proxy.state is not ProxyState.PROPOSED or proxy.agreed_at is not None:
        raise Conflict("proxy-answered", "This has already been answered.")
    if not agree:
        why = ProxyReason.APPLICATION_REJECTED_NO_CONSENT
        changes.move(session, proxy, ProxyState.REJECTED, why, by=_self(resident), trail=trail, now=now)
        session.commit()
        return
    chosen = proxy.levels if levels is None else levels
    if not chosen or not chosen <= proxy.levels or not chosen <= limits.could_do(proxy.resident, now=now):
        raise InvalidInput("levels-wrong", "Choose at least one thing, and no more than was asked.", field="levels")
    proxy.agreed_at, proxy.levels = now, chosen
    session.flush()
    _note(session, proxy, by=_self(resident), body={"act": "agreed", "levels": sorted(chosen)}, trail=trail, now=now)
    session.commit()


def stop(session: Session, proxy: Proxy, *, resident: str, trail: Trail, now: datetime) -> None:
    """The resident ends it, at once, whatever its basis and whether or not it has been decided. Commits.

    Whoever acted is not told: the next page they open is their own.
    """
    _must_be_own(proxy, resident)
    why = ProxyReason.ROLE_DEACTIVATED_REQUEST
    changes.move(session, proxy, ProxyState.INACTIVE, why, by=_self(resident), trail=trail, now=now)
    changes.tell(session, proxy, resident=NoticeKind.PROXY_STOPPED, now=now)
    session.commit()


def withdraw(session: Session, proxy: Proxy, *, asker: str, trail: Trail, now: datetime) -> None:
    """Whoever acts, or asked to, gives it up. Commits."""
    if proxy.proxy_resident_id != asker:
        raise _unknown()
    asked = proxy.state is ProxyState.PROPOSED
    why = ProxyReason.APPLICATION_WITHDRAWN if asked else ProxyReason.ROLE_DEACTIVATED_RELATIONSHIP
    changes.move(session, proxy, ProxyState.INACTIVE, why, by=_self(asker), trail=trail, now=now)
    changes.tell(session, proxy, resident=NoticeKind.PROXY_STOPPED, now=now)
    session.commit()


def of_resident(session: Session, resident: str, *, now: datetime) -> list[Proxy]:
    """Who may act for a resident, and who asks to, as the resident is shown it: of what ended or paused, nothing.

    Nor of whom they named themselves, until there is a yes: ``asked_by`` is that, without a name.
    """
    found = session.scalars(select(Proxy).where(Proxy.resident_id == resident).order_by(Proxy.from_at, Proxy.id))
    return [each for each in found if _asks(session, each) or limits.stands(each, now=now)]


def asked_by(session: Session, resident: str) -> list[ProxyAsking]:
    """What a resident asked, oldest first, whatever there is behind it."""
    theirs = select(ProxyAsking).where(ProxyAsking.resident_id == resident)
    return list(session.scalars(theirs.order_by(ProxyAsking.asked_at, ProxyAsking.id)))


def take_back(session: Session, asking_id: str, *, resident: str, trail: Trail, now: datetime) -> None:
    """Whoever asked thinks better of it, and sees it no more. What waits behind it, if anything, waits no longer.

    Raises NotFound for what is not theirs. Commits.
    """
    asking = session.get(ProxyAsking, asking_id)
    if asking is None or asking.resident_id != resident:
        raise NotFound("asking-unknown", "There is no such request of yours.", field="asking")
    proxy = session.get(Proxy, asking.proxy_id) if asking.proxy_id else None
    _note_asking(session, "taken-back", by=resident, trail=trail, now=now)
    if proxy is not None and proxy.state is ProxyState.PROPOSED:
        why = ProxyReason.APPLICATION_WITHDRAWN
        changes.move(session, proxy, ProxyState.INACTIVE, why, by=_self(resident), trail=trail, now=now)
    session.delete(asking)
    session.commit()


def _asks(session: Session, proxy: Proxy) -> bool:
    return proxy.state is ProxyState.PROPOSED and not changes.appointed(session, proxy)


def _must_be_whole(wish: Wish) -> None:
    if not wish.levels:
        raise InvalidInput("levels-wrong", "Choose at least one thing.", field="levels")
    if wish.basis.evidenced and not wish.words.strip():
        raise InvalidInput("evidence-missing", "Say what shows that you may act for them.", field="words")


def _looked_for(
    session: Session, asker: str, nhs_number: str, born_on: date, *, settings: Settings, now: datetime
) -> Resident | None:
    digits = valid_nhs_number(nhs_number)
    limit_lookups(session, _self(asker), settings=settings, now=now)
    found: Resident | None = session.scalar(select(Resident).where(numbered(digits), Resident.born_on == born_on))
    return None if found is None or found.id == asker else found


def _ask(
    session: Session,
    wish: Wish,
    *,
    resident: Resident | None,
    proxy: Resident | None,
    by: str,
    agreed_at: datetime | None,
    trail: Trail,
    now: datetime,
) -> None:
    """Keep the application, where there is one to keep; where there is not, or one is open, only that it was made.

    Whoever asked sees the same of each: that they asked, on their page and on their trail.
    """
    before = None
    asking = ProxyAsking(resident_id=by, appoints=resident is not None and resident.id == by, asked_at=now)
    session.add(asking)
    _note_asking(session, "asked", by=by, trail=trail, now=now)
    if resident is not None and proxy is not None:
        pair = select(Proxy).where(Proxy.resident_id == resident.id, Proxy.proxy_resident_id == proxy.id)
        kept = pair.where(Proxy.state != ProxyState.ENTERED_IN_ERROR).order_by(Proxy.from_at.desc())
        before = session.scalars(kept).first()
    if resident is None or proxy is None or (before is not None and before.state in OPEN):
        about = by if asking.appoints else before.resident_id if before else None
        _asked_in_vain(session, before, resident=about, by=_self(by), trail=trail, now=now)
        return
    fields: dict[str, Any] = {
        "relation": wish.relation, "legal_basis": wish.basis, "levels": wish.levels, "evidence": wish.words.strip(),
        "agreed_at": agreed_at, "from_at": now, "until_at": None,
    }  # fmt: skip
    if before is None:
        made = Proxy(resident_id=resident.id, proxy_resident_id=proxy.id, **fields)
        why = ProxyReason.APPLICATION_SUBMITTED
        changes.begin(session, made, why, asking=asking, by=_self(by), trail=trail, now=now)
    else:
        again: dict[str, Any] = {
            "reviewed_at": None,
            "review_due_at": None,
            "last_used_at": None,
            "warned": None,
            "birthday": None,
        }
        session.execute(update(ProxyAsking).where(ProxyAsking.proxy_id == before.id).values(proxy_id=None))
        asking.proxy_id = before.id
        why, after = ProxyReason.APPLICATION_RESUBMITTED, ProxyState.PROPOSED
        changes.move(session, before, after, why, by=_self(by), trail=trail, now=now, **fields, **again)
    session.commit()


def _asked_in_vain(
    session: Session, before: Proxy | None, *, resident: str | None, by: str, trail: Trail, now: datetime
) -> None:
    """On the trail, and quietly: an asker who could see it would learn who there is, or what stands."""
    event = Event(
        action=AuditAction.PROXY_CHANGED,
        actor=by,
        resident=resident,
        body={"act": "asked-in-vain", "proxy": before.id if before else None, "quiet": True},
    )
    trail.append(session, event, now=now)
    session.commit()


def _note_asking(session: Session, act: str, *, by: str, trail: Trail, now: datetime) -> None:
    session.flush()
    event = Event(action=AuditAction.PROXY_CHANGED, actor=_self(by), resident=by, body={"act": act})
    trail.append(session, event, now=now)


def _note(session: Session, proxy: Proxy, *, by: str, body: dict[str, Any], trail: Trail, now: datetime) -> None:
    event = Event(
        action=AuditAction.PROXY_CHANGED, actor=by, resident=proxy.resident_id, body={"proxy": proxy.id, **body}
    )
    trail.append(session, event, now=now)


def _must_be_own(proxy: Proxy, resident: str) -> None:
    """Raises NotFound for anybody but the resident, and for what the resident is not shown."""
    if proxy.resident_id != resident or proxy.state not in (ProxyState.PROPOSED, ProxyState.ACTIVE):
        raise _unknown()


def _self(resident: str) -> str:
    return f"resident:{resident}"


def _unknown() -> NotFound:
    return NotFound("proxy-unknown", "There is nobody like that.", field="proxy")
