"""Where the time of one token request, and of one decision under a bound token, goes. In this process, with cProfile.

python -m benchmarks.profiled [--requests 300] [--lines 40]
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import time
from collections.abc import Sequence

from benchmarks.measure import parser
from benchmarks.measured import measured
from benchmarks.partner import registered
from benchmarks.tokens import NOBODY, Request, decision_requests, token_requests
from broker.app import create_app
from broker.settings import Settings


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--requests", type=int, default=300)
    options.add_argument("--lines", type=int, default=40)
    given = options.parse_args()
    with measured([NOBODY], residents=20, settings=Settings(token_seconds=3600, log_level="ERROR")) as broker:
        partner, app = registered(broker), create_app(broker.settings)
        for name, make in (("one token request", token_requests), ("one decision with a proof", decision_requests)):
            _send(app, make(broker, partner, 30))
            plain = _send(app, make(broker, partner, given.requests))
            profile, requests = cProfile.Profile(), make(broker, partner, given.requests)
            profile.enable()
            _send(app, requests)
            profile.disable()
            print(f"\n{name}: {plain * 1000 / given.requests:.2f} ms of the processor, without the profiler")
            pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(given.lines)


def _send(app: object, requests: Sequence[Request]) -> float:
    """Processor seconds of answering all of them."""
    client = app.test_client()  # type: ignore[attr-defined]
    began = time.process_time()
    for url, body, headers in requests:
        answer = client.post(url.split("/", 3)[3].join(("/", "")), data=body, headers=headers)
        assert answer.status_code == 200, answer.text
    return time.process_time() - began


if __name__ == "__main__":
    main()
