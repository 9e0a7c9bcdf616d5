"""The policy bundle is served, signed, to whoever holds its token, and to nobody else; who waits is told at once."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from broker.agreements.models import PolicyRevision
from broker.api import bundles
from broker.cli.serve import arguments
from broker.governance import signing_keys
from broker.governance.publishing import publish
from broker.settings import Settings
from tests.doors.conftest import BY, House, build_house

PATH = "/opa/bundles/sharing.tar.gz"
TOKEN = "let-me-in"


@pytest.fixture
def serving(settings: Settings) -> Iterator[House]:
    yield from build_house(replace(settings, bundle_token=TOKEN, threads=4))


def fetch(house: House, *, kid: str | None = None, etag: str | None = None, wait: str | None = None) -> TestResponse:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    headers |= {"If-None-Match": etag} if etag else {}
    headers |= {"Prefer": f"modes=snapshot,delta{wait}"} if wait is not None else {}
    return house.client.get(PATH if kid is None else f"/opa/bundles/{kid}/sharing.tar.gz", headers=headers)


def files(packed: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        return {each.name: tar.extractfile(each).read() for each in tar}  # type: ignore[union-attr]


def publish_again(house: House) -> str:
    with house.session() as session:
        return publish(house.broker, session, by=BY, now=house.time[0]).revision


@dataclass
class Clock:
    """Stands in for the time that waits are measured by. What is to happen happens at its first tick."""

    at: float = 0.0
    ticks: int = 0
    happens: list[Callable[[], Any]] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.at, self.ticks = self.at + seconds, self.ticks + 1
        while self.happens:
            self.happens.pop()()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(bundles, "sleep", clock.sleep)
    monkeypatch.setattr(bundles, "monotonic", lambda: clock.at)
    return clock


# ---- who is given it, and what -------------------------------------------------------------------------------------


def test_an_opa_server_is_given_the_revision_in_force_once(serving: House) -> None:
    answer = fetch(serving)
    assert answer.status_code == 200
    assert answer.content_type == "application/vnd.openpolicyagent.bundles"
    manifest = json.loads(files(answer.data)[".manifest"])
    assert manifest["revision"] == serving.client.get("/ready").get_json()["revision"]
    again = fetch(serving, etag=answer.headers["ETag"])
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", answer.headers["ETag"])


def test_what_it_is_given_is_what_was_signed(serving: House) -> None:
    given = files(fetch(serving).data)
    serving.broker.signing.verify(given, given[".signatures.json"].decode())
    assert json.loads(given["sharing/data.json"])["agreements"].keys() >= {"TB-CARE", "TB-ADVICE"}


def test_the_same_revision_has_the_same_bytes_in_every_process(serving: House) -> None:
    first = fetch(serving)
    serving.app.extensions["bundles-waiting"] = bundles.Waiting(1)
    second = fetch(serving)
    assert (first.data, first.headers["ETag"]) == (second.data, second.headers["ETag"])
    publish_again(serving)
    assert fetch(serving, etag=first.headers["ETag"]).status_code == 200


def test_signing_again_with_another_key_makes_it_another_bundle(serving: House) -> None:
    before = fetch(serving)
    with serving.session() as session:
        signing_keys.announce(serving.broker, session, by=BY, now=serving.time[0])
        signing_keys.rotate(serving.broker, session, by=BY, now=serving.time[0])
    after = fetch(serving, etag=before.headers["ETag"])
    assert after.status_code == 200
    old, new = files(before.data), files(after.data)
    assert {name for name in old if old[name] != new[name]} == {".signatures.json"}


def test_who_knows_one_key_is_given_it_signed_with_that_before_and_after_the_change(serving: House) -> None:
    signing, now = serving.broker.signing, serving.time[0]
    old = signing.keyring.signing()[0]
    with serving.session() as session:
        new = signing_keys.announce(serving.broker, session, by=BY, now=now)
        for _ in range(2):
            for kid in (old, new):
                answer = fetch(serving, kid=kid)
                given = files(answer.data)
                signatures = given[".signatures.json"].decode()
                signing.verify(given, signatures)
                assert signing.signed_by(signatures) == kid
                assert fetch(serving, kid=kid, etag=answer.headers["ETag"]).status_code == 304
            if signing.keyring.signing()[0] == old:
                signing_keys.rotate(serving.broker, session, by=BY, now=now)
        signing_keys.retire(serving.broker, session, old, by=BY, now=now)
    for kid in (old, "nobody"):
        refused = fetch(serving, kid=kid)
        assert (refused.status_code, refused.get_json()["code"]) == (404, "key-unknown")


def test_what_is_not_as_it_was_signed_is_given_to_nobody(serving: House) -> None:
    with serving.session() as session:
        session.execute(update(PolicyRevision).values(signatures="{}"))
        session.commit()
    answer = fetch(serving)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "unavailable")


def test_the_wrong_token_or_none_gets_no_bundle(serving: House) -> None:
    kid = serving.broker.signing.keyring.signing()[0]
    for token in ("guess", "", TOKEN[:-1], TOKEN + "x", None):
        for path in (PATH, f"/opa/bundles/{kid}/sharing.tar.gz"):
            assert serving.call("GET", path, token=token).status_code == 401


def test_without_a_token_set_there_is_no_bundle_to_fetch(house: House) -> None:
    for token in ("", None, TOKEN):
        assert house.call("GET", PATH, token=token).status_code == 404


# ---- waiting -------------------------------------------------------------------------------------------------------


def test_who_waits_is_answered_as_soon_as_there_is_something_new(serving: House, clock: Clock) -> None:
    etag = fetch(serving).headers["ETag"]
    clock.happens.append(lambda: publish_again(serving))
    answer = fetch(serving, etag=etag, wait=";wait=5")
    assert (answer.status_code, clock.ticks) == (200, 1)
    assert answer.headers["ETag"] != etag


def test_who_waits_in_vain_is_told_so_when_the_wait_is_over(serving: House, clock: Clock) -> None:
    etag = fetch(serving).headers["ETag"]
    answer = fetch(serving, etag=etag, wait=";wait=5")
    assert (answer.status_code, answer.headers["ETag"]) == (304, etag)
    assert clock.at == pytest.approx(5)


def test_nobody_waits_longer_than_a_restart_can_wait_for(serving: House, clock: Clock) -> None:
    etag = fetch(serving).headers["ETag"]
    assert fetch(serving, etag=etag, wait=";wait=999999999").status_code == 304
    assert clock.at == pytest.approx(bundles.LONGEST_WAIT.total_seconds())
    graceful = next(each for each in arguments(serving.broker.settings) if each.startswith("--graceful-timeout="))
    assert clock.at < float(graceful.partition("=")[2])


@pytest.mark.parametrize(
    "wait", [None, "", ";wait=0", ";wait=-1", ";wait=x", ";wait=1e9", ";awaits=5", ";wait=5000000000"]
)
def test_who_does_not_ask_to_wait_in_so_many_words_does_not(serving: House, clock: Clock, wait: str | None) -> None:
    etag = fetch(serving).headers["ETag"]
    assert fetch(serving, etag=etag, wait=wait).status_code == 304
    assert clock.ticks == 0


def test_who_has_nothing_or_something_else_does_not_wait(serving: House, clock: Clock) -> None:
    for etag in (None, '"older"'):
        assert fetch(serving, etag=etag, wait=";wait=5").status_code == 200
    assert clock.ticks == 0


def test_who_waits_holds_no_connection_to_the_database(serving: House, clock: Clock) -> None:
    etag = fetch(serving).headers["ETag"]
    pool: Any = serving.broker.sessions.kw["bind"].pool
    held: list[int] = []
    clock.happens.append(lambda: held.append(pool.checkedout()))
    fetch(serving, etag=etag, wait=";wait=5")
    assert held == [0]


def test_so_many_wait_and_one_more_is_answered_sooner(serving: House, clock: Clock) -> None:
    """One thread in four may wait: here one. The second, while the first waits, is let go after a moment."""
    etag = fetch(serving).headers["ETag"]
    took: list[float] = []

    def second() -> None:
        began = clock.at
        assert fetch(serving, etag=etag, wait=";wait=5").status_code == 304
        took.append(clock.at - began)

    clock.happens.append(second)
    fetch(serving, etag=etag, wait=";wait=5")
    assert took == [pytest.approx(bundles.SHORT_WAIT.total_seconds())]
    began = clock.at
    fetch(serving, etag=etag, wait=";wait=5")  # and its place is free again
    assert clock.at - began == pytest.approx(5)
