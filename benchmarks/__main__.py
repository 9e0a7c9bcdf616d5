"""Every benchmark, one after the other, as ``make bench`` runs them. ``--json`` prints one JSON object for each."""

from __future__ import annotations

import subprocess
import sys

EVERY = ("startup", "view", "load", "decision", "client", "publish", "differential", "tokens", "revoke", "fuzz")


def main() -> None:
    failed = [name for name in EVERY if subprocess.run(_command(name), check=False).returncode]
    if failed:
        raise SystemExit(f"did not run to the end: {', '.join(failed)}")


def _command(name: str) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.{name}", *sys.argv[1:]]


if __name__ == "__main__":
    main()
