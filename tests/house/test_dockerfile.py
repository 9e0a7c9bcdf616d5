"""The image's steps hold without a container engine: what is copied is there, and from that alone the broker serves."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from tests.house.tree import ROOT

COMMAND = 'import sys; sys.argv[0] = "broker"; from broker.cli import main; main()'


def steps() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, continuation lines joined, comments left out."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    return [tuple(line.split(None, 1)) for line in lines if line and not line.startswith("#")]  # type: ignore[misc]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for step in steps():
        found = [*found, [step]] if step[0] == "FROM" else [*found[:-1], [*found[-1], step]]
    return found


def copied(stage: list[tuple[str, str]]) -> list[list[str]]:
    """Sources and target of each COPY from the checkout."""
    return [words.split() for verb, words in stage if verb == "COPY" and "--from" not in words]


def told(stage: list[tuple[str, str]], verb: str) -> str:
    return [words for each, words in stage if each == verb][-1]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last stage's /app: exactly what its COPY steps bring from the checkout."""
    app = tmp_path_factory.mktemp("image") / "app"
    app.mkdir()
    for *sources, target in copied(stages()[-1]):
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, app / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, app / target)
    return app


def environment(image: Path, data: Path, **more: str) -> dict[str, str]:
    """The image's own environment. ``-S`` and this path keep the checkout itself out of reach."""
    packages = sysconfig.get_path("purelib")
    return {"PATH": os.environ["PATH"], "PYTHONPATH": f"{image}:{packages}", "BROKER_DATA_FOLDER": str(data), **more}


def test_everything_copied_is_there_and_let_through() -> None:
    lets_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    sources = {source for stage in stages() for *some, _ in copied(stage) for source in some}
    assert {source for source in sources if not (ROOT / source).exists()} == set()
    assert sources == lets_through


def test_the_image_installs_what_every_checkout_runs_on() -> None:
    """The same bootstrap and the same lock as `make run`."""
    assert any(verb == "RUN" and "bootstrap.py run" in words for verb, words in stages()[0])
    assert not any("pip install" in words for _, words in steps())


def test_the_image_never_runs_as_root() -> None:
    user = told(stages()[-1], "USER")
    assert user.split(":")[0] not in ("root", "0", "")
    verbs = [verb for verb, _ in stages()[-1]]
    assert "RUN" not in verbs[verbs.index("USER") :], "what is installed belongs to root and cannot be changed"


def test_the_demonstration_is_not_in_the_image(image: Path) -> None:
    assert not (image / "sandbox").exists()
    assert not (image / "tests").exists()
    assert "DEMONSTRATION" not in (ROOT / "Dockerfile").read_text()


@pytest.mark.slow
def test_gunicorn_finds_the_application_in_what_is_copied(image: Path, tmp_path: Path) -> None:
    from broker.cli.serve import arguments
    from broker.settings import Settings

    command = [sys.executable, "-S", "-m", "gunicorn", "--check-config", *arguments(Settings())]
    said = subprocess.run(
        command, cwd=image, env=environment(image, tmp_path), capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr


@pytest.mark.slow
def test_what_is_copied_migrates_serves_and_is_healthy(image: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        bind = f"127.0.0.1:{probe.getsockname()[1]}"
    words = environment(image, tmp_path, BROKER_BIND=bind, BROKER_WORKERS="1")
    broker = [sys.executable, "-S", "-c", COMMAND]
    upgrade = [*broker, "db", "upgrade"]
    migrated = subprocess.run(upgrade, cwd=image, env=words, capture_output=True, text=True, check=False)
    assert migrated.returncode == 0, migrated.stderr
    assert json.loads(told(stages()[-1], "CMD")) == ["broker", "serve"]
    check = json.loads(told(stages()[-1], "HEALTHCHECK").partition("CMD ")[2])
    assert check[:2] == ["python", "-c"]
    asks = [sys.executable, "-c", check[2].replace("127.0.0.1:8080", bind)]
    assert subprocess.run(asks, capture_output=True, check=False).returncode == 1, "nobody is there yet"
    with subprocess.Popen([*broker, "serve"], cwd=image, env=words, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert becomes_healthy(asks, server)
        finally:
            server.terminate()


def becomes_healthy(asks: list[str], server: subprocess.Popen[str]) -> bool:
    until = time.monotonic() + 30
    while time.monotonic() < until and server.poll() is None:
        if subprocess.run(asks, capture_output=True, check=False).returncode == 0:
            return True
        time.sleep(0.2)
    return False
