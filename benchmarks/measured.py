"""A broker to measure: a migrated database with one practice, its residents, one agreement and stub sources.

Made in a folder of its own and thrown away. Every resident is registered with the practice, known to every source,
and never given a real NHS number.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from broker import migrations
from broker.access.parts import Broker
from broker.access.request import AccessRequest, Requester
from broker.agreements import actions as agreements
from broker.agreements.document import from_mapping, write
from broker.app import assemble
from broker.database import open_engine, session_factory
from broker.governance.publishing import publish
from broker.identity.models import (
    Membership,
    Neighbourhood,
    Organisation,
    Person,
    Place,
    Relationship,
    Resident,
    ResidentHandle,
    Source,
    SourceLink,
)
from broker.settings import Settings
from broker.vocabulary import OrganisationKind, Purpose, RelationshipKind, Role, Section
from sandbox.neighbourhood.numbers import NhsNumbers

PRACTICE = "XX9BGP"
CLINICIAN = "benchmark-clinician"
BY = "operator:benchmark"
BORN_ON = date(1950, 1, 1)  # as stubs.BORN
SECTIONS = frozenset({Section.DEMOGRAPHICS, Section.ALLERGIES, Section.MEDICATIONS, Section.PROBLEMS, Section.RESULTS})


@dataclass(frozen=True)
class Measured:
    """What a benchmark measures. ``handles`` are the practice's names for ``residents``, in the same order."""

    settings: Settings
    broker: Broker
    residents: tuple[str, ...]
    handles: tuple[str, ...]

    def request(self, number: int) -> AccessRequest:
        return AccessRequest(
            id=str(uuid.uuid4()),
            requester=Requester(organisation=PRACTICE, role=Role.CLINICIAN, person=CLINICIAN, assurance=2),
            resident=self.residents[number % len(self.residents)],
            purpose=Purpose.DIRECT_CARE,
            sections=SECTIONS,
            made_at=datetime.now(UTC),
            reason="Benchmark",
        )


@contextmanager
def measured(sources: Sequence[str], *, residents: int, settings: Settings | None = None) -> Iterator[Measured]:
    """A broker with a FHIR source at each of ``sources`` (base URLs)."""
    with TemporaryDirectory(prefix="broker-benchmark-") as folder:
        base = settings or Settings()
        hosts = tuple(urlsplit(url).netloc for url in sources)
        configured = replace(base, data_folder=Path(folder), egress_hosts=hosts, token_seconds=3600)
        engine = open_engine(configured.sqlalchemy_url)
        try:
            migrations.upgrade(engine)
            broker = assemble(configured, session_factory(engine))
            yield _filled(configured, broker, sources, residents)
        finally:
            engine.dispose()


def _filled(settings: Settings, broker: Broker, sources: Sequence[str], residents: int) -> Measured:
    now = datetime.now(UTC) - timedelta(days=1)
    with broker.sessions() as session:
        session.add(Place(code="BM", name="Benchmark", system="XX9BIC"))
        session.add(Neighbourhood(code="BM-1", name="Benchmark", place_code="BM"))
        session.add(_organisation(PRACTICE, OrganisationKind.GP_PRACTICE, now))
        session.add(Person(id=CLINICIAN, name="Benchmark Clinician"))
        session.flush()
        session.add(Membership(person_id=CLINICIAN, organisation_code=PRACTICE, role=Role.CLINICIAN, started_at=now))
        for number, url in enumerate(sources):
            session.add(_organisation(_trust(number), OrganisationKind.ACUTE_TRUST, now))
            session.flush()
            session.add(_source(number, url, now))
        people = [_resident(number) for number in range(residents)]
        session.add_all(people)
        session.flush()
        handles = [_know(person, len(sources), now) for person in people]
        session.add_all(row for rows in handles for row in rows)
        document = from_mapping(_agreement(len(sources)))
        agreements.adopt(session, write(document), by=BY, trail=broker.trail, now=now)
        publish(broker, session, by=BY, now=now)
    names = tuple(row.handle for rows in handles for row in rows if isinstance(row, ResidentHandle))
    return Measured(settings, broker, tuple(person.id for person in people), names)


def _trust(number: int) -> str:
    return f"XX9B{number:02d}"


def _organisation(code: str, kind: OrganisationKind, now: datetime) -> Organisation:
    return Organisation(code=code, name=f"Benchmark {code}", kind=kind, joined_at=now)


def _source(number: int, url: str, now: datetime) -> Source:
    return Source(
        id=f"stub-{number}",
        label=f"Stub {number}",
        kind="fhir-r4",
        organisation_code=_trust(number),
        configuration={"base_url": url},
        added_at=now,
    )


_NUMBERS = NhsNumbers(0)


def _resident(number: int) -> Resident:
    return Resident(
        id=uuid.uuid4().hex,
        nhs_number=_NUMBERS.of(number),
        born_on=BORN_ON,
        given_name="Synthetic",
        family_name=str(number),
        neighbourhood_code="BM-1",
    )


def _know(person: Resident, sources: int, now: datetime) -> list[ResidentHandle | Relationship | SourceLink]:
    """How the practice and every source come to know one resident."""
    links = [SourceLink(resident_id=person.id, source_id=f"stub-{n}", linked_at=now) for n in range(sources)]
    registered = Relationship(
        resident_id=person.id,
        organisation_code=PRACTICE,
        kind=RelationshipKind.REGISTERED_PRACTICE,
        source="benchmark",
        from_at=now,
    )
    name = secrets.token_hex(20)
    handle = ResidentHandle(handle=name, organisation_code=PRACTICE, resident_id=person.id, made_at=now)
    return [handle, registered, *links]


def _agreement(sources: int) -> dict[str, object]:
    giving = [
        {"organisation": _trust(number), "part": "controller", "receives": False, "gives": True}
        for number in range(sources)
    ]
    receiving = {"organisation": PRACTICE, "part": "controller", "receives": True, "gives": False}
    return {
        "id": "BENCHMARK",
        "title": "Benchmark agreement",
        "level": "london",
        "place": None,
        "under": None,
        "narrows": False,
        "purpose_statement": "To measure the broker.",
        "parties": [receiving, *giving],
        "recipients": {"kinds": ["gp-practice"]},
        "purposes": ["direct-care"],
        "sections": [{"section": section.value, "because": "It is measured."} for section in sorted(SECTIONS)],
        "sources": {"organisations": [_trust(number) for number in range(sources)], "kinds": []},
        "roles": ["clinician"],
        "labels": [],
        "lawful_basis": {"article_6": "6(1)(e)", "article_9": "9(2)(h)"},
        "confidentiality": "implied",
        "disclosure": "tell",
        "break_glass": False,
        "obligations": [],
        "retention": "None.",
        "onward_sharing": "None.",
        "dpia": {"reference": "Benchmark", "on": "2026-01-01"},
        "review_on": "2098-01-01",
        "from_on": "2026-01-01",
        "until_on": "2099-01-01",
        "signatories": [
            {"organisation": each["organisation"], "name": f"Signatory of {each['organisation']}", "role": "ig-lead"}
            for each in (receiving, *giving)
        ],
    }
