"""What every benchmark shares: percentiles, a table, and whether a target is met. Measures nothing itself."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """One measured number, and the target it must not exceed, or must reach where ``floor`` is set.

    ``target`` None: shown, with nothing to meet.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    floor: bool = False

    @property
    def met(self) -> bool:
        if self.target is None:
            return True
        return self.value >= self.target if self.floor else self.value <= self.target

    @property
    def ratio(self) -> float | None:
        return None if not self.target else self.value / self.target


def percentile(values: Sequence[float], per_cent: float) -> float:
    """The smallest value that at least ``per_cent`` of ``values`` do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(per_cent / 100 * len(ranked)) - 1)]


def parser(description: str | None) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    return made


def report(title: str, rows: Sequence[Row], *, as_json: bool) -> None:
    if as_json:
        shown = [{**asdict(row), "met": row.met, "ratio": row.ratio} for row in rows]
        print(json.dumps({"benchmark": title, "rows": shown}))
        return
    width = max(len(row.name) for row in rows)
    print(f"\n{title}")
    for row in rows:
        line = f"  {row.name:<{width}}  {row.value:>10.2f} {row.unit:<8}"
        if row.target is not None:
            sign = "≥" if row.floor else "≤"
            verdict = "met" if row.met else "NOT MET"
            ratio = f"  ratio {row.ratio:.2f}" if row.ratio is not None else ""
            line += f"  target {sign} {row.target:g} {row.unit}{ratio}  {verdict}"
        print(line.rstrip())
