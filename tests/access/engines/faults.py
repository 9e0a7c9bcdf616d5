"""Servers that are not a well OPA, each in its own way, on this machine alone."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
PERMIT = b'{"result": {"revision": "r1", "request": "one", "permitted": true}}'


def whole(body: bytes, head: bytes = OK) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


@dataclass
class Faulty:
    """A server whose every answer is the same. ``connections`` and ``questions`` count what came."""

    speak: Callable[[socket.socket, threading.Event], None]
    stopped: threading.Event = field(default_factory=threading.Event)
    connections: int = 0
    questions: int = 0

    def serve(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        while not self.stopped.is_set():
            with suppress(OSError):
                taken, _ = listener.accept()
                threading.Thread(target=self._converse, args=(taken, tls), daemon=True).start()

    def _converse(self, taken: socket.socket, tls: ssl.SSLContext | None) -> None:
        with suppress(OSError):
            connection = tls.wrap_socket(taken, server_side=True) if tls else taken
            self.connections += 1
            with connection:
                while not self.stopped.is_set() and _heard(connection):
                    self.questions += 1
                    self.speak(connection, self.stopped)


def _heard(connection: socket.socket) -> bool:
    """One whole question has come. Its body is a line of JSON that ends in two brackets."""
    heard = b""
    while not heard.endswith(b"}}"):
        more = connection.recv(65536)
        if not more:
            return False
        heard += more
    return True


@contextmanager
def faulty(
    speak: Callable[[socket.socket, threading.Event], None], *, tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, Faulty]]:
    """The URL of a server that answers as ``speak`` does, and its counts."""
    server = Faulty(speak)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=server.serve, args=(listener, tls), daemon=True).start()
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}", server
        server.stopped.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def saying(answer: bytes) -> Callable[[socket.socket, threading.Event], None]:
    return lambda connection, _: connection.sendall(answer)


def once_saying(answer: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """Says it and hangs up."""

    def speak(connection: socket.socket, _: threading.Event) -> None:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)

    return speak


def dripping(at_once: bytes, slowly: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """Says the first part at once and the rest a byte at a time, never pausing as long as a deadline."""

    def speak(connection: socket.socket, stopped: threading.Event) -> None:
        connection.sendall(at_once)
        for byte in slowly:
            connection.sendall(bytes([byte]))
            if stopped.wait(0.02):
                return

    return speak


def hanging(connection: socket.socket, stopped: threading.Event) -> None:
    stopped.wait(5)


def endless(connection: socket.socket, stopped: threading.Event) -> None:
    """A permit, and then blanks for as long as anybody listens."""
    connection.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(PERMIT), PERMIT))
    until = time.monotonic() + 5
    while not stopped.is_set() and time.monotonic() < until:
        connection.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")


def haltingly(connection: socket.socket, stopped: threading.Event) -> None:
    """Says that it will hang up, and gives its answer only then."""
    connection.sendall(OK + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(PERMIT))
    stopped.wait(0.03)
    connection.sendall(PERMIT)
    connection.shutdown(socket.SHUT_RDWR)


SLOWLY = 400 * b" "
FAULTS = {
    "hangs": hanging,
    "hangs up": lambda connection, _: connection.shutdown(socket.SHUT_RDWR),
    "fails": saying(whole(PERMIT, b"HTTP/1.1 500 Internal Server Error\r\n")),
    "is too busy": saying(whole(PERMIT, b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n")),
    "forbids": saying(whole(PERMIT, b"HTTP/1.1 403 Forbidden\r\n")),
    "accepts for later": saying(whole(PERMIT, b"HTTP/1.1 202 Accepted\r\n")),
    "says nothing": saying(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "redirects": saying(
        whole(PERMIT, b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /v1/data/broker/decision/result\r\n")
    ),
    "is a web page": saying(whole(b"<html>Welcome</html>", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n")),
    "is no HTTP": once_saying(b"220 smtp.invalid ready\r\n"),
    "is empty": saying(whole(b"")),
    "is undefined": saying(whole(b"{}")),
    "is null": saying(whole(b'{"result": null}')),
    "is true": saying(whole(b'{"result": true}')),
    "is the text true": saying(whole(b'{"result": "true"}')),
    "is a list": saying(whole(b'[{"result": {"permitted": true}}]')),
    "is NaN": saying(whole(b'{"result": {"revision": NaN}}')),
    "is not UTF-8": saying(whole(b'{"result": {"revision": "\xff"}}')),
    "is cut short": once_saying(OK + b"Content-Length: 500\r\n\r\n" + PERMIT),
    "promises too much": once_saying(OK + b"Content-Length: 99999999999\r\n\r\n" + PERMIT),
    "is huge": endless,
    "is nested without end": saying(whole(b'{"result":' + b"[" * 200_000)),
    "drips its body": dripping(OK + b"Content-Length: 400\r\n\r\n", SLOWLY),
    "drips its head": dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ", SLOWLY),
    "drips its heads": dripping(b"HTTP/1.1 200 OK\r\n", 50 * b"X: y\r\n"),
    "has endless heads": saying(b"HTTP/1.1 200 OK\r\n" + 500 * b"X: y\r\n"),
}
