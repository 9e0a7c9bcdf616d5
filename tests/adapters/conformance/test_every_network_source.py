"""What every source system over a network promises, however its other side behaves."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Callable
from urllib.parse import parse_qsl

import pytest

from adapters import Limits, build
from broker.vocabulary import GapCause
from tests.adapters.conformance.asking import ask_network, described, http, no_secret
from tests.adapters.conformance.worlds import ADA, NETWORK, Holding, NetworkWorld
from tests.adapters.listener import Listener, Reply, Request

every = pytest.mark.parametrize("world", NETWORK, ids=lambda world: world.kind)


def only_gap(world: NetworkWorld, instead: Callable[[Request], Reply], **options: object) -> GapCause:
    """The one cause of the one gap, when the source answers everything with ``instead``."""
    answer, _ = ask_network(world, instead=instead, **options)  # type: ignore[arg-type]
    assert not answer.entries
    (gap,) = answer.gaps
    assert gap.section == world.section
    return gap.cause


@every
@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (401, GapCause.REFUSED),
        (403, GapCause.REFUSED),
        (404, GapCause.FAULT),
        (410, GapCause.FAULT),
        (429, GapCause.BUSY),
        (500, GapCause.FAULT),
        (503, GapCause.FAULT),
        (504, GapCause.LATE),
        (204, GapCause.FAULT),
    ],
)
def test_a_status_is_a_cause(world: NetworkWorld, status: int, cause: GapCause) -> None:
    assert only_gap(world, lambda request: Reply(b"", status=status, media=world.media)) == cause


@every
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(world: NetworkWorld, status: int) -> None:
    async def redirected() -> None:
        async with Listener(lambda request: Reply()) as elsewhere:
            moved = Reply(b"", status=status, headers=(("Location", elsewhere.url),))
            async with Listener(lambda request: moved) as source, http(source.place, elsewhere.place) as client:
                system = build(described(world.kind, world.configuration(source.url)), http=client, secret=no_secret)
                answer = await system.fetch(ADA, frozenset({world.section}))
            assert [gap.cause for gap in answer.gaps] == [GapCause.FAULT]
            assert elsewhere.connections == 0

    asyncio.run(redirected())


_DEEP = b"[" * 20_000 + b"]" * 20_000
_UNREADABLE = {
    "nothing": b"",
    "not JSON": b"<html>sorry</html>",
    "cut off": b'{"resourceType": "Bundle", "ent',
    "20,000 deep": _DEEP,
    "100 deep": b"[" * 100 + b"]" * 100,
    "deep inside a bundle": b'{"resourceType":"Bundle","type":"searchset","contents":' + _DEEP + b"}",
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "text": b'"hello"',
    "NaN": b'{"total_items": NaN}',
    "half a surrogate pair": b'{"resourceType": "\\ud800"}',
    "not UTF-8": b'{"resourceType": "\xff\xfe"}',
    "a number of 5,000 digits": b'{"total": ' + b"9" * 5000 + b"}",
    "entries that are text": b'{"resourceType":"Bundle","type":"searchset","entry":"x","contents":"x"}',
    "entries that are numbers": b'{"resourceType":"Bundle","type":"searchset","entry":[1],"contents":{"a":1}}',
}


@every
@pytest.mark.parametrize("body", _UNREADABLE.values(), ids=_UNREADABLE)
def test_what_cannot_be_read_is_a_stated_gap(world: NetworkWorld, body: bytes) -> None:
    assert only_gap(world, lambda request: Reply(body, media=world.media)) == GapCause.MALFORMED


@every
@pytest.mark.parametrize("media", [None, "text/html", "application/xml", "application/octet-stream", "text/json"])
def test_another_content_type_is_not_read(world: NetworkWorld, media: str | None) -> None:
    def mislabelled(request: Request) -> Reply:
        good = world.answer(Holding(), request, "http://127.0.0.1/base")
        return Reply(good.body, media=media)

    assert only_gap(world, mislabelled) == GapCause.MALFORMED


@every
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\nContent-Type: application/json\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 100_000 + b"\r\n\r\n{}",
    ],
    ids=["nothing at all", "not HTTP", "cut off", "no length", "an endless header"],
)
def test_a_source_that_breaks_the_rules_of_http_is_a_gap(world: NetworkWorld, raw: bytes) -> None:
    assert only_gap(world, lambda request: Reply(raw=raw)) in (GapCause.MALFORMED, GapCause.FAULT)


@every
def test_a_length_beyond_the_limit_is_refused_before_it_is_read(world: NetworkWorld) -> None:
    reply = Reply(b"[" + b" " * 20_000 + b"]", media=world.media)
    assert only_gap(world, lambda request: reply, limits=Limits(answer_bytes=10_000)) == GapCause.TOO_LARGE


@every
def test_an_unstated_length_is_bounded_too(world: NetworkWorld) -> None:
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {world.media}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    reply = Reply(raw=head + chunk * 8)
    assert only_gap(world, lambda request: reply, limits=Limits(answer_bytes=10_000)) == GapCause.TOO_LARGE


@every
def test_a_few_bytes_that_unpack_to_many_are_refused(world: NetworkWorld) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    reply = Reply(bomb, media=world.media, headers=(("Content-Encoding", "gzip"),))
    assert only_gap(world, lambda request: reply, limits=Limits(answer_bytes=100_000)) == GapCause.TOO_LARGE


@every
def test_a_packed_answer_is_read(world: NetworkWorld) -> None:
    def packed(request: Request) -> Reply:
        good = world.answer(Holding(items=2), request, "http://127.0.0.1:1/base")
        return Reply(gzip.compress(good.body), media=world.media, headers=(("Content-Encoding", "gzip"),))

    answer, source = ask_network(world, instead=packed)
    assert len(answer.entries) == 2
    assert source.requests[0].headers["accept-encoding"] == "gzip"


@every
@pytest.mark.parametrize(
    ("encoding", "body"), [("br", b"x"), ("gzip", b"not gzip"), ("gzip", gzip.compress(b"{}")[:-9])]
)
def test_damaged_or_other_packing_is_a_gap(world: NetworkWorld, encoding: str, body: bytes) -> None:
    reply = Reply(body, media=world.media, headers=(("Content-Encoding", encoding),))
    assert only_gap(world, lambda request: reply) == GapCause.MALFORMED


@every
def test_a_source_that_drips_is_let_go_at_the_deadline(world: NetworkWorld) -> None:
    async def dripped() -> tuple[float, int]:
        slow = Reply(b"[" + b" " * 1000 + b"]", media=world.media, drip=0.02)
        async with Listener(lambda request: slow) as source, http(source.place) as client:
            system = build(described(world.kind, world.configuration(source.url)), http=client, secret=no_secret)
            started = time.perf_counter()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await system.fetch(ADA, frozenset({world.section}))
            took = time.perf_counter() - started
            for _ in range(20):  # the connection is given up, not left to drip
                if not source.waiting:
                    break
                await asyncio.sleep(0.02)
            return took, source.waiting

    took, still_open = asyncio.run(dripped())
    assert 0.25 < took < 2, "the whole answer would have taken 20 seconds"
    assert still_open == 0


@every
def test_a_cancelled_fetch_leaves_nothing_running_and_the_next_works(world: NetworkWorld) -> None:
    async def cancelled() -> None:
        slow = [True]

        def answer(request: Request) -> Reply:
            good = world.answer(Holding(), request, source.url)
            return Reply(good.body, media=world.media, drip=0.02) if slow[0] else good

        source = Listener(answer)
        async with source, http(source.place) as client:
            system = build(described(world.kind, world.configuration(source.url)), http=client, secret=no_secret)
            task = asyncio.create_task(system.fetch(ADA, frozenset({world.section})))
            await asyncio.sleep(0.05)
            before = asyncio.all_tasks()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            ours = {t for t in asyncio.all_tasks() & before if "_serve" not in repr(t.get_coro())}
            assert ours == {asyncio.current_task()}
            slow[0] = False
            assert len((await system.fetch(ADA, frozenset({world.section}))).entries) == 3

    asyncio.run(cancelled())


@every
def test_connections_are_kept_and_a_closed_one_is_replaced(world: NetworkWorld) -> None:
    async def twice() -> int:
        source = Listener(lambda request: world.answer(Holding(), request, source.url))
        async with source, http(source.place) as client:
            system = build(described(world.kind, world.configuration(source.url)), http=client, secret=no_secret)
            for _ in range(3):
                assert len((await system.fetch(ADA, frozenset({world.section}))).entries) == 3
            return source.connections

    assert asyncio.run(twice()) == 1


@every
def test_a_kept_connection_the_source_has_closed_costs_nothing(world: NetworkWorld) -> None:
    answered = [0]

    def now_and_then(request: Request) -> Reply:
        answered[0] += 1
        if answered[0] == 2:
            return Reply(raw=b"")
        return world.answer(Holding(), request, "http://127.0.0.1:1/base")

    async def twice() -> None:
        async with Listener(now_and_then) as source, http(source.place) as client:
            system = build(described(world.kind, world.configuration(source.url)), http=client, secret=no_secret)
            for _ in range(2):
                assert len((await system.fetch(ADA, frozenset({world.section}))).entries) == 3

    asyncio.run(twice())


@every
def test_nothing_personal_stands_in_an_address_or_a_header(world: NetworkWorld) -> None:
    _, source = ask_network(world, Holding(items=250, per_page=40))
    assert len(source.requests) >= (7 if world.paged else 1)
    for request in source.requests:
        path, _, query = request.target.partition("?")
        parameters = parse_qsl(query, keep_blank_values=True)
        elsewhere = [pair for pair in parameters if pair[0] != world.names_in]
        shown = f"{request.headers} {elsewhere}" + ("" if world.names_in == "path" else path)
        assert "9990000018" not in shown
        assert "1964" not in f"{request.target} {request.headers}"
        named = [value for name, value in parameters if name == world.names_in]
        assert set(named) <= {"9990000018"}, "the number by itself, and nothing beside it"


def test_only_two_protocols_put_a_number_into_an_address() -> None:
    assert {world.kind: world.names_in for world in NETWORK if world.names_in} == {
        "pds-fhir": "path",
        "patient-flags": "patient",
    }


@pytest.mark.parametrize("world", [w for w in NETWORK if not w.personal], ids=lambda world: world.kind)
def test_a_directory_is_told_nothing_of_anybody(world: NetworkWorld) -> None:
    _, source = ask_network(world)
    assert "9990000018" not in repr(source.requests)
    assert "1964" not in repr(source.requests)


@every
def test_cookies_and_proxies_of_the_machine_are_ignored(world: NetworkWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    def baked(request: Request) -> Reply:
        good = world.answer(Holding(items=50, per_page=20), request, url[0])
        return Reply(good.body, media=world.media, headers=(("Set-Cookie", "who=ada; Path=/"),))

    url = ["http://127.0.0.1:1/base"]

    async def run() -> Listener:
        async with Listener(baked) as source, http(source.place) as client:
            url[0] = source.url
            system = build(described(world.kind, world.configuration(source.url)), http=client, secret=no_secret)
            assert len((await system.fetch(ADA, frozenset({world.section}))).entries) == 50
            return source

    assert all("cookie" not in request.headers for request in asyncio.run(run()).requests)


@every
def test_a_source_that_is_not_on_the_list_is_never_called(world: NetworkWorld) -> None:
    async def unlisted() -> None:
        async with Listener(lambda request: Reply()) as source, http("source.example") as client:
            system = build(described(world.kind, world.configuration(source.url)), http=client, secret=no_secret)
            answer = await system.fetch(ADA, frozenset({world.section}))
            assert [gap.cause for gap in answer.gaps] == [GapCause.NOT_ALLOWED]
            assert (await system.check()).cause == GapCause.NOT_ALLOWED
            assert source.connections == 0

    asyncio.run(unlisted())
