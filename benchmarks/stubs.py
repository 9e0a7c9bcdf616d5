"""Very cheap FHIR R4 sources: a fixed searchset after a fixed delay, so that a measurement is of the broker.

Each answers about whoever it is asked for, with the NHS number asked and one date of birth. Loopback only; not a FHIR
server (``sandbox.partners`` is).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

NHS = "https://fhir.nhs.uk/Id/nhs-number"
BORN = "1950-01-01"
SNOMED = "http://snomed.info/sct"
_STATUS = "http://terminology.hl7.org/CodeSystem"
CAPABILITY = {
    "resourceType": "CapabilityStatement",
    "status": "active",
    "date": "2026-01-01",
    "kind": "instance",
    "fhirVersion": "4.0.1",
    "format": ["application/fhir+json"],
    "rest": [{"mode": "server"}],
}


def _concept(code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": SNOMED, "code": code, "display": display}]}


def _about(kind: str, number: int, subject: str = "subject", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": kind,
        "id": f"{kind.lower()}-{number}",
        "meta": {"lastUpdated": f"2026-03-{number % 28 + 1:02d}T09:00:00Z"},
        subject: {"reference": "Patient/stub"},
        **more,
    }


_PROBLEMS = (("38341003", "Hypertension"), ("195967001", "Asthma"), ("13645005", "COPD"))


def record(nhs_number: str, born: str, results: int = 4) -> list[dict[str, Any]]:
    """A patient and a dozen resources of the kinds a view shows; ``results`` of them are measurements."""
    patient: dict[str, Any] = {
        "resourceType": "Patient",
        "id": "stub",
        "identifier": [{"system": NHS, "value": nhs_number}],
        "name": [{"family": "Synthetic", "given": ["Ada"]}],
        "birthDate": born,
    }
    active = {"coding": [{"system": f"{_STATUS}/allergyintolerance-clinical", "code": "active"}]}
    problem = {"coding": [{"system": f"{_STATUS}/condition-clinical", "code": "active"}]}
    dose = [{"text": "One tablet a day"}]
    laboratory = [{"coding": [{"system": f"{_STATUS}/observation-category", "code": "laboratory"}]}]
    return [
        patient,
        _about("AllergyIntolerance", 0, "patient", clinicalStatus=active, code=_concept("91936005", "Penicillin")),
        *(
            _about("Condition", n, clinicalStatus=problem, code=_concept(code, name), onsetDateTime=f"20{10 + n}-05-01")
            for n, (code, name) in enumerate(_PROBLEMS)
        ),
        *(
            _about(
                "MedicationRequest",
                n,
                status="active",
                intent="order",
                medicationCodeableConcept=_concept(code, name),
                authoredOn=f"2026-0{n + 1}-01",
                dosageInstruction=dose,
            )
            for n, (code, name) in enumerate([("318851002", "Ramipril"), ("39113311000001107", "Salbutamol")])
        ),
        *(
            _about(
                "Observation",
                n,
                status="final",
                category=laboratory,
                code=_concept("1022431000000105", "HbA1c"),
                effectiveDateTime=f"{2025 - n // 336}-{1 + n // 28 % 12:02d}-{1 + n % 28:02d}",
                valueQuantity={"value": 41 + n, "unit": "mmol/mol"},
            )
            for n in range(results)
        ),
    ]


@lru_cache(maxsize=1024)
def searchset(base: str, kind: str, asked: str, born: str, results: int) -> bytes:
    """The whole HTTP response to a search for ``kind`` with ``asked`` (URL-encoded), whose self link says both."""
    given = parse_qsl(asked)
    wanted = {kind} | {value.partition(":")[0] for name, value in given if name == "_revinclude"}
    number = next((value.rpartition("|")[2] for name, value in given if name.endswith("identifier")), "9990000018")
    entries: list[dict[str, Any]] = [
        {
            "fullUrl": f"{base}/{resource['resourceType']}/{resource['id']}",
            "resource": resource,
            "search": {"mode": "match" if resource["resourceType"] == kind else "include"},
        }
        for resource in record(number, born, results)
        if resource["resourceType"] in wanted
    ]
    total = sum(entry["search"]["mode"] == "match" for entry in entries)
    echoed = urlencode(given, quote_via=quote, safe=":|,/")
    link = [{"relation": "self", "url": f"{base}/{kind}?{echoed}"}]
    return _response({"resourceType": "Bundle", "type": "searchset", "total": total, "link": link, "entry": entries})


def _response(resource: dict[str, Any]) -> bytes:
    body = json.dumps(resource, separators=(",", ":")).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Stub(asyncio.Protocol):
    """One connection. Requests are answered in turn; a body is expected only where its length is stated."""

    def __init__(self, delay: float, born: str, results: int) -> None:
        self._delay = delay
        self._born = born
        self._results = results
        self._kept = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._kept += data
        while (end := self._kept.find(b"\r\n\r\n")) >= 0:
            head = self._kept[:end].decode("latin-1")
            length = _content_length(head)
            if len(self._kept) < end + 4 + length:
                return
            body = self._kept[end + 4 : end + 4 + length].decode()
            self._kept = self._kept[end + 4 + length :]
            answer = self._answer(head, body)
            asyncio.get_running_loop().call_later(self._delay, self._send, answer)

    def _send(self, answer: bytes) -> None:
        if self._transport is not None:
            self._transport.write(answer)

    def _answer(self, head: str, body: str) -> bytes:
        request, _, rest = head.partition("\r\n")
        path, _, query = request.split(" ")[1].partition("?")
        if path.endswith("/metadata"):
            return _response(CAPABILITY)
        host = next((line[5:].strip() for line in rest.split("\r\n") if line.lower().startswith("host:")), "127.0.0.1")
        kind = path.removesuffix("/_search").rpartition("/")[2]
        asked = "&".join(part for part in (query, body) if part)
        return searchset(f"http://{host}/fhir", kind, asked, self._born, self._results)


def _content_length(head: str) -> int:
    for line in head.split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            return int(value)
    return 0


@dataclass(frozen=True)
class Sources:
    """Stub sources that are serving, each at its own base URL."""

    urls: tuple[str, ...]


@contextmanager
def serving(count: int, *, delay_ms: float, born: str = BORN, results: int = 4) -> Iterator[Sources]:
    """``count`` stubs in one other process, for as long as the block runs; each with so many ``results`` of anybody."""
    command = [sys.executable, "-m", "benchmarks.stubs", f"--count={count}", f"--delay-ms={delay_ms}"]
    command += [f"--born={born}", f"--results={results}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        ports = json.loads(process.stdout.readline())["ports"]
        yield Sources(tuple(f"http://127.0.0.1:{port}/fhir" for port in ports))
    finally:
        process.terminate()
        process.communicate()


async def serve(count: int, *, delay: float, born: str, results: int) -> None:
    """Serve until standard input closes, as it does when whoever started this process ends."""
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(lambda: Stub(delay, born, results), "127.0.0.1", 0) for _ in range(count)]
    print(json.dumps({"pid": os.getpid(), "ports": [s.sockets[0].getsockname()[1] for s in servers]}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--born", default=BORN)
    parser.add_argument("--results", type=int, default=4)
    given = parser.parse_args(arguments)
    asyncio.run(serve(given.count, delay=given.delay_ms / 1000, born=given.born, results=given.results))


if __name__ == "__main__":
    main()
