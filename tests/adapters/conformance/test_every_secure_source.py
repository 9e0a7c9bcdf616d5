"""How every source system over a network proves who it is, and how the broker does: TLS, client certificate, bearer."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

import pytest
import trustme

from adapters import Egress, Http, build
from broker.records.source import SourceAnswer
from broker.vocabulary import GapCause
from tests.adapters.conformance.asking import described, no_secret
from tests.adapters.conformance.worlds import ADA, NETWORK, Holding, NetworkWorld
from tests.adapters.listener import Listener, Reply, Request

every = pytest.mark.parametrize("world", NETWORK, ids=lambda world: world.kind)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def _pem(certificate: trustme.LeafCert) -> str:
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    return (certificate.private_key_pem.bytes() + chain).decode()


def _server(authority: trustme.CA, name: str = "localhost", *, clients: trustme.CA | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        clients.configure_trust(context)
    return context


def ask_securely(
    world: NetworkWorld, tls: ssl.SSLContext | None, secrets: Mapping[str, str | bytes], **configured: Any
) -> tuple[SourceAnswer, Listener]:
    async def run() -> tuple[SourceAnswer, Listener]:
        source = Listener(lambda request: world.answer(Holding(), request, source.url), tls=tls, host="localhost")
        async with source:
            client = Http(egress=Egress([source.place]))
            configuration = {**world.configuration(source.url), **configured}
            system = build(described(world.kind, configuration), http=client, secret=secrets.__getitem__)
            answer = await system.fetch(ADA, frozenset({world.section}))
            await client.close()
            return answer, source

    return asyncio.run(run())


def _root(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


@every
def test_a_trusted_certificate_is_accepted(world: NetworkWorld, authority: trustme.CA) -> None:
    answer, _ = ask_securely(world, _server(authority), {"root": _root(authority)}, authority_secret="root")
    assert len(answer.entries) == 3
    assert not answer.gaps


@every
def test_an_untrusted_certificate_is_refused_and_nothing_is_sent(world: NetworkWorld, authority: trustme.CA) -> None:
    answer, source = ask_securely(world, _server(authority), {})
    assert [gap.cause for gap in answer.gaps] == [GapCause.UNREACHABLE]
    assert source.requests == []


@every
def test_a_certificate_of_another_host_is_refused(world: NetworkWorld, authority: trustme.CA) -> None:
    tls = _server(authority, "elsewhere.example")
    answer, source = ask_securely(world, tls, {"root": _root(authority)}, authority_secret="root")
    assert [gap.cause for gap in answer.gaps] == [GapCause.UNREACHABLE]
    assert source.requests == []


@every
def test_a_source_that_speaks_no_tls_is_a_gap(world: NetworkWorld) -> None:
    async def plainly() -> None:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
            place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            client = Http(egress=Egress([place]))
            system = build(
                described(world.kind, world.configuration(f"https://{place}")), http=client, secret=no_secret
            )
            answer = await system.fetch(ADA, frozenset({world.section}))
            assert [gap.cause for gap in answer.gaps] == [GapCause.UNREACHABLE]
            await client.close()

    asyncio.run(plainly())


@every
def test_a_client_certificate_is_shown_where_configured(world: NetworkWorld, authority: trustme.CA) -> None:
    clients = trustme.CA()
    secrets = {"root": _root(authority), "ours": _pem(clients.issue_cert("broker.example"))}
    answer, _ = ask_securely(
        world,
        _server(authority, clients=clients),
        secrets,
        authority_secret="root",
        client_certificate_secret="ours",
    )
    assert len(answer.entries) == 3


@every
@pytest.mark.parametrize("shown", ["none", "another authority's"])
def test_a_source_that_wants_another_certificate_is_a_gap(
    world: NetworkWorld, authority: trustme.CA, shown: str
) -> None:
    secrets = {"root": _root(authority), "ours": _pem(trustme.CA().issue_cert("broker.example"))}
    configured = {} if shown == "none" else {"client_certificate_secret": "ours"}
    answer, source = ask_securely(
        world, _server(authority, clients=trustme.CA()), secrets, authority_secret="root", **configured
    )
    assert [gap.cause for gap in answer.gaps] in ([GapCause.REFUSED], [GapCause.FAULT])
    assert source.requests == []


@every
def test_a_bearer_token_is_sent_with_every_request(world: NetworkWorld, authority: trustme.CA) -> None:
    secrets: dict[str, str | bytes] = {"root": _root(authority), "token": b"opaque-token\n"}
    answer, source = ask_securely(world, _server(authority), secrets, authority_secret="root", bearer_secret="token")
    assert len(answer.entries) == 3
    assert {request.headers.get("authorization") for request in source.requests} == {"Bearer opaque-token"}


@every
@pytest.mark.parametrize("token", ["", "   ", "two words", "line\r\nX-Evil: yes", "naïve"])
def test_a_token_that_cannot_be_sent_is_a_gap_and_nothing_is_sent(world: NetworkWorld, token: str) -> None:
    answer, source = ask_securely(world, None, {"token": token}, bearer_secret="token")
    assert [gap.cause for gap in answer.gaps] == [GapCause.REFUSED]
    assert source.connections == 0


@every
@pytest.mark.parametrize("key", ["bearer_secret", "client_certificate_secret", "authority_secret"])
def test_a_secret_that_is_not_there_is_a_gap(world: NetworkWorld, authority: trustme.CA, key: str) -> None:
    answer, source = ask_securely(world, _server(authority), {}, **{key: "missing"})
    assert [gap.cause for gap in answer.gaps] == [GapCause.REFUSED]
    assert source.requests == []


@every
def test_a_rotated_token_is_read_again_after_a_refusal(world: NetworkWorld) -> None:
    tokens = iter(["old", "new"])

    async def rotated() -> list[bool]:
        def answer(request: Request) -> Reply:
            if request.path.endswith("/metadata"):
                return Reply(status=404)  # what a server can do is asked beside, and is no refusal of a resident
            fresh = request.headers["authorization"] == "Bearer new"
            return world.answer(Holding(), request, source.url) if fresh else Reply(status=401)

        source = Listener(answer)
        async with source:
            client = Http(egress=Egress([source.place]))
            configuration = {**world.configuration(source.url), "bearer_secret": "token"}
            system = build(described(world.kind, configuration), http=client, secret=lambda name: next(tokens))
            answers = [await system.fetch(ADA, frozenset({world.section})) for _ in range(3)]
            await client.close()
            return [bool(answer.entries) for answer in answers]

    assert asyncio.run(rotated()) == [False, True, True]


@every
def test_no_secret_is_shown_in_a_description_of_the_source(world: NetworkWorld) -> None:
    client = Http(egress=Egress(()))
    configuration = {**world.configuration("https://source.example"), "bearer_secret": "token"}
    system = build(described(world.kind, configuration), http=client, secret=lambda name: "s3cret")
    system._credentials.headers()  # type: ignore[attr-defined]
    assert "s3cret" not in repr(vars(system))
