"""Ask an adapter about somebody, through the same door the broker uses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from adapters import Egress, Http, Limits, build
from broker.records.source import ResidentIdentity, SourceAnswer, SourceSystem
from tests.adapters.conformance.worlds import ADA, FileWorld, Holding, NetworkWorld
from tests.adapters.listener import Listener, Reply, Request

Spoil = Callable[[Request], Reply]


def described(kind: str, configuration: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "the-source",
        "label": "The source",
        "kind": kind,
        "organisation": "XX9T01",
        "configuration": configuration,
    }


def no_secret(name: str) -> str:
    raise KeyError(name)


@asynccontextmanager
async def http(*hosts: str, limits: Limits | None = None):  # type: ignore[no-untyped-def]
    opened = Http(egress=Egress(hosts), limits=limits)
    try:
        yield opened
    finally:
        await opened.close()


def ask_network(
    world: NetworkWorld,
    holding: Holding | None = None,
    *,
    instead: Spoil | None = None,
    resident: ResidentIdentity = ADA,
    limits: Limits | None = None,
    seconds: float = 5.0,
    **configured: Any,
) -> tuple[SourceAnswer, Listener]:
    """What the adapter answers about ``resident`` when its source answers as the world would, or as ``instead``."""

    async def run() -> tuple[SourceAnswer, Listener]:
        source = Listener(lambda request: (instead or good)(request))

        def good(request: Request) -> Reply:
            return world.answer(holding or Holding(), request, source.url)

        async with source, http(source.place, limits=limits) as client:
            configuration = {**world.configuration(source.url), **configured}
            system = build(described(world.kind, configuration), http=client, secret=no_secret)
            async with asyncio.timeout(seconds):
                return await system.fetch(resident, frozenset({world.section})), source

    return asyncio.run(run())


def file_system(world: FileWorld, folder: Path, *, limits: Limits | None = None) -> SourceSystem:
    client = Http(egress=Egress(()), limits=limits)
    description = described(world.kind, world.configuration(folder))
    return build(description, http=client, secret=no_secret, **world.parts(folder))


def ask_files(
    world: FileWorld, folder: Path, *, resident: ResidentIdentity = ADA, limits: Limits | None = None
) -> SourceAnswer:
    system = file_system(world, folder, limits=limits)
    return asyncio.run(system.fetch(resident, frozenset({world.section})))


def ask(world: NetworkWorld | FileWorld, holding: Holding, folder: Path, **options: Any) -> SourceAnswer:
    if isinstance(world, FileWorld):
        world.write(holding, folder)
        return ask_files(world, folder, **options)
    return ask_network(world, holding, **options)[0]
