"""What `broker policies` reads and starts: rules on disk, a question, and OPA where there is one. Changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from broker.agreements.bundle import POLICIES
from broker.errors import InvalidInput

LARGEST = 4 * 1024 * 1024  # bytes of a question, or of any one file
_KINDS = (".rego", ".yaml", ".yml")
_PATIENCE = 60  # seconds for OPA
_NOT_OURS = "templates"  # agreements to be: what is to be filled in is not wrong yet


@dataclass(frozen=True)
class Opa:
    """What OPA's own checks said. ``ran`` is false where there is no OPA on this machine."""

    ran: bool
    said: str = ""

    @property
    def wrong(self) -> bool:
        return self.ran and bool(self.said)


def texts_of(paths: Iterable[Path]) -> dict[str, str]:
    """The text of every rule, condition and agreement in ``paths``; of this broker's own where none is given.

    A folder's files are named from there, so that ``conditions/ID.rego`` is a condition wherever the folder is.
    """
    given = tuple(paths) or (POLICIES,)
    found: dict[str, str] = {}
    for path in given:
        inside = _inside(path) if path.is_dir() else [path]
        if not inside:
            raise InvalidInput("nothing-to-check", f"There is no rule, condition or agreement in {path}.")
        for each in inside:
            named = each.relative_to(path) if path.is_dir() else Path(*each.parts[-2:])
            found[named.as_posix()] = _text(each)
    return found


def _inside(folder: Path) -> list[Path]:
    """The files to check below ``folder``; what is hidden, or is a template, is left out."""
    found = sorted(path for path in folder.rglob("*") if path.suffix in _KINDS)
    parts = {path: path.relative_to(folder).parts for path in found}
    return [path for path in found if _NOT_OURS not in parts[path] and not any(p.startswith(".") for p in parts[path])]


def _text(path: Path) -> str:
    if path.suffix not in _KINDS:
        raise InvalidInput("file-kind", f"{path.name}: only .rego and .yaml files are checked.")
    if path.stat().st_size > LARGEST:
        raise InvalidInput("file-too-large", f"{path.name}: more than {LARGEST // 1024 // 1024} MB.")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput("not-text", f"{path.name}: save the file as UTF-8.") from error


def question_in(file: Path) -> dict[str, Any]:
    """The question in ``file``. Raises InvalidInput where it is no JSON object."""
    if file.stat().st_size > LARGEST:
        raise InvalidInput("question-malformed", "The question is too large.", field="question")
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InvalidInput("question-malformed", "The question is not JSON.", field="question") from error
    if not isinstance(found, dict):
        raise InvalidInput("question-malformed", "The question must be a JSON object.", field="question")
    return found


def checked_by_opa(texts: Mapping[str, str]) -> Opa:
    """What ``opa fmt`` and ``opa check --strict`` say of the rules among ``texts``."""
    program = os.environ.get("OPA") or shutil.which("opa")
    rules = {path: text for path, text in texts.items() if path.endswith(".rego")}
    if not program or not rules:
        return Opa(ran=False)
    with TemporaryDirectory() as folder:
        for path, text in rules.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", errors="replace")
        said = [
            _said(program, folder, "fmt", "--list", "--fail", "."),
            _said(program, folder, "check", "--strict", "."),
        ]
    return Opa(ran=True, said="\n".join(filter(None, said)))


def _said(program: str, folder: str, *words: str) -> str:
    """What it says, where it is not content."""
    try:
        done = subprocess.run(
            [program, *words], cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return f"opa {words[0]} did not end within {_PATIENCE} seconds."
    if not done.returncode:
        return ""
    advice = "These are not laid out as opa fmt lays them out:\n" if words[0] == "fmt" else ""
    return f"{advice}{done.stdout}{done.stderr}".strip()
