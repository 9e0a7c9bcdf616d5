"""What asking an OPA server costs this process: our HTTP engine beside opa-python-client as it comes, in pairs.

    python -m benchmarks.client [--json] [--decisions 300]

Counts the processor time of the asking thread alone, so that what the server does does not matter. Both put the same
question to the same server, in turn; the policy is a small one, so that the answer's length hides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from time import thread_time
from typing import Any
from urllib.parse import urlsplit

from opa_client import OpaClient

from benchmarks.measure import Row, parser, percentile, report
from broker.access.engines import DECISION
from broker.access.engines.opa_http import OpaEngine
from tests.access.engines.little import little_bundle, question
from tests.access.engines.opa_server import running_opa

OF_STOCK = 1 / 3  # our client over the stock one
PATIENCE = timedelta(seconds=10)
WARMING = 30
_PACKAGE, _, _RULE = DECISION.rpartition(".")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--decisions", type=int, default=300, help="how many questions are measured")
    given = options.parse_args()
    bundle = little_bundle()
    with running_opa(bundle) as url:
        where = urlsplit(url)
        stock = OpaClient(where.hostname, where.port)
        ours = OpaEngine(url)
        ours.load(bundle)
        asked: dict[str, Callable[[], Any]] = {
            "ours": lambda: ours.decide(question(), deadline=PATIENCE),
            "stock": lambda: stock.query_rule(input_data=question(), package_path=_PACKAGE, rule_name=_RULE),
        }
        took: dict[str, list[float]] = {name: [] for name in asked}
        for number in range(WARMING + given.decisions):
            for name, ask in asked.items():
                before = thread_time()
                ask()
                if number >= WARMING:
                    took[name].append(thread_time() - before)
        ours.close()
    medians = {name: percentile(seconds, 50) for name, seconds in took.items()}
    report(
        "The processor time of one question to an OPA server",
        [
            Row("HTTP engine, p50", medians["ours"] * 1e6, "µs"),
            Row("opa-python-client as it comes, p50", medians["stock"] * 1e6, "µs"),
            Row("the first over the second", medians["ours"] / medians["stock"], "×", OF_STOCK),
        ],
        as_json=given.json,
    )


if __name__ == "__main__":
    main()
