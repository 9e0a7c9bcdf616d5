"""Open-loop load: requests arrive at a fixed rate whether or not earlier ones have been answered.

Each is timed from the moment it was due, not from when it was sent, so that a server that stalls is charged for
everybody who would have waited (no coordinated omission). Knows nothing of what it asks.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

Send = Callable[[int], Awaitable[str]]  # the number of the request; answers "" where all is well, else what was wrong


@dataclass
class Arrivals:
    """What happened. ``taken`` and ``lag`` are milliseconds: due to answered, and due to sent.

    Failed requests are in ``errors`` alone, by what was wrong: a quick refusal must not look like a quick view.
    """

    offered: float
    seconds: float = 0.0
    taken: list[float] = field(default_factory=list)
    lag: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def achieved(self) -> float:
        """Good answers per second, until the last of them had come."""
        return len(self.taken) / self.seconds if self.seconds else 0.0


async def arrive(send: Send, *, rate: float, seconds: float) -> Arrivals:
    """Call ``send`` ``rate`` times a second for ``seconds``, and wait for every answer."""
    arrivals, count = Arrivals(rate), round(rate * seconds)
    began = time.perf_counter()

    async def one(number: int, due: float) -> None:
        arrivals.lag.append((time.perf_counter() - due) * 1000)
        wrong = await send(number)
        if wrong:
            arrivals.errors[wrong] += 1
        else:
            arrivals.taken.append((time.perf_counter() - due) * 1000)

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(number, due))
    arrivals.seconds = time.perf_counter() - began
    return arrivals
