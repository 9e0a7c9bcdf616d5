"""Writing sharing agreements, signing them, and moving them through their states. Each act leaves one entry.

Nothing here puts a text in force for engines: ``governance.publishing`` does, with all that follows from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, selectinload

from broker.agreements.document import AgreementDocument, Written
from broker.agreements.models import COUNTS, LIVE, OPEN, TRANSITIONS, SharingAgreement, Signature
from broker.audit.trail import Event, Trail, locked_edge
from broker.errors import Conflict, InvalidInput, NotFound, NotPermitted, TrailUnavailable
from broker.identity.actions import actor_named
from broker.vocabulary import AgreementState, AuditAction, Role

SIGNING_ROLES = frozenset({Role.IG_LEAD, Role.CALDICOTT_GUARDIAN})
FEWEST_SIGNATORIES = 2  # people, in as many organisations


@dataclass(frozen=True)
class Signatory:
    """Who signs: one of a party's own people, in a role that may."""

    person: str
    name: str
    organisation: str
    role: Role


def draft(session: Session, written: Written, *, author: str, trail: Trail, now: datetime) -> SharingAgreement:
    """Keep a new agreement, or the next version of one, as a draft.

    Raises Conflict where a version of it is being worked on already, InvalidInput where there is nothing above it.
    """
    document = written.document
    if document.under is not None and _newest(session, document.under) is None:
        raise InvalidInput("agreement-parent-unknown", f"There is no agreement {document.under}.", field="under")
    newest = _newest(session, document.id)
    if newest is not None and newest.state in OPEN:
        raise Conflict(
            "agreement-being-changed", f"Version {newest.number} of {document.id} is {newest.state.label.lower()}."
        )
    agreement = SharingAgreement(
        id=document.id, number=newest.number + 1 if newest else 1, state=AgreementState.DRAFT, authors=[author]
    )
    _write(agreement, written, now=now)
    session.add(agreement)
    _entry(session, trail, agreement, by=author, now=now, act="drafted")
    return agreement


def edit(
    session: Session, agreement: SharingAgreement, written: Written, *, author: str, trail: Trail, now: datetime
) -> SharingAgreement:
    """Replace the text of a version not yet in force, in words or in comments. It is a draft again, and every signature
    on it is void."""
    if agreement.state not in OPEN:
        raise Conflict("agreement-not-open", "Only a draft can be changed. Draft the next version instead.")
    if written.document.id != agreement.id:
        raise InvalidInput("agreement-id-changed", "An agreement keeps its id.", field="id")
    _write(agreement, written, now=now)
    agreement.state = AgreementState.DRAFT
    agreement.authors = [*(each for each in agreement.authors if each != author), author]
    _void_signatures(agreement, now=now)
    _entry(session, trail, agreement, by=author, now=now, act="edited")
    return agreement


def sign(
    session: Session,
    agreement: SharingAgreement,
    *,
    signatory: Signatory,
    digest: str,
    impact: str | None = None,
    reason: str | None = None,
    trail: Trail,
    now: datetime,
) -> Signature:
    """One party signs exactly the text whose ``digest`` it read. The last signature approves the agreement.

    Raises Conflict where the text is not in review or is no longer that text, NotPermitted where this person may not
    sign it: its author never may, and nobody signs twice.
    """
    if agreement.state is not AgreementState.IN_REVIEW:
        raise Conflict("agreement-not-in-review", "Only an agreement in review can be signed.")
    if digest != agreement.digest:
        raise Conflict("agreement-changed", "The text has changed since you read it. Read it again.")
    if signatory.organisation not in parties_of(agreement):
        raise NotPermitted("not-a-party", "Only a party to the agreement can sign it.")
    if signatory.role not in SIGNING_ROLES:
        raise NotPermitted("role-may-not-sign", "An IG lead or a Caldicott Guardian signs for a party.")
    by = actor_named(signatory.person)
    if by in agreement.authors:
        raise NotPermitted("author-may-not-sign", "Whoever wrote this text cannot sign it. A colleague can.")
    for other in standing_signatures(agreement):
        if other.organisation_code == signatory.organisation:
            raise Conflict("signed-already", "Your organisation has signed this text.")
        if other.person_id == signatory.person:
            raise NotPermitted("signed-for-another", "You have signed this text for another party.")
    signature = Signature(
        organisation_code=signatory.organisation,
        digest=agreement.digest,
        signed_by=signatory.name,
        person_id=signatory.person,
        role=signatory.role,
        impact=impact,
        reason=reason,
        signed_at=now,
    )
    agreement.signatures.append(signature)
    _entry(
        session,
        trail,
        agreement,
        by=by,
        now=now,
        act="signed",
        action=AuditAction.AGREEMENT_SIGNED,
        signatory=signatory.organisation,
        impact=impact or "",
        note=reason,
    )
    if signed(agreement):
        move(session, agreement, to=AgreementState.APPROVED, by=by, trail=trail, now=now)
    return signature


def move(
    session: Session, agreement: SharingAgreement, *, to: AgreementState, by: str, trail: Trail, now: datetime
) -> SharingAgreement:
    """Move a version to its next state. Raises Conflict where the table of states does not allow it.

    Nothing comes into force before every party has signed this very text, and one version at most is in force.
    """
    if to not in TRANSITIONS[agreement.state]:
        raise Conflict(
            "agreement-state", f"An agreement that is {agreement.state.label.lower()} cannot become {to.label.lower()}."
        )
    if to in (AgreementState.APPROVED, AgreementState.IN_FORCE) and not signed(agreement):
        raise Conflict("agreement-not-signed", "Not every party has signed this text.")
    if to is AgreementState.DRAFT:
        _void_signatures(agreement, now=now)
    if to is AgreementState.IN_FORCE:
        _supersede(session, agreement, by=by, trail=trail, now=now)
    before, agreement.state, agreement.changed_at = agreement.state, to, now
    _entry(session, trail, agreement, by=by, now=now, act="moved", before=before.value)
    return agreement


def adopt(session: Session, written: Written, *, by: str, trail: Trail, now: datetime) -> SharingAgreement:
    """Bring in an agreement that the signatories it names have signed on paper, and put it in force.

    Raises Conflict where it does not name one for every party, or names fewer than two people.
    """
    agreement = draft(session, written, author=by, trail=trail, now=now)
    move(session, agreement, to=AgreementState.IN_REVIEW, by=by, trail=trail, now=now)
    for signatory in written.document.signatories:
        agreement.signatures.append(
            Signature(
                organisation_code=signatory.organisation,
                digest=agreement.digest,
                signed_by=signatory.name,
                signed_at=now,
            )
        )
        _entry(session, trail, agreement, by=by, now=now, act="signed-on-paper", signatory=signatory.organisation)
    move(session, agreement, to=AgreementState.APPROVED, by=by, trail=trail, now=now)
    return move(session, agreement, to=AgreementState.IN_FORCE, by=by, trail=trail, now=now)


def every(session: Session) -> list[SharingAgreement]:
    """The version of each agreement that counts, by id: what the policy is told of."""
    found: dict[str, SharingAgreement] = {}
    for version in session.scalars(_WITH_SIGNATURES.order_by(SharingAgreement.id, SharingAgreement.number.desc())):
        rival = found.get(version.id)
        if rival is None or COUNTS.index(version.state) < COUNTS.index(rival.state):
            found[version.id] = version
    return list(found.values())


def called(session: Session, id: str) -> SharingAgreement:
    """The version that counts of the agreement ``id``. Raises NotFound."""
    found = versions(session, id)
    if not found:
        raise NotFound("agreement-unknown", "There is no such agreement.", field="agreement")
    return min(found, key=lambda version: (COUNTS.index(version.state), -version.number))


def hold(session: Session, agreement: SharingAgreement) -> None:
    """Hold the trail until the commit, and read ``agreement`` and its signatures as they now are.

    Begin with it whatever is decided by its state: of two acts at once the second sees what the first did. Otherwise
    one could undo the other unseen, or two last signatures each take the other for missing.
    """
    session.flush()
    try:
        locked_edge(session.connection())
    except (SQLAlchemyError, ValueError) as error:
        raise TrailUnavailable("the trail cannot be written") from error
    session.refresh(agreement)
    session.refresh(agreement, ["signatures"])
    for signature in agreement.signatures:
        session.refresh(signature)


def version(session: Session, id: str, number: int) -> SharingAgreement:
    """One version of one agreement. Raises NotFound."""
    # A number too large for the database's own integer is no version either.
    found = session.get(SharingAgreement, (id, number)) if number < 2**31 else None
    if found is None:
        raise NotFound("agreement-unknown", "There is no such version of this agreement.", field="agreement")
    return found


def versions(session: Session, id: str) -> Sequence[SharingAgreement]:
    """Every version of one agreement, newest first; empty where there is none."""
    mine = _WITH_SIGNATURES.where(SharingAgreement.id == id).order_by(SharingAgreement.number.desc())
    return session.scalars(mine).all()


def standing_signatures(agreement: SharingAgreement) -> list[Signature]:
    """The signatures on the text as it now stands. One on an earlier text, or on one since taken back, counts for
    nothing."""
    return [each for each in agreement.signatures if each.stands_on(agreement.digest)]


def waiting_for(agreement: SharingAgreement) -> list[str]:
    """The parties that have yet to sign the text as it now stands, in the order the document names them."""
    done = {each.organisation_code for each in standing_signatures(agreement)}
    return [party for party in parties_of(agreement) if party not in done]


def signed(agreement: SharingAgreement) -> bool:
    """Whether every party has signed the text as it now stands, by at least two people."""
    people = {each.person_id or each.signed_by for each in standing_signatures(agreement)}
    return not waiting_for(agreement) and len(people) >= FEWEST_SIGNATORIES


def parties_of(agreement: SharingAgreement) -> list[str]:
    parties: Iterable[dict[str, Any]] = agreement.document["parties"]
    return [party["organisation"] for party in parties]


_WITH_SIGNATURES = select(SharingAgreement).options(selectinload(SharingAgreement.signatures))


def _newest(session: Session, id: str) -> SharingAgreement | None:
    number = session.scalar(select(func.max(SharingAgreement.number)).where(SharingAgreement.id == id))
    return None if number is None else session.get(SharingAgreement, (id, number))


def _void_signatures(agreement: SharingAgreement, *, now: datetime) -> None:
    for signature in agreement.signatures:
        signature.voided_at = signature.voided_at or now


def _supersede(session: Session, agreement: SharingAgreement, *, by: str, trail: Trail, now: datetime) -> None:
    """Make room for this version. One that is to start later must wait, or the time between would have neither."""
    for other in versions(session, agreement.id):
        if other is agreement or other.state not in LIVE:
            continue
        if agreement.from_at > now:
            raise Conflict("agreement-not-started", "This version starts later; the present one serves until then.")
        move(session, other, to=AgreementState.SUPERSEDED, by=by, trail=trail, now=now)


def _write(agreement: SharingAgreement, written: Written, *, now: datetime) -> None:
    document: AgreementDocument = written.document
    agreement.title = document.title
    agreement.level = document.level
    agreement.place_code = document.place
    agreement.under = document.under
    agreement.document = document.as_mapping()
    agreement.text = written.text
    agreement.conditions = written.conditions
    agreement.digest = written.digest
    agreement.from_at = document.from_at
    agreement.until_at = document.until_at
    agreement.changed_at = now


def _entry(
    session: Session,
    trail: Trail,
    agreement: SharingAgreement,
    *,
    by: str,
    now: datetime,
    act: str,
    action: AuditAction = AuditAction.AGREEMENT_CHANGED,
    note: str | None = None,
    **more: str,
) -> None:
    session.flush()
    body = {
        "agreement": agreement.id,
        "version": agreement.number,
        "digest": agreement.digest,
        "act": act,
        "state": agreement.state.value,
        **more,
    }
    trail.append(
        session, Event(action=action, actor=by, organisation=None, resident=None, body=body, note=note), now=now
    )
