"""``broker demo``: a synthetic neighbourhood, its partner systems and the broker, until Ctrl-C."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from types import FrameType

import click


@click.command()
@click.option("--residents", type=click.IntRange(1, 1_000_000), help="How many people live here.  [default: 500]")
@click.option("--seed", type=int, help="The same seed makes the same neighbourhood.  [default: 1]")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), help="Where its data is kept.  [default: var]"
)
@click.option("--story", is_flag=True, help="Tell the main job in the terminal, then stop.")
def demo(residents: int | None, seed: int | None, port: int, folder: Path | None, story: bool) -> None:
    """Start a synthetic neighbourhood, its partner systems and the broker.

    The data is made once and kept. Nobody in it is real.
    """
    from broker.demonstration.running import run_demonstration
    from broker.settings import Settings

    for how in (signal.SIGINT, signal.SIGTERM):
        signal.signal(how, _interrupt)
    settings = replace(Settings.from_environment(), demonstration=True, bind=f"127.0.0.1:{port}")
    if folder is not None:
        settings = replace(settings, data_folder=folder)
    raise SystemExit(run_demonstration(settings, residents=residents, seed=seed, story=story))


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
