"""The project's own files, as a newcomer has them: nothing made here, nothing installed, nothing vendored by hand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
MADE_HERE = {"var", "build", "dist", "node_modules", "__pycache__", "htmlcov"}
TEXT = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".rego", ".mako", ".html", ".jinja", ".css", ".js", ""}


@cache
def files() -> tuple[Path, ...]:
    """Every file of the project, hidden tool folders left out except ``.ci``."""
    return tuple(sorted(_walk(ROOT)))


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        hidden = path.name.startswith(".") and path.name not in (".ci", ".dockerignore", ".gitignore")
        if hidden or path.name in MADE_HERE or path.name.endswith(".egg-info"):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        elif path.is_file():
            yield path


def text_files() -> list[Path]:
    return [path for path in files() if path.suffix in TEXT]


def python_files(*rooms: str) -> list[Path]:
    """The Python files under ``rooms`` (all of them where none is named)."""
    wanted = [ROOT / room for room in rooms] or [ROOT]
    return [path for path in files() if path.suffix == ".py" and any(path.is_relative_to(room) for room in wanted)]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))
