"""The one session of a process: made in the loop that asks, never shared with a fork, closed when asked."""

from __future__ import annotations

import asyncio
import os

import pytest

from adapters import Egress, Http
from adapters.answering import Unanswered
from adapters.credentials import Credentials
from adapters.http import deeper_than, read_json
from broker.vocabulary import GapCause
from tests.adapters.conformance.asking import no_secret
from tests.adapters.listener import Listener, Reply


async def asked(http: Http, source: Listener) -> object:
    return await http.ask(source.url, credentials=Credentials(no_secret), allowance=http.allowance())


def test_each_event_loop_has_a_session_of_its_own() -> None:
    sessions = []

    async def run(http: Http, source_port: list[int]) -> None:
        async with Listener(lambda request: Reply()) as source:
            http.egress = Egress([source.place])
            assert await asked(http, source) == {}
            sessions.append(http._session())
            assert http._session() is sessions[-1]
            await http.close()

    http = Http(egress=Egress(()))
    for _ in range(2):
        asyncio.run(run(http, []))
    assert sessions[0] is not sessions[1]
    assert all(session.closed for session in sessions)


def test_a_forked_process_does_not_use_its_parents_session() -> None:
    async def run() -> None:
        async with Listener(lambda request: Reply()) as source:
            http = Http(egress=Egress([source.place]))
            await asked(http, source)
            parents = http._session()
            http._pid = os.getpid() + 1  # as it would be in a child
            own = http._session()
            assert own is not parents
            assert not parents.closed
            await own.close()
            await parents.close()

    asyncio.run(run())


def test_a_closed_session_is_opened_again() -> None:
    async def run() -> None:
        async with Listener(lambda request: Reply()) as source:
            http = Http(egress=Egress([source.place]))
            await asked(http, source)
            await http.close()
            assert await asked(http, source) == {}
            await http.close()

    asyncio.run(run())


def test_depth_is_counted_without_recursion() -> None:
    nested: object = []
    for _ in range(100_000):
        nested = [nested]
    assert deeper_than(nested, 64)
    assert not deeper_than({"a": [{"b": [1, 2]}]}, 64)
    assert not deeper_than("text", 0)
    for _ in range(100_000):  # taken apart by hand: the interpreter would do it recursively
        nested = nested[0]  # type: ignore[index]


def test_json_that_could_be_read_but_is_nested_too_deep_is_refused() -> None:
    body = b'{"a":' * 100 + b"1" + b"}" * 100
    with pytest.raises(Unanswered) as refused:
        read_json(body, depth=64)
    assert refused.value.cause == GapCause.MALFORMED
    assert read_json(body, depth=100)
