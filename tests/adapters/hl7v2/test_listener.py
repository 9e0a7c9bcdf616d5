"""Messages over MLLP, from a sender that we did not write: what is kept, what is answered, and what is put up with."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
import trustme
from hl7 import parse
from hl7.client import MLLPClient

from adapters.hl7v2.framing import Bounds, Frames
from adapters.hl7v2.keeping import Keeping
from adapters.hl7v2.listener import Listening, MllpListener
from adapters.hosted.store import Batch, HostedStore, Item
from broker.errors import InvalidInput
from broker.records.source import RecordEntry, ResidentIdentity
from broker.vocabulary import Section
from tests.adapters.hl7v2.spoken import ADA, FACILITY, NOW, ORDER, message, result, visit

T = TypeVar("T")
ADMITTED = message("ADT^A01", visit())
QUICK = Bounds(message_bytes=64 * 1024, message_seconds=0.3, idle_seconds=2, connections=4)
SECTIONS = frozenset({Section.ADMISSIONS, Section.RESULTS, Section.PROBLEMS})


@pytest.fixture
def store(tmp_path: Path) -> HostedStore:
    return HostedStore(tmp_path / "hosted", "riverside", lambda: [b"m" * 32])


def kept(store: HostedStore) -> list[RecordEntry]:
    return [each.item.entry for each in store.everything().items if each.item.entry is not None]


def listening(store: HostedStore, act: Callable[[int], T], *, bounds: Bounds = QUICK, **keeping: object) -> T:
    """``act`` in a thread, as a sender has one of its own, given the port that is listened on."""
    said = Keeping(store, sections=SECTIONS, by="system:test", **keeping)  # type: ignore[arg-type]
    listener = MllpListener(
        Listening(port=0, facilities=frozenset({FACILITY}), bounds=bounds),
        lambda each: said.keep(each, now=NOW),
        source="riverside",
        clock=lambda: NOW,
    )

    async def run() -> T:
        async with listener:
            return await asyncio.to_thread(act, listener.port)

    return asyncio.run(run())


def send(*messages: bytes) -> Callable[[int], list[str]]:
    """The answer (MSA-1) to each, on one connection."""

    def act(port: int) -> list[str]:
        with MLLPClient("127.0.0.1", port) as client:
            client.socket.settimeout(5)
            return [answer(client.send_message(each)) for each in messages]

    return act


def answer(said: bytes) -> str:
    return str(parse(said.strip(b"\x0b\x1c\r"), "utf-8").segment("MSA")[1])


def raw(*parts: bytes, answers: int = 1, stop: bool = True) -> Callable[[int], list[str]]:
    """The answers to bytes as they are; fewer where the listener closes the connection."""

    def act(port: int) -> list[str]:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            came = b""
            try:
                for part in parts:
                    sock.sendall(part)
                if stop:
                    sock.shutdown(socket.SHUT_WR)
                while came.count(b"\x1c\r") < answers and (chunk := sock.recv(65536)):
                    came += chunk
            except OSError:
                pass
            return [answer(each) for each in came.split(b"\x1c\r") if each]

    return act


def frame(data: bytes) -> bytes:
    return b"\x0b" + data + b"\x1c\r"


def test_a_message_is_kept_before_it_is_acknowledged(store: HostedStore) -> None:
    def act(port: int) -> list[str]:
        with MLLPClient("127.0.0.1", port) as client:
            said = client.send_message(ADMITTED)
        assert [entry.title for entry in kept(store)] == ["Hospital stay"]
        return [answer(said), str(parse(said.strip(b"\x0b\x1c\r"), "utf-8").segment("MSA")[2])]

    assert listening(store, act) == ["AA", "M1"]


def test_what_belongs_to_no_section_of_the_source_is_not_kept(store: HostedStore) -> None:
    listening(store, send(ADMITTED))
    assert {entry.section for entry in kept(store)} == {Section.ADMISSIONS}


def test_nothing_of_a_person_can_be_read_in_a_name_or_in_the_file(store: HostedStore) -> None:
    listening(store, send(ADMITTED, message("ORU^R01", ORDER, result(), control="M2")))
    for entry in kept(store):
        assert "9990000018" not in entry.id
        assert "1964" not in entry.id
    for path in store.path.parent.iterdir():
        assert b"9990000018" not in path.read_bytes()
        assert b"Hospital stay" not in path.read_bytes()


def test_two_people_who_share_a_number_of_the_senders_are_two_people(store: HostedStore) -> None:
    other = ADA.replace("999 000 0018", "9990000034")
    listening(store, send(ADMITTED, message("ADT^A01", visit(), person=other, control="M2")))
    assert len(kept(store)) == 2
    listening(store, send(message("ADT^A11", visit(), person=other, control="M3", sent="20261102")))
    assert len(store.about(nhs_numbers=("9990000018",)).items) == 1
    assert [entry for entry in kept(store) if entry.title == "Hospital stay"]


def test_a_message_that_comes_twice_is_acknowledged_twice_and_kept_once(store: HostedStore) -> None:
    assert listening(store, send(ADMITTED, ADMITTED)) == ["AA", "AA"]
    assert len(kept(store)) == 1
    assert len(store.batches()) == 1
    assert listening(store, send(ADMITTED)) == ["AA"]  # also after a restart
    assert len(store.batches()) == 1


@pytest.mark.parametrize("application", ["PAS", "LAB"])
def test_another_message_under_a_control_id_that_was_taken_is_kept_too(store: HostedStore, application: str) -> None:
    """Each application of a facility counts its own messages, and one that is set up anew begins again at 1."""
    other = ADA.replace("999 000 0018", "9990000034")
    second = message("ADT^A01", visit(), person=other).replace(b"|PAS|", f"|{application}|".encode())
    assert listening(store, send(ADMITTED, second, ADMITTED, second)) == ["AA"] * 4
    assert [len(store.about(nhs_numbers=(number,)).items) for number in ("9990000018", "9990000034")] == [1, 1]
    assert len(store.batches()) == 2


def test_a_correction_stands_in_place_of_what_it_corrects(store: HostedStore) -> None:
    first = message("ORU^R01", ORDER, result("9.9", status="P"))
    better = message("ORU^R01", ORDER, result("4.1", status="C"), control="M2", sent="20261101120000")
    late = message("ORU^R01", ORDER, result("8.8"), control="M0", sent="20261101090000")
    assert listening(store, send(first, better, late)) == ["AA", "AA", "AA"]
    (entry,) = kept(store)
    assert (dict(entry.details)["Value"], entry.status) == ("4.1 mmol/L", "corrected")
    wrong = message("ORU^R01", ORDER, result('""', status="W"), control="M3", sent="20261101130000")
    listening(store, send(wrong))
    assert kept(store) == []


def test_a_discharge_and_the_diagnosis_stay_with_the_stay(store: HostedStore) -> None:
    diagnosis = "DG1|1||J44.1^COPD^I10||20261101|F"
    listening(store, send(message("ADT^A01", visit(), diagnosis)))
    gone = message("ADT^A03", visit(admitted="", discharged="202611031400"), control="M2", sent="20261103")
    listening(store, send(gone))
    entries = {entry.section: entry for entry in kept(store)}
    assert dict(entries[Section.ADMISSIONS].details)["Admitted"] == "1 November 2026, 09:15 UTC"
    assert entries[Section.PROBLEMS].linked == (entries[Section.ADMISSIONS].id,)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (message("ADT^A01", visit(), person=""), "AE"),
        (message("ADT^A01", visit(), person=ADA.replace("18^^^NHS", "19^^^NHS")), "AE"),
        (message("MDM^T02"), "AR"),
        (ADMITTED.replace(b"|RIVERSIDE|", b"|ELSEWHERE|"), "AR"),
        (b"hello", "AR"),
    ],
)
def test_what_is_not_taken_is_answered_with_why_and_not_kept(store: HostedStore, data: bytes, said: str) -> None:
    assert listening(store, send(data, ADMITTED)) == [said, "AA"]
    assert len(kept(store)) == 1


@pytest.mark.parametrize("version", ["2.3", "2.5.1"])
def test_a_refusal_is_coded_and_says_nothing_of_anybody(store: HostedStore, version: str) -> None:
    data = message("ADT^A01", visit(), person="PID|1||H77^^^RIV||Bright^Ada||19640314", version=version)

    def act(port: int) -> bytes:
        with MLLPClient("127.0.0.1", port) as client:
            return bytes(client.send_message(data))

    said = listening(store, act).decode()
    assert "101" in said.partition("\rERR|")[2]
    assert "Required field missing" in said
    for personal in ("Bright", "1964", "H77"):
        assert personal not in said


def test_a_message_that_could_not_be_put_on_the_trail_is_not_acknowledged(store: HostedStore) -> None:
    def fails(batch: Batch, person: ResidentIdentity) -> None:
        raise OSError("no trail")

    assert listening(store, send(ADMITTED), stated=fails) == ["AR"]
    assert listening(store, send(ADMITTED)) == ["AA"]  # the sender has it still, and sends it again
    assert len(kept(store)) == 1


def test_a_store_that_cannot_be_opened_refuses_and_does_not_lose(
    store: HostedStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.add_batch(
        [Item(key="csv:1", nhs_number="9990000018", born_on=NOW.date(), entry=None)], by="x", what="csv", now=NOW
    )
    other = HostedStore(store.path.parent, "riverside", lambda: [b"n" * 32])
    with caplog.at_level(logging.DEBUG):
        assert listening(other, send(ADMITTED)) == ["AR"]
    assert "Bright" not in caplog.text
    assert "9990000018" not in caplog.text


def test_a_message_in_pieces_is_one_message(store: HostedStore) -> None:
    whole = frame(ADMITTED)
    assert listening(store, raw(*(whole[n : n + 40] for n in range(0, len(whole), 40)))) == ["AA"]
    assert len(kept(store)) == 1


def test_two_messages_at_once_are_two_messages(store: HostedStore) -> None:
    second = message("ORU^R01", ORDER, result(), control="M2")
    assert listening(store, raw(frame(ADMITTED) + frame(second), answers=2)) == ["AA", "AA"]
    assert len(kept(store)) == 2


def test_what_stands_before_a_start_block_is_passed_over(store: HostedStore) -> None:
    assert listening(store, raw(b"\r\n  noise \x1c\r" + frame(ADMITTED))) == ["AA"]
    assert len(kept(store)) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n" * 400,  # never begins
        b"\x0b" + ADMITTED,  # ends without saying so
        b"\x0b" + ADMITTED + b"\x1c",  # half an end
        b"\x0b" + ADMITTED[:80] + frame(ADMITTED),  # begins again inside
    ],
)
def test_a_message_that_is_not_framed_is_neither_kept_nor_acknowledged(store: HostedStore, data: bytes) -> None:
    assert listening(store, raw(data)) == []
    assert not store.begun


def test_a_message_that_never_ends_is_not_waited_for(store: HostedStore) -> None:
    assert listening(store, raw(b"\x0b" + ADMITTED, stop=False)) == []
    assert not store.begun


def test_fifty_megabytes_are_refused_and_never_held(store: HostedStore) -> None:
    chunk = b"Z" * 1024 * 1024
    sent: list[int] = []

    def act(port: int) -> list[str]:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            try:
                sock.sendall(b"\x0b" + ADMITTED)
                for number in range(50):
                    sock.sendall(chunk)
                    sent.append(number)
            except OSError:
                pass
        return []

    listening(store, act)
    assert len(sent) < 50
    assert not store.begun
    assert listening(store, raw(b"\x0b" + ADMITTED + b"NTE|1||" + b"Z" * 70_000, stop=False)) == ["AR"]


def test_no_more_senders_are_heard_at_once_than_is_allowed(store: HostedStore) -> None:
    def act(port: int) -> list[str]:
        waiting = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(4)]
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as fifth:
                assert fifth.recv(10) == b""
        finally:
            for each in waiting:
                each.close()
        return []

    listening(store, act)
    assert listening(store, send(ADMITTED)) == ["AA"]


def silent(port: int, count: int) -> list[socket.socket]:
    return [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(count)]


def test_senders_who_say_nothing_keep_nobody_out_for_long(store: HostedStore) -> None:
    def act(port: int) -> list[str]:
        quiet = silent(port, QUICK.connections)
        try:
            assert [each.recv(10) for each in quiet] == [b""] * QUICK.connections
            return send(ADMITTED)(port)
        finally:
            for each in quiet:
                each.close()

    assert listening(store, act, bounds=replace(QUICK, first_seconds=0.1)) == ["AA"]


def test_a_sender_who_has_sent_may_be_quiet_for_longer() -> None:
    async def run() -> list[bytes | None]:
        reader = asyncio.StreamReader()
        frames = Frames(reader, Bounds(first_seconds=0.02, idle_seconds=30))
        reader.feed_data(frame(b"first"))
        asyncio.get_running_loop().call_later(0.1, reader.feed_data, frame(b"second"))
        return [await frames.next(), await frames.next()]

    assert asyncio.run(run()) == [b"first", b"second"]


def test_one_address_does_not_take_every_place(store: HostedStore) -> None:
    def act(port: int) -> list[str]:
        quiet = silent(port, 2)
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as third:
                assert third.recv(10) == b""
            with socket.create_connection(("127.0.0.1", port), timeout=5, source_address=("127.0.0.2", 0)) as other:
                other.sendall(frame(ADMITTED))
                return [answer(other.recv(4096))]
        finally:
            for each in quiet:
                each.close()

    assert listening(store, act, bounds=replace(QUICK, connections_each=2)) == ["AA"]


def test_only_this_machine_is_listened_to_without_a_certificate() -> None:
    for host in ("0.0.0.0", "192.0.2.1", "hospital.example"):
        with pytest.raises(InvalidInput) as refused:
            Listening(port=0, facilities=frozenset({FACILITY}), host=host)
        assert refused.value.code == "listener-unprotected"
    with pytest.raises(InvalidInput):
        Listening(port=0, facilities=frozenset())
    assert Listening(port=0, facilities=frozenset({FACILITY})).tls() is None


def test_beyond_this_machine_each_sender_must_show_a_certificate(tmp_path: Path) -> None:
    facilities, certificate = frozenset({FACILITY}), tmp_path / "server.pem"
    for host in ("0.0.0.0", "192.0.2.1", "hospital.example"):
        with pytest.raises(InvalidInput) as refused:
            Listening(port=0, facilities=facilities, host=host, certificate=certificate)
        assert (refused.value.code, refused.value.field) == ("listener-anybody", "--client-ca")
        Listening(port=0, facilities=facilities, host=host, certificate=certificate, client_authority=certificate)
    Listening(port=0, facilities=facilities, certificate=certificate)
    with pytest.raises(InvalidInput):
        Listening(port=0, facilities=facilities, certificate=certificate, proven_by={FACILITY: "sender.example"})


def secure(port: int, authority: trustme.CA, client: trustme.LeafCert | None = None) -> list[str]:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    if client is not None:
        client.configure_cert(context)
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as sock,
        ):
            sock.sendall(frame(ADMITTED))
            return [answer(said) for said in [sock.recv(4096)] if said]
    except (ssl.SSLError, OSError):
        return []


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def securely(store: HostedStore, authority: trustme.CA, folder: Path, act: Callable[[int], T], **bound: str) -> T:
    """``act`` where each sender must show a certificate of ``authority``."""
    names = [folder / name for name in ("server.pem", "ca.pem")]
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(names[0]))
    authority.cert_pem.write_to_path(str(names[1]))
    tls = Listening(
        port=0,
        facilities=frozenset({FACILITY}),
        certificate=names[0],
        client_authority=names[1],
        proven_by=bound,
        bounds=QUICK,
    )
    keeping = Keeping(store, sections=SECTIONS, by="system:test")

    async def run() -> T:
        listener = MllpListener(tls, lambda each: keeping.keep(each, now=NOW), source="riverside", clock=lambda: NOW)
        async with listener:
            return await asyncio.to_thread(act, listener.port)

    return asyncio.run(run())


def test_with_an_authority_only_a_sender_with_its_certificate_is_heard(
    store: HostedStore, authority: trustme.CA, tmp_path: Path
) -> None:
    right, wrong = authority.issue_cert("sender.example"), trustme.CA().issue_cert("sender.example")

    def act(port: int) -> list[list[str]]:
        shown = [secure(port, authority, each) for each in (right, wrong, None)]
        return [*shown, raw(frame(ADMITTED))(port)]

    assert securely(store, authority, tmp_path, act) == [["AA"], [], [], []]


def test_a_facility_that_is_bound_to_a_name_is_believed_of_that_certificate_alone(
    store: HostedStore, authority: trustme.CA, tmp_path: Path
) -> None:
    issued = [
        authority.issue_cert("other.example"),
        authority.issue_cert("MLLP.Riverside.example"),
        authority.issue_cert("other.example", common_name="mllp.riverside.example"),
    ]

    def act(port: int) -> list[list[str]]:
        return [secure(port, authority, each) for each in issued]

    bound = {FACILITY: "mllp.riverside.example"}
    assert securely(store, authority, tmp_path, act, **bound) == [["AR"], ["AA"], ["AA"]]
    assert len(kept(store)) == 1


def test_a_certificate_that_cannot_be_used_is_refused_before_anything_is_listened_to(tmp_path: Path) -> None:
    (tmp_path / "wrong.pem").write_text("not a certificate")
    with pytest.raises(InvalidInput) as refused:
        Listening(port=0, facilities=frozenset({FACILITY}), certificate=tmp_path / "wrong.pem").tls()
    assert refused.value.code == "listener-certificate"
