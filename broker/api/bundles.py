"""The policy bundle, for an OPA server that pulls it: the revision in force, whole and signed, under an ETag.

Served only where an operator has set a token for it. Holds agreements and rules, and nothing of any resident. An OPA
server that asks to wait is kept waiting until there is something new: one answered at once asks again at once.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from time import monotonic, sleep

from flask import Flask, Response, current_app, request
from sqlalchemy import select

from broker.access.engines.bundle_file import SIGNATURES, bundle_files, pack
from broker.access.parts import Broker
from broker.access.policy import signed_bundle
from broker.agreements.models import PolicyRevision
from broker.database import table_of
from broker.doors import parts
from broker.errors import NotAuthenticated, NotFound

LONGEST_WAIT = timedelta(seconds=8)  # less than gunicorn's graceful time-out, so that no wait is cut off by a restart
SHORT_WAIT = timedelta(seconds=1)  # where enough are waiting already
BETWEEN_LOOKS = timedelta(milliseconds=150)
_SHARE = 4  # of a worker's threads, one in so many may be kept by those who wait
_WAIT = re.compile(r"(?:^|[;,])\s*wait=([0-9]{1,9})\s*(?:$|[;,])")  # RFC 7240 §4.3
# OPA goes on waiting only while it is told this type.
MEDIA_TYPE = "application/vnd.openpolicyagent.bundles"

_REVISION = table_of(PolicyRevision).c
_NEWEST = select(_REVISION.revision, _REVISION.signatures).order_by(_REVISION.id.desc()).limit(1)


@dataclass(frozen=True)
class Offer:
    """What there is to fetch, signed by the key called ``kid``; None: as it was published."""

    revision: str
    signatures: str
    kid: str | None

    @property
    def tag(self) -> str:
        """Changes with any byte: signatures are over every file, and deterministic."""
        return hashlib.sha256(f"{self.signatures}\n{self.kid or ''}".encode()).hexdigest()


class Waiting:
    """Those who wait for a newer bundle in this process, and the newest bundle's bytes, packed once."""

    def __init__(self, places: int) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._packed: dict[str | None, tuple[str, bytes]] = {}

    @contextmanager
    def place(self) -> Iterator[bool]:
        """Whether there is room to wait long."""
        room = self._places.acquire(blocking=False)
        try:
            yield room
        finally:
            if room:
                self._places.release()

    def packed(self, broker: Broker, offer: Offer) -> tuple[str, bytes]:
        """The bundle's tag and bytes, its signature checked before they are first given."""
        packed = self._packed.get(offer.kid)
        if packed is None or packed[0] != offer.tag:
            with broker.sessions() as session:
                signed = signed_bundle(session, offer.revision, keys=broker.signing)
            files = bundle_files(signed.bundle)
            signatures = broker.signing.sign(files, kid=offer.kid) if offer.kid else signed.signatures
            # It may have been signed again since it was offered: the tag is that of the bytes.
            tag = replace(offer, signatures=signed.signatures).tag
            packed = tag, pack({**files, SIGNATURES: signatures.encode()})
            self._packed[offer.kid] = packed
        return packed


def register(app: Flask) -> None:
    broker: Broker = app.extensions["broker"]
    app.extensions["bundles-waiting"] = Waiting(max(1, broker.settings.threads // _SHARE))
    app.add_url_rule("/opa/bundles/sharing.tar.gz", "opa_bundle", bundle)
    app.add_url_rule("/opa/bundles/<kid>/sharing.tar.gz", "opa_bundle_by", bundle)


def check_token() -> None:
    """Let in whoever holds the bundle token. Raises NotFound where none is set, NotAuthenticated for another."""
    expected = parts().settings.bundle_token
    if not expected:
        raise NotFound("bundle-not-served", "There is nothing at this address.")
    if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {expected}".encode()):
        raise NotAuthenticated("token-invalid", "The bundle token is not valid.")


def bundle(kid: str | None = None) -> Response:
    """The bundle in force; 304 where the ETag already names it, at once or after a wait (OPA bundle service API).

    ``kid`` names the key it is to be signed with. An OPA server must be told of exactly one, or it takes unsigned
    bundles as well; while keys change, each server asks by the one that it knows.
    """
    check_token()
    if kid is not None and kid not in parts().signing.keyring.accepted():
        raise NotFound("key-unknown", "There is no such key in use.")
    offer = _newer_than_theirs(kid, _asked_to_wait())
    if offer is None:
        raise NotFound("bundle-none", "No policy has been published.")
    if offer.tag in request.if_none_match:
        answer = Response(status=304)
        answer.set_etag(offer.tag)
    else:
        waiting: Waiting = current_app.extensions["bundles-waiting"]
        tag, content = waiting.packed(parts(), offer)
        answer = Response(content, content_type=MEDIA_TYPE)
        answer.set_etag(tag)
    return answer


bundle.audience = "opa-server"  # type: ignore[attr-defined]


def _asked_to_wait() -> timedelta:
    """How long the client would wait. Only one that has a bundle may: another is served what there is."""
    asked = _WAIT.search(request.headers.get("Prefer", ""))
    return min(timedelta(seconds=int(asked[1])), LONGEST_WAIT) if asked and request.if_none_match else timedelta(0)


def _newer_than_theirs(kid: str | None, wait: timedelta) -> Offer | None:
    """The newest bundle, as soon as it is not the one they have, or when the wait is over."""
    waiting: Waiting = current_app.extensions["bundles-waiting"]
    with waiting.place() as room:
        until = monotonic() + (wait if room else min(wait, SHORT_WAIT)).total_seconds()
        offer = _newest(parts(), kid)
        while offer is not None and offer.tag in request.if_none_match and (left := until - monotonic()) > 0:
            sleep(min(left, BETWEEN_LOOKS.total_seconds()))
            offer = _newest(parts(), kid)
    return offer


def _newest(broker: Broker, kid: str | None) -> Offer | None:
    """In a session of its own, given back at once: whoever waits holds no connection."""
    with broker.sessions() as session:
        found = session.execute(_NEWEST).one_or_none()
    return None if found is None else Offer(found.revision, found.signatures, kid)
