"""Listen for HL7 v2 messages over MLLP. Says that a message is accepted only once it is safely kept.

One listener belongs to one hosted source. Senders are on a list; beyond this machine they come by TLS and prove by a
certificate who they are. Nothing a message says is logged.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from adapters.answering import Clock, plain, utc_now
from broker.errors import InvalidInput

from .acknowledging import acknowledgement
from .framing import Bounds, Frames, Misframed, framed
from .message import Segment, header_of
from .reading import Said, understand
from .refusing import WORDS, Answer, NotTaken, Problem

_log = logging.getLogger("adapters.hl7v2")
Keep = Callable[[Said], bool]


@dataclass(frozen=True, kw_only=True)
class Listening:
    """Where to listen, and to whom. ``facilities`` are what senders are called in MSH-4.

    ``proven_by`` binds some of them to a name that the sender's certificate must be for.
    """

    port: int
    facilities: frozenset[str]
    host: str = "127.0.0.1"
    certificate: Path | None = None
    key: Path | None = None
    client_authority: Path | None = None
    proven_by: Mapping[str, str] = field(default_factory=dict)
    bounds: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        if not self.facilities:
            raise InvalidInput("listener-open", "Name at least one sending facility.", field="--facility")
        if self.certificate is None and not _loopback(self.host):
            raise InvalidInput(
                "listener-unprotected",
                "Without a certificate only this machine is listened to: records would cross a network unprotected.",
                field="--certificate",
            )
        if self.client_authority is not None and self.certificate is None:
            raise InvalidInput("listener-unprotected", "--client-ca needs --certificate.", field="--client-ca")
        if self.client_authority is None and not _loopback(self.host):
            raise InvalidInput(
                "listener-anybody",
                "Beyond this machine each sender must show a certificate: a facility's name alone proves nothing.",
                field="--client-ca",
            )
        if self.client_authority is None and self.proven_by:
            raise InvalidInput("listener-anybody", "To bind a facility needs --client-ca.", field="--client-ca")
        if not all(self.proven_by.values()):
            raise InvalidInput("listener-open", "A facility is bound to no name.", field="--facility")

    def tls(self) -> ssl.SSLContext | None:
        """Raises InvalidInput where a file cannot be used."""
        if self.certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key)
            if self.client_authority is not None:
                context.load_verify_locations(self.client_authority)
                context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ssl.SSLError) as error:
            raise InvalidInput(
                "listener-certificate", "A certificate or key cannot be used.", field="--certificate"
            ) from error
        return context


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one message, without a word of what it says."""

    kind: str
    answer: Answer
    problem: Problem | None = None
    again: bool = False

    @property
    def words(self) -> str:
        """For an operator who watches."""
        what = plain(self.kind, most=20) or "a message"
        if self.problem:
            return f"{what}: {self.answer}, {WORDS[self.problem].lower()}"
        return f"{what}: {self.answer}{', kept before' if self.again else ''}"


class MllpListener:
    """A listening server. ``keep`` blocks, and returns (False: it was kept before) only once a message is safe."""

    def __init__(
        self,
        listening: Listening,
        keep: Keep,
        *,
        source: str,
        clock: Clock = utc_now,
        told: Callable[[Taken], None] = lambda taken: None,
    ) -> None:
        self._listening, self._keep, self._source, self._clock, self._told = listening, keep, source, clock, told
        self._turn = ThreadPoolExecutor(1, thread_name_prefix="hl7v2")  # one at a time: order is meaning
        self._server: asyncio.Server | None = None
        self._connected: dict[asyncio.Task[None], str] = {}  # and from which address

    async def __aenter__(self) -> MllpListener:
        tls = self._listening.tls()
        self._server = await asyncio.start_server(
            self._connection,
            self._listening.host,
            self._listening.port,
            ssl=tls,
            ssl_handshake_timeout=self._listening.bounds.first_seconds if tls else None,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._connected:
            task.cancel()
        await asyncio.gather(*self._connected, return_exceptions=True)
        self._turn.shutdown(wait=True)

    @property
    def port(self) -> int:
        sockets = self._server.sockets if self._server else ()
        return int(sockets[0].getsockname()[1])

    async def serve(self) -> None:
        """Until it is cancelled."""
        if self._server is not None:
            await self._server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task, address = asyncio.current_task(), str((writer.get_extra_info("peername") or ("",))[0])
        if task is None or self._full(address):
            writer.close()
            return
        self._connected[task] = address
        try:
            await self._converse(Frames(reader, self._listening.bounds), writer)
        except (Misframed, TimeoutError, ConnectionError, ssl.SSLError) as error:
            _log.info("a connection to %s was closed: %s", self._source, type(error).__name__)
        finally:
            del self._connected[task]
            writer.close()
            with suppress(ConnectionError, ssl.SSLError, TimeoutError):
                async with asyncio.timeout(1):
                    await writer.wait_closed()

    def _full(self, address: str) -> bool:
        bounds = self._listening.bounds
        return (
            len(self._connected) >= bounds.connections
            or Counter(self._connected.values())[address] >= bounds.connections_each
        )

    async def _converse(self, frames: Frames, writer: asyncio.StreamWriter) -> None:
        shown = _names_of(writer.get_extra_info("peercert"))
        while True:
            try:
                message = await frames.next()
            except Misframed as error:
                if error.too_large:
                    refused = NotTaken(Problem.DATA_TYPE, "it is larger than is accepted", answer=Answer.REJECT)
                    await self._say(writer, acknowledgement(header_of(error.beginning), self._clock(), refused))
                    self._told(Taken("", Answer.REJECT, Problem.DATA_TYPE))
                raise
            if message is None:
                return
            answer = await asyncio.get_running_loop().run_in_executor(self._turn, self._answer, message, shown)
            await self._say(writer, answer)

    async def _say(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        writer.write(framed(answer))
        async with asyncio.timeout(self._listening.bounds.message_seconds):
            await writer.drain()

    def _answer(self, message: bytes, shown: frozenset[str]) -> bytes:
        header, now = header_of(message), self._clock()
        kind = "" if header is None else "^".join((header.text(9), header.text(9, 2)))
        try:
            self._admitted(header, shown)
            again = not self._keep(understand(message, source=self._source, now=now))
        except NotTaken as refused:
            self._told(Taken(kind, refused.answer, refused.problem))
            return acknowledgement(header, now, refused)
        except Exception as error:
            # Not kept, for a reason of ours: the sender keeps it, and sends it again. Its words could name somebody.
            _log.error("a message for %s was not kept: %s", self._source, type(error).__name__)
            fault = NotTaken(Problem.INTERNAL, "it could not be kept; send it again", answer=Answer.REJECT)
            self._told(Taken(kind, fault.answer, fault.problem))
            return acknowledgement(header, now, fault)
        self._told(Taken(kind, Answer.ACCEPTED, again=again))
        return acknowledgement(header, now)

    def _admitted(self, header: Segment | None, shown: frozenset[str]) -> None:
        """``shown`` are the names that the sender's certificate is for."""
        if header is None:
            return
        facility = header.text(4)
        if facility not in self._listening.facilities:
            raise _unlisted("its sending facility is not one that is listened to")
        bound = self._listening.proven_by.get(facility)
        if bound is not None and bound.lower() not in shown:
            raise _unlisted("its sender's certificate is not that facility's")


def _unlisted(why: str) -> NotTaken:
    return NotTaken(Problem.VALUE_UNKNOWN, why, where="MSH^1^4", answer=Answer.REJECT)


def _names_of(certificate: Mapping[str, Any] | None) -> frozenset[str]:
    """The common names and host names of a certificate that was checked; none where none was shown."""
    if not certificate:
        return frozenset()
    subject = [pair for each in certificate.get("subject", ()) for pair in each]
    named = [*subject, *certificate.get("subjectAltName", ())]
    return frozenset(str(name).lower() for kind, name in named if kind in ("commonName", "DNS"))


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
