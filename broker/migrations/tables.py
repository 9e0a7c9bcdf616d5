"""Every table the broker keeps, gathered so that migrations can compare. Imports each room's models, nothing else."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

ROOMS = Path(__file__).parents[1]


def load_models() -> None:
    """Import each ``models.py`` under ``broker``, so that every table is in the metadata."""
    for path in sorted(ROOMS.rglob("models.py")):
        import_module(".".join(("broker", *path.relative_to(ROOMS).with_suffix("").parts)))
