"""What a whole journey leaves in the logs names nobody: no NHS number, no name, no entry of a record."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from broker.database import open_engine, session_factory
from broker.identity.models import Resident
from broker.logs import REMOVED_DETAIL, REMOVED_NUMBER
from broker.settings import Settings
from tests.house.tree import ROOT

COMMAND = 'import sys; sys.argv[0] = "broker"; from broker.cli import main; main()'


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demonstration that has told its story, everything logged."""
    folder = tmp_path_factory.mktemp("journey")
    command = [sys.executable, "-c", COMMAND, "demo", "--story", "--residents", "40", "--folder", str(folder)]
    environment = {**os.environ, "BROKER_LOG_LEVEL": "DEBUG"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder


@pytest.mark.slow
def test_the_logs_of_a_whole_journey_name_nobody(journey: Path) -> None:
    logged = (journey / "demonstration.log").read_text(encoding="utf-8")
    engine = open_engine(Settings(data_folder=journey).sqlalchemy_url)
    with session_factory(engine)() as session:
        residents = list(session.scalars(select(Resident)))
    engine.dispose()
    assert len(residents) >= 40
    assert '"route"' in logged, "the journey went through the doors"
    named = {word for r in residents for word in (r.nhs_number, r.name, f"{r.born_on}") if word and word in logged}
    assert named == set()


@pytest.mark.slow
def test_nothing_even_tried_to_log_somebody(journey: Path) -> None:
    """The redaction is the last line, and nothing should reach it."""
    logged = (journey / "demonstration.log").read_text(encoding="utf-8")
    assert REMOVED_NUMBER not in logged
    assert REMOVED_DETAIL not in logged
