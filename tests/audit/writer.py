"""A process that records on a trail until it is stopped or done, and says each index once it is committed."""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime

from broker.audit.trail import Trail
from broker.database import open_engine, session_factory
from tests.audit.conftest import KEY, looked


def main(url: str, threads: int, each: int) -> None:
    trail = Trail(session_factory(open_engine(url)), key=KEY)
    saying = threading.Lock()

    def write() -> None:
        for _ in range(each):
            index = trail.record(looked(), now=datetime.now(UTC))
            with saying:
                print(index, flush=True)

    writers = [threading.Thread(target=write) for _ in range(threads)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
