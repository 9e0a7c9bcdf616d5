"""The policy in force: the published revision, its signature checked, in this process's engine before it decides.

Never serves what the broker did not sign, what was changed since, or what is older than what has been in force, here or
by the trail: a signature says who made a bundle, and not that a newer one has not replaced it. Putting an older text
back is a new revision (``governance.publishing.rollback``).
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker import logs
from broker.access.engines import Bundle, PolicyEngine, Unread, strict
from broker.access.engines.bundle_file import bundle_files
from broker.access.engines.signing import BundleKeys
from broker.agreements import bundle
from broker.agreements.models import PolicyRevision
from broker.audit.models import AuditEntry
from broker.database import table_of
from broker.errors import EngineUnavailable, EngineUnclear
from broker.vocabulary import AuditAction

log = logs.logger(__name__)

_REVISION = table_of(PolicyRevision).c
_NEWEST_REVISION = select(_REVISION.revision).order_by(_REVISION.id.desc()).limit(1)  # asked at every decision

# Read when a revision is loaded, which is seldom; the entry is near the end of the trail, or the trail is short.
_ENTRY = table_of(AuditEntry).c
_NEWEST_ON_THE_TRAIL = (
    select(_ENTRY.body).where(_ENTRY.action == AuditAction.POLICY_PUBLISHED).order_by(_ENTRY.leaf_index.desc()).limit(1)
)


@dataclass(frozen=True)
class Signed:
    """A published bundle with the text of its ``.signatures.json``."""

    bundle: Bundle
    signatures: str


class PolicyInForce:
    """Keeps one engine at the published revision. Every decision asks first, so a change bites on the next request."""

    def __init__(self, engine: PolicyEngine, keys: BundleKeys) -> None:
        self.engine = engine
        self._keys = keys
        self._loading = threading.Lock()
        self._loaded: str | None = None

    def revision(self, session: Session) -> str:
        """The revision in force, loaded. Raises EngineUnavailable where none is published or it cannot be loaded."""
        revision = revision_in_force(session)
        if revision is None:
            raise EngineUnavailable("no policy has been published")
        if revision != self._loaded:
            with self._loading:
                if revision != self._loaded:
                    self._load(session, revision)
        return revision

    def _load(self, session: Session, revision: str) -> None:
        try:
            _check_not_older(session, revision, than=self._loaded)
            self.engine.load(signed_bundle(session, revision, keys=self._keys).bundle)
        except (EngineUnavailable, EngineUnclear) as error:
            log.error("policy-not-loaded", revision=revision, cause=str(error))
            raise EngineUnavailable(f"the revision in force cannot be served: {error}") from error
        self._loaded = revision


def _check_not_older(session: Session, revision: str, *, than: str | None) -> None:
    """Raise EngineUnclear where something newer than ``revision`` was in force: somebody put an old bundle back."""
    if than and bundle.published_at(revision) <= bundle.published_at(than):
        raise EngineUnclear(f"{revision} is not newer than {than}, which has been in force")
    said = session.scalar(_NEWEST_ON_THE_TRAIL)
    # Read after the trail: where it was published meanwhile, the newest is at least what the trail said.
    newest = revision_in_force(session)
    if (
        said is None
        or newest is None
        or bundle.published_at(newest) < bundle.published_at(json.loads(said)["revision"])
    ):
        raise EngineUnclear("the trail names a newer revision than is kept")


def signed_bundle(session: Session, revision: str, *, keys: BundleKeys) -> Signed:
    """A published revision, exactly as it was signed. Raises EngineUnavailable, or EngineUnclear where it is not."""
    published = _published(session, revision)
    found = _bundle(published)
    keys.verify(bundle_files(found), published.signatures)
    return Signed(found, published.signatures)


def published_bundle(session: Session, revision: str | None = None) -> Bundle:
    """The revision in force, or the one named, whole: to read, replay or explain. Nothing is decided by it.

    Its signature is not checked here, because the key may have been retired since. Raises EngineUnavailable where
    there is none, or where what is kept is not what was published.
    """
    published = _published(session, revision)
    found = _bundle(published)
    data = {strict.DATA_ROOT: found.data[strict.DATA_ROOT]}
    if bundle.digest_of({**found.modules, **found.own}, data[strict.DATA_ROOT]) != published.digest:
        raise EngineUnavailable("what is kept of the published revision is not what was published")
    return replace(found, data=data)


def _published(session: Session, revision: str | None) -> PolicyRevision:
    wanted = select(PolicyRevision).order_by(PolicyRevision.id.desc()).limit(1)
    if revision is not None:
        wanted = wanted.where(PolicyRevision.revision == revision)
    # As it is kept now, whatever this session has read of it before: a signature is about what is there.
    published = session.scalar(wanted.execution_options(populate_existing=True))
    if published is None:
        raise EngineUnavailable(f"no {'' if revision is None else 'such '}policy has been published")
    return published


def _bundle(published: PolicyRevision) -> Bundle:
    try:
        modules, written = bundle.unpacked_text(published.content)
    except ValueError as error:
        raise EngineUnavailable("what is kept of the published revision cannot be read") from error
    own = {path: text for path, text in modules.items() if path.startswith(f"{strict.OWN_ROOT}/")}
    return Bundle(
        revision=published.revision,
        modules={path: text for path, text in modules.items() if path not in own},
        data=Unread(written),
        own=own,
        written=written,
    )


def revision_in_force(session: Session) -> str | None:
    """The name of the newest published revision; None before the first."""
    revision: str | None = session.scalar(_NEWEST_REVISION)
    return revision
