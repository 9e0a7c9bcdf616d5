"""The session that carries opa-python-client's questions: kept-alive connections, each call held to one deadline.

It takes the place of ``requests``, whose time-out counts from byte to byte, so that a server that drips keeps a thread
for as long as it likes. Never follows a redirect, never reads proxies or passwords from the environment, and never
asks twice, except where a kept connection turns out to have been closed before anything was asked on it.
"""

from __future__ import annotations

import io
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from queue import Empty, LifoQueue
from time import monotonic
from typing import Any
from urllib.parse import SplitResult, urlsplit

from broker.access.engines import strict
from broker.errors import EngineUnavailable, EngineUnclear

LARGEST_ANSWER = 4 * 1024 * 1024  # bytes; 37 sections from 8 sources make about 100 KB
_CLOSED_WHILE_KEPT = (ConnectionResetError, BrokenPipeError)  # http.client's RemoteDisconnected is one of them


class Answer:
    """What the server said, with the two methods opa-python-client calls on it."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status_code = status
        self.body = body

    def raise_for_status(self) -> None:
        if self.status_code != 200:
            raise EngineUnavailable(f"OPA answered with status {self.status_code}")

    def json(self) -> Any:
        return strict.from_json(self.body)


class Session:
    """At most ``connections`` at once to the one server at ``url``; a caller waits for one only until its deadline."""

    def __init__(self, url: SplitResult, *, tls: ssl.SSLContext | None, connections: int) -> None:
        self._host, self._port, self._tls, self._most = url.hostname or "", url.port, tls, connections
        self._idle = self._places()

    def _places(self) -> LifoQueue[_Connection | None]:
        places: LifoQueue[_Connection | None] = LifoQueue()
        for _ in range(self._most):
            places.put(None)  # a place, not yet a connection
        return places

    def renew(self) -> None:
        """In a new process: let go of the parent's connections unused. The queue's own lock may be held for ever."""
        for connection in self._idle.queue:
            if connection:
                connection.close()
        self._idle = self._places()

    def post(self, url: str, *, json: Mapping[str, Any], timeout: float) -> Answer:
        """``timeout`` is in seconds, for everything: waiting for a connection, connecting, asking and reading.

        Raises EngineUnavailable where no whole answer came by then, EngineUnclear where it is too large.
        """
        until = monotonic() + timeout
        body = strict.to_json(json).encode()
        try:
            kept = self._idle.get(timeout=max(0.0, timeout))
        except Empty:
            raise EngineUnavailable("every connection to OPA is busy") from None
        connection = None
        try:
            connection, answer = self._ask(kept, urlsplit(url).path, body, until)
        except (OSError, HTTPException) as error:
            raise EngineUnavailable(f"OPA gave no answer: {type(error).__name__}") from error
        finally:
            # Back goes the connection, or only its place: after a fault what is left on the wire is not known.
            self._idle.put(connection)
        return answer

    def _ask(self, kept: _Connection | None, path: str, body: bytes, until: float) -> tuple[_Connection | None, Answer]:
        if kept:
            with suppress(*_CLOSED_WHILE_KEPT):
                return kept.ask(path, body, until)
        return _Connection(self._host, self._port, self._tls).ask(path, body, until)

    def close(self) -> None:
        with suppress(Empty):
            while True:
                if connection := self._idle.get_nowait():
                    connection.close()


class _Connection(HTTPConnection):
    """One connection, of which every single read and write is given what is left until the deadline."""

    def __init__(self, host: str, port: int | None, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port or (443 if tls else 80))
        self._tls = tls
        self._until = 0.0

    def connect(self) -> None:
        self.timeout = self._left()
        super().connect()
        if self._tls:
            self.sock.settimeout(self._left())
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)

    def ask(self, path: str, body: bytes, until: float) -> tuple[_Connection | None, Answer]:
        """The answer, and this connection if it can be used again. Closes itself otherwise, whatever happens."""
        self._until = until
        again = None
        try:
            if self.sock:
                self.sock.settimeout(self._left())
            self.request("POST", path, body, {"Content-Type": "application/json"})
            response = self.getresponse()
            answer = Answer(response.status, _read(response))
            if not response.will_close:
                again = self
        finally:
            if not again:
                self.close()
        return again, answer

    def response_class(self, sock: Any, *args: Any, **options: Any) -> HTTPResponse:  # type: ignore[override]
        return HTTPResponse(_Timed(sock, self._left), *args, **options)  # type: ignore[arg-type]

    def _left(self) -> float:
        left = self._until - monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left


class _Timed(io.RawIOBase):
    """A socket to read from that asks before each read how long it may still take."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._sock, self._left = sock, left
        self._file = sock.makefile("rb", buffering=0)  # keeps the socket open where http.client closes it early

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._left())
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


def _read(response: HTTPResponse) -> bytes:
    body = response.read(LARGEST_ANSWER + 1)
    if len(body) > LARGEST_ANSWER:
        raise EngineUnclear("OPA's answer is larger than any decision")
    if response.length:
        raise IncompleteRead(body, response.length)
    return body
