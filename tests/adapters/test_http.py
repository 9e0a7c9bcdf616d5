"""The one session of a process: made in the loop that asks, never shared with a fork, closed when asked."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from time import monotonic

import pytest

from adapters import Egress, Http
from adapters.answering import Unanswered
from adapters.credentials import Credentials
from adapters.signed_jwt import SignedJwt
from adapters.strict_json import deeper_than, read_json
from broker.records.source import Asker, urgent
from broker.vocabulary import GapCause, Purpose, Role
from tests.adapters.conformance.asking import no_secret
from tests.adapters.listener import Listener, Reply


async def asked(http: Http, source: Listener, credentials: Credentials | None = None) -> object:
    known = credentials or Credentials(no_secret)
    return await http.ask(source.url, credentials=known, allowance=http.allowance())


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


@pytest.mark.parametrize("status", [502, 503])
def test_a_fault_that_passes_is_asked_about_once_more(status: int) -> None:
    async def run() -> None:
        waiting = [Reply(b"", status=status), Reply()]
        async with Listener(lambda request: waiting.pop(0)) as source:
            http = Http(egress=Egress([source.place]))
            assert await asked(http, source) == {}
            assert len(source.requests) == 2
            await http.close()

    asyncio.run(run())


@pytest.mark.parametrize(("status", "times"), [(503, 2), (500, 1), (504, 1), (404, 1), (403, 1)])
def test_a_fault_that_stays_is_asked_about_no_more_than_twice(status: int, times: int) -> None:
    async def run() -> None:
        async with Listener(lambda request: Reply(b"", status=status)) as source:
            http = Http(egress=Egress([source.place]))
            with pytest.raises(Unanswered):
                await asked(http, source)
            assert len(source.requests) == times
            await http.close()

    asyncio.run(run())


@pytest.mark.parametrize("status", [429, 503])
def test_a_source_that_says_how_long_to_wait_is_left_alone_so_long(status: int) -> None:
    async def run() -> None:
        full = Reply(b"", status=status, headers=(("Retry-After", "60"),))
        answers = [full, Reply(), Reply()]
        async with Listener(lambda request: answers.pop(0)) as source:
            http, credentials = Http(egress=Egress([source.place])), Credentials(no_secret)
            for _ in range(3):
                with pytest.raises(Unanswered) as refused:
                    await asked(http, source, credentials)
            assert refused.value.cause == GapCause.BUSY
            assert len(source.requests) == 1
            credentials.rests.clear()  # as it would be a minute later
            assert await asked(http, source, credentials) == {}
            await http.close()

    asyncio.run(run())


FULL = Reply(b"", status=429, headers=(("Retry-After", "300"),))


def test_a_source_that_wants_to_be_left_alone_closes_no_other_at_the_same_address() -> None:
    async def run() -> None:
        answers = [FULL, Reply()]
        async with Listener(lambda request: answers.pop(0)) as proxy:
            http, one, other = Http(egress=Egress([proxy.place])), Credentials(no_secret), Credentials(no_secret)
            with pytest.raises(Unanswered):
                await asked(http, proxy, one)
            assert await asked(http, proxy, other) == {}
            with pytest.raises(Unanswered) as refused:
                await asked(http, proxy, one)
            assert refused.value.cause is GapCause.BUSY
            assert len(proxy.requests) == 2
            await http.close()

    asyncio.run(run())


def test_it_is_left_alone_whichever_worker_asks_and_for_a_minute_at_most() -> None:
    asker = Asker("XX9T01", Role.CLINICIAN, Purpose.DIRECT_CARE, "r1", "worker-1")

    async def run() -> None:
        async with Listener(lambda request: FULL) as source:
            http = Http(egress=Egress([source.place]))
            token = SignedJwt(f"{source.url}/token", "c", "k", "kid", exchange=True)
            whole = Credentials(no_secret, signed=token)
            one, other = whole.on_behalf_of(asker), whole.on_behalf_of(replace(asker, person="worker-2"))
            for each in (one, other):
                each.keep({"access_token": "t", "token_type": "bearer", "expires_in": 600})
                with pytest.raises(Unanswered):
                    await asked(http, source, each)
            assert len(source.requests) == 1
            (until,) = whole.rests.values()
            assert until - monotonic() <= 60
            await http.close()

    asyncio.run(run())


def test_an_emergency_asks_a_source_that_wants_to_be_left_alone() -> None:
    async def run() -> None:
        answers = [FULL, Reply()]
        async with Listener(lambda request: answers.pop(0)) as source:
            http, credentials = Http(egress=Egress([source.place])), Credentials(no_secret)
            for _ in range(2):
                with pytest.raises(Unanswered):
                    await asked(http, source, credentials)
            urgent.set(True)
            assert await asked(http, source, credentials) == {}
            await http.close()

    asyncio.run(run())
    assert not urgent.get(), "only in the task that asked"


@pytest.mark.parametrize("said", ["", "soon", "-1", "Wed, 21 Oct 2015 07:28:00 GMT", "1e9", "٣"])
def test_a_wait_that_cannot_be_read_closes_nothing(said: str) -> None:
    async def run() -> None:
        answers = [Reply(b"", status=429, headers=(("Retry-After", said),)), Reply()]
        async with Listener(lambda request: answers.pop(0)) as source:
            http = Http(egress=Egress([source.place]))
            with pytest.raises(Unanswered):
                await asked(http, source)
            assert await asked(http, source) == {}
            await http.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "body",
    [
        b'{"id":"a","id":"b"}',
        b'{"id" : "a", "more": {"id":1, "id" :2}}',
        b'[{"text":"\\":"},{"id":1,"id":1}]',
        b'{"a\\n":1,"id":1,"id"\n:2}',
    ],
)
def test_json_that_says_one_name_twice_is_refused(body: bytes) -> None:
    with pytest.raises(Unanswered) as refused:
        read_json(body, depth=64)
    assert refused.value.cause == GapCause.MALFORMED


@pytest.mark.parametrize(
    "body", [b'{"id":"a","no":{"id":"b"}}', b'{"text":"\\": \\":", "id" : 1}', b'[{"a":1},{"a":1}]']
)
def test_json_that_says_each_name_once_is_read(body: bytes) -> None:
    assert read_json(body, depth=64)


TWICE_IN_UTF_7 = b'{"id":"a","more":1,"+AGkAZA-":"b"}'


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        (TWICE_IN_UTF_7, "utf-7"),
        ('{"id":"a","id":"b"}'.encode("utf-16"), "utf-16"),
        (b'{"id":"a"}', "utf-7"),
        (b'{"id":"a"}', "windows-1252"),
        (b'{"id":"a"}', "idna"),
        (b'{"id":"a"}', "nothing-known"),
        (b'{"id":"a"}', ""),
        ('{"id":"é"}'.encode(), "us-ascii"),
        ('{"id":"é"}'.encode("latin-1"), "utf-8"),
    ],
)
def test_json_in_anything_but_utf_8_is_refused(body: bytes, charset: str) -> None:
    with pytest.raises(Unanswered) as refused:
        read_json(body, charset, depth=64)
    assert refused.value.cause is GapCause.MALFORMED


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "utf8", "us-ascii", "US-ASCII"])
def test_json_in_utf_8_is_read(charset: str) -> None:
    assert read_json(b'{"id":"a"}', charset, depth=64) == {"id": "a"}
    assert read_json(b"\xef\xbb\xbf" + '{"id":"é"}'.encode(), depth=64) == {"id": "é"}
