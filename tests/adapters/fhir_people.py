"""A FHIR server with one synthetic resident, Ada, that a test may give anything and make do anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from adapters import Egress, Http, Limits, build
from broker.records.source import RecordEntry, ResidentIdentity, SourceAnswer
from broker.vocabulary import NHS_NUMBER, Section
from tests.adapters.conformance.asking import described, no_secret
from tests.adapters.conformance.worlds import ADA
from tests.adapters.listener import Listener, Reply, Request, as_json

EVERY_SECTION = frozenset(Section)
FHIR = "application/fhir+json"
Resource = dict[str, Any]


def ada(**changes: Any) -> Resource:
    return {
        "resourceType": "Patient",
        "id": "p1",
        "identifier": [{"system": NHS_NUMBER, "value": "9990000018"}],
        "birthDate": "1964-03-14",
        **changes,
    }


def of_ada(kind: str, id: str = "r1", **elements: Any) -> Resource:
    """A resource about Ada: with ``patient`` where the type has that, else ``subject``."""
    role = "patient" if kind in _BY_PATIENT else "subject"
    return {"resourceType": kind, "id": id, role: {"reference": "Patient/p1"}, **elements}


_BY_PATIENT = {"AllergyIntolerance", "Immunization", "RelatedPerson", "FamilyMemberHistory", "EpisodeOfCare", "Consent"}


def said(text: str, system: str = "", code: str = "") -> Resource:
    return {"text": text, **({"coding": [{"system": system, "code": code}]} if code else {})}


def coded(code: str, system: str = "urn:x") -> Resource:
    return {"coding": [{"system": system, "code": code}]}


@dataclass
class Server:
    """Answers searches from ``resources``. ``honours`` False ignores ``_revinclude`` without a word."""

    resources: list[Resource] = field(default_factory=list)
    patients: list[Resource] = field(default_factory=lambda: [ada()])
    honours: bool = True
    echoes: bool = True
    capability: Resource | None = None
    issues: list[Resource] = field(default_factory=list)
    instead: Callable[[Request], Reply | None] = lambda request: None
    url: str = ""
    described: int = 0

    def answer(self, request: Request) -> Reply:
        if (other := self.instead(request)) is not None:
            return other
        if request.path.endswith("/metadata"):
            self.described += 1
            return as_json(self.capability, media=FHIR) if self.capability else Reply(status=404)
        kind = request.path.removesuffix("/_search").rpartition("/")[2]
        wanted = [value.partition(":")[0] for value in request.all("_revinclude")]
        brought = wanted if self.honours else []
        if kind == "Patient":
            matches, along = self.patients, [r for r in self.resources if r["resourceType"] in (*brought, *_BESIDE)]
        else:
            matches, along = [r for r in self.resources if r["resourceType"] == kind], []
        return self.bundle(matches, along, echoed=wanted if self.echoes else brought)

    def bundle(
        self, matches: Iterable[Resource], along: Iterable[Resource] = (), *, echoed: Iterable[str] = (), **more: Any
    ) -> Reply:
        entries = [self._entry(r, "match") for r in matches] + [self._entry(r, "include") for r in along]
        if self.issues:
            outcome = {"resourceType": "OperationOutcome", "issue": self.issues}
            entries.append({"resource": outcome, "search": {"mode": "outcome"}})
        own = "&".join(f"_revinclude={kind}%3Apatient" for kind in echoed)
        links = [{"relation": "self", "url": f"{self.url}/Patient?{own}"}]
        bundle = {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries, **more}
        return as_json(bundle, media=FHIR)

    def _entry(self, resource: Resource, mode: str) -> Resource:
        url = f"{self.url}/{resource.get('resourceType')}/{resource.get('id')}"
        return {"fullUrl": url, "resource": resource, "search": {"mode": mode}}


_BESIDE = ("Medication", "Organization", "Practitioner", "Device", "Provenance", "Basic")


def ask(
    server: Server,
    wanted: frozenset[Section] = EVERY_SECTION,
    *,
    resident: ResidentIdentity = ADA,
    limits: Limits | None = None,
    times: int = 1,
    **configured: Any,
) -> tuple[SourceAnswer, list[Request]]:
    """The adapter's (last) answer about ``resident``, and every request it made about them.

    What the server can do is asked beside, and names nobody: ``Server.described`` counts that.
    """

    async def run() -> tuple[SourceAnswer, list[Request]]:
        async with Listener(server.answer) as listener:
            server.url = listener.url
            client = Http(egress=Egress([listener.place]), limits=limits)
            configuration = {"base_url": listener.url, **configured}
            system = build(described("fhir-r4", configuration), http=client, secret=no_secret)
            for _ in range(times):
                answer = await system.fetch(resident, wanted)
            await client.close()
            return answer, [request for request in listener.requests if not request.path.endswith("/metadata")]

    return asyncio.run(run())


def entries(*resources: Resource, sections: frozenset[Section] = EVERY_SECTION) -> list[RecordEntry]:
    """What becomes of resources, without the entries of the Patient itself."""
    answer, _ = ask(Server(list(resources)), sections)
    assert not answer.gaps, answer.gaps
    return [entry for entry in answer.entries if not entry.id.startswith("Patient/")]


def only(*resources: Resource) -> RecordEntry:
    (entry,) = entries(*resources)
    return entry
