"""A partner system to ask: three made-up residents behind a real server on a loopback port, and a small client."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import fhirkit
from aiohttp import web

HL7 = "http://terminology.hl7.org/CodeSystem"
NHS = "https://fhir.nhs.uk/Id/nhs-number"
NUMBERS = ("9990000034", "9990000042", "9990000050")
BORN = ("1948-03-02", "1990-11-30", "1990-12-01")
FAMILY = ("Bright", "Okafor", "Bríght-Lowe")
PER_RESIDENT = 7  # observations, so that paging has something to page


class ThreePeople:
    """Generated records, as the servers know them: three residents, and a fourth this source does not know."""

    residents = 4

    def record(self, index: int) -> Sequence[Mapping[str, Any]]:
        if index >= len(NUMBERS):
            return ()
        return (_patient(index), _allergy(index), *(_observation(index, n) for n in range(PER_RESIDENT)))

    def index_of(self, nhs_number: str) -> int | None:
        return NUMBERS.index(nhs_number) if nhs_number in NUMBERS else None

    def index_in(self, id: str) -> int | None:
        number = id.partition("-")[0].removeprefix("p")
        return int(number) if id.startswith("p") and number.isdigit() else None


class AMillion(ThreePeople):
    """The same three, in a source that could hold a million."""

    residents = 1_000_000


def _patient(index: int) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": f"p{index}",
        "meta": {"lastUpdated": f"2026-01-0{index + 1}T09:00:00Z", "versionId": "3"},
        "identifier": [{"system": NHS, "value": NUMBERS[index]}],
        "name": [{"family": FAMILY[index], "given": ["Ada"]}],
        "birthDate": BORN[index],
    }


def _allergy(index: int) -> dict[str, Any]:
    return {
        "resourceType": "AllergyIntolerance",
        "id": f"p{index}-a",
        "meta": {"lastUpdated": "2026-02-01T09:00:00Z"},
        "clinicalStatus": {"coding": [{"system": f"{HL7}/allergyintolerance-clinical", "code": "active"}]},
        "category": ["medication"],
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "91936005"}]},
        "patient": {"reference": f"Patient/p{index}"},
    }


def _observation(index: int, number: int) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"p{index}-o{number}",
        "meta": {"lastUpdated": f"2026-03-{number + 1:02d}T12:00:00Z"},
        "status": "final",
        "category": [{"coding": [{"system": "urn:parity", "code": ("even", "odd")[number % 2]}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": f"100-{number}"}]},
        "subject": {"reference": f"Patient/p{index}"},
    }


@dataclass(frozen=True)
class Answer:
    """What came back. ``json`` raises where the body is not JSON."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def link(self, relation: str) -> str | None:
        return next((link["url"] for link in self.json["link"] if link["relation"] == relation), None)

    def resources(self, mode: str | None = None) -> list[dict[str, Any]]:
        entries = self.json.get("entry", [])
        return [e["resource"] for e in entries if mode is None or e["search"]["mode"] == mode]

    def ids(self, mode: str | None = None) -> list[str]:
        return [resource["id"] for resource in self.resources(mode)]

    @property
    def issue(self) -> str:
        """The code of the OperationOutcome this must be. Checks its shape, its code and its media type."""
        assert self.headers["Content-Type"].startswith("application/fhir+json")
        outcome = self.json
        assert outcome["resourceType"] == "OperationOutcome"
        assert [str(problem) for problem in fhirkit.validate(outcome)] == []
        (only,) = outcome["issue"]
        assert only["code"] in ISSUE_TYPES
        return str(only["code"])


@dataclass(frozen=True)
class Partner:
    """A server to ask, at ``url``."""

    url: str

    def ask(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """``path`` is below the server's URL, or a whole URL that the server gave."""
        parts = urlsplit(path if path.startswith("http") else self.url + path)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        try:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(method, target, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def get(self, path: str, query: Mapping[str, str] | Sequence[tuple[str, str]] = (), **headers: str) -> Answer:
        return self.ask("GET", path + (f"?{urlencode(query)}" if query else ""), headers=_named(headers))

    def post_form(self, path: str, form: Mapping[str, str] | Sequence[tuple[str, str]], **headers: str) -> Answer:
        sent = {"Content-Type": "application/x-www-form-urlencoded", **_named(headers)}
        return self.ask("POST", path, body=urlencode(form).encode(), headers=sent)

    def post_json(self, path: str, value: Any, *, kind: str = "application/fhir+json") -> Answer:
        return self.ask("POST", path, body=json.dumps(value).encode(), headers={"Content-Type": kind})

    def find(self, number: str, *more: tuple[str, str], **headers: str) -> Answer:
        """Search for a patient as the broker would: by POST, so that the number is in no address."""
        return self.post_form("/Patient/_search", [("identifier", f"{NHS}|{number}"), *more], **headers)

    @property
    def control(self) -> Partner:
        parts = urlsplit(self.url)
        return Partner(f"{parts.scheme}://{parts.netloc}/_sandbox")


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@contextmanager
def serving(app: web.Application, base: str = "/fhir") -> Iterator[Partner]:
    """``app`` on a free loopback port, on an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    try:
        port = asyncio.run_coroutine_threadsafe(_start(runner), loop).result(10)
        yield Partner(f"http://127.0.0.1:{port}{base}")
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _start(runner: web.AppRunner) -> int:
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return int(runner.addresses[0][1])


# FHIR R4 value set issue-type, as far as a server here may use it; the structural validator does not look into it.
ISSUE_TYPES = frozenset(
    {
        *("structure", "value", "login", "forbidden", "expired", "not-supported", "not-found", "deleted"),
        *("too-long", "too-costly", "processing", "transient", "throttled", "exception"),
    }
)
