"""``broker serve``: the broker under gunicorn, threads for those who wait on partners."""

from __future__ import annotations

import os
import sys

import click

from broker.settings import Settings


@click.command()
def serve() -> None:
    """Serve on BROKER_BIND until stopped."""
    settings = Settings.from_environment()
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *arguments(settings)])  # no shell, our own words


def arguments(settings: Settings) -> list[str]:
    """gunicorn's own arguments. Sync workers would stall as soon as a partner is slow, so threads it is."""
    return [
        "--worker-class=gthread",
        f"--workers={settings.workers}",
        f"--threads={settings.threads}",
        f"--bind={settings.bind}",
        "--timeout=60",
        "--graceful-timeout=10",
        "--keep-alive=15",
        "--max-requests=10000",
        "--max-requests-jitter=1000",
        "--no-control-socket",
        "--log-level=warning",
        "wsgi:app",
    ]
