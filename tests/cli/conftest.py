"""The operator at a terminal: a command typed as it would be, on a broker of the test's own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from broker.cli import main
from broker.database import open_engine, session_factory
from broker.settings import Settings
from tests.people import settle

Said = tuple[int, str, str]  # the exit code, what was said, and what was complained of
Run = Callable[..., Said]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Type a command; gives its exit code, what it said, and what it complained of."""
    monkeypatch.setenv("BROKER_DATA_FOLDER", str(tmp_path / "var"))

    def typed(*words: str) -> Said:
        monkeypatch.setattr("sys.argv", ["broker", *words])
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return typed


@pytest.fixture
def ready(run: Run, tmp_path: Path, sqlite_template: Path) -> Run:
    """A migrated database with the cast of the tests in it."""
    (tmp_path / "var").mkdir(mode=0o700)
    shutil.copy(sqlite_template, tmp_path / "var" / "broker.sqlite3")
    engine = open_engine(Settings(data_folder=tmp_path / "var").sqlalchemy_url)
    with session_factory(engine)() as session:
        settle(session)
    engine.dispose()
    return run


def written(folder: Path, name: str, text: str) -> str:
    """The path of a new file of that name and text."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)
