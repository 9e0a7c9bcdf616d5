"""Run partner systems in one process: on loopback only, ready said in one line, gone when asked or orphaned.

Writes no access log: an address or a form could name somebody.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

BUNDLE_BYTES = 256 * 1024 * 1024
LAST_ANSWERS = 0.2  # seconds an answer under way may still take once the process is told to stop
LOOK_FOR_PARENT = 0.2  # seconds between looks


Facts = Callable[[Sequence[int]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Listener:
    """One application on one port. Port 0 takes any free one."""

    app: web.Application
    port: int


def loopback(host: str) -> str:
    """``host`` where it is a loopback address. Raises ValueError for any other: the sandbox is never reachable."""
    try:
        allowed = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        allowed = False
    if not allowed:
        raise ValueError(f"the sandbox serves on loopback only, not on {host!r}")
    return "127.0.0.1" if host == "localhost" else host


def new_app() -> web.Application:
    return web.Application(client_max_size=BUNDLE_BYTES, middlewares=[_only_from_here])


@web.middleware
async def _only_from_here(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a request for another host's name, or from a page: a browser here must not be led to the sandbox."""
    try:
        loopback(request.url.host or "")
    except ValueError:
        return web.json_response({"error": "This host is not served here."}, status=421)
    if "Origin" in request.headers and request.method not in ("GET", "HEAD"):
        return web.json_response({"error": "Pages may not change the sandbox."}, status=403)
    return await handler(request)


async def run(listeners: Sequence[Listener], *, host: str, facts: Facts, parent: int) -> None:
    """Serve every listener until SIGTERM, SIGINT or the death of ``parent``; then stop within a second.

    Prints one line of JSON when all are serving, with what ``facts`` says of the ports taken, in the listeners' order.
    """
    sockets = [_bound(loopback(host), listener.port) for listener in listeners]
    runners = [web.AppRunner(listener.app, access_log=None, shutdown_timeout=LAST_ANSWERS) for listener in listeners]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    watch = asyncio.create_task(_orphaned(parent, stop))
    try:
        for runner, bound in zip(runners, sockets, strict=True):
            await runner.setup()
            await web.SockSite(runner, bound).start()
        ports = [bound.getsockname()[1] for bound in sockets]
        print(json.dumps({"ready": True, "pid": os.getpid(), **facts(ports)}), flush=True)
        await stop.wait()
    finally:
        watch.cancel()
        await asyncio.gather(*(runner.cleanup() for runner in runners))


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    return bound


async def _orphaned(parent: int, stop: asyncio.Event) -> None:
    """Set ``stop`` once another process has become our parent."""
    while os.getppid() == parent:  # noqa: ASYNC110  # nothing sets an event when a parent dies
        await asyncio.sleep(LOOK_FOR_PARENT)
    stop.set()
