"""How much memory a process needs that has loaded one bundle into the embedded engine, and nothing else.

    python -m benchmarks.engine_alone FILE      FILE: [revision, {path: module}, data as canonical JSON]

Prints megabytes. Brings in no more than the engine does, so that nothing else is counted with it.
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path

from broker.access.engines import Bundle, Unread
from broker.access.engines.embedded import EmbeddedEngine


def main() -> None:
    engine = EmbeddedEngine()
    engine.load(_bundle(Path(sys.argv[1])))
    gc.collect()
    sys.stdout.write(f"{resident_mb('self')}\n")


def _bundle(kept: Path) -> Bundle:
    revision, modules, text = json.loads(kept.read_text(encoding="utf-8"))
    written = text.encode()
    return Bundle(revision, modules, Unread(written), written=written)


def resident_mb(process: int | str) -> float:
    """What ``process`` has in memory now; 0 where this machine does not say."""
    status = Path(f"/proc/{process}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)


if __name__ == "__main__":
    main()
