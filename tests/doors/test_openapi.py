"""The API is what its description says: valid OpenAPI 3.1, every route in it, no answer outside it when fuzzed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
from openapi_spec_validator import validate
from werkzeug.serving import make_server

from broker.settings import Settings
from tests.doors.conftest import House, build_house

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


def test_the_description_is_valid_openapi(house: House) -> None:
    description = house.client.get("/api/openapi.json").get_json()
    assert description["openapi"].startswith("3.1")
    validate(description)


def test_every_api_route_is_described(house: House) -> None:
    described = {
        (method.upper(), path)
        for path, methods in house.client.get("/api/openapi.json").get_json()["paths"].items()
        for method in methods
        if method != "parameters"
    }
    served = {
        (method, rule.rule.replace("<", "{").replace(">", "}"))
        for rule in house.app.url_map.iter_rules()
        if rule.rule.startswith(("/api/", "/access/")) and rule.rule != "/api/openapi.json"
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert served == described


def test_no_route_takes_an_identifier_in_its_address(house: House) -> None:
    for path, methods in house.client.get("/api/openapi.json").get_json()["paths"].items():
        shared = methods.get("parameters", [])
        for method in methods.values():
            named = [p["name"] for p in (shared + method.get("parameters", []) if isinstance(method, dict) else shared)]
            assert not {"nhs_number", "resident", "born_on", "name"} & set(named), path


@pytest.fixture
def served(settings: Settings) -> Iterator[tuple[House, str]]:
    """The house behind a real server, so that nothing is skipped between a socket and the app."""
    many = replace(settings, demonstration=True, lookups_per_minute=10**6, lookups_per_day=10**6)
    for house in build_house(many):
        server = make_server("127.0.0.1", 0, house.app, threaded=True)
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield house, f"http://127.0.0.1:{server.port}"
        server.shutdown()
        thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("who", [{"person": "adviser"}, {"resident": "ada"}], ids=["a worker", "a resident"])
def test_every_check_holds_on_every_route(served: tuple[House, str], who: dict[str, str], tmp_path: Path) -> None:
    house, base = served
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION), "run"]
    command += [f"{base}/api/openapi.json", "--url", base, "--checks", "all", "--max-examples", "20", "--seed", "1"]
    command += ["--phases", "examples,coverage,fuzzing", "--header", f"Authorization: Bearer {house.token(**who)}"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110, cwd=tmp_path)
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
