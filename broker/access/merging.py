"""Make two residents who are one person one resident, because somebody says so on purpose.

What was refused is carried over, to whichever of the two stays: withheld sections, blocked organisations, a proxy
paused quietly, an entry called sensitive, the register's flag. What was permitted is not: it ends, and the resident is
asked again, since nobody agreed to more being found under it. Relationships and links move, for they are facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, delete, or_, select, update
from sqlalchemy.orm import Session

from broker.access.models import LastLook
from broker.audit.trail import Event, Trail
from broker.consent import keeping
from broker.consent.models import (
    AccessRequestRecord,
    AskingPreferences,
    Consent,
    LabelChoice,
    OrganisationBlock,
    PairingCode,
    Provision,
)
from broker.errors import Conflict, InvalidInput, NotFound
from broker.federation.models import FederatedIdentity
from broker.grants import actions as grants
from broker.identity import sessions
from broker.identity.models import (
    FormerNumber,
    Relationship,
    Resident,
    ResidentHandle,
    SignedInSession,
    SourceLink,
)
from broker.identity.tracing import must_be_whole
from broker.notices.models import Notice
from broker.proxies import changes
from broker.proxies.models import Proxy, ProxyAsking
from broker.proxies.states import OPEN
from broker.vocabulary import AuditAction, ConsentStatus, ProvisionType, ProxyReason, ProxyState, RequestState

_CHANGED = ProxyReason.ROLE_DEACTIVATED_RELATIONSHIP


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of what was kept of the one who is no longer kept apart."""

    refusals: int
    permissions_ended: int
    links: int
    relationships: int


def merge(session: Session, gone_id: str, into_id: str, *, by: str, trail: Trail, now: datetime) -> Merged:
    """Keep the resident ``gone_id`` as part of ``into_id`` from now on: all of it, or nothing. Commits.

    Raises NotFound, InvalidInput for one and the same, and Conflict where either is merged already, or their dates of
    birth differ: then they are not one person, or a date must be put right first.
    """
    gone, into = _both(session, gone_id, into_id)
    merged = Merged(
        refusals=_carry_refusals(session, gone, into, by=by, trail=trail, now=now),
        permissions_ended=_end_permissions(session, gone, by=by, trail=trail, now=now),
        links=_move_links(session, gone, into),
        relationships=_move_relationships(session, gone, into),
    )
    _move_the_rest(session, gone, into, now=now)
    _end_presence(session, gone, now=now)
    _join_numbers(session, gone, into, by=by, now=now)
    gone.merged_into_id = into.id
    session.execute(update(Resident).where(Resident.merged_into_id == gone.id).values(merged_into_id=into.id))
    session.flush()
    kept = {"act": "merged", "refusals": merged.refusals, "permissions_ended": merged.permissions_ended}
    for resident, body in ((into.id, kept), (gone.id, {"act": "merged-away"})):
        event = Event(action=AuditAction.RESIDENT_TRACED, actor=by, organisation=None, resident=resident, body=body)
        trail.append(session, event, now=now)
    session.commit()
    return merged


def _both(session: Session, gone_id: str, into_id: str) -> tuple[Resident, Resident]:
    if gone_id == into_id:
        raise InvalidInput("identity-same", "Name two residents: this is one and the same.", field="--into")
    gone, into = session.get(Resident, gone_id), session.get(Resident, into_id)
    if gone is None or into is None:
        raise NotFound("resident-unknown", "There is no such resident.")
    must_be_whole(gone)
    must_be_whole(into)
    if gone.born_on != into.born_on:
        raise Conflict("identity-differs", "Their dates of birth differ, so nothing says that they are one person.")
    return gone, into


def _carry_refusals(session: Session, gone: Resident, into: Resident, *, by: str, trail: Trail, now: datetime) -> int:
    carried = sum(_carry_choice(session, consent, gone, into) for consent in _active(session, gone))
    here = set(session.scalars(_blocks(into)))
    for code in session.scalars(_blocks(gone)):
        if code not in here:
            session.add(OrganisationBlock(resident_id=into.id, organisation_code=code, made_at=now))
            carried += 1
    session.execute(delete(OrganisationBlock).where(OrganisationBlock.resident_id == gone.id))
    carried += _carry_labels(session, gone, into, now=now)
    carried += _carry_pauses(session, gone, into, by=by, trail=trail, now=now)
    if gone.sensitive_since is not None and into.sensitive_since is None:
        into.sensitive_since = gone.sensitive_since
    return carried


def _carry_choice(session: Session, consent: Consent, gone: Resident, into: Resident) -> bool:
    """Keep a choice's refusals as a choice of the survivor's, as old as it was. Whether there were any.

    A FHIR Consent that the resident brought comes along whole: without its permission it can only keep back.
    """
    refusals = [each for each in consent.provisions if each.type is ProvisionType.DENY and each.ended_at is None]
    if not refusals and consent.document is None:
        return False
    own = consent.given_by == f"resident:{gone.id}"
    again = Consent(
        resident_id=into.id,
        status=ConsentStatus.ACTIVE,
        given_at=consent.given_at,
        given_by=f"resident:{into.id}" if own else consent.given_by,
        document=consent.document,
    )
    again.provisions.extend(
        Provision(
            type=ProvisionType.DENY,
            organisation_code=each.organisation_code,
            purposes=each.purposes,
            sections=each.sections,
            labels=each.labels,
            from_at=each.from_at,
            until_at=each.until_at,
        )
        for each in refusals
    )
    session.add(again)
    session.flush()
    return True


def _carry_labels(session: Session, gone: Resident, into: Resident, *, now: datetime) -> int:
    """An entry called sensitive stays so; that one is not sensitive was said of another record, and ends."""
    moved = 0
    for choice in session.scalars(select(LabelChoice).where(LabelChoice.resident_id == gone.id)):
        if choice.ended_at is None and not choice.applies:
            choice.ended_at = now
        elif choice.ended_at is None:
            opposite = (
                LabelChoice.resident_id == into.id,
                LabelChoice.entry == choice.entry,
                LabelChoice.sensitivity == choice.sensitivity,
                ~LabelChoice.applies,
                LabelChoice.ended_at.is_(None),
            )
            session.execute(update(LabelChoice).where(*opposite).values(ended_at=now))
            choice.resident_id = into.id
            moved += 1
    return moved


def _carry_pauses(session: Session, gone: Resident, into: Resident, *, by: str, trail: Trail, now: datetime) -> int:
    """A proxy that is suspended stays suspended, on whichever side of it the resident was; every other one ends.

    Where the survivor has let the same two people act already, theirs is suspended too, as quietly.
    """
    carried = 0
    theirs = or_(Proxy.resident_id == gone.id, Proxy.proxy_resident_id == gone.id)
    for proxy in list(session.scalars(select(Proxy).where(theirs, Proxy.state.in_(OPEN)))):
        two = (
            into.id if proxy.resident_id == gone.id else proxy.resident_id,
            into.id if proxy.proxy_resident_id == gone.id else proxy.proxy_resident_id,
        )
        if proxy.state is not ProxyState.SUSPENDED or two[0] == two[1]:
            _end_proxy(session, proxy, by=by, trail=trail, now=now)
            continue
        carried += 1
        pair = (Proxy.resident_id == two[0], Proxy.proxy_resident_id == two[1], Proxy.state.in_(OPEN))
        other = session.scalars(select(Proxy).where(*pair)).one_or_none()
        if other is None:
            proxy.resident_id, proxy.proxy_resident_id = two
            session.flush()
            continue
        quiet = proxy.quiet
        _end_proxy(session, proxy, by=by, trail=trail, now=now)
        if other.state is ProxyState.ACTIVE:
            why, after = ProxyReason.ROLE_SUSPENDED, ProxyState.SUSPENDED
            changes.move(session, other, after, why, quiet=quiet, by=by, trail=trail, now=now)
        elif other.state is ProxyState.PROPOSED:
            _end_proxy(session, other, by=by, trail=trail, now=now)
    session.execute(delete(ProxyAsking).where(ProxyAsking.resident_id == gone.id))
    return carried


def _end_proxy(session: Session, proxy: Proxy, *, by: str, trail: Trail, now: datetime) -> None:
    why = ProxyReason.ROLE_DEACTIVATED_REQUEST if proxy.state is ProxyState.PROPOSED else _CHANGED
    changes.move(session, proxy, ProxyState.INACTIVE, why, by=by, trail=trail, now=now)


def _end_permissions(session: Session, gone: Resident, *, by: str, trail: Trail, now: datetime) -> int:
    """End every choice of theirs, its relationship and the grants that stand on it; requests that wait run out."""
    ended = 0
    for consent in _active(session, gone):
        ended += any(each.type is ProvisionType.PERMIT and each.ended_at is None for each in consent.provisions)
        for provision in consent.provisions:
            provision.ended_at = provision.ended_at or now
        keeping.end(session, consent, now=now)
        grants.end_every(session, consent=consent.id, by=by, why="merged", trail=trail, now=now)
    grants.end_every(session, resident=gone.id, by=by, why="merged", trail=trail, now=now)
    waits = (AccessRequestRecord.resident_id == gone.id, AccessRequestRecord.state == RequestState.PENDING)
    session.execute(
        update(AccessRequestRecord).where(*waits, AccessRequestRecord.expires_at > now).values(expires_at=now)
    )
    return ended


def _move_links(session: Session, gone: Resident, into: Resident) -> int:
    """A source that knows both keeps the survivor's number there, or takes the other's where it has none."""
    here = {
        link.source_id: link for link in session.scalars(select(SourceLink).where(SourceLink.resident_id == into.id))
    }
    moved = 0
    for link in list(session.scalars(select(SourceLink).where(SourceLink.resident_id == gone.id))):
        known = here.get(link.source_id)
        if known is None:
            link.resident_id = into.id
            moved += 1
            continue
        known.local_id = known.local_id or link.local_id
        session.delete(link)
    return moved


def _move_relationships(session: Session, gone: Resident, into: Resident) -> int:
    moved = session.execute(
        update(Relationship)
        .where(Relationship.resident_id == gone.id, Relationship.source.not_like("consent %"))
        .values(resident_id=into.id)
        .returning(Relationship.id)
        .execution_options(synchronize_session=False)
    )
    return len(moved.all())


def _move_the_rest(session: Session, gone: Resident, into: Resident, *, now: datetime) -> None:
    session.execute(update(ResidentHandle).where(ResidentHandle.resident_id == gone.id).values(resident_id=into.id))
    session.execute(update(Notice).where(Notice.resident_id == gone.id).values(resident_id=into.id))
    session.execute(
        update(PairingCode)
        .where(PairingCode.resident_id == gone.id, PairingCode.used_at.is_(None), PairingCode.expires_at > now)
        .values(expires_at=now)
    )
    session.execute(
        delete(LastLook).where(or_(LastLook.resident_id == gone.id, LastLook.reader == f"resident:{gone.id}"))
    )
    chosen = session.get(AskingPreferences, gone.id)
    if chosen is not None and session.get(AskingPreferences, into.id) is None:
        session.add(
            AskingPreferences(
                resident_id=into.id,
                quiet_from=chosen.quiet_from,
                quiet_until=chosen.quiet_until,
                tell_of_joiners=chosen.tell_of_joiners,
            )
        )
    if chosen is not None:
        session.delete(chosen)


def _end_presence(session: Session, gone: Resident, *, now: datetime) -> None:
    """Sign them out everywhere. Who signs in next is matched anew, by number and date of birth."""
    sessions.end_every(session, resident=gone.id, now=now)
    session.execute(
        update(SignedInSession)
        .where(SignedInSession.acting_for_id == gone.id, SignedInSession.ended_at.is_(None))
        .values(ended_at=now)
    )
    session.execute(delete(FederatedIdentity).where(FederatedIdentity.resident_id == gone.id))


def _join_numbers(session: Session, gone: Resident, into: Resident, *, by: str, now: datetime) -> None:
    """Every number of theirs finds the survivor: the one in use here stays so, the others are former ones."""
    session.execute(update(FormerNumber).where(FormerNumber.resident_id == gone.id).values(resident_id=into.id))
    number, gone.nhs_number = gone.nhs_number, None
    session.flush()  # before it is given to the survivor: a number is one resident's
    if number is not None and into.nhs_number is None:
        into.nhs_number = number
    elif number is not None:
        session.add(FormerNumber(nhs_number=number, resident_id=into.id, superseded_at=now, told_by=by[:80]))


def _active(session: Session, resident: Resident) -> list[Consent]:
    which = (Consent.resident_id == resident.id, Consent.status == ConsentStatus.ACTIVE)
    return list(session.scalars(select(Consent).where(*which).order_by(Consent.given_at, Consent.id)))


def _blocks(resident: Resident) -> Select[str]:
    return select(OrganisationBlock.organisation_code).where(OrganisationBlock.resident_id == resident.id)
