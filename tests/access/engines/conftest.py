"""Each engine, serving a little policy, behind the same few handles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from broker.access.engines import Bundle, PolicyEngine
from broker.access.engines.bundle_file import bundle_file
from broker.access.engines.embedded import EmbeddedEngine
from broker.access.engines.opa_http import OpaEngine
from tests.access.engines.little import little_bundle
from tests.access.engines.opa_server import serving_opa

PATIENCE = timedelta(milliseconds=400)


@dataclass(frozen=True)
class Served:
    """An engine, and how a bundle is published to it: handed over, or left where a real OPA finds it."""

    engine: PolicyEngine
    publish: Callable[[Bundle], None]


@pytest.fixture(params=["embedded", pytest.param("opa", marks=pytest.mark.needs("opa"))])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    with_engine = {"embedded": _embedded, "opa": _opa}[request.param]
    yield from with_engine()


def _embedded() -> Iterator[Served]:
    engine = EmbeddedEngine()
    engine.load(little_bundle())
    yield Served(engine, engine.load)
    engine.close()


def _opa() -> Iterator[Served]:
    with serving_opa(little_bundle()) as server:
        engine = OpaEngine(server.url, patience=PATIENCE)

        def publish(bundle: Bundle) -> None:
            server.put(bundle_file(bundle))
            engine.load(bundle)

        engine.load(little_bundle())
        yield Served(engine, publish)
        engine.close()
