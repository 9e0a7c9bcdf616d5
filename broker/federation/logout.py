"""A provider's word that somebody signed out there (OpenID Connect Back-Channel Logout 1.0). Ends nothing itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from broker.federation.id_tokens import AHEAD, SKEW, check_audience, instant_of, text_of
from broker.federation.models import IdentityProvider, LogoutTokenUse
from broker.federation.signatures import NotBelieved, read

EVENT = "http://schemas.openid.net/event/backchannel-logout"
OLDEST = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class SignedOut:
    """Whom a provider signed out: everywhere, where it names no session of its own."""

    subject: str | None
    session: str | None


def take(session: Session, provider: IdentityProvider, text: str, *, now: datetime) -> SignedOut:
    """Believe a logout token, once (§2.6). Raises NotBelieved. The caller commits, or the token may come again."""
    header, said = read(text, provider.jwks, algorithms=provider.algorithms)
    if str(header.get("typ", "")).lower() not in ("logout+jwt", "application/logout+jwt"):
        raise NotBelieved("token-type-wrong")
    check_audience(provider, said)
    issued, jti = instant_of(said, "iat"), text_of(said, "jti")
    if issued is None or not now - OLDEST <= issued <= now + AHEAD:
        raise NotBelieved("token-not-of-now")
    if "exp" in said and not ((expires := instant_of(said, "exp")) and now < expires + SKEW):
        raise NotBelieved("token-expired")
    events = said.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict) or "nonce" in said:
        raise NotBelieved("token-type-wrong")
    found = SignedOut(subject=text_of(said, "sub"), session=text_of(said, "sid"))
    if found.subject is None and found.session is None:
        raise NotBelieved("token-subject-missing")
    if jti is None or len(jti) > 200 or not _first_use(session, provider, jti, until=issued + OLDEST + AHEAD):
        raise NotBelieved("token-used")
    return found


def _first_use(session: Session, provider: IdentityProvider, jti: str, *, until: datetime) -> bool:
    session.add(LogoutTokenUse(provider_id=provider.id, jti=jti, expires_at=until))
    try:
        session.flush()
    except IntegrityError:
        session.rollback()
        return False
    return True
