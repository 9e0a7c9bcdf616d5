"""MLLP: where one message begins and ends in a stream of bytes (HL7 v2 Transport Specification: MLLP, release 1).

Never keeps more than a message's worth, waits no longer than it is told, and never takes half a message for a whole.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

START, END, RETURN = b"\x0b", b"\x1c", b"\r"
_CHUNK = 64 * 1024
_MOST_NOISE = 4096  # bytes before a start block: some senders begin with a line break, none with a page


class Misframed(Exception):
    """The stream cannot be followed any further. ``too_large`` where a message does not end within what is accepted;
    ``beginning`` is then how it began, so that it can be answered."""

    def __init__(self, why: str, *, too_large: bool = False, beginning: bytes = b"") -> None:
        super().__init__(why)
        self.too_large, self.beginning = too_large, beginning


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The most that one sender may ask of a listener."""

    message_bytes: int = 1024 * 1024
    message_seconds: float = 10.0  # from its start block to its end block
    first_seconds: float = 10.0  # until the first message begins: whoever says nothing keeps nobody out
    idle_seconds: float = 300.0  # between messages
    connections: int = 32
    connections_each: int = 8  # from one address


class Frames:
    """The messages of one connection, one at a time."""

    def __init__(self, reader: asyncio.StreamReader, bounds: Bounds) -> None:
        self._reader, self._bounds = reader, bounds
        self._waiting = bytearray()
        self._begun_before = False

    async def next(self) -> bytes | None:
        """The next message without its frame; None where the sender has gone. Raises Misframed and TimeoutError."""
        patience = self._bounds.idle_seconds if self._begun_before else self._bounds.first_seconds
        async with asyncio.timeout(patience):
            if not await self._begun():
                return None
        self._begun_before = True
        async with asyncio.timeout(self._bounds.message_seconds):
            return await self._rest()

    async def _begun(self) -> bool:
        noise = 0
        while True:
            at = self._waiting.find(START)
            noise += len(self._waiting) if at < 0 else at
            if noise > _MOST_NOISE:
                raise Misframed("no message begins")
            if at >= 0:
                del self._waiting[: at + 1]
                return True
            self._waiting.clear()
            if not await self._more():
                return False

    async def _rest(self) -> bytes:
        sought = 0
        while True:
            at = self._waiting.find(END + RETURN, max(0, sought - 1))
            if at >= 0 and at <= self._bounds.message_bytes:
                message = bytes(self._waiting[:at])
                del self._waiting[: at + 2]
                if START in message:
                    raise Misframed("a message begins within another")
                return message
            if len(self._waiting) > self._bounds.message_bytes:
                raise Misframed("a message is too large", too_large=True, beginning=bytes(self._waiting[:4096]))
            sought = len(self._waiting)
            if not await self._more():
                raise Misframed("a message does not end")

    async def _more(self) -> bool:
        chunk = await self._reader.read(_CHUNK)
        self._waiting += chunk
        return bool(chunk)


def framed(message: bytes) -> bytes:
    return START + message + END + RETURN
