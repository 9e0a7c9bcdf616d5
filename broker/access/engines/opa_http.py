"""The OPA server as a policy engine, asked over HTTP through opa-python-client.

Never sends it a bundle: a production OPA fetches and verifies the broker's bundles itself, and takes nothing from here
but questions. Uses one call of the client, ``query_rule``. Its bulk call writes the question into the query text, which
OPA's decision log cannot mask; its policy and data calls would go past the signature on the bundle.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from importlib import metadata
from time import monotonic, sleep
from typing import Any
from urllib.parse import SplitResult, urlsplit

from opa_client import OpaClient

from broker.access.engines import DECISION, Bundle, probe, strict
from broker.access.engines.breaker import Breaker
from broker.access.engines.forking import renew_after_fork
from broker.access.engines.session import Session
from broker.errors import EngineUnavailable, EngineUnclear, Misconfigured

_PACKAGE, _, _RULE = DECISION.rpartition(".")
_FAILURES = 5  # in a row, before callers are refused without waiting
_REST = timedelta(seconds=2)
_POLL = timedelta(milliseconds=50)
_FOLLOWING = timedelta(seconds=5)  # OPA follows within one; after five it is not going to, and nobody is kept waiting
_ASK_AGAIN = timedelta(milliseconds=20)


@dataclass(frozen=True)
class _Expected:
    """The revision that OPA should soon answer from, and until when that may be waited for."""

    revision: str
    until: float

    def not_yet(self, answer: Mapping[str, Any]) -> bool:
        """Whether ``answer`` is from an older revision, and a newer may come. Names are in the order of their time."""
        return monotonic() < self.until and str(answer.get("revision")) < self.revision


class _Client(OpaClient):  # type: ignore[misc]
    """opa-python-client over our own session. It never tries again: the deadline is short, and the breaker knows."""

    def __init__(self, url: SplitResult, session: Session) -> None:
        self._own = session
        super().__init__(url.hostname, url.port or _default_port(url), ssl=url.scheme == "https", retries=0)

    def _init_session(self) -> Session:
        return self._own


class OpaEngine:
    """A real OPA server behind the engine interface. ``ca`` is a certificate authority's file; empty: the system's."""

    name = "opa"
    version = f"opa-python-client {metadata.version('opa-python-client')}"

    def __init__(self, url: str, *, ca: str = "", connections: int = 16, patience: timedelta = timedelta(0)) -> None:
        """``patience`` is how long ``load`` waits for OPA to serve what it is given; zero: not at all."""
        address = _address(url)
        self._session = Session(address, tls=_tls(address, ca), connections=connections)
        self._client = _Client(address, self._session)
        self._breaker = Breaker(failures=_FAILURES, rest=_REST)
        self._patience = patience
        self._revision: str | None = None
        self._expected = _Expected("", 0.0)
        self._closed = False
        renew_after_fork(self)

    def load(self, bundle: Bundle) -> None:
        """Check ``bundle``, and wait until OPA has fetched it, if there is patience to.

        An OPA that fetches from this very broker cannot have it before the broker serves, so the default is not to
        wait. Until it has, its answers carry the old revision, which ``pdp`` refuses as stale; for the first moments
        ``decide`` asks again, within its deadline, rather than have it refused.
        """
        strict.check_bundle(bundle)
        self._expected = _Expected(bundle.revision, monotonic() + _FOLLOWING.total_seconds())
        until = monotonic() + self._patience.total_seconds()
        while (left := until - monotonic()) > 0:
            if self._serves(bundle.revision, within=timedelta(seconds=left)):
                return
            sleep(_POLL.total_seconds())
        if self._patience:
            raise EngineUnavailable(f"OPA does not serve revision {bundle.revision} yet")

    def _serves(self, revision: str, *, within: timedelta) -> bool:
        with suppress(EngineUnavailable, EngineUnclear):
            return self._query(dict(probe.QUESTION), within).get("revision") == revision
        return False

    def decide(self, question: Mapping[str, Any], *, deadline: timedelta) -> Mapping[str, Any]:
        if self._closed:
            raise EngineUnavailable("the OPA engine is closed")
        self._breaker.enter()
        try:
            answer = self._followed(question, deadline)
        except EngineUnclear:
            raise  # it answered, so no caller waits for nothing; and it is not well, so nothing is forgiven
        except Exception as error:
            self._breaker.failed()
            raise EngineUnavailable(f"OPA could not be asked: {strict.brief(error)}") from error
        self._breaker.succeeded()
        return answer

    def _followed(self, question: Mapping[str, Any], deadline: timedelta) -> Mapping[str, Any]:
        """The answer; in the moments after a publication, OPA's last in time where its first is from before it."""
        until = monotonic() + deadline.total_seconds()
        answer = self._query(question, deadline)
        while self._expected.not_yet(answer) and until - monotonic() > 2 * _ASK_AGAIN.total_seconds():
            sleep(_ASK_AGAIN.total_seconds())
            try:
                answer = self._query(question, timedelta(seconds=until - monotonic()))
            except EngineUnavailable:
                break  # an old answer is refused as stale, which says more than that there was none
        return answer

    def _query(self, question: Mapping[str, Any], deadline: timedelta) -> Mapping[str, Any]:
        client = copy(self._client)  # the client keeps its time-out as state, and each caller has its own
        client.timeout = deadline.total_seconds()
        body = client.query_rule(question, _PACKAGE, _RULE)
        # OPA answers 200 and ``{}`` where the document is undefined: no ``result`` is no permission.
        result = strict.result_of(body.get("result") if isinstance(body, dict) else None)
        self._revision = str(result.get("revision"))
        return result

    def revision(self) -> str | None:
        return self._revision

    def close(self) -> None:
        self._closed = True
        self._client.close_connection()

    def renew(self) -> None:
        """In a new process: the connections are the parent's, and its locks may have been held when it forked."""
        self._session.renew()
        self._breaker.renew()


def _address(url: str) -> SplitResult:
    address = urlsplit(url)
    try:
        port_readable = address.port is None or address.port > 0
    except ValueError:
        port_readable = False
    plain = not (address.username or address.query or address.fragment or address.path.strip("/"))
    if address.scheme not in ("http", "https") or not address.hostname or not port_readable or not plain:
        raise Misconfigured("the OPA server's URL is a scheme, a host and a port, such as https://opa.internal:8181")
    return address


def _default_port(address: SplitResult) -> int:
    return 443 if address.scheme == "https" else 80


def _tls(address: SplitResult, ca: str) -> ssl.SSLContext | None:
    if address.scheme != "https":
        if ca:
            raise Misconfigured("a certificate authority is set for an OPA server that is not asked over https")
        return None
    try:
        return ssl.create_default_context(cafile=ca or None)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(f"the OPA server's certificate authority cannot be read: {error}") from error
