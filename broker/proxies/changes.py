"""One change to a proxy: its state with the reason, its row of history and its entry on the trail, all or nothing.

Knows which moves there are (``states``), and nothing of who may make them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from broker.audit.trail import Event, Trail
from broker.errors import Conflict
from broker.notices import actions as notices
from broker.proxies.models import Proxy, ProxyAsking, ProxyChange
from broker.proxies.states import must_move
from broker.vocabulary import AuditAction, NoticeKind, ProxyReason, ProxyState

_MAY_BE_QUIET = frozenset({ProxyState.SUSPENDED, ProxyState.INACTIVE})


def begin(
    session: Session,
    proxy: Proxy,
    why: ProxyReason,
    *,
    asking: ProxyAsking | None = None,
    by: str,
    trail: Trail,
    now: datetime,
) -> None:
    """Keep a new proxy, proposed, as what ``asking`` asked for. The caller commits."""
    must_move(None, ProxyState.PROPOSED, why, "")
    proxy.state, proxy.reason = ProxyState.PROPOSED, why
    session.add(proxy)
    session.flush()
    if asking is not None:
        asking.proxy_id = proxy.id
    _write(session, proxy, before=None, words="", by=by, quiet=False, trail=trail, now=now)


def move(
    session: Session,
    proxy: Proxy,
    after: ProxyState,
    why: ProxyReason,
    *,
    words: str = "",
    quiet: bool = False,
    by: str,
    trail: Trail,
    now: datetime,
    **fields: Any,
) -> None:
    """Change the state, for a reason, with whatever ``fields`` go with it. The caller commits.

    What follows a quiet change is as quiet: an end nobody was told of began with a pause nobody was told of. Raises
    Conflict where somebody else changed it first, or the table has no such move.
    """
    before, was_quiet = proxy.state, proxy.quiet
    must_move(before, after, why, words)
    quiet_at = (proxy.quiet_at or now) if (quiet or was_quiet) and after in _MAY_BE_QUIET else None
    claimed = session.execute(
        update(Proxy)
        .where(Proxy.id == proxy.id, Proxy.state == before)
        .values(state=after, reason=why, quiet_at=quiet_at, **fields)
        .returning(Proxy.id)
        .execution_options(synchronize_session=False)
    )
    if claimed.one_or_none() is None:
        session.rollback()
        raise Conflict("proxy-state-wrong", "Somebody else has just changed this. Look at it again.")
    session.refresh(proxy)
    if after is ProxyState.ACTIVE:
        session.execute(delete(ProxyAsking).where(ProxyAsking.proxy_id == proxy.id))
    _write(session, proxy, before=before, words=words, by=by, quiet=quiet or was_quiet, trail=trail, now=now)


def appointed(session: Session, proxy: Proxy) -> bool:
    """Whether the resident named whoever is to act, and has had no yes yet: who there is, is not theirs to learn."""
    asking = select(ProxyAsking.id).where(ProxyAsking.proxy_id == proxy.id, ProxyAsking.appoints)
    return session.scalars(asking.limit(1)).first() is not None


def tell(
    session: Session, proxy: Proxy, *, resident: NoticeKind | None, acting: NoticeKind | None = None, now: datetime
) -> None:
    """Tell the resident, whoever acts, and the practice that granted it, in the caller's transaction.

    Of what is quiet nobody is told here. The practice that did it knows; the trail has it.
    """
    if proxy.quiet or proxy.granted_by is None or appointed(session, proxy):
        return
    about, practice = proxy.id, proxy.granted_by
    if resident is not None:
        told = [(proxy.resident_id, practice)]
        notices.tell(session, resident, about=about, residents=told, organisations=[practice], now=now)
    if acting is not None:
        notices.tell(session, acting, about=about, residents=[(proxy.proxy_resident_id, practice)], now=now)


def _write(
    session: Session,
    proxy: Proxy,
    *,
    before: ProxyState | None,
    words: str,
    by: str,
    quiet: bool,
    trail: Trail,
    now: datetime,
) -> None:
    session.add(
        ProxyChange(
            proxy_id=proxy.id,
            at=now,
            before=before,
            state=proxy.state,
            reason=proxy.reason,
            words=words.strip(),
            by=by,
            quiet=quiet,
        )
    )
    session.flush()
    session.expire(proxy, ["changes"])
    entry = Event(
        action=AuditAction.PROXY_CHANGED,
        actor=by,
        organisation=proxy.granted_by,
        resident=proxy.resident_id,
        body={
            "proxy": proxy.id,
            "state": proxy.state.value,
            "reason": proxy.reason.value,
            "basis": proxy.legal_basis.value,
            "levels": sorted(proxy.levels),
            "quiet": quiet or appointed(session, proxy),
        },
        note=words.strip() or None,
    )
    trail.append(session, entry, now=now)
