"""Make, spend and end what people let partners' systems do. Each secret is random, kept as a digest, spent once.

Every claim is one conditional UPDATE, so that of any number of simultaneous uses exactly one succeeds.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.orm import Session

from broker.audit.trail import Event, Trail
from broker.grants.models import (
    AuthorizationCode,
    BackchannelRequest,
    Grant,
    ProofUse,
    PushedRequest,
    RefreshToken,
)
from broker.identity.models import AccessToken, AssertionUse, Client
from broker.vocabulary import AuditAction

CODE_SECONDS = 60  # FAPI 2.0 SP §5.3.2.1
# What is spent is kept a while, so that a second use is known for what it is.
_KEPT_AFTER = timedelta(days=1)


def new_secret() -> str:
    """256 random bits, as text that is safe in a URL."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def make(session: Session, grant: Grant, *, by: str, trail: Trail, now: datetime) -> Grant:
    """Keep a new grant, with its entry. The caller commits."""
    session.add(grant)
    session.flush()
    body = {
        "grant": grant.id,
        "client": grant.client_id,
        "scopes": grant.scopes.split(),
        "until": grant.ends_at.isoformat(),
    }
    _entry(session, trail, AuditAction.GRANT_MADE, grant, by=by, body=body, now=now)
    return grant


def claim_pushed(session: Session, request_uri: str, *, client: str, now: datetime) -> PushedRequest | None:
    """Use up a pushed request, for the answer to it; None where it is not there to be answered. Commits."""
    claimed = session.execute(
        update(PushedRequest)
        .where(
            PushedRequest.digest == digest(request_uri),
            PushedRequest.client_id == client,
            PushedRequest.answered_at.is_(None),
            PushedRequest.expires_at > now,
        )
        .values(answered_at=now)
        .returning(PushedRequest)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).scalar_one_or_none()
    session.commit()
    return claimed


def new_code(session: Session, code: AuthorizationCode) -> str:
    """Keep ``code`` under a new secret, and give the secret. The caller commits."""
    secret = new_secret()
    code.digest = digest(secret)
    session.add(code)
    return secret


def spend_code(
    session: Session, secret: str, *, client: str, trail: Trail, now: datetime
) -> tuple[AuthorizationCode, Grant] | None:
    """Spend a code, before anything else of the request is looked at. None where it cannot be spent.

    A code presented twice was seen by somebody else: what it gave is taken back (RFC 6749 §4.1.2). Commits.
    """
    found = session.get(AuthorizationCode, digest(secret))
    grant = session.get(Grant, found.grant_id) if found else None
    if found is None or grant is None or grant.client_id != client:
        return None
    spent = session.execute(
        update(AuthorizationCode)
        .where(AuthorizationCode.digest == found.digest, AuthorizationCode.spent_at.is_(None))
        .values(spent_at=now)
        .returning(AuthorizationCode.digest)
        .execution_options(synchronize_session=False)
    ).first()
    if spent is None:
        end(session, grant, by=f"client:{client}", why="code-used-twice", trail=trail, now=now)
    session.commit()
    session.refresh(found)
    return None if spent is None or now >= found.expires_at else (found, grant)


def new_refresh(session: Session, grant: Grant, *, jkt: str, now: datetime) -> str:
    """A refresh token for the key with thumbprint ``jkt``. The caller commits."""
    secret = new_secret()
    session.add(RefreshToken(digest=digest(secret), grant_id=grant.id, jkt=jkt, issued_at=now))
    return secret


def refresh_behind(session: Session, secret: str) -> tuple[RefreshToken, Grant] | None:
    """The refresh token with this text and its grant, revoked or not."""
    found = session.get(RefreshToken, digest(secret))
    grant = session.get(Grant, found.grant_id) if found else None
    return None if found is None or grant is None else (found, grant)


def in_use(grant: Grant, *, now: datetime) -> bool:
    return grant.ended_at is None and now < grant.ends_at


def hold(session: Session, grant: Grant) -> bool:
    """Whether a grant has not ended, and none can end it before the caller commits: so no token outlives its grant."""
    held = session.execute(
        update(Grant)
        .where(Grant.id == grant.id, Grant.ended_at.is_(None))
        .values(ended_at=None)
        .returning(Grant.id)
        .execution_options(synchronize_session=False)
    ).first()
    return held is not None


def end(session: Session, grant: Grant, *, by: str, why: str, trail: Trail, now: datetime) -> None:
    """End a grant: every token it gave is dead from now on. Ending it twice is no second act. The caller commits."""
    ended = session.execute(
        update(Grant)
        .where(Grant.id == grant.id, Grant.ended_at.is_(None))
        .values(ended_at=now)
        .returning(Grant.id)
        .execution_options(synchronize_session=False)
    ).first()
    if ended is None:
        return
    session.refresh(grant)
    _revoke(session, AccessToken.grant_id == grant.id, now=now)
    session.execute(
        update(RefreshToken)
        .where(RefreshToken.grant_id == grant.id, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    _entry(session, trail, AuditAction.GRANT_ENDED, grant, by=by, body={"grant": grant.id, "why": why}, now=now)


def end_every(
    session: Session,
    *,
    by: str,
    why: str,
    trail: Trail,
    now: datetime,
    client: str | None = None,
    organisation: str | None = None,
    person: str | None = None,
    resident: str | None = None,
    consent: str | None = None,
) -> int:
    """End every grant of one client, organisation, person, resident or consent, and every other token of theirs.

    Of an organisation, those of its clients and its workers; of a resident, those they gave themselves, also for
    somebody they act for. Gives how many grants ended. The caller commits.
    """
    grants: Sequence[ColumnElement[bool]] = _theirs(Grant, client, organisation, person, resident)
    if consent is not None:
        grants = [Grant.consent_id == consent]
    assert len(grants) == 1, "grants are ended for one somebody"
    ended = list(session.scalars(select(Grant).where(grants[0], Grant.ended_at.is_(None))))
    for grant in ended:
        end(session, grant, by=by, why=why, trail=trail, now=now)
    for theirs in _theirs(AccessToken, client, organisation, person, resident):
        _revoke(session, theirs, now=now)
    return len(ended)


def forget(session: Session, *, now: datetime) -> None:
    """Delete what ran out more than a day ago, and nothing that still says what a token was for. Commits."""
    before = now - _KEPT_AFTER
    for model in (ProofUse, AssertionUse, PushedRequest, AuthorizationCode):
        session.execute(delete(model).where(model.expires_at < before))
    session.execute(delete(BackchannelRequest).where(BackchannelRequest.expires_at < before - 30 * _KEPT_AFTER))
    session.execute(delete(AccessToken).where(AccessToken.expires_at < before))
    session.commit()


def _theirs(
    model: type[Grant] | type[AccessToken],
    client: str | None,
    organisation: str | None,
    person: str | None,
    resident: str | None,
) -> list[ColumnElement[bool]]:
    which: list[ColumnElement[bool]] = []
    if client is not None:
        which.append(model.client_id == client)
    if organisation is not None:
        its_clients = select(Client.id).where(Client.organisation_code == organisation)
        which.append(or_(model.organisation_code == organisation, model.client_id.in_(its_clients)))
    if person is not None:
        which.append(model.person_id == person)
    if resident is not None:
        which.append(_own(model, resident))
    return which


def _own(model: type[Grant] | type[AccessToken], resident: str) -> ColumnElement[bool]:
    """What a resident let systems do, for themselves or for somebody they act for; not what others let for them."""
    for_another = model.acting == f"resident:{resident}"
    by_another = and_(model.acting.is_not(None), model.acting.like("resident:%"))
    return or_(for_another, and_(model.resident_id == resident, ~by_another))


def _revoke(session: Session, which: ColumnElement[bool], *, now: datetime) -> None:
    session.execute(update(AccessToken).where(which, AccessToken.revoked_at.is_(None)).values(revoked_at=now))


def _entry(
    session: Session, trail: Trail, action: AuditAction, grant: Grant, *, by: str, body: dict[str, Any], now: datetime
) -> None:
    event = Event(action=action, actor=by, organisation=grant.organisation_code, resident=grant.resident_id, body=body)
    session.flush()
    trail.append(session, event, now=now)
