"""The main job from start to finish, on real parts: processes, sockets, tokens, partner systems, trail."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from broker.settings import Settings
from sandbox.neighbourhood import named
from sandbox.neighbourhood.place import Place

ROOT = Path(__file__).parents[2]
STORY = [sys.executable, "-c", "from broker.cli import main; main()", "demo", "--story"]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """The story, told once in a folder of its own."""
    folder = tmp_path_factory.mktemp("story") / "var"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BROKER_")}
    run = subprocess.run(
        [*STORY, "--residents", "60", "--folder", str(folder)],
        cwd=ROOT,
        env={**clean, "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    return run, folder


@pytest.mark.slow
def test_every_promise_of_the_story_holds(told: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    run, _ = told
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert "✗" not in run.stdout
    assert "Every promise held" in run.stdout


@pytest.mark.slow
def test_the_logs_of_the_story_hold_no_number_name_or_entry(
    told: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    run, folder = told
    assert run.returncode == 0
    log = (folder / "demonstration.log").read_text()
    assert '"route": "/api/records/view"' in log, "the log is the broker's"
    assert not re.search(r"999[ -]?\d{3}[ -]?\d{4}", log)
    ada = Place(1, 60).person(named.ADA)
    for personal in (ada.given_name + " " + ada.family_name, ada.family_name, "Penicillin", "Metformin", "arrears"):
        assert personal not in log


@pytest.mark.slow
def test_what_the_story_left_is_a_trail_that_verifies(told: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    run, folder = told
    assert run.returncode == 0
    verify = [sys.executable, "-c", "from broker.cli import main; main()", "audit", "verify"]
    environment = {**os.environ, "BROKER_DATA_FOLDER": str(folder)}
    checked = subprocess.run(verify, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert "The trail holds" in checked.stdout, checked.stderr


def test_a_demonstration_refuses_a_folder_that_is_a_real_broker(settings: Settings) -> None:
    from broker import migrations
    from broker.database import open_engine, session_factory
    from broker.demonstration.prepare import Choice, prepare
    from broker.errors import Misconfigured
    from tests.people import settle

    settings.data_folder.mkdir()
    engine = open_engine(settings.sqlalchemy_url)
    migrations.upgrade(engine)
    with session_factory(engine)() as session:
        settle(session)
    engine.dispose()
    with pytest.raises(Misconfigured, match="not a demonstration"):
        prepare(settings, Choice(residents=5, seed=1), progress=lambda *_: None)
