"""Which addresses the broker calls: a corpus of the ways an address is made to look like another."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from adapters import Egress, Http
from adapters.answering import Unanswered
from adapters.credentials import Credentials
from adapters.egress import may_connect
from broker.vocabulary import GapCause
from tests.adapters.conformance.asking import no_secret
from tests.adapters.listener import Listener, Reply

# PORT is that of a listener on this machine, which must never be reached.
FORMS = [
    "http://127.0.0.1:PORT/",
    "http://localhost:PORT/",
    "http://LOCALHOST:PORT/",
    "http://localhost.:PORT/",
    "http://127.1:PORT/",
    "http://127.0.1:PORT/",
    "http://2130706433:PORT/",
    "http://0x7f000001:PORT/",
    "http://0x7f.0.0.1:PORT/",
    "http://0177.0.0.1:PORT/",
    "http://017700000001:PORT/",
    "http://127.0.0.1.:PORT/",
    "http://0:PORT/",
    "http://0.0.0.0:PORT/",
    "http://[::1]:PORT/",
    "http://[::]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://[::ffff:7f00:1]:PORT/",
    "http://[0:0:0:0:0:0:0:1]:PORT/",
    "http://[::1%25lo]:PORT/",
    "http://[64:ff9b::7f00:1]:PORT/",
    "http://①②⑦.0.0.1:PORT/",
    "http://127。0。0。1:PORT/",
    "http://ｌｏｃａｌｈｏｓｔ:PORT/",
    "http://listed.example@127.0.0.1:PORT/",
    "http://listed.example:443@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT@listed.example/",
    "http://listed.example%40127.0.0.1:PORT/",
    "http://listed.example#@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT#listed.example/",
    "http://127.0.0.1:PORT?listed.example/",
    "http://127.0.0.1:PORT\\listed.example/",
    "http://listed.example\\@127.0.0.1:PORT/",
    "http:\\\\127.0.0.1:PORT/",
    "http:///127.0.0.1:PORT/",
    "http:/127.0.0.1:PORT/",
    "http:127.0.0.1:PORT/",
    "//127.0.0.1:PORT/",
    "127.0.0.1:PORT",
    " http://127.0.0.1:PORT/",
    "http://127.0.0.1:PORT/ ",
    "http://127.0.0.1:PORT/\r\nHost: listed.example",
    "ht\ntp://127.0.0.1:PORT/",
    "http://127.0.0.1\t:PORT/",
    "http://127.0.0.1\0.listed.example:PORT/",
    "http://127.0.0.1:0PORT/",
    "http://127.0.0.1:PORT:80/",
    "http://127.0.0.1.listed.example:PORT/",
    "http://listed.example.127.0.0.1:PORT/",
    "http://listed.example:PORT/",
    "http://notlisted.example/",
    "http://xlisted.example/",
    "http://listed.example.evil.example/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://metadata.google.internal/",
    "ftp://listed.example/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:PORT/",
    "javascript:alert(1)",
    "data:application/json,{}",
    "unix:///var/run/docker.sock",
    "http://",
    "",
    "http://listed.example:99999/",
    "http://listed.example:-1/",
    "https://listed.example/" + "a" * 5000,
]


def test_the_corpus_is_large() -> None:
    assert len(set(FORMS)) >= 40


@pytest.mark.parametrize("form", FORMS)
def test_an_address_that_is_not_on_the_list_is_never_called(form: str) -> None:
    async def tried() -> None:
        async with Listener(lambda request: Reply()) as listener:
            http = Http(egress=Egress(["listed.example"]))
            with pytest.raises(Unanswered) as refused:
                await http.ask(
                    form.replace("PORT", str(listener.port)),
                    credentials=Credentials(no_secret),
                    allowance=http.allowance(),
                )
            assert refused.value.cause == GapCause.NOT_ALLOWED
            await http.close()
            assert listener.connections == 0

    asyncio.run(tried())


@pytest.mark.parametrize(
    "address",
    [
        "http://listed.example/fhir",
        "https://listed.example",
        "https://listed.example:443/fhir?a=b",
        "https://LISTED.example/fhir",
        "https://other.example:8443/",
        "http://[::1]:8080/",
    ],
)
def test_a_listed_address_is_admitted(address: str) -> None:
    Egress(["listed.example", "other.example:8443", "[::1]:8080"]).admit(address)


@pytest.mark.parametrize("address", ["https://listed.example:8443/", "https://other.example/", "http://other.example/"])
def test_a_host_is_listed_for_its_port_alone(address: str) -> None:
    with pytest.raises(Unanswered):
        Egress(["listed.example", "other.example:8443"]).admit(address)


NEVER = [
    *("169.254.169.254", "169.254.0.1", "fe80::1", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    *("fd00:ec2::254", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "240.0.0.1", "ff02::1"),
    *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "2001:0:7f00:1::"),
]


@pytest.mark.parametrize("address", NEVER)
@pytest.mark.parametrize("host", ["listed.example", "localhost", "127.0.0.1"])
def test_some_addresses_are_never_called_whatever_is_listed(host: str, address: str) -> None:
    assert not may_connect(host, ip_address(address))


@pytest.mark.parametrize("address", NEVER)
def test_listing_such_an_address_itself_does_not_help(address: str) -> None:
    shown = f"[{address}]" if ":" in address else address
    with pytest.raises(Unanswered):
        Egress([shown]).admit(f"http://{shown}/")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_only_a_host_that_says_so_is_on_this_machine(address: str) -> None:
    assert not may_connect("listed.example", ip_address(address))
    assert may_connect("localhost", ip_address(address))


@pytest.mark.parametrize("address", ["10.20.30.40", "192.168.1.1", "172.16.0.9", "100.64.0.1", "fd12::1", "8.8.8.8"])
def test_a_listed_host_may_be_on_a_private_network(address: str) -> None:
    assert may_connect("listed.example", ip_address(address))


class Turning(AbstractResolver):
    """A name server under somebody else's control: each question may have another answer."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
            for address in found
        ]

    async def close(self) -> None:
        pass


def _called(resolver: Turning) -> tuple[list[GapCause], int]:
    async def run() -> tuple[list[GapCause], int]:
        async with Listener(lambda request: Reply()) as listener:
            name = f"listed.example:{listener.port}"
            http = Http(egress=Egress([name]), resolver=resolver)
            causes = []
            for _ in range(2):
                try:
                    await http.ask(f"http://{name}/", credentials=Credentials(no_secret), allowance=http.allowance())
                except Unanswered as error:
                    causes.append(error.cause)
            await http.close()
            return causes, listener.connections

    return asyncio.run(run())


def test_a_listed_name_that_points_at_this_machine_is_not_called() -> None:
    causes, connections = _called(Turning(["127.0.0.1"]))
    assert causes == [GapCause.NOT_ALLOWED] * 2
    assert connections == 0


def test_a_name_that_turns_to_this_machine_between_check_and_call_gains_nothing() -> None:
    resolver = Turning(["169.254.169.254"], ["127.0.0.1"])
    causes, connections = _called(resolver)
    assert causes == [GapCause.NOT_ALLOWED] * 2
    assert connections == 0


def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    async def run() -> None:
        async with Listener(lambda request: Reply()) as listener:
            resolver = Turning(["127.0.0.1"])
            http = Http(egress=Egress([f"localhost:{listener.port}"]), resolver=resolver)
            address = f"http://localhost:{listener.port}/"
            await http.ask(address, credentials=Credentials(no_secret), allowance=http.allowance())
            assert (resolver.asked, listener.connections) == (1, 1)
            await http.close()

    asyncio.run(run())
