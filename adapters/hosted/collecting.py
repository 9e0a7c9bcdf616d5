"""Collect tables that somebody put into a folder reached by SFTP: each once, whole, and from the right server alone.

The server's host key is pinned, the address is checked as for every source, and nothing but an ordinary file is read.
What is done with a table is not decided here: whoever collects is handed it, and says whether it was kept.
"""

from __future__ import annotations

import asyncio
import posixpath
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib import import_module
from typing import Any, Final

from adapters.answering import Secret, Unanswered, plain
from adapters.egress import BarredAddress, CheckedResolver, Egress
from broker.errors import Conflict, Misconfigured, Refusal
from broker.vocabulary import GapCause

MOST_FILES: Final = 200  # at one time; the others wait for the next
SECONDS: Final = 30.0  # to connect and sign in
SETTLED: Final = 2.0  # seconds between two looks at a file that must not have grown
MOST_SHOWN: Final = 100  # characters of a file's name
KEPT, REFUSED = "taken", "refused"  # the folders files are moved into


class Outcome(StrEnum):
    KEPT = "kept"
    REFUSED = "refused"
    GROWING = "still growing"
    KNOWN = "collected before"
    UNFIT = "not an ordinary file"
    TOO_LARGE = "too large"


@dataclass(frozen=True, slots=True)
class Collected:
    """What became of one file. ``name`` is fit to be shown, and may say who is in it. ``detail`` holds no value."""

    name: str
    outcome: Outcome
    detail: str = ""
    moved: bool = True


@dataclass(frozen=True, slots=True)
class Before:
    """What was collected before: files are known by name, size and age."""

    knows: Callable[[str], bool]
    remember: Callable[[str], None]


# Handed a file's name and content; raises Refusal where it is not kept.
Keep = Callable[[str, bytes], None]


@dataclass(frozen=True, slots=True)
class _Seen:
    name: str
    size: int
    changed_at: int

    @property
    def mark(self) -> str:
        return f"{self.name}\0{self.size}\0{self.changed_at}"


async def collect(
    options: Mapping[str, Any],
    *,
    egress: Egress,
    secret: Secret,
    before: Before,
    keep: Keep,
    wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> list[Collected]:
    """What became of each file in the folder. Raises Conflict where nothing is to collect from, or nobody answers.

    ``wait`` lets the seconds pass between two looks at a file.
    """
    if not options["sftp_host"]:
        raise Conflict("hosted-no-folder", "No folder is set to collect from (sftp_host).")
    try:
        async with AsyncExitStack() as open_here:
            sftp = await _connected(options, egress, secret, open_here)
            return await _Collecting(sftp, options, before, keep, wait).all()
    except Unanswered as error:
        raise Conflict("hosted-not-collected", f"The folder {error.cause.label}: {error.detail}.") from error


def _asyncssh() -> Any:
    try:
        return import_module("asyncssh")
    except ImportError:
        raise Misconfigured(
            "collecting over SFTP needs the package asyncssh: install the extra `sftp` beside the broker"
        ) from None


async def _connected(options: Mapping[str, Any], egress: Egress, secret: Secret, open_here: AsyncExitStack) -> Any:
    ssh = _asyncssh()
    host, port = options["sftp_host"], options["sftp_port"]
    address = await _address(host, port, egress)
    proof = _proof(ssh, options, secret)
    try:
        pinned = ssh.import_public_key(options["sftp_host_key"])
    except (ssh.KeyImportError, ValueError):
        raise Unanswered(GapCause.REFUSED, "sftp_host_key is not a public host key") from None
    try:
        connection = await open_here.enter_async_context(
            ssh.connect(
                address,
                port,
                username=options["sftp_user"],
                known_hosts=([pinned], [], []),
                config=None,  # nothing of this machine's own settings, keys or agent
                agent_path=None,
                connect_timeout=SECONDS,
                login_timeout=SECONDS,
                **proof,
            )
        )
        return await open_here.enter_async_context(connection.start_sftp_client())
    except ssh.HostKeyNotVerifiable:
        raise Unanswered(GapCause.REFUSED, "it has another host key than the one that is pinned") from None
    except ssh.PermissionDenied:
        raise Unanswered(GapCause.REFUSED, "it does not accept the broker's key or password") from None
    except (OSError, ssh.Error, TimeoutError):
        raise Unanswered(GapCause.UNREACHABLE, "no SFTP connection could be made") from None


async def _address(host: str, port: int, egress: Egress) -> str:
    """The checked address of a listed host, which is the one connected to. Raises Unanswered."""
    admitted = egress.admit(f"https://{host}:{port}/")
    try:
        found = await CheckedResolver().resolve(admitted.host or "", port, socket.AF_UNSPEC)
        return found[0]["host"]
    except BarredAddress:
        raise Unanswered(GapCause.NOT_ALLOWED, "the address is one no source may be at") from None
    except (OSError, IndexError):
        raise Unanswered(GapCause.UNREACHABLE, "its name could not be resolved") from None


def _proof(ssh: Any, options: Mapping[str, Any], secret: Secret) -> dict[str, Any]:
    try:
        if options["sftp_key_secret"]:
            key = ssh.import_private_key(secret(options["sftp_key_secret"]))
            return {"client_keys": [key], "password": None, "preferred_auth": "publickey"}
        return {
            "client_keys": None,
            "password": secret(options["sftp_password_secret"]),
            "preferred_auth": "password",
        }
    except (OSError, ValueError, KeyError, ssh.KeyImportError):
        raise Unanswered(GapCause.REFUSED, "the broker's key or password for it cannot be read") from None


@dataclass
class _Collecting:
    sftp: Any
    options: Mapping[str, Any]
    before: Before
    keep: Keep
    wait: Callable[[float], Awaitable[None]]

    async def all(self) -> list[Collected]:
        ssh = _asyncssh()
        try:
            names = await self._names()
            first = [(name, await self._look(name)) for name in names]
            if any(seen for _, seen in first):
                await self.wait(SETTLED)
            found = [await self._one(name, seen) for name, seen in first]
        except (ssh.SFTPError, ssh.Error, OSError):
            raise Unanswered(GapCause.FAULT, "the folder could not be read to the end") from None
        return [replace(each, name=plain(each.name, most=MOST_SHOWN)) for each in found]

    async def _names(self) -> list[str]:
        listed = await self.sftp.listdir(self.options["sftp_folder"])
        fit = (
            name for name in listed if name.lower().endswith(".csv") and not name.startswith(".") and "/" not in name
        )
        return sorted(fit)[:MOST_FILES]

    async def _look(self, name: str) -> _Seen | None:
        """The file as it is now; None where it is no ordinary file. A link is looked at itself, and never followed."""
        said = await self.sftp.lstat(self._path(name))
        if said.type != _asyncssh().FILEXFER_TYPE_REGULAR or said.size is None:
            return None
        return _Seen(name, said.size, said.mtime or 0)

    async def _one(self, name: str, seen: _Seen | None) -> Collected:
        if seen is None:
            return Collected(name, Outcome.UNFIT, "It is a link or a folder, and was left alone.", moved=False)
        if self.before.knows(seen.mark):
            return Collected(name, Outcome.KNOWN, moved=await self._move(name, KEPT))
        if seen.size > self.options["sftp_file_bytes"]:
            return await self._refuse(seen, Outcome.TOO_LARGE, "It has more bytes than are accepted.")
        data = await self._read(seen)
        if data is None or await self._look(name) != seen:
            return Collected(name, Outcome.GROWING, "It was left for the next time.", moved=False)
        try:
            self.keep(name, data)
        except Refusal as refusal:
            return await self._refuse(seen, Outcome.REFUSED, refusal.detail)
        self.before.remember(seen.mark)
        return Collected(name, Outcome.KEPT, moved=await self._move(name, KEPT))

    async def _refuse(self, seen: _Seen, outcome: Outcome, detail: str) -> Collected:
        self.before.remember(seen.mark)
        return Collected(seen.name, outcome, detail, moved=await self._move(seen.name, REFUSED))

    async def _read(self, seen: _Seen) -> bytes | None:
        """The whole file; None where it is another size than was seen."""
        async with self.sftp.open(self._path(seen.name), "rb") as file:
            data: bytes = await file.read(seen.size + 1)
        return data if len(data) == seen.size else None

    async def _move(self, name: str, into: str) -> bool:
        """Out of the way, where the broker may do that; under another name where one of this name is there."""
        ssh = _asyncssh()
        folder = posixpath.join(self.options["sftp_folder"], into)
        stem, dot, ending = name.rpartition(".")
        try:
            if not await self.sftp.isdir(folder):
                await self.sftp.mkdir(folder)
            for number in range(1000):
                there = posixpath.join(folder, name if number == 0 else f"{stem}-{number}{dot}{ending}")
                if not await self.sftp.lexists(there):
                    await self.sftp.rename(self._path(name), there)
                    return True
        except (ssh.SFTPError, OSError):
            return False  # it is remembered, and not collected again
        return False

    def _path(self, name: str) -> str:
        return posixpath.join(self.options["sftp_folder"], name)
