"""Asking somebody who is not here, by a certified client of others: asked, pending, agreed to, and collected."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from broker.settings import Settings
from tests.conformance.rows import row
from tests.doors.conftest import House, build_house
from tests.house import machine
from tests.oauth.conftest import KEY, of_a_demonstration, register
from tests.oauth.test_ciba import answer_as_ada
from tests.peers.running import PEERS
from tests.people import FOOD_BANK

pytestmark = [pytest.mark.needs("node"), pytest.mark.slow]


@pytest.fixture
def house(settings: Settings, sqlite_template: Path) -> Iterator[House]:
    """The doors' house, behind a real port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    there = replace(of_a_demonstration(settings), bind=f"127.0.0.1:{port}")
    for house in build_house(there, template=sqlite_template):
        server = make_server("127.0.0.1", port, house.app, threaded=True)
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        yield house
        server.shutdown()
        serving.join()
        server.server_close()


@contextmanager
def asker(config: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    node = machine.node()
    assert node is not None
    environment = {**os.environ, "PEER_CONFIG": json.dumps(config), "NODE_NO_WARNINGS": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([node, "asker.mjs"], cwd=PEERS, env=environment, text=True, **pipes) as peer:
        try:
            yield peer
        finally:
            peer.kill()


def said(peer: subprocess.Popen[str]) -> dict[str, Any]:
    assert peer.stdout is not None
    line = peer.stdout.readline()
    assert line.startswith("{"), f"the client said {line!r}"
    found: dict[str, Any] = json.loads(line)
    return found


@row("CIBA-02", "CIBA-03", oidf="CibaHappyFlow")
def test_a_certified_client_asks_an_absent_resident(house: House) -> None:
    partner = register(house, "harvest-system", FOOD_BANK)
    handle = partner.find()
    form = {"scope": "records.read", "login_hint": handle, "authorization_details": partner.details(handle)}
    config = {
        "issuer": partner.issuer,
        "client": partner.client_id,
        "key": KEY.as_dict(private=True),
        "now": partner.now,
        "form": form,
    }
    with asker(config) as peer:
        asked = said(peer)
        assert (asked["interval"], len(asked["binding_code"])) == (30, 6)
        assert said(peer)["error"] == "authorization_pending"
        answer_as_ada(house)
        house.wait(timedelta(seconds=35))  # past the interval, and no further than a proof may be old
        assert peer.stdin is not None
        peer.stdin.write("go\n")
        peer.stdin.flush()
        given = said(peer)
    assert given["token_type"].lower() == "dpop"
    [granted] = given["authorization_details"]
    assert (granted["resident"], granted["duration"]) == (handle, 86_400)
