"""FHIR R4 resources held against the standard by HAPI FHIR's validator, which other people wrote."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.house import machine


def errors(resources: Sequence[Mapping[str, Any]], folder: Path) -> list[str]:
    """What is wrong with them, one line each, in one run of the validator. Mark the test ``needs("hapi")``."""
    library = machine.hapi()
    assert library is not None, "mark the test needs('hapi')"
    names = []
    for number, resource in enumerate(resources):
        path = folder / f"{number}-{resource['resourceType']}.json"
        path.write_text(json.dumps(resource), encoding="utf-8")
        names.append(str(path))
    command = [
        "java",
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-cp",
        f"{library}/*",
        str(library.parent / "Validate.java"),
    ]
    done = subprocess.run(command, input="\n".join(names), capture_output=True, text=True, check=True)
    lines = [line.removeprefix(f"{folder}/") for line in done.stdout.splitlines()]
    read = [line for line in lines if line.endswith("\tread")]
    assert len(read) == len(names), done.stderr
    return [line for line in lines if line not in read]
