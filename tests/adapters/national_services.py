"""Ask an adapter of the national services, of a service that answers as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from adapters import Egress, Http, build
from broker.records.source import Asker, ResidentIdentity, SourceAnswer
from broker.vocabulary import Purpose, Role, Section
from tests.adapters.conformance.asking import described, no_secret
from tests.adapters.conformance.worlds import ADA
from tests.adapters.listener import Listener, Reply, Request

WORKER = Asker("XX9T01", Role.CLINICIAN, Purpose.DIRECT_CARE, "5f0c7f5e-0000-4000-8000-000000000001", "worker-1")
ASKED_FOR = replace(ADA, asked_by=WORKER)
RENUMBERED = "9990000026"


def ask(
    kind: str,
    answer: Callable[[Request], Reply],
    sections: frozenset[Section],
    *,
    resident: ResidentIdentity = ASKED_FOR,
    secret: Callable[[str], str] = no_secret,
    **configured: Any,
) -> tuple[SourceAnswer, list[Request]]:
    """What the adapter says, and every request that it made."""

    def use(system: Any) -> Any:
        return system.fetch(resident, sections)

    return having(kind, answer, use, secret=secret, **configured)


def having(
    kind: str,
    answer: Callable[[Request], Reply],
    use: Callable[[Any], Any],
    *,
    secret: Callable[[str], str] = no_secret,
    **configured: Any,
) -> tuple[Any, list[Request]]:
    async def run() -> tuple[Any, list[Request]]:
        async with Listener(answer) as source:
            client = Http(egress=Egress([source.place, f"localhost:{source.port}"]))
            configuration = {"base_url": source.url, "per_second": 1000, **configured}
            for name, value in configuration.items():
                configuration[name] = value.replace("{url}", source.url) if isinstance(value, str) else value
            system = build(described(kind, configuration), http=client, secret=secret)
            try:
                return await use(system), source.requests
            finally:
                await client.close()

    return asyncio.run(run())
