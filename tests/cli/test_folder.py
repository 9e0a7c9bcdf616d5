"""What is kept on disk is its owner's alone."""

from __future__ import annotations

from pathlib import Path

from broker import migrations
from broker.cli.db import prepare_folder
from broker.database import open_engine
from broker.settings import Settings


def test_the_database_is_its_owners_alone_even_in_an_open_folder(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    folder.mkdir(mode=0o755)
    settings = Settings(data_folder=folder)
    prepare_folder(settings)
    engine = open_engine(settings.sqlalchemy_url)
    migrations.upgrade(engine)
    settings.secret("trail-pseudonyms")
    made = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.name for path in made} >= {"broker.sqlite3", "broker.sqlite3-wal", "trail-pseudonyms"}
    assert {oct(path.stat().st_mode & 0o777) for path in made} == {"0o600"}
    prepare_folder(settings)
    assert not migrations.pending(engine)
    engine.dispose()


def test_a_folder_made_anew_is_closed_to_others(tmp_path: Path) -> None:
    prepare_folder(Settings(data_folder=tmp_path / "var"))
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o700
