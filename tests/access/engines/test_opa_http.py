"""What is particular to a server asked over HTTP: everything that can go wrong on the way, and what never happens."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest
import trustme

from broker.access.engines import opa_http, open_engine
from broker.access.engines.opa_http import OpaEngine
from broker.errors import EngineUnavailable, EngineUnclear, Misconfigured
from broker.settings import Settings
from tests.access.engines import faults
from tests.access.engines.faults import FAULTS, PERMIT, faulty, saying, whole
from tests.access.engines.little import little_bundle, question

DEADLINE = timedelta(milliseconds=200)
SOON = timedelta(seconds=5)
LEEWAY = 0.3  # seconds, for a busy machine


@contextmanager
def opened(url: str, *, ca: str = "", connections: int = 4) -> Iterator[OpaEngine]:
    engine = OpaEngine(url, ca=ca, connections=connections)
    yield engine
    engine.close()


def refused(engine: OpaEngine) -> float:
    """Seconds until the engine refused, by raising one of its two faults."""
    started = monotonic()
    with pytest.raises((EngineUnavailable, EngineUnclear)):
        engine.decide(question("one"), deadline=DEADLINE)
    return monotonic() - started


def test_it_is_what_opens_where_it_is_set() -> None:
    engine = open_engine(Settings(policy_engine="opa", opa_url="http://127.0.0.1:8181"))
    assert isinstance(engine, OpaEngine)


def test_a_well_server_is_believed() -> None:
    with faulty(saying(whole(PERMIT))) as (url, _), opened(url) as engine:
        assert engine.decide(question("one"), deadline=SOON)["permitted"] is True
        assert engine.revision() == "r1"


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_server_that_is_not_well_never_permits_and_never_keeps_anybody(fault: object) -> None:
    with faulty(fault) as (url, server), opened(url) as engine:  # type: ignore[arg-type]
        for _ in range(2):  # the second time on whatever the first left behind
            assert refused(engine) < DEADLINE.total_seconds() + LEEWAY
        assert engine.revision() is None
        assert server.questions <= 2


def test_where_nobody_listens_it_refuses_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with opened(f"http://127.0.0.1:{port}") as engine:
        assert refused(engine) < DEADLINE.total_seconds()


def test_where_nobody_accepts_it_refuses_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, suppress(BlockingIOError):
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        with opened(f"http://127.0.0.1:{full.getsockname()[1]}") as engine:
            assert refused(engine) < DEADLINE.total_seconds() + LEEWAY
        for one in waiting:
            one.close()


def test_after_failures_in_a_row_callers_are_refused_without_asking() -> None:
    with faulty(FAULTS["fails"]) as (url, server), opened(url) as engine:
        for _ in range(9):
            refused(engine)
        assert server.questions == 5


def test_questions_share_one_connection_where_one_will_do() -> None:
    with faulty(saying(whole(PERMIT))) as (url, server), opened(url) as engine:
        for _ in range(20):
            engine.decide(question("one"), deadline=SOON)
        assert (server.connections, server.questions) == (1, 20)


def test_a_kept_connection_that_was_closed_meanwhile_is_made_anew() -> None:
    with faulty(faults.once_saying(whole(PERMIT))) as (url, server), opened(url) as engine:
        for _ in range(5):
            assert engine.decide(question("one"), deadline=SOON)["permitted"] is True
        assert server.connections == 5


def test_a_server_that_closes_after_each_answer_is_still_heard() -> None:
    with faulty(faults.haltingly) as (url, _), opened(url) as engine:
        for _ in range(3):
            assert engine.decide(question("one"), deadline=SOON)["permitted"] is True


def test_more_callers_than_connections_wait_for_their_turn() -> None:
    def slowly(connection: socket.socket, stopped: threading.Event) -> None:
        stopped.wait(0.01)
        connection.sendall(whole(PERMIT))

    with faulty(slowly) as (url, server), opened(url, connections=2) as engine, ThreadPoolExecutor(16) as threads:
        asked = [threads.submit(engine.decide, question("one"), deadline=SOON) for _ in range(48)]
        assert all(answer.result()["permitted"] for answer in asked)
        assert server.connections <= 2


def test_a_caller_who_cannot_have_a_turn_in_time_is_refused() -> None:
    with faulty(faults.hanging) as (url, _), opened(url, connections=1) as engine, ThreadPoolExecutor(4) as threads:
        took = list(threads.map(lambda _: refused(engine), range(4)))
    assert max(took) < DEADLINE.total_seconds() + LEEWAY


def test_a_proxy_or_password_in_the_environment_is_never_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    heard: list[bytes] = []
    with (
        faulty(saying(whole(b"{}"))) as (proxy, passing),
        faulty(saying(whole(PERMIT))) as (url, _),
        opened(url) as engine,
    ):
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy)
        monkeypatch.setattr(socket.socket, "sendall", _overheard(heard))
        engine.decide(question("one"), deadline=SOON)
        assert passing.connections == 0
    assert b"authorization" not in b"".join(heard).lower()


def _overheard(heard: list[bytes]) -> object:
    real = socket.socket.sendall

    def sendall(self: socket.socket, data: bytes, *flags: int) -> None:
        heard.append(bytes(data))
        real(self, data, *flags)

    return sendall


# ---- TLS ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def served_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def ca_file(authority: trustme.CA, folder: Path) -> str:
    path = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def test_a_server_with_the_authoritys_certificate_is_believed(
    authority: trustme.CA, served_tls: ssl.SSLContext, tmp_path: Path
) -> None:
    with (
        faulty(saying(whole(PERMIT)), tls=served_tls) as (url, server),
        opened(url, ca=ca_file(authority, tmp_path)) as engine,
    ):
        for _ in range(3):
            assert engine.decide(question("one"), deadline=SOON)["permitted"] is True
        assert server.connections == 1


def test_a_server_with_anybody_elses_certificate_is_not(served_tls: ssl.SSLContext, tmp_path: Path) -> None:
    with (
        faulty(saying(whole(PERMIT)), tls=served_tls) as (url, server),
        opened(url, ca=ca_file(trustme.CA(), tmp_path)) as engine,
    ):
        refused(engine)
        assert server.questions == 0


def test_a_server_with_the_certificate_of_another_name_is_not(authority: trustme.CA, tmp_path: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("opa.example").configure_cert(context)
    with (
        faulty(saying(whole(PERMIT)), tls=context) as (url, server),
        opened(url, ca=ca_file(authority, tmp_path)) as engine,
    ):
        refused(engine)
        assert server.questions == 0


def test_a_server_that_never_shakes_hands_keeps_nobody(authority: trustme.CA, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with opened(url, ca=ca_file(authority, tmp_path)) as engine:
            assert refused(engine) < DEADLINE.total_seconds() + LEEWAY


# ---- settings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8181",
        "ftp://127.0.0.1",
        "http://",
        "http://opa/prefix",
        "http://somebody:secret@opa",
        "http://opa:notaport",
        "http://opa?x=1",
        "unix:///run/opa.sock",
    ],
)
def test_an_address_that_cannot_be_asked_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(Misconfigured) as refusal:
        OpaEngine(url)
    assert "secret" not in str(refusal.value)


def test_an_authority_that_cannot_be_read_or_would_not_be_used_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        OpaEngine("https://opa", ca=str(tmp_path / "missing.pem"))
    with pytest.raises(Misconfigured):
        OpaEngine("http://opa", ca=str(tmp_path / "missing.pem"))


# ---- load -----------------------------------------------------------------------------------------------------------


def test_without_patience_loading_asks_nobody() -> None:
    with faulty(saying(whole(PERMIT))) as (url, server), opened(url) as engine:
        engine.load(little_bundle("r9"))
        assert server.questions == 0


def test_with_patience_loading_waits_until_the_revision_is_served_and_no_longer() -> None:
    with faulty(saying(whole(PERMIT))) as (url, _):
        engine = OpaEngine(url, patience=timedelta(milliseconds=200))
        engine.load(little_bundle("r1"))
        started = monotonic()
        with pytest.raises(EngineUnavailable):
            engine.load(little_bundle("r9"))
        assert monotonic() - started < 0.2 + LEEWAY
        engine.close()


# ---- the moment after a publication ----------------------------------------------------------------------------------


def answering(*revisions: str) -> Callable[[socket.socket, threading.Event], None]:
    """A server that answers from each revision in turn, and from the last for ever."""
    left = list(revisions)

    def speak(connection: socket.socket, _: threading.Event) -> None:
        revision = left.pop(0) if len(left) > 1 else left[0]
        connection.sendall(whole(json.dumps({"result": {"revision": revision, "permitted": True}}).encode()))

    return speak


OLD, NEW, NEWER = (f"2026-11-20T12:00:0{second}.000000Z/abc" for second in (0, 1, 2))


def test_a_server_that_is_about_to_follow_is_waited_for() -> None:
    with faulty(answering(OLD, OLD, NEW)) as (url, server), opened(url) as engine:
        engine.load(little_bundle(NEW))
        assert engine.decide(question("one"), deadline=SOON)["revision"] == NEW
        assert server.questions == 3


def test_a_server_that_does_not_follow_in_time_is_heard_as_it_is() -> None:
    """Its answer says which revision it is from, and ``pdp`` refuses it as stale."""
    with faulty(answering(OLD)) as (url, server), opened(url) as engine:
        engine.load(little_bundle(NEW))
        assert engine.decide(question("one"), deadline=DEADLINE)["revision"] == OLD
        assert 1 < server.questions <= 11


@pytest.mark.parametrize("loaded", [None, OLD, NEW])
def test_a_server_that_is_not_behind_is_asked_once(loaded: str | None) -> None:
    with faulty(answering(NEW, NEWER)) as (url, server), opened(url) as engine:
        if loaded:
            engine.load(little_bundle(loaded))
        assert engine.decide(question("one"), deadline=SOON)["revision"] == NEW
        assert server.questions == 1


def test_a_server_that_never_followed_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opa_http, "_FOLLOWING", timedelta(0))  # as if the moment were over
    with faulty(answering(OLD, NEW)) as (url, server), opened(url) as engine:
        engine.load(little_bundle(NEW))
        assert engine.decide(question("one"), deadline=SOON)["revision"] == OLD
        assert server.questions == 1
