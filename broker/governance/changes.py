"""What changing a sharing agreement does: to its state, to permissions that rest on it, and to whoever must be told.

Each act is one transaction, ends in a published revision where what engines enforce has changed, and lifts no rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.access.parts import Broker
from broker.agreements import actions
from broker.agreements.actions import Signatory
from broker.agreements.difference import Difference, difference
from broker.agreements.document import AgreementDocument, Written, from_stored
from broker.agreements.models import COUNTS, LIVE, SharingAgreement, Signature
from broker.consent import outgrown
from broker.consent.models import Provision
from broker.errors import Conflict, InvalidInput
from broker.governance import impact
from broker.governance.beneath import Widened, widened
from broker.governance.models import ImpactReport
from broker.governance.publishing import publish
from broker.identity.models import Neighbourhood, Relationship, Resident
from broker.notices import actions as notices
from broker.vocabulary import AgreementState, Confidentiality, NoticeKind


@dataclass(frozen=True)
class Effects:
    """Whom a change touches. ``residents`` pairs each with the organisation they share with under this agreement.

    ``running_out`` are the permissions that end because the agreement grew in a way they do not speak of.
    """

    kind: NoticeKind
    changes: Difference
    residents: tuple[tuple[str, str], ...]
    running_out: tuple[Provision, ...]
    organisations: tuple[str, ...]

    @property
    def people(self) -> int:
        return len({resident for resident, _ in self.residents})


def submit(broker: Broker, session: Session, agreement: SharingAgreement, *, by: str, now: datetime) -> None:
    """Send a draft to its parties for review. Commits."""
    actions.hold(session, agreement)
    actions.move(session, agreement, to=AgreementState.IN_REVIEW, by=by, trail=broker.trail, now=now)
    session.commit()


def call_back(broker: Broker, session: Session, agreement: SharingAgreement, *, by: str, now: datetime) -> None:
    """Take a version back to its author, as a draft. Signatures on it count no more once it is changed. Commits."""
    actions.hold(session, agreement)
    actions.move(session, agreement, to=AgreementState.DRAFT, by=by, trail=broker.trail, now=now)
    session.commit()


def work_out(broker: Broker, session: Session, agreement: SharingAgreement, *, by: str, now: datetime) -> ImpactReport:
    """Work out what a version would do. Raises Conflict once a party has signed on the report there is. Commits."""
    if actions.standing_signatures(agreement):
        raise Conflict(
            "signed-already", "A party has signed on the report there is. Call the text back to do it again."
        )
    return impact.report(broker, session, agreement, by=by, now=now)


def approve(
    broker: Broker,
    session: Session,
    agreement: SharingAgreement,
    *,
    signatory: Signatory,
    digest: str,
    impact_digest: str,
    reason: str | None,
    now: datetime,
) -> Signature:
    """One party signs this text, and that it has read what this text would do. Commits.

    Raises Conflict where text or report is not the one that was read, InvalidInput where the report lists sensitive
    information newly permitted and the signatory gives no reason for it.
    """
    actions.hold(session, agreement)
    report = impact.latest(session, agreement)
    if report is None:
        raise Conflict("impact-missing", "Work out first what this text would do.")
    if report.digest != impact_digest:
        raise Conflict("impact-changed", "The report has been worked out again since you read it. Read it again.")
    impact.verify(broker, report)
    signatures = actions.standing_signatures(agreement)
    if not (signatures or impact.stands(session, report)):
        raise Conflict("impact-stale", "The rules in force have changed since it was worked out. Work it out again.")
    if any(each.impact != report.digest for each in signatures):
        raise Conflict("impact-changed", "Another party has signed on an earlier report. Call the text back first.")
    reason = (reason or "").strip() or None
    if report.report["sensitive"] and reason is None:
        raise InvalidInput("reason-missing", "Say why this sensitive information is needed.", field="reason")
    signature = actions.sign(
        session,
        agreement,
        signatory=signatory,
        digest=digest,
        impact=report.digest,
        reason=reason,
        trail=broker.trail,
        now=now,
    )
    session.commit()
    return signature


def put_in_force(broker: Broker, session: Session, agreement: SharingAgreement, *, by: str, now: datetime) -> Effects:
    """Put an approved version in force, in place of any before it, and publish. Commits.

    Permissions that it outgrows run out in the same transaction, so that the wider text never rests on them.
    """
    actions.hold(session, agreement)
    found = effects(session, agreement, now=now)
    actions.move(session, agreement, to=AgreementState.IN_FORCE, by=by, trail=broker.trail, now=now)
    ended = _let_run_out(broker, session, agreement, found.running_out, by=by, now=now)
    others = [pair for pair in found.residents if pair not in ended]
    _tell(session, agreement, found.kind, others, found.organisations, now)
    publish(broker, session, by=by, now=now)
    return found


def suspend(broker: Broker, session: Session, agreement: SharingAgreement, *, by: str, now: datetime) -> Effects:
    """Stop sharing under an agreement for now. Bites on the next request. Commits."""
    return _stop_or_go(broker, session, agreement, AgreementState.SUSPENDED, by=by, now=now)


def resume(broker: Broker, session: Session, agreement: SharingAgreement, *, by: str, now: datetime) -> Effects:
    """Put a suspended agreement back in force. Commits."""
    actions.hold(session, agreement)
    if agreement.state is not AgreementState.SUSPENDED:
        raise Conflict("agreement-state", "Only a suspended agreement can be resumed.")
    return _stop_or_go(broker, session, agreement, AgreementState.IN_FORCE, by=by, now=now)


def end(broker: Broker, session: Session, agreement: SharingAgreement, *, by: str, now: datetime) -> Effects:
    """End an agreement, or give up a version that never came into force. Commits."""
    return _stop_or_go(broker, session, agreement, AgreementState.ENDED, by=by, now=now)


def due(session: Session, *, now: datetime) -> list[SharingAgreement]:
    """Approved versions whose first day has come: each waits only to be put in force."""
    approved = SharingAgreement.state == AgreementState.APPROVED
    found = select(SharingAgreement).where(approved, SharingAgreement.from_at <= now).order_by(SharingAgreement.id)
    return list(session.scalars(found))


def effects(session: Session, agreement: SharingAgreement, *, now: datetime) -> Effects:
    """Whom putting ``agreement`` in force would touch, told from the version that is live."""
    new, before = written(agreement), _last_served(session, agreement)
    old = written(before) if before else None
    changes = difference(old, new)
    texts = [new.document] + ([old.document] if old else [])
    permissions = _permissions(session, texts, now=now)
    outgrown_here = permissions if old is not None and changes.asks_again else []
    beneath = _beneath(session, widened(session, agreement), now=now) if old is not None else []
    return Effects(
        kind=_kind(changes, first=old is None),
        changes=changes,
        residents=() if old is None else _touched(session, texts, [*permissions, *beneath], changes, now=now),
        running_out=tuple(dict.fromkeys([*outgrown_here, *beneath])),
        organisations=tuple(dict.fromkeys(party.organisation for text in texts for party in text.parties)),
    )


def sharing_under(session: Session, agreement: SharingAgreement, *, now: datetime) -> tuple[tuple[str, str], ...]:
    """Each resident who shares by permission under a live agreement, with the organisation they share with."""
    if agreement.state not in LIVE:
        return ()
    held = _permissions(session, [from_stored(agreement.document)], now=now)
    return tuple(sorted({(each.consent.resident_id, each.organisation_code or "") for each in held}))


def written(agreement: SharingAgreement) -> Written:
    """A version as its author wrote it."""
    return Written(from_stored(agreement.document), agreement.text, agreement.conditions)


def _last_served(session: Session, agreement: SharingAgreement) -> SharingAgreement | None:
    """The version that is live or, where none is, the newest that was signed and has ended: permissions outlive it."""
    served = [
        each
        for each in actions.versions(session, agreement.id)
        if each is not agreement
        and (each.state in LIVE or (each.state is AgreementState.ENDED and actions.signed(each)))
    ]
    return min(served, key=lambda each: COUNTS.index(each.state), default=None)


def _kind(changes: Difference, *, first: bool) -> NoticeKind:
    if first:
        return NoticeKind.AGREEMENT_BEGUN
    if changes.wider:
        return NoticeKind.AGREEMENT_WIDER
    return NoticeKind.AGREEMENT_NARROWER if changes.narrower else NoticeKind.AGREEMENT_CHANGED


def _permissions(session: Session, texts: Sequence[AgreementDocument], *, now: datetime) -> list[Provision]:
    receivers = {organisation for text in texts for organisation in text.receivers}
    purposes = {below for text in texts for purpose in text.purposes for below in purpose.reach}
    return outgrown.standing(session, organisations=receivers, purposes=purposes, now=now)


def _beneath(session: Session, found: Sequence[Widened], *, now: datetime) -> list[Provision]:
    """The permissions under other agreements that open more because of a change."""
    permissions: list[Provision] = []
    for each in found:
        held = _permissions(session, [each.text], now=now)
        if each.place is not None:
            here = _living_in(session, each.place, {permission.consent.resident_id for permission in held})
            held = [permission for permission in held if permission.consent.resident_id in here]
        permissions += held
    return permissions


def _living_in(session: Session, place: str, residents: set[str]) -> set[str]:
    there = select(Resident.id).join(Neighbourhood, Neighbourhood.code == Resident.neighbourhood_code)
    return set(session.scalars(there.where(Neighbourhood.place_code == place, Resident.id.in_(residents))))


def _touched(
    session: Session,
    texts: Sequence[AgreementDocument],
    permissions: Sequence[Provision],
    changes: Difference,
    *,
    now: datetime,
) -> tuple[tuple[str, str], ...]:
    """Each resident with the organisation they share with; nobody where only the wording changed.

    Where sharing rests on implied consent, those are the residents whom a receiving organisation is caring for.
    """
    if not (changes.wider or changes.narrower):
        return ()
    pairs = {(each.consent.resident_id, each.organisation_code or "") for each in permissions}
    implied = [text for text in texts if text.confidentiality is not Confidentiality.EXPLICIT]
    pairs |= _cared_for(session, {code for text in implied for code in text.receivers}, now=now)
    return tuple(sorted(pairs))


def _cared_for(session: Session, organisations: set[str], *, now: datetime) -> set[tuple[str, str]]:
    found = session.execute(
        select(Relationship.resident_id, Relationship.organisation_code, Relationship.until_at).where(
            Relationship.organisation_code.in_(organisations), Relationship.from_at <= now
        )
    )
    return {(row.resident_id, row.organisation_code) for row in found if row.until_at is None or now < row.until_at}


def _stop_or_go(
    broker: Broker, session: Session, agreement: SharingAgreement, to: AgreementState, *, by: str, now: datetime
) -> Effects:
    told = {
        AgreementState.SUSPENDED: NoticeKind.AGREEMENT_SUSPENDED,
        AgreementState.IN_FORCE: NoticeKind.AGREEMENT_RESUMED,
        AgreementState.ENDED: NoticeKind.AGREEMENT_ENDED,
    }[to]
    actions.hold(session, agreement)
    was_live = agreement.state in LIVE
    pairs = sharing_under(session, agreement, now=now)
    loosened = was_live and to is AgreementState.ENDED and bool(agreement.document["narrows"])
    running_out = _beneath(session, widened(session, agreement, ending=True), now=now) if loosened else []
    actions.move(session, agreement, to=to, by=by, trail=broker.trail, now=now)
    _let_run_out(broker, session, agreement, running_out, by=by, now=now)
    parties = tuple(actions.parties_of(agreement))
    if was_live:
        _tell(session, agreement, told, pairs, parties, now)
        publish(broker, session, by=by, now=now)
    else:
        session.commit()
    return Effects(told, Difference(()), pairs, tuple(running_out), parties)


def _let_run_out(
    broker: Broker,
    session: Session,
    agreement: SharingAgreement,
    permissions: Sequence[Provision],
    *,
    by: str,
    now: datetime,
) -> set[tuple[str, str]]:
    """End permissions that an agreement has outgrown, and tell those who gave and those who held them."""
    ended = {(each.consent.resident_id, each.organisation_code or "") for each in permissions}
    outgrown.run_out(session, permissions, by=by, trail=broker.trail, now=now)
    _tell(session, agreement, NoticeKind.PERMISSION_RUN_OUT, sorted(ended), sorted({who for _, who in ended}), now)
    return ended


def _tell(
    session: Session,
    agreement: SharingAgreement,
    kind: NoticeKind,
    residents: Sequence[tuple[str, str]],
    organisations: Sequence[str],
    now: datetime,
) -> None:
    about = f"{agreement.id}/{agreement.number}"
    notices.tell(session, kind, about=about, residents=residents, organisations=organisations, now=now)
