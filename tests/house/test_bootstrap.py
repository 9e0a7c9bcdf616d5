"""One command makes the environment, and whatever is in its way is one clear line."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

import bootstrap
from tests.house.tree import ROOT

NOBODY_ANSWERS = "http://127.0.0.1:9/simple"  # the discard port


def bare_copy(folder: Path) -> Path:
    """What the bootstrap reads, in a folder of its own."""
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "bootstrap.py", folder)
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    return folder


def run_in(folder: Path, python: str = sys.executable, **how: Any) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": NOBODY_ANSWERS,
        "UV_DEFAULT_INDEX": NOBODY_ANSWERS,
        "UV_NO_CACHE": "1",
    }
    command = [python, "bootstrap.py", "run"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, **how)


def one_line(said: subprocess.CompletedProcess[str]) -> str:
    """The one line of complaint. Fails where there is a traceback, or more than one line, or none."""
    assert said.returncode == 1, said.stdout + said.stderr
    [line] = said.stderr.splitlines()
    assert line.startswith("broker: ")
    return line


@pytest.mark.slow
def test_without_a_network_it_says_so(tmp_path: Path) -> None:
    said = run_in(bare_copy(tmp_path / "checkout"))
    assert "no package index could be reached" in one_line(said)
    assert not (tmp_path / "checkout" / ".venv" / "stamp.json").exists()


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    folder = bare_copy(tmp_path / "checkout")
    (folder / "bootstrap.py").chmod(0o755)
    folder.chmod(0o555)
    how: dict[str, Any] = {}
    if os.geteuid() == 0:  # root may write anywhere, so ask as somebody who may not
        python = next((p for p in (sys.executable, "/usr/bin/python3") if _open_to_all(Path(p).resolve())), None)
        if python is None or not _opened_to_all(folder):
            pytest.skip("no Python here can be run by another account")
        how = {"python": python, "user": pwd.getpwnam("nobody").pw_uid, "extra_groups": []}
    try:
        assert f"{folder} cannot be written to" in one_line(run_in(folder, **how))
    finally:
        folder.chmod(0o755)


def _open_to_all(path: Path) -> bool:
    return path.exists() and all(parent.stat().st_mode & 0o001 for parent in path.parents)


def _opened_to_all(folder: Path) -> bool:
    """Open the temporary folders pytest made for this run, and say whether others can get there now."""
    for parent in folder.parents:
        if parent.name.startswith(("pytest-", "popen-", "test_")):
            parent.chmod(0o755)
    return _open_to_all(folder)


def test_an_old_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    version = namedtuple("version", "major minor micro")
    monkeypatch.setattr(sys, "version_info", version(3, 9, 2))
    with pytest.raises(bootstrap.CannotBootstrap, match=r"3\.11 or newer is needed; this is 3\.9\.2"):
        bootstrap._check_python()


def test_a_full_disk_is_said_before_anything_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(bootstrap, "HERE", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 5 * 2**20))
    with pytest.raises(bootstrap.CannotBootstrap, match="MiB of free disk space are needed"):
        bootstrap._check_folder("run")


def test_a_disk_that_fills_up_half_way_is_one_line() -> None:
    assert "the disk is full" in bootstrap._plainly(OSError(28, "No space left on device", "x"))


def test_a_changed_lock_is_installed_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = bare_copy(tmp_path / "checkout")
    monkeypatch.setattr(bootstrap, "HERE", folder)
    monkeypatch.setattr(bootstrap, "STAMP", folder / "stamp.json")
    monkeypatch.setattr(bootstrap, "PYTHON", Path(sys.executable))
    bootstrap.STAMP.write_text(bootstrap.json.dumps(bootstrap._stamp("run")))
    assert bootstrap._is_installed("run")
    assert not bootstrap._is_installed("dev"), "what a run needs is not all that the tests need"
    bootstrap.STAMP.write_text(bootstrap.json.dumps(bootstrap._stamp("dev")))
    assert bootstrap._is_installed("run"), "what the tests need is more than a run needs"
    with (folder / "requirements" / "run.txt").open("a") as lock:
        lock.write("# changed\n")
    assert not bootstrap._is_installed("run")


def test_an_environment_made_elsewhere_is_made_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    (tmp_path / "made-in").write_text("somewhere else")
    assert not bootstrap._is_our_venv()


def test_the_makefile_explains_each_of_its_targets() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("run", "test", "quick", "story", "bench", "lint", "clean"):
        assert f"make {target} " in said
