"""How long an operator waits: ``broker --help``, before and after it is compiled, and every partner of the sandbox."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from benchmarks.measure import Row, parser, percentile, report

HELP = (sys.executable, "-c", "from broker.cli import main; main()", "--help")
PARTNERS = (sys.executable, "-m", "sandbox.partners", "all", "--base-port=0", "--residents=10000")


def seconds(command: Sequence[str], *, byte_code: str = "") -> float:
    """How long ``command`` takes to end; with ``byte_code``, the folder it compiles into and reads from."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=_environment(byte_code))
    return time.perf_counter() - began


def _environment(byte_code: str = "") -> dict[str, str]:
    """As an installed broker runs: what was compiled once is kept."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": byte_code} if byte_code else kept


def partners_ready() -> tuple[float, float]:
    """Seconds until every partner serves, and seconds until they have gone when told to."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        command = (*PARTNERS, f"--folder={folder}")
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environment())
        assert process.stdout is not None
        json.loads(process.stdout.readline())
        ready = time.perf_counter() - began
        told = time.perf_counter()
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        gone = time.perf_counter() - told
        process.stdout.close()
    return ready, gone


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--times", type=int, default=10)
    options.add_argument("--no-partners", action="store_true")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as nothing_compiled:
        first = seconds(HELP, byte_code=nothing_compiled)
    again = [seconds(HELP) for _ in range(given.times + 1)][1:]
    rows = [
        Row("broker --help, nothing compiled yet", first * 1000, "ms"),
        Row("broker --help, p50", percentile(again, 50) * 1000, "ms", 300),
        Row("broker --help, slowest", max(again) * 1000, "ms"),
    ]
    if not given.no_partners:
        ready, gone = partners_ready()
        rows.append(Row("every partner of the sandbox ready, 10,000 residents", ready * 1000, "ms"))
        rows.append(Row("… and gone when told", gone * 1000, "ms", 1000))
    report("Start", rows, as_json=given.json)


if __name__ == "__main__":
    main()
