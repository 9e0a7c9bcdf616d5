"""Whose word is taken for where a request came from: a counted proxy's, and nobody's where none is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request

from broker.app import create_app
from broker.errors import Misconfigured
from broker.settings import Settings
from tests.conformance.rows import row


def seen(folder: Path, proxies: int, forwarded: str) -> str:
    app = create_app(Settings(data_folder=folder, trusted_proxies=proxies, public_url="https://broker.example"))
    found: list[Any] = []
    _watch(app, found)
    app.test_client().get("/health", headers={"X-Forwarded-For": forwarded, "X-Forwarded-Host": "evil.example"})
    (address, host), *_ = found
    assert host != "evil.example"
    return str(address)


def _watch(app: Flask, found: list[Any]) -> None:
    app.before_request(lambda: found.append((request.remote_addr, request.host)))


@row("BCP-14")
@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "192.0.2.7", "127.0.0.1"),
        (1, "192.0.2.7", "192.0.2.7"),
        (1, "198.51.100.1, 192.0.2.7", "192.0.2.7"),
        (2, "198.51.100.1, 192.0.2.7, 10.0.0.1", "192.0.2.7"),
    ],
)
def test_only_what_a_counted_proxy_added_is_believed(
    tmp_path: Path, proxies: int, forwarded: str, address: str
) -> None:
    assert seen(tmp_path, proxies, forwarded) == address


def test_a_demonstration_believes_no_proxy(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        Settings(data_folder=tmp_path, demonstration=True, trusted_proxies=1)


def test_the_broker_does_not_start_with_a_librarys_check_turned_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    with pytest.raises(Misconfigured):
        create_app(Settings(data_folder=tmp_path))
