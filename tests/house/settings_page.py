"""Write ``docs/settings.md`` from the settings themselves: ``make settings``. Reads no environment variable."""

from __future__ import annotations

from dataclasses import Field, fields
from typing import Any

from broker.settings import Settings

KINDS = {"int": "whole number", "bool": "yes or no", "Path": "path", "tuple[str, ...]": "list, comma separated"}

HEAD = """\
# Settings

Written by `make settings` from `broker/settings.py`; a test compares the two.

Every setting is an environment variable. A name that begins with `BROKER_` and is not listed here stops the broker at
its start, so a misspelt setting is never silently ignored. Settings are read once, at the start.

| variable | kind | default | what it is |
|---|---|---|---|
"""


def page() -> str:
    """The whole page, one row for each setting, in the order of the source."""
    return HEAD + "".join(_row(field) for field in fields(Settings))


def _row(field: Field[Any]) -> str:
    kind = KINDS.get(str(field.type), "text")
    what = " ".join(str(field.metadata["doc"]).split()).replace("|", "\\|")
    return f"| `BROKER_{field.name.upper()}` | {kind} | {_default(field.default)} | {what} |\n"


def _default(value: Any) -> str:
    if value in ("", ()):
        return "none"
    return f"`{'yes' if value is True else 'no' if value is False else value}`"


if __name__ == "__main__":
    print(page(), end="")
