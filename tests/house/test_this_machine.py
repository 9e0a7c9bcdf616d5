"""The suite keeps its own promises: nothing leaves this machine, and nothing is left out in silence."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess

import pytest

from tests.conftest import WentOutside
from tests.house import machine
from tests.house.tree import ROOT

# Addresses kept for documentation (RFC 5737, RFC 3849, RFC 2606): nobody is there.
OUTSIDE = (("192.0.2.1", 443), ("2001:db8::1", 443, 0, 0), ("broker.example", 443), ("10.0.0.1", 80))


@pytest.mark.parametrize("address", OUTSIDE, ids=lambda address: address[0])
def test_no_test_connects_to_another_machine(address: tuple[str, int]) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as outward, pytest.raises(WentOutside):
        outward.connect(address)
    with socket.socket(family) as outward, pytest.raises(WentOutside):
        outward.connect_ex(address)


def test_no_test_connects_outward_from_an_event_loop() -> None:
    async def connect() -> None:
        await asyncio.open_connection("192.0.2.1", 443)

    with pytest.raises(WentOutside):
        asyncio.run(connect())


def test_a_test_may_connect_to_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass


def test_a_missing_need_says_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPA", "/nowhere/opa")
    assert machine.opa() is None
    assert machine.missing("opa") == f"needs OPA: {machine.NEEDS['opa'].enable}"
    assert all(need.enable and need.covers for need in machine.NEEDS.values())


def test_what_is_installed_for_every_test_is_what_a_developer_is_told() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    versions = dict(re.findall(r"^([A-Z]+)_VERSION=(\S+)", script, re.MULTILINE))
    assert f"OPA {versions['OPA']} " in machine.NEEDS["opa"].enable


@pytest.mark.parametrize("name", ["run", "from-nothing"])
def test_the_scripts_can_be_read_and_run(name: str) -> None:
    script = ROOT / ".ci" / name
    assert script.stat().st_mode & 0o111
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
