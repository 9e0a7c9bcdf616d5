"""Who has come back from a provider: recognised by its kind's rules, or kept waiting for what they must still say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from broker.audit.trail import Trail
from broker.errors import NotAuthenticated
from broker.federation import residents, staff
from broker.federation.flow import Vouched, digest
from broker.federation.models import Arrival, IdentityProvider
from broker.federation.recognising import Recognised, Unlinked
from broker.identity.sessions import Proof
from broker.vocabulary import ProviderKind

WAITS = timedelta(minutes=15)
MOST_TRIES = 5


def recognise(
    session: Session, provider: IdentityProvider, vouched: Vouched, *, wanted: list[str], trail: Trail, now: datetime
) -> Recognised | Unlinked:
    """Somebody here, or somebody nobody here knows yet. Raises Refusal with words for why not. The caller commits."""
    match provider.kind:
        case ProviderKind.NHS_LOGIN:
            return residents.recognise(session, provider, vouched, wanted=wanted, trail=trail, now=now)
        case ProviderKind.CIS2:
            return staff.recognise_care_identity(session, provider, vouched, now=now)
        case ProviderKind.ORGANISATION:
            return staff.recognise_colleague(session, provider, vouched, now=now)


def wait(
    session: Session,
    provider: IdentityProvider,
    *,
    subject: str,
    proof: Proof | None,
    browser: str,
    way_back: str,
    now: datetime,
) -> None:
    """Keep who arrived in this browser, in place of anybody before. Without ``proof`` it can only be tied, not begun.

    Commits.
    """
    session.execute(delete(Arrival).where(Arrival.browser == digest(browser)))
    arrival = Arrival(
        browser=digest(browser),
        provider_id=provider.id,
        subject=subject,
        upstream_session=proof.session if proof else None,
        assurance=proof.assurance if proof else 0,
        proved_at=proof.at if proof else None,
        way_back=way_back,
        expires_at=now + WAITS,
    )
    session.add(arrival)
    session.commit()


def waiting(session: Session, provider: IdentityProvider, *, browser: str, now: datetime) -> Arrival:
    """Who waits in this browser. Raises NotAuthenticated where nobody does, or tried too often."""
    found = session.scalar(
        select(Arrival).where(
            Arrival.browser == digest(browser),
            Arrival.provider_id == provider.id,
            Arrival.expires_at > now,
            Arrival.tries < MOST_TRIES,
        )
    )
    if found is None:
        raise NotAuthenticated("arrival-over", "This took too long, or was tried too often. Sign in again.")
    return found


def tried(session: Session, arrival: Arrival) -> None:
    """Count a code that was not one. Commits."""
    arrival.tries += 1
    session.commit()


def proof_of(arrival: Arrival) -> Proof:
    """What was proved when they arrived. Only of an arrival that was kept with one."""
    assert arrival.assurance > 0, "who is not known yet has no session to begin"
    return Proof(
        arrival.provider_id, arrival.assurance, arrival.subject, arrival.upstream_session, at=arrival.proved_at
    )


def words_of(sent: Mapping[str, list[str]]) -> dict[str, str]:
    """What a browser brought back, each name once. Raises NotAuthenticated: twice means one thing to each reader."""
    if any(len(values) != 1 for values in sent.values()) or len(sent) > 12:
        raise NotAuthenticated("answer-malformed", "The answer from the sign-in service could not be read.")
    return {name: values[0] for name, values in sent.items()}
