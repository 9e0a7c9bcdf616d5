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
from typing import Any
from urllib.parse import urlencode
from weakref import WeakKeyDictionary, finalize

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from broker.vocabulary import GapCause

from .answering import Allowance, Limits, Unanswered
from .credentials import Credentials
from .egress import BarredAddress, CheckedResolver, Egress, barred

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
        media: frozenset[str] = JSON_MEDIA,
    ) -> Any:
        """The JSON document at ``address``: GET, or POST of ``form`` where one is given.

        Raises Unanswered for anything else than a 200 with readable JSON of an expected media type.
        """
        url = self.egress.admit(address)
        if credentials.needs_token():
            await self._fetch_token(credentials)
        body, charset = await self._exchange(url, credentials, allowance, form, media)
        if len(body) < _LARGE:
            return read_json(body, charset, depth=self.limits.depth)
        return await asyncio.to_thread(read_json, body, charset, depth=self.limits.depth)

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
        form: Form | Callable[[], Form] | None,
        media: frozenset[str],
    ) -> tuple[bytes, str]:
        """Send once, and once more where a kept connection turned out to be closed before anything was answered."""
        for last in (False, True):
            try:
                return await self._send(url, credentials, allowance, form() if callable(form) else form, media)
            except TimeoutError as error:
                raise Unanswered(GapCause.LATE, "took too long") from error
            except (aiohttp.ClientError, OSError, ValueError) as error:
                if last or not _closed_early(error):
                    raise _explain(error) from error
        raise AssertionError("unreachable")

    async def _send(
        self, url: URL, credentials: Credentials, allowance: Allowance, form: Form | None, media: frozenset[str]
    ) -> tuple[bytes, str]:
        headers = {"Accept": ", ".join(sorted(media)), **credentials.headers()}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        async with self._session().request(
            "GET" if form is None else "POST",
            url,
            data=None if form is None else urlencode(form, safe=":").encode(),
            headers=headers,
            allow_redirects=False,
            ssl=credentials.context() if url.scheme == "https" else True,
        ) as response:
            if response.status in (401, 403):
                credentials.forget()
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


class Status(Unanswered):
    """The source answered with another status than 200."""

    def __init__(self, status: int) -> None:
        if 300 <= status < 400:
            super().__init__(GapCause.FAULT, "answered with a redirect, which is not followed")
        else:
            super().__init__(*_STATUS.get(status, (GapCause.FAULT, f"answered with status {status}")))
        self.status = status


def _judge(response: aiohttp.ClientResponse, media: frozenset[str]) -> None:
    if response.status != 200:
        raise Status(response.status)
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


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)  # NaN and Infinity are not JSON (RFC 8259 §6)


def read_json(body: bytes, charset: str = "utf-8", *, depth: int) -> Any:
    """Parse JSON that a stranger wrote. Raises Unanswered (malformed) for what is not JSON, or is nested too deep."""
    try:
        document = _DECODER.decode(body.decode("utf-8-sig" if charset.lower() in ("utf-8", "utf8") else charset))
        if b"\\ud" in body or b"\\uD" in body:  # half a surrogate pair would fail later, wherever it is written out
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, LookupError, RecursionError) as error:
        raise Unanswered(GapCause.MALFORMED, "sent something that is not JSON") from error
    if deeper_than(document, depth):
        raise Unanswered(GapCause.MALFORMED, "sent JSON nested too deep")
    return document


def deeper_than(document: object, depth: int) -> bool:
    """Whether objects and arrays nest deeper than ``depth``: level by level, so without recursion."""
    level = [document] if type(document) in (dict, list) else []
    for _ in range(depth):
        if not level:
            return False
        level = [
            item
            for parent in level
            for item in (parent.values() if type(parent) is dict else parent)  # type: ignore[attr-defined]
            if type(item) in (dict, list)
        ]
    return bool(level)


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
