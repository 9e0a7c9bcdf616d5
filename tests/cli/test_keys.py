"""``broker keys``: what is shown is public, and each step in the life of a key is one command."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from broker import cli
from broker.access.engines.signing import BundleKeys
from broker.database import open_engine
from broker.governance.sealed import Keys
from broker.migrations import upgrade
from broker.settings import Settings
from tests.house import machine


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command on a broker of this test's own."""
    monkeypatch.setenv("BROKER_DATA_FOLDER", str(tmp_path / "var"))
    (tmp_path / "var").mkdir()
    engine = open_engine(Settings(data_folder=tmp_path / "var").sqlalchemy_url)
    upgrade(engine)
    engine.dispose()

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli.broker, arguments)

    return run


def listed(run: Any) -> dict[str, str]:
    lines = run("keys", "list").output.splitlines()
    return dict(tuple(line.split()) for line in lines)


def test_a_key_is_announced_rotated_to_and_the_old_one_retired(run: Any) -> None:
    assert run("policies", "publish").exit_code == 0
    (old,) = listed(run)
    assert "is announced" in run("keys", "announce").output
    (new,) = listed(run).keys() - {old}
    assert listed(run) == {old: "signing", new: "announced"}
    rotated = run("keys", "rotate").output
    assert f"{new} signs now" in rotated
    assert "is signed with it" in rotated
    assert listed(run) == {old: "accepted", new: "signing"}
    assert run("keys", "retire", old).exit_code == 0
    assert listed(run) == {old: "retired", new: "signing"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("rotate",), "key-not-announced"), (("retire", "nobody"), "key-unknown")],
)
def test_a_step_out_of_turn_is_refused_in_words(run: Any, arguments: tuple[str, ...], code: str) -> None:
    refused = run("keys", *arguments)
    assert refused.exit_code != 0
    assert refused.exception.code == code


def test_what_is_shown_is_public(run: Any, tmp_path: Path) -> None:
    run("keys", "announce")
    keys = BundleKeys.of(Settings(data_folder=tmp_path / "var")).keyring.every()
    shown = {flag: run("keys", "public", *flag).output for flag in ((), ("--opa",), ("--pem",))}
    assert {key["kid"] for key in json.loads(shown[()])["keys"]} == {key.kid for key in keys}
    assert json.loads(shown["--opa",])["keys"].keys() == {key.kid for key in keys}
    assert shown["--pem",].startswith("-----BEGIN PUBLIC KEY-----")
    assert not any(key.kept["d"] in text for key in keys for text in shown.values())


@pytest.mark.needs("opa")
def test_a_bundle_that_is_laid_down_is_verified_with_the_key_that_is_shown(run: Any, tmp_path: Path) -> None:
    run("policies", "publish")
    file, key, other = tmp_path / "sharing.tar.gz", tmp_path / "key.pem", tmp_path / "other.pem"
    assert run("policies", "bundle", str(file)).exit_code == 0
    key.write_text(run("keys", "public", "--pem").output)
    (strange,) = BundleKeys.of(Settings(data_folder=tmp_path / "other")).opa_keys().values()
    other.write_text(strange["key"])
    assert built(file, key, tmp_path).returncode == 0
    assert built(file, other, tmp_path).returncode != 0


def built(bundle: Path, key: Path, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """What OPA makes of a bundle when it is told to verify it."""
    command = [str(machine.opa()), "build", "--bundle", str(bundle), "--verification-key", str(key)]
    command += ["--signing-alg", "ES256", "--scope", "sharing", "--output", str(folder / "built.tar.gz")]
    return subprocess.run(command, capture_output=True, check=False, env={"PATH": os.defpath, "HOME": str(folder)})


def test_records_are_locked_with_a_new_key_and_the_old_one_is_named(run: Any, tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path / "var")
    before = Keys.of(settings).current.id
    done = run("keys", "renew-records")
    assert done.exit_code == 0
    assert before.hex() in done.output
    assert Keys.of(settings).current.id != before
    assert "A key of the broker was announced, taken into use or retired" in run("audit", "show").output
