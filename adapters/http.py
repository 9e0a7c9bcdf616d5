"""Ask a source system over HTTP: bounded, verified, to allowed hosts only. Never follows a redirect, never logs a URL.

One aiohttp session per process and event loop, made in the loop that first asks, so that connections are reused
(a new TLS connection costs 15 times an answer) and a forked worker never shares its parent's sockets.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import ssl
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode
from weakref import WeakKeyDictionary, finalize

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from broker.records.source import urgent
from broker.vocabulary import GapCause

from .answering import Allowance, Limits, Unanswered
from .credentials import Credentials
from .egress import BarredAddress, CheckedResolver, Egress, barred
from .strict_json import read_json

_AGAIN_AFTER_SECONDS = 0.1  # the pause before the one second attempt
_LONGEST_REST_SECONDS = 60.0  # the most that a source's Retry-After is believed
_PARTING_SECONDS = 1.0  # how long the end of the process waits for connections to close
_LARGEST_TOKEN_ANSWER = 64 * 1024  # bytes
_LARGE = 512 * 1024  # bytes of JSON that are read beside the event loop, not in it
JSON_MEDIA = frozenset({"application/json"})
Form = Sequence[tuple[str, str]]
_Sessions = WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession]


class Http:
    """The broker's one way to a source system over the network. Shared by every adapter of a process."""

    def __init__(
        self, *, egress: Egress, limits: Limits | None = None, resolver: AbstractResolver | None = None
    ) -> None:
        self.egress = egress
        self.limits = limits or Limits()
        self._resolver = resolver
        self._begin()

    def _begin(self) -> None:
        self._pid, self._sessions = os.getpid(), _Sessions()
        finalize(self, _part, self._pid, self._sessions)

    def allowance(self) -> Allowance:
        return self.limits.allowance()

    async def ask(
        self,
        address: str,
        *,
        credentials: Credentials,
        allowance: Allowance,
        form: Form | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        media: frozenset[str] = JSON_MEDIA,
        explained: bool = False,
    ) -> Any:
        """The JSON document at ``address``: GET, or POST of ``form`` or of ``json`` where one is given.

        ``headers`` are the protocol's own; credentials outrank them. Raises Unanswered for anything else than a 200
        with readable JSON of an expected media type; ``explained``: what comes with another status is read too, into
        ``Status.document``.
        """
        url = self.egress.admit(address)
        if credentials.needs_token():
            await self._fetch_token(credentials)
        sent = form if json is None else _as_bytes(json)
        body, charset = await self._exchange(url, credentials, allowance, sent, media, headers or {}, explained)
        if len(body) < _LARGE:
            return read_json(body, charset, depth=self.limits.depth)
        return await asyncio.to_thread(read_json, body, charset, depth=self.limits.depth)

    async def document(self, address: str, *, credentials: Credentials, allowance: Allowance, media: str) -> bytes:
        """What is at ``address``, unread, where it is of the one media type expected. Raises as ``ask``."""
        url = self.egress.admit(address)
        if credentials.needs_token():
            await self._fetch_token(credentials)
        body, _ = await self._exchange(url, credentials, allowance, None, frozenset({media}))
        return body

    async def _fetch_token(self, credentials: Credentials) -> None:
        async with credentials.turn():
            if not credentials.needs_token():  # somebody else has asked meanwhile
                return
            assert credentials.signed is not None, "only a signed assertion is exchanged for a token"
            url = self.egress.admit(credentials.signed.token_url)
            allowance = Allowance(_LARGEST_TOKEN_ANSWER)
            # Made for each attempt: an assertion is used once, and the first may have arrived.
            body, charset = await self._exchange(
                url, credentials.unsigned(), allowance, credentials.token_form, JSON_MEDIA
            )
            credentials.keep(read_json(body, charset, depth=self.limits.depth))

    async def close(self) -> None:
        """Close the running loop's session."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()

    async def _exchange(
        self,
        url: URL,
        credentials: Credentials,
        allowance: Allowance,
        form: Form | bytes | Callable[[], Form] | None,
        media: frozenset[str],
        headers: Mapping[str, str] = MappingProxyType({}),
        explained: bool = False,
    ) -> tuple[bytes, str]:
        """Send once, and once more where nothing was answered, or only that it could not be just then.

        Everything asked of a source is a read, so asking twice changes nothing. A source that says how long it wants
        to be left alone is left alone, whoever asks next but in an emergency; others at its address are not.
        """
        _check_rest(url, credentials)
        for last in (False, True):
            try:
                sent = form() if callable(form) else form
                return await self._send(url, credentials, allowance, sent, media, headers, explained)
            except TimeoutError as error:
                raise Unanswered(GapCause.LATE, "took too long") from error
            except Status as error:
                if error.status in (429, 503) and error.retry_after:
                    credentials.rests[url.origin()] = monotonic() + error.retry_after
                    raise
                if last or error.status not in _PASSING:
                    raise
                await asyncio.sleep(_AGAIN_AFTER_SECONDS)
            except (aiohttp.ClientError, OSError, ValueError) as error:
                if last or not _closed_early(error):
                    raise _explain(error) from error
        raise AssertionError("unreachable")

    async def _send(
        self,
        url: URL,
        credentials: Credentials,
        allowance: Allowance,
        form: Form | bytes | None,
        media: frozenset[str],
        extra: Mapping[str, str],
        explained: bool,
    ) -> tuple[bytes, str]:
        headers = {"Accept": ", ".join(sorted(media)), **extra, **credentials.headers()}
        if form is not None:
            headers.setdefault(
                "Content-Type", "application/json" if type(form) is bytes else "application/x-www-form-urlencoded"
            )
        async with self._session().request(
            "GET" if form is None else "POST",
            url,
            data=form if form is None or isinstance(form, bytes) else urlencode(form, safe=":").encode(),
            headers=headers,
            allow_redirects=False,
            ssl=credentials.context() if url.scheme == "https" else True,
        ) as response:
            if response.status in (401, 403):
                credentials.forget()
            if explained and 400 <= response.status < 600:
                raise _status(response, await _explanation(response, media, depth=self.limits.depth))
            _judge(response, media)
            body = await _read(response, allowance)
            return _unpacked(body, response.headers.get("Content-Encoding", ""), allowance), response.charset or "utf-8"

    def _session(self) -> aiohttp.ClientSession:
        if os.getpid() != self._pid:  # forked: the sockets are the parent's, and stay untouched
            self._begin()
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None or session.closed:
            session = self._sessions[loop] = self._open()
        return session

    def _open(self) -> aiohttp.ClientSession:
        # Per-host bound: one stuck source cannot take the connections of the others.
        connector = aiohttp.TCPConnector(
            resolver=CheckedResolver(self._resolver), limit=0, limit_per_host=64, ttl_dns_cache=30
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=self.limits.seconds),
            headers={"User-Agent": "neighbourhood-broker", "Accept-Encoding": "gzip"},
        )


def _check_rest(url: URL, credentials: Credentials) -> None:
    until = credentials.rests.get(url.origin())
    if until is None or urgent.get():
        return
    if monotonic() < until:
        raise Unanswered(GapCause.BUSY, "asked the broker to slow down")
    credentials.rests.pop(url.origin(), None)


def _part(process: int, sessions: _Sessions) -> None:
    """Close the sessions of loops that still run in other threads: at the end of the process, or of whoever asked."""
    if process != os.getpid():
        return  # forked: the sockets are the parent's
    for loop, session in list(sessions.items()):
        if loop.is_running() and loop is not asyncio._get_running_loop():
            with suppress(TimeoutError):
                asyncio.run_coroutine_threadsafe(session.close(), loop).result(_PARTING_SECONDS)


_STATUS = {
    401: (GapCause.REFUSED, "refused the broker's credentials"),
    403: (GapCause.REFUSED, "refused the broker's credentials"),
    404: (GapCause.FAULT, "has nothing at the address asked"),
    408: (GapCause.LATE, "took too long"),
    413: (GapCause.FAULT, "refused the request as too large"),
    429: (GapCause.BUSY, "asked the broker to slow down"),
    504: (GapCause.LATE, "took too long"),
}


# Whoever answered this is in front of the source, or says that it is just starting: one more try may be answered.
_PASSING = frozenset({502, 503})


class Status(Unanswered):
    """The source answered with another status than 200. ``retry_after`` is in seconds, where it says.

    ``document`` is the JSON that came with it, where that was asked for; a stranger's words, never to be shown.
    """

    def __init__(self, status: int, retry_after: float | None = None, document: Any = None) -> None:
        self.retry_after, self.document = retry_after, document
        if 300 <= status < 400:
            super().__init__(GapCause.FAULT, "answered with a redirect, which is not followed")
        else:
            super().__init__(*_STATUS.get(status, (GapCause.FAULT, f"answered with status {status}")))
        self.status = status


def _retry_after(value: str) -> float | None:
    """Seconds (RFC 9110 §10.2.3). A date is not read: whether it is near depends on two clocks agreeing."""
    if not (value.isascii() and value.isdigit()):
        return None
    return min(float(value[:6]), _LONGEST_REST_SECONDS)


def _status(response: aiohttp.ClientResponse, document: Any = None) -> Status:
    return Status(response.status, _retry_after(response.headers.get("Retry-After", "")), document)


async def _explanation(response: aiohttp.ClientResponse, media: frozenset[str], *, depth: int) -> Any:
    """What a source says beside a refusal, or None where that is nothing that can be read. Bounded like a token."""
    if "Content-Type" not in response.headers or response.content_type not in media:
        return None
    allowance = Allowance(_LARGEST_TOKEN_ANSWER)
    try:
        body = _unpacked(await _read(response, allowance), response.headers.get("Content-Encoding", ""), allowance)
        return read_json(body, response.charset or "utf-8", depth=depth)
    except (Unanswered, aiohttp.ClientError):
        return None


def _as_bytes(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _judge(response: aiohttp.ClientResponse, media: frozenset[str]) -> None:
    if response.status != 200:
        raise _status(response)
    if "Content-Type" not in response.headers or response.content_type not in media:
        raise Unanswered(GapCause.MALFORMED, "answered in another format than asked")


async def _read(response: aiohttp.ClientResponse, allowance: Allowance) -> bytes:
    if (response.content_length or 0) > allowance.left:
        raise Unanswered(GapCause.TOO_LARGE, f"sent more than {allowance.most:,} bytes")
    chunks = []
    async for chunk in response.content.iter_any():
        allowance.spend(len(chunk))
        chunks.append(chunk)
    return b"".join(chunks)


def _unpacked(body: bytes, encoding: str, allowance: Allowance) -> bytes:
    """``body`` as it was before compression, spending what it grew by: a few bytes may unpack to gigabytes."""
    if encoding.lower() in ("", "identity"):
        return body
    if encoding.lower() not in ("gzip", "x-gzip"):
        raise Unanswered(GapCause.MALFORMED, "answered in another compression than asked")
    unpacker = zlib.decompressobj(wbits=31)
    most = allowance.left + len(body)
    try:
        text = unpacker.decompress(body, most + 1)
    except zlib.error as error:
        raise Unanswered(GapCause.MALFORMED, "answered with damaged compression") from error
    allowance.spend(len(text) - len(body))
    if not unpacker.eof:
        raise Unanswered(GapCause.MALFORMED, "answered with damaged compression")
    return text


def _explain(error: Exception) -> Unanswered:
    """The cause a reader is told, from what the client raised. The error's own text may name people: it is not used."""
    if isinstance(_root(error), BarredAddress):
        return barred("the address is one no source may be at")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return Unanswered(GapCause.UNREACHABLE, "its certificate could not be verified")
    if isinstance(_root(error), ssl.SSLError):
        refused = "ALERT" in str(getattr(_root(error), "reason", "") or "")
        detail = "refused the broker's certificate" if refused else "no secure connection could be made"
        return Unanswered(GapCause.REFUSED if refused else GapCause.UNREACHABLE, detail)
    if _closed_early(error):
        return Unanswered(GapCause.FAULT, "closed the connection without answering")
    if isinstance(error, OSError):
        return Unanswered(GapCause.UNREACHABLE, "no connection could be made")
    return Unanswered(GapCause.MALFORMED, "broke off or broke the rules of HTTP")


def _closed_early(error: Exception) -> bool:
    """Whether a kept connection had been closed by the source, which answers nothing about this request."""
    reset = isinstance(error, OSError) and error.errno in (errno.ECONNRESET, errno.EPIPE)
    connecting = isinstance(error, aiohttp.ClientConnectorError)
    return isinstance(error, (aiohttp.ServerDisconnectedError, ConnectionResetError)) or (reset and not connecting)


def _root(error: BaseException) -> BaseException:
    inner = getattr(error, "os_error", None)
    if isinstance(inner, BaseException) and inner is not error:
        return _root(inner)
    return _root(error.__cause__) if error.__cause__ is not None else error


def same_origin(base: URL, other: URL) -> bool:
    return (base.scheme, base.host, base.port) == (other.scheme, other.host, other.port)


def addressed(base: str, path: str, query: Mapping[str, str] | None = None) -> str:
    """``path`` under ``base``, which may or may not end in a slash."""
    return f"{base.rstrip('/')}/{path}" + (f"?{urlencode(query)}" if query else "")
