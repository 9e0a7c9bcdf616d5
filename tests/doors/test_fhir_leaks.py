"""Where it may not be told that something is withheld, no answer at the FHIR side can tell: two worlds that differ only
in what is withheld are one, in every byte, header, total, link, order and statement, and in who is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from broker.api.naming import AtServer
from broker.identity.models import Membership, Person, Relationship
from broker.records.source import RecordEntry
from broker.vocabulary import Disclosure, RelationshipKind, Role, Section, Sensitivity
from tests import texts
from tests.doors.conftest import House
from tests.doors.reading import Reader, built, entry, hold, link
from tests.doors.test_records import find
from tests.people import COUNCIL, LONG_AGO, NOON, SURGERY

_UUID = rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
UNIQUE = re.compile(_UUID + rb'|(?<=decision )[0-9a-f]{32}|(?<=")[0-9a-f]{32}(?=")')  # a decision's own
PASSING = ("X-Request-Id", "Date")
VISIT = {"status": "finished", "class": {"code": "AMB"}, "subject": {"reference": "Patient/p1"}}
SHOWN = (
    *(entry(Section.PROBLEMS, number, f"Problem {number}") for number in (0, 2, 4, 6)),
    entry(
        *(Section.PROBLEMS, 8, "Sprain"),
        original={
            "resourceType": "Condition",
            "id": "c8",
            "code": {"text": "Sprain"},
            "subject": {"reference": "Patient/p1"},
            "encounter": {"reference": "Encounter/e3"},
        },
        fhir_release="4.0",
    ),
    entry(Section.DEMOGRAPHICS, 1, "Ada Okoro"),
    entry(Section.HOUSING, 5, "Lives alone"),
)
SENSITIVE = frozenset({Sensitivity.HIV})
IN_LAW = frozenset({Sensitivity.GENDER_RECOGNITION})
WITHHELD: dict[str, tuple[RecordEntry, ...]] = {
    "by a label outside the agreement": (
        entry(Section.PROBLEMS, 3, "Clinic", stated_labels=SENSITIVE),
        entry(Section.PROBLEMS, -1, "Newest of all", stated_labels=SENSITIVE),
        entry(Section.PROBLEMS, 33, "Undated", at=None, stated_labels=SENSITIVE),
    ),
    "by law": (entry(Section.PROBLEMS, 3, "Certificate", stated_labels=IN_LAW),),
    "linked to something that is": (
        entry(Section.PROBLEMS, 3, "Clinic", stated_labels=SENSITIVE),
        entry(Section.PROBLEMS, 5, "Tiredness", linked=("problems-3",)),
        entry(Section.HOUSING, 3, "Moved", linked=("problems-3",)),  # whatever it is asked with, or alone
    ),
    "demographics": (entry(Section.DEMOGRAPHICS, 0, "Adam Okoro", stated_labels=IN_LAW),),
    "what a shown thing points to": (
        entry(
            *(Section.PROFESSIONAL_CONTACTS, 3, "Clinic visit"),
            stated_labels=SENSITIVE,
            original={"resourceType": "Encounter", "id": "e3", **VISIT},
            fhir_release="4.0",
        ),
    ),
    "many of them": tuple(entry(Section.PROBLEMS, 10 + n, f"Clinic {n}", stated_labels=SENSITIVE) for n in range(9)),
}


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[House]:
    """The council's social workers read under an agreement that never tells."""
    for house in built(tmp_path_factory.mktemp("quiet"), sqlite_template):
        here = {"level": "place", "place": "TB", "under": "LON-NEVER", "recipients": {"kinds": []}}
        sections = texts.because(
            (Section.DEMOGRAPHICS, Section.PROBLEMS, Section.HOUSING, Section.PROFESSIONAL_CONTACTS)
        )
        never = {"disclosure": Disclosure.NEVER.value, "roles": ["social-worker"], "sections": sections}
        parties = [texts.party(COUNCIL, receives=True), texts.party(SURGERY)]
        house.adopt(
            texts.agreement("LON-NEVER", **never), texts.agreement("TB-NEVER", parties=parties, **here, **never)
        )
        with house.session() as session:
            session.add(Person(id="worker", name="Bo Lund"))
            session.flush()
            works = {"organisation_code": COUNCIL, "started_at": LONG_AGO, "used_at": NOON}
            session.add(Membership(person_id="worker", role=Role.SOCIAL_WORKER, **works))
            caseload = {"kind": RelationshipKind.CASELOAD, "source": "caseload", "from_at": LONG_AGO}
            session.add(Relationship(resident_id="ada", organisation_code=COUNCIL, **caseload))
            session.commit()
        house.sources["council-care"].holds = {Section.HOUSING: ()}
        yield house


@pytest.fixture(scope="module")
def reader(quiet: House) -> Reader:
    return Reader(quiet, quiet.token(person="worker"))


@pytest.fixture(scope="module")
def ada_is(quiet: House, reader: Reader) -> str:
    handle = find(quiet, reader.token)
    reader.get(f"Condition?patient={handle}")  # what the first request of all sets up is nobody's
    return handle


@pytest.fixture
def world(quiet: House, reader: Reader, ada_is: str) -> World:
    return World(quiet, reader, ada_is)


class World:
    """Everything an answer can tell, of every address that could."""

    def __init__(self, house: House, reader: Reader, handle: str) -> None:
        self.house, self.reader, self.handle = house, reader, handle
        self.statements = 0
        self.naming = AtServer(f"{house.broker.settings.issuer}/fhir", handle, house.broker.settings.secret("fhir-ids"))

    def seen(self, entries: tuple[RecordEntry, ...]) -> list[Any]:
        """What is seen where the surgery holds ``entries``, by every way of asking but by id."""
        hold(self.house, *entries)
        patient = f"patient={self.handle}"
        questions = [
            f"Condition?{patient}",
            f"Condition?{patient}&_sort=onset-date",
            f"Condition?{patient}&_summary=count",
            f"Condition?{patient}&_count=2",
            f"Condition?{patient}&_count=5",
            f"Condition?{patient}&_include=Condition:encounter&_include=Condition:patient&_revinclude=Provenance:target",
            f"Condition?{patient}&onset-date=ge2020&category=problems&_total=none",
            f"Encounter?{patient}",
            f"Observation?{patient}",
            f"Flag?{patient}",
            f"Patient?_id={self.handle}",
            f"Patient/{self.handle}",
            f"Patient/{self.handle}/$everything",
            f"Patient/{self.handle}/$everything?_count=3&_revinclude=Provenance:target",
            f"Patient/{self.handle}/$document",
        ]
        return [self.all_pages(each) for each in questions] + [self.posted()]

    def by_id(self, entries: tuple[RecordEntry, ...], wanted: tuple[RecordEntry, ...]) -> list[Any]:
        """The same by the ids that ``wanted`` have, or would have."""
        hold(self.house, *entries)
        return [self.all_pages(self.address(each)) for each in wanted]

    def address(self, entry: RecordEntry) -> str:
        kinds = {Section.PROBLEMS: "Condition", Section.HOUSING: "Observation", Section.DEMOGRAPHICS: "Patient"}
        kind = kinds.get(entry.section, "Encounter")
        return f"{kind}/{self.naming.item(kind, 'millrace-gp', entry.id).id}"

    def posted(self) -> Any:
        answer = self.reader.post("Condition/_search", {"patient": self.handle, "_count": "2"})
        return self.told(answer)

    def all_pages(self, path: str) -> list[Any]:
        pages: list[Any] = []
        url: str | None = path
        while url is not None:
            answer, pages = self.asked(url, pages)
            url = link(answer, "next") if answer.get_json().get("type") == "searchset" else None
        return pages

    def asked(self, url: str, pages: list[Any]) -> tuple[Any, list[Any]]:
        for source in self.house.sources.values():
            source.asked.clear()
        with self.house.session() as session:
            engine = session.get_bind()
        self.statements = 0
        event.listen(engine, "before_cursor_execute", self._count)
        answer = self.reader.get(url)
        event.remove(engine, "before_cursor_execute", self._count)
        asked = {id: list(source.asked) for id, source in self.house.sources.items()}
        return answer, [*pages, (self.told(answer), self.statements, asked)]

    def told(self, answer: Any) -> Any:
        headers = {name: value for name, value in answer.headers.items() if name not in PASSING}
        return answer.status_code, headers, UNIQUE.sub(b"(unique)", answer.data)

    def _count(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        # How many nodes of its tree an entry completes is a matter of how long the trail is, and of nothing else.
        self.statements += "audit_node" not in statement


@pytest.fixture(scope="module")
def without(quiet: House, reader: Reader, ada_is: str) -> list[Any]:
    """What is seen where nothing is held that must be withheld."""
    return World(quiet, reader, ada_is).seen(SHOWN)


@pytest.mark.slow
@pytest.mark.parametrize("how", WITHHELD)
def test_what_is_withheld_is_as_if_it_had_never_been(world: World, without: list[Any], how: str) -> None:
    withheld = WITHHELD[how]
    assert world.seen((*withheld, *SHOWN)) == without
    ids = (*withheld[:2], SHOWN[0])
    never = world.by_id(SHOWN, ids)
    assert world.by_id((*SHOWN, *withheld), ids) == never
    assert [pages[0][0][0] for pages in never] == [*(404 for _ in withheld[:2]), 200]


def test_the_comparison_would_see_what_is_not_withheld(world: World, without: list[Any]) -> None:
    """Or it would prove nothing: an item that may be shown changes every answer that could tell of it."""
    other = world.seen((*SHOWN, entry(Section.PROBLEMS, 3, "Sprained ankle")))
    changed = [one != two for one, two in zip(without, other, strict=True)]
    assert changed.count(True) >= 10


@pytest.mark.slow
def test_a_section_that_is_kept_from_them_is_an_empty_one(world: World) -> None:
    """By the resident's choice: as it is where nothing is held, and nobody is told that there is a choice."""
    rest = tuple(each for each in SHOWN if each.section is not Section.HOUSING)
    empty = answers_of(world.seen(rest))
    ada = world.house.token(resident="ada")
    said = {"organisation": COUNCIL, "sections": [Section.HOUSING.value]}
    kept = world.house.call("POST", "/api/my/withholdings", token=ada, json=said).get_json()
    assert answers_of(world.seen(SHOWN)) == empty
    assert world.by_id(SHOWN, SHOWN[-1:])[0][0][0][0] == 404
    world.house.call("POST", f"/api/my/consents/{kept['id']}/withdraw", token=ada)
    assert answers_of(world.seen(SHOWN)) != empty


def answers_of(seen: list[Any]) -> list[Any]:
    """Without who was asked: of what is refused, nobody is, and an empty answer's time is not told."""
    return [[page[0] for page in pages] if isinstance(pages, list) else pages for pages in seen]
