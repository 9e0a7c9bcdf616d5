"""Make the rules and agreements as they now stand the revision in force, whole and signed, or put an older one back.

Never changes an agreement: what it publishes is what the agreements say, or said. What people stopped since an older
revision stays stopped when that revision is put back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from broker.access.engines import Bundle, Unread, strict
from broker.access.engines.bundle_file import bundle_files, own_modules
from broker.access.parts import Broker
from broker.access.policy import revision_in_force, signed_bundle
from broker.agreements import actions, bundle
from broker.agreements.canonical import canonical
from broker.agreements.models import PolicyRevision
from broker.audit.trail import Event, locked_edge
from broker.errors import Conflict, EngineUnavailable, EngineUnclear, NotFound, TrailUnavailable
from broker.governance import stricter
from broker.vocabulary import AuditAction

_LEAST = timedelta(microseconds=1)  # between two revisions, so that every one is newer than the last


def publish(broker: Broker, session: Session, *, by: str, now: datetime) -> PolicyRevision:
    """Make what now stands the revision in force. Commits.

    Call it in the transaction of every change to an agreement: an engine that still holds the older revision refuses.
    It ends a rollback, if there is one.
    """
    _one_at_a_time(session)
    modules, parts, count = broker.workings.of(session)
    return _publish(broker, session, modules | own_modules(), parts, count, by=by, now=now)


def rollback(broker: Broker, session: Session, *, to: str, by: str, now: datetime) -> PolicyRevision:
    """Put the rules and the agreements' texts of the revision ``to`` back in force, as a new revision. Commits.

    For when what was published turns out wrong and there is no time to put it right. No agreement is changed, so the
    agreements in the database are newer than what is enforced, and the next ``publish`` ends the rollback. Whatever was
    suspended, ended, superseded or shortened since stays so; where a text was made narrower since, or conditions were
    added to it, nothing is put back.

    Raises NotFound where ``to`` was never published or is in force, Conflict where its signature is no longer accepted
    or where it would permit what has been narrowed since: ``detail`` names those agreements.
    """
    _one_at_a_time(session)
    older = _older(broker, session, to)
    session.expire_all()
    rows = actions.every(session)
    present = bundle.build_data(rows)["agreements"]
    modules = {**older.modules, **older.own}
    data = {name: part for name, part in older.data[strict.DATA_ROOT].items() if name != "revision"}
    conditions = {row.id: row.conditions for row in rows}
    data = stricter.of_both(data, modules, present=present, conditions=conditions, to=to)
    count = len(data["agreements"])
    return _publish(broker, session, modules, bundle.parts_of(data), count, by=by, now=now, restores=to)


def _one_at_a_time(session: Session) -> None:
    """Hold the trail until the commit, before reading: of two publications at once the second sees what the first did.

    Otherwise each would leave out the other's change, and what one of them suspended would be in force again.
    """
    session.flush()
    try:
        locked_edge(session.connection())
    except (SQLAlchemyError, ValueError) as error:
        raise TrailUnavailable("the trail cannot be written") from error


def _older(broker: Broker, session: Session, to: str) -> Bundle:
    if to == revision_in_force(session):
        raise NotFound("revision-in-force", "That revision is in force already.")
    try:
        return signed_bundle(session, to, keys=broker.signing).bundle
    except EngineUnavailable as error:
        raise NotFound("revision-unknown", "No such revision has been published.") from error
    except EngineUnclear as error:
        raise Conflict("revision-not-ours", f"That revision cannot be put back: {error}.") from error


def _publish(
    broker: Broker,
    session: Session,
    modules: Mapping[str, str],
    parts: Mapping[str, bytes],
    agreements: int,
    *,
    by: str,
    now: datetime,
    restores: str | None = None,
) -> PolicyRevision:
    digest = bundle.digest_of_parts(modules, parts)
    revision = bundle.named(_after_the_last(session, now), digest)
    written = bundle.whole({**parts, "revision": canonical(revision)})
    published = PolicyRevision(
        revision=revision,
        digest=digest,
        content=bundle.packed(modules, written),
        signatures=broker.signing.sign(_files(revision, modules, written)),
        restores=restores,
        published_by=by,
        published_at=now,
    )
    session.add(published)
    body = {"revision": revision, "agreements": agreements}
    more = {"act": "rolled-back", "restores": restores} if restores else {}
    event = Event(action=AuditAction.POLICY_PUBLISHED, actor=by, body=body | more)
    broker.trail.append(session, event, now=now)
    session.commit()
    return published


def _files(revision: str, modules: Mapping[str, str], written: bytes) -> dict[str, bytes]:
    own = {path: text for path, text in modules.items() if path.startswith(f"{strict.OWN_ROOT}/")}
    rules = {path: text for path, text in modules.items() if path not in own}
    return bundle_files(Bundle(revision, rules, Unread(written), own=own, written=written))


def _after_the_last(session: Session, now: datetime) -> datetime:
    """``now``, or just after the newest revision where a clock was put back: engines take nothing older."""
    newest = revision_in_force(session)
    if newest is None:
        return now
    last = datetime.fromisoformat(bundle.published_at(newest)).astimezone(UTC)
    return max(now, last + _LEAST)
