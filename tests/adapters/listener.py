"""A server on this machine that answers exactly as a test says, well or badly, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def parameters(self) -> list[tuple[str, str]]:
        return parse_qsl(self.target.partition("?")[2]) + parse_qsl(self.body.decode())

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.parameters if key == name]


@dataclass(frozen=True)
class Reply:
    """``drip`` is the seconds between single bytes of the body; ``raw`` replaces the whole answer."""

    body: bytes = b"{}"
    status: int = 200
    media: str | None = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    drip: float | None = None
    raw: bytes | None = None

    def head(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} X", f"Content-Length: {len(self.body)}"]
        lines += [f"Content-Type: {self.media}"] if self.media else []
        lines += [f"{name}: {value}" for name, value in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


def as_json(document: Any, **options: Any) -> Reply:
    return Reply(json.dumps(document).encode(), **options)


Answer = Callable[[Request], Reply]


@dataclass
class Listener:
    """``async with Listener(answer) as source`` listens on a free port of 127.0.0.1 (``host`` for TLS names)."""

    answer: Answer
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    connections: int = 0
    waiting: int = 0  # connections still open
    requests: list[Request] = field(default_factory=list)
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Listener:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server
        self._server.close()

    @property
    def port(self) -> int:
        assert self._server
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.place}/base"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.waiting += 1
        try:
            while (request := await _read(reader)) is not None:
                self.requests.append(request)
                await _write(writer, self.answer(request))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away, as it may
        finally:
            self.waiting -= 1
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body)


async def _write(writer: asyncio.StreamWriter, reply: Reply) -> None:
    if reply.raw is not None:
        writer.write(reply.raw)
        await writer.drain()
        raise ConnectionAbortedError
    writer.write(reply.head())
    if reply.drip is None:
        writer.write(reply.body)
        await writer.drain()
        return
    for place in range(len(reply.body)):
        writer.write(reply.body[place : place + 1])
        await writer.drain()
        await asyncio.sleep(reply.drip)
