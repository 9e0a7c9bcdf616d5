"""Collecting tables by SFTP, from a real server on this machine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from adapters.egress import Egress
from adapters.hosted.collecting import SETTLED, Before, Collected, Outcome, collect
from adapters.hosted.configuration import check_options, options_of
from adapters.hosted.store import HostedStore
from broker.errors import Conflict, InvalidInput, Misconfigured
from tests.people import NOON

asyncssh = pytest.importorskip("asyncssh")
KEY = asyncssh.generate_private_key("ssh-ed25519")
HOST_KEY, OTHER_KEY = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
PASSWORD = "a long password"
SECRETS = {"drop-key": KEY.export_private_key().decode(), "word": PASSWORD, "wrong": "another password"}


class _Door(asyncssh.SSHServer):  # type: ignore[misc]
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("broker", PASSWORD)


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[int]:
    """An SFTP server that shows ``folder`` and nothing beside it."""
    keys = asyncssh.import_authorized_keys(KEY.export_public_key().decode())
    async with asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[HOST_KEY],
        server_factory=_Door,
        authorized_client_keys=keys,
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=os.fsencode(folder)),
    ) as server:
        yield server.get_port()


@dataclass
class Collecting:
    """A charity's drop folder, and a broker that collects from it."""

    folder: Path
    store: HostedStore
    kept: dict[str, bytes] = field(default_factory=dict)
    meanwhile: Callable[[], None] = lambda: None
    waited: list[float] = field(default_factory=list)

    async def wait(self, seconds: float) -> None:
        """What happens between two looks happens now, and no time passes."""
        self.waited.append(seconds)
        self.meanwhile()

    def put(self, name: str, content: bytes = b"a table") -> Path:
        path = self.folder / "drop" / name
        path.write_bytes(content)
        return path

    def keep(self, name: str, data: bytes) -> None:
        if data == b"bad":
            raise InvalidInput("hosted-rows-wrong", "2 rows are wrong, so nothing was kept.")
        self.kept[name] = data

    def collect(self, *, listed: bool = True, **changes: Any) -> list[Collected]:
        async def run() -> list[Collected]:
            async with serving(self.folder) as port:
                said = {
                    "sections": "housing",
                    "sftp_host": "127.0.0.1",
                    "sftp_port": port,
                    "sftp_folder": "/drop",
                    "sftp_user": "broker",
                    "sftp_host_key": HOST_KEY.export_public_key().decode(),
                    "sftp_key_secret": "drop-key",
                    **changes,
                }
                options = options_of({name: value for name, value in said.items() if value is not None})
                check_options(options)
                return await collect(
                    options,
                    egress=Egress((f"127.0.0.1:{port}",) if listed else ()),
                    secret=SECRETS.__getitem__,
                    before=Before(self.store.has_taken, lambda mark: self.store.remember_taken(mark, now=NOON)),
                    keep=self.keep,
                    wait=self.wait,
                )

        return asyncio.run(run())


@pytest.fixture
def collecting(tmp_path: Path, store: HostedStore) -> Collecting:
    (tmp_path / "sftp" / "drop").mkdir(parents=True)
    return Collecting(tmp_path / "sftp", store)


def outcomes(collected: list[Collected]) -> dict[str, Outcome]:
    return {each.name: each.outcome for each in collected}


def test_each_table_is_collected_once_and_moved_away(collecting: Collecting) -> None:
    collecting.put("july.csv")
    collecting.put("notes.txt")
    collecting.put(".hidden.csv")
    assert outcomes(collecting.collect()) == {"july.csv": Outcome.KEPT}
    assert collecting.kept == {"july.csv": b"a table"}
    assert (collecting.folder / "drop" / "taken" / "july.csv").read_bytes() == b"a table"
    assert collecting.collect() == []


def test_a_table_that_could_not_be_moved_is_remembered_and_not_taken_twice(collecting: Collecting) -> None:
    path = collecting.put("july.csv")
    (collecting.folder / "drop" / "taken").write_text("in the way")
    (first,) = collecting.collect()
    assert (first.outcome, first.moved, path.exists()) == (Outcome.KEPT, False, True)
    collecting.kept.clear()
    assert outcomes(collecting.collect()) == {"july.csv": Outcome.KNOWN}
    assert collecting.kept == {}
    path.write_bytes(b"a longer table")
    assert outcomes(collecting.collect()) == {"july.csv": Outcome.KEPT}


def test_a_bad_table_is_put_aside_and_said_and_the_others_go_on(collecting: Collecting) -> None:
    collecting.put("a.csv", b"bad")
    collecting.put("b.csv")
    collected = collecting.collect()
    assert outcomes(collected) == {"a.csv": Outcome.REFUSED, "b.csv": Outcome.KEPT}
    assert collected[0].detail == "2 rows are wrong, so nothing was kept."
    assert (collecting.folder / "drop" / "refused" / "a.csv").exists()


def test_a_table_that_is_still_growing_is_left_alone(collecting: Collecting) -> None:
    path = collecting.put("july.csv")

    def grow() -> None:
        path.write_bytes(b"a table with more of it")

    collecting.meanwhile = grow
    assert outcomes(collecting.collect()) == {"july.csv": Outcome.GROWING}
    assert (collecting.kept, path.exists()) == ({}, True)
    collecting.meanwhile = lambda: None
    assert outcomes(collecting.collect()) == {"july.csv": Outcome.KEPT}
    assert collecting.waited == [SETTLED, SETTLED]


def test_a_tables_name_is_told_in_ordinary_characters(collecting: Collecting) -> None:
    collecting.put("july\x1b[2J\u202e.csv")
    collecting.put("june.csv")
    assert outcomes(collecting.collect()) == {"july[2J.csv": Outcome.KEPT, "june.csv": Outcome.KEPT}
    assert (collecting.folder / "drop" / "taken" / "july\x1b[2J\u202e.csv").exists()


def test_a_link_or_a_folder_is_never_read(collecting: Collecting) -> None:
    (collecting.folder / "secret").write_text("secret")
    (collecting.folder / "drop" / "link.csv").symlink_to(collecting.folder / "secret")
    (collecting.folder / "drop" / "folder.csv").mkdir()
    assert set(outcomes(collecting.collect()).values()) == {Outcome.UNFIT}
    assert collecting.kept == {}
    assert (collecting.folder / "drop" / "link.csv").is_symlink()


def test_a_table_beyond_the_limit_is_put_aside_unread(collecting: Collecting) -> None:
    collecting.put("july.csv", b"x" * 101)
    assert outcomes(collecting.collect(sftp_file_bytes=100)) == {"july.csv": Outcome.TOO_LARGE}
    assert collecting.kept == {}


def test_a_password_serves_where_there_is_no_key(collecting: Collecting) -> None:
    collecting.put("july.csv")
    said = {"sftp_key_secret": None, "sftp_password_secret": "word"}
    assert outcomes(collecting.collect(**said)) == {"july.csv": Outcome.KEPT}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sftp_host_key": OTHER_KEY.export_public_key().decode()}, "another host key"),
        ({"sftp_host_key": "ssh-ed25519 nonsense"}, "not a public host key"),
        ({"sftp_user": "broker", "sftp_key_secret": None, "sftp_password_secret": "wrong"}, "does not accept"),
        ({"sftp_key_secret": "missing"}, "cannot be read"),
        ({"sftp_folder": "/elsewhere"}, "could not be read"),
        ({"listed": False}, "not among the hosts"),
    ],
)
def test_what_is_not_as_it_was_agreed_is_refused_and_nothing_is_taken(
    collecting: Collecting, changes: dict[str, Any], words: str
) -> None:
    collecting.put("july.csv")
    with pytest.raises(Conflict) as refused:
        collecting.collect(**changes)
    assert words in refused.value.detail
    assert PASSWORD not in refused.value.detail
    assert collecting.kept == {}


def test_without_the_package_it_says_what_to_install(collecting: Collecting, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("adapters.hosted.collecting.import_module", missing)
    with pytest.raises(Misconfigured, match="asyncssh"):
        collecting.collect()


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"sftp_user": "broker"}, "sftp_host"),
        ({"sftp_host": "drop.example"}, "sftp_user"),
        ({"sftp_host": "drop.example", "sftp_user": "broker"}, "sftp_host_key"),
        ({"sftp_host": "drop.example", "sftp_user": "broker", "sftp_host_key": "ssh-ed25519 A"}, "sftp_key_secret"),
    ],
)
def test_half_a_folder_is_refused_when_it_is_configured(said: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_options(options_of({"sections": "housing", **said}))
    assert refused.value.field == field
