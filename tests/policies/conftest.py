"""Each policy engine there is, serving the place's policy, for every test of a decision."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from broker.access.engines import PolicyEngine
from broker.access.engines.embedded import EmbeddedEngine
from broker.access.engines.opa_http import OpaEngine
from tests.access.engines.opa_server import running_opa
from tests.policies.world import the_bundle

STARTING = timedelta(seconds=20)


@pytest.fixture(scope="session")
def embedded() -> Iterator[PolicyEngine]:
    engine = EmbeddedEngine()
    engine.load(the_bundle())
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def opa() -> Iterator[PolicyEngine]:
    """A real OPA server on this machine. A test that asks for it is marked ``needs("opa")``."""
    with running_opa(the_bundle()) as url:
        engine = OpaEngine(url, patience=STARTING)
        engine.load(the_bundle())
        yield engine
        engine.close()


@pytest.fixture(params=["embedded", pytest.param("opa", marks=pytest.mark.needs("opa"))])
def policy(request: pytest.FixtureRequest) -> PolicyEngine:
    """Each engine in turn."""
    engine: PolicyEngine = request.getfixturevalue(request.param)
    return engine
