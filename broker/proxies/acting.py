"""Acting for somebody: whether it stands now, whom one may act for, and beginning to. Decides nothing of a record."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.audit.trail import Event, Trail
from broker.errors import NotFound
from broker.proxies.limits import behalf, stands
from broker.proxies.models import Proxy
from broker.vocabulary import AuditAction, ProxyState


def standing_for(session: Session, *, proxy_resident: str, resident: str, now: datetime) -> Proxy | None:
    """The proxy by which one may act for the other ``now``; None, without a word of why, where there is none."""
    found = session.scalars(
        select(Proxy).where(
            Proxy.resident_id == resident,
            Proxy.proxy_resident_id == proxy_resident,
            Proxy.state == ProxyState.ACTIVE,
        )
    )
    return next((proxy for proxy in found if stands(proxy, now=now)), None)


def acts_for(session: Session, proxy_resident: str, *, now: datetime) -> list[Proxy]:
    """Those by which somebody may act ``now``. Of any other they learn nothing: not that it ended, nor that it was."""
    found = session.scalars(
        select(Proxy)
        .where(Proxy.proxy_resident_id == proxy_resident, Proxy.state == ProxyState.ACTIVE)
        .order_by(Proxy.from_at, Proxy.id)
    )
    return [proxy for proxy in found if stands(proxy, now=now)]


def begin(session: Session, proxy_id: str, *, proxy_resident: str, trail: Trail, now: datetime) -> Proxy:
    """Begin to act: the use is noted, and on the trail of the resident acted for. Commits.

    Raises NotFound alike for one that is another's, was never there, has ended or is suspended.
    """
    proxy = session.get(Proxy, proxy_id)
    if proxy is None or proxy.proxy_resident_id != proxy_resident or not stands(proxy, now=now):
        raise NotFound("proxy-unknown", "There is nobody like that you may act for.", field="proxy")
    proxy.last_used_at = now
    session.flush()
    event = Event(
        action=AuditAction.PROXY_ACTED,
        actor=f"resident:{proxy_resident}",
        resident=proxy.resident_id,
        body={"acting": behalf(proxy)},
    )
    trail.append(session, event, now=now)
    session.commit()
    return proxy
