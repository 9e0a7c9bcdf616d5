"""What this machine offers the tests beside Python: a policy engine, a linter, a database, a browser. Installs nothing.

A test says ``@pytest.mark.needs("opa")``. Where the thing is missing the test is skipped and the end of the run says
so; where ``CI`` is set a missing one is a failure, because there everything must be tried. Regal alone is not
asked for there: Go's module proxy refuses to install it, so it is used where somebody has it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Need:
    """Something a test may need. ``find`` gives its path, or None; ``enable`` says how to get it."""

    label: str
    covers: str
    enable: str
    find: Callable[[], Path | None]
    in_ci: bool = True  # whether a run that tests everything must have it


def _program(*names: str, variable: str = "") -> Path | None:
    if variable and (chosen := os.environ.get(variable)):
        return Path(chosen) if Path(chosen).is_file() else None
    for name in names:
        beside_go = Path.home() / "go" / "bin" / name
        if found := shutil.which(name) or (beside_go if beside_go.is_file() else None):
            return Path(found)
    return None


def opa() -> Path | None:
    """The OPA program: ``OPA``, else on the PATH, else where ``go install`` puts it."""
    return _program("opa", variable="OPA")


def regal() -> Path | None:
    return _program("regal", variable="REGAL")


def chromium() -> Path | None:
    return _program("chromium", "chromium-browser", "google-chrome", variable="CHROMIUM")


def wrk() -> Path | None:
    return _program("wrk")


PEERS = Path(__file__).parents[1] / "peers"


def node() -> Path | None:
    """Node, where the programs of others that the tests talk to are installed beside it."""
    return _program("node", variable="NODE") if (PEERS / "node_modules" / "oidc-provider").is_dir() else None


def hapi() -> Path | None:
    """The folder of HAPI FHIR's libraries, where there is a Java to run them."""
    library = PEERS / "hapi" / "lib"
    return library if _program("java") and any(library.glob("hapi-fhir-validation-*.jar")) else None


def fhir_server() -> Path | None:
    return _program("sekmet", variable="FHIR_SERVER")


def postgresql() -> Path | None:
    """The folder of PostgreSQL's own programs, newest first. The client alone is not enough."""
    beside_initdb = [Path(found).resolve().parent] if (found := shutil.which("initdb")) else []
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True)
    for folder in (*beside_initdb, *packaged):
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    return None


def _postgresql_or_url() -> Path | None:
    return Path("TEST_DATABASE_URL") if os.environ.get("TEST_DATABASE_URL") else postgresql()


NEEDS = {
    "opa": Need("OPA", "the same decisions from a real OPA server", "install OPA 1.20.2 on the PATH, or set OPA", opa),
    "regal": Need("Regal", "the policies' style", "install Regal 0.39.0 on the PATH, or set REGAL", regal, in_ci=False),
    "postgresql": Need(
        "PostgreSQL",
        "everything kept, on PostgreSQL as on SQLite",
        "install PostgreSQL 15 or newer (package postgresql), or set TEST_DATABASE_URL",
        _postgresql_or_url,
    ),
    "chromium": Need(
        "Chromium", "the pages in a real browser", "install Chromium (package chromium), or set CHROMIUM", chromium
    ),
    "node": Need(
        "Node and its peers",
        "signing in and tokens, against certified programs of others",
        "install Node 20 or newer and run `npm ci --ignore-scripts` in tests/peers",
        node,
    ),
    "hapi": Need(
        "HAPI FHIR",
        "what we say in FHIR, against a validator of others",
        "install Java 17 and Maven, and run what tests/peers/hapi/pom.xml says",
        hapi,
    ),
    "fhir_server": Need(
        "A FHIR server",
        "reading FHIR R4 from a server of others",
        "install sekmet-fhir 0.1.1 on the PATH, or set FHIR_SERVER to its program",
        fhir_server,
    ),
    "wrk": Need("wrk", "the load measurements", "install wrk (package wrk)", wrk),
}


def missing(name: str) -> str | None:
    """Why a test that needs ``name`` cannot run here, or None when it can."""
    need = NEEDS[name]
    return None if need.find() else f"needs {need.label}: {need.enable}"
