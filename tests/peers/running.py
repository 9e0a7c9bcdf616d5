"""Programs by others, started for a test on a port of this machine and ended with it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.house import machine

PEERS = Path(__file__).parent


@contextmanager
def run_peer(script: str, config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Run ``tests/peers/<script>`` with ``PEER_CONFIG`` until the block ends; gives what its first line says.

    Mark the test ``needs("node")``. What the program complains of is shown with a failing test's output.
    """
    node = machine.node()
    assert node is not None, "mark the test needs('node')"
    environment = {**os.environ, "PEER_CONFIG": json.dumps(config), "NODE_NO_WARNINGS": "1"}
    with subprocess.Popen([node, script], cwd=PEERS, env=environment, stdout=subprocess.PIPE, text=True) as peer:
        try:
            assert peer.stdout is not None
            first = peer.stdout.readline()
            assert first.startswith("{"), f"{script} did not start: {first!r}"
            yield json.loads(first)
        finally:
            peer.terminate()
