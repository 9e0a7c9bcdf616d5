"""The place as its partners' systems see it: any resident's records at any source, from (seed, index). Holds none.

The one entrance for servers, files and enrolment. Nothing it answers depends on what was asked before.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from sandbox.neighbourhood import cast, charity, fhir, social
from sandbox.neighbourhood.directory import directory
from sandbox.neighbourhood.facts import SETTING_OF, Fact, Kind
from sandbox.neighbourhood.numbers import LocalNumbers
from sandbox.neighbourhood.patient import Resource, patient
from sandbox.neighbourhood.people import ANCHOR, Person, Population
from sandbox.neighbourhood.story import story_of

Progress = Callable[[int, int], None]  # (done so far, of how many)

CLD_FILE = "cld-R1.csv"
_REPORT_EVERY = 5000
_PREFIXES = {
    cast.LOCK_KEEPERS_GP.id: "LK",
    cast.HILLTOP_GP.id: "HB",
    cast.ST_BRANNOC_ACUTE.id: "SB",
    cast.FAIRLIGHT_MH.id: "FL",
    cast.THAMESWAY_COMMUNITY.id: "TW",
    cast.COUNCIL_ADULT_CARE.id: "MGC",
    cast.LANTERN_CASEWORK.id: "LRA",
}


class Place(Population):
    """One seed's place with ``residents`` people in it, as its records read on ``today``."""

    def __init__(self, seed: int, residents: int, *, today: date = ANCHOR) -> None:
        super().__init__(seed, residents)
        self.today = today
        self._local = {source: LocalNumbers(seed, source, prefix) for source, prefix in _PREFIXES.items()}

    def local_id(self, source_id: str, index: int) -> str:
        """The source's own number for a resident: the Patient's id, the council's identifier, the client reference."""
        return self._local[source_id].of(index)

    def index_of_local(self, source_id: str, local_id: str) -> int | None:
        """The resident behind a source's own number; None where that source knows nobody by it."""
        index = self._local[source_id].index_of(local_id)
        if index is None or index >= self.residents or not self.person(index).known_to(source_id):
            return None
        return index

    def story(self, index: int) -> tuple[Fact, ...]:
        return story_of(self.person(index), seed=self.seed, today=self.today)

    def fhir_resources(self, source_id: str, index: int) -> list[Resource]:
        """What a FHIR source holds about a resident, the Patient first; nothing where it does not know them.

        Ids are unique within the source and stay the same for the same seed.
        """
        person = self.person(index)
        if not person.known_to(source_id):
            return []
        source, local = cast.source(source_id), self.local_id(source_id, index)
        setting = SETTING_OF[source_id]
        facts = [(f"{local}-{n}", fact) for n, fact in enumerate(self.story(index), 1) if setting in fact.held_by]
        page = fhir.Page(
            source=source,
            patient=f"Patient/{local}",
            contact=self._contact(person),
            references={fact.key: f"{fhir.type_of(fact)}/{id}" for id, fact in facts if fact.key},
        )
        latest = max((fact.on for _, fact in facts if fact.kind is not Kind.BOOKING), default=person.born_on)
        whole = patient(person, source, local_id=local, updated=f"{latest.isoformat()}T06:30:00+00:00")
        return [whole, *(fhir.resource(fact, page, id=id, today=self.today) for id, fact in facts)]

    def cld_rows(self, index: int) -> list[social.Row]:
        """The council's Client Level Data rows about a resident, oldest first; none for somebody it does not know."""
        person = self.person(index)
        if not person.known_to(cast.COUNCIL_ADULT_CARE.id):
            return []
        source, cared_for = cast.COUNCIL_ADULT_CARE.id, person.cares_for
        return social.rows(
            person,
            seed=self.seed,
            today=self.today,
            local_id=self.local_id(source, index),
            linked_id="" if cared_for is None else self.local_id(source, cared_for),
        )

    def casework_rows(self, index: int) -> list[charity.Row]:
        """The advice centre's cases about a resident; none for somebody it does not know."""
        person = self.person(index)
        local = self.local_id(cast.LANTERN_CASEWORK.id, index)
        return charity.rows(person, seed=self.seed, today=self.today, local_id=local)

    def directory(self) -> dict[str, Any]:
        """The services directory, by the name of each Open Referral UK endpoint."""
        return directory(self.today)

    def write_cld(self, folder: Path, progress: Progress | None = None) -> Path:
        """Write every resident's Client Level Data into one file in ``folder``, a row at a time."""
        folder.mkdir(parents=True, exist_ok=True)
        rows = (row for index in self._counted(progress) for row in self.cld_rows(index))
        return _write(folder / CLD_FILE, social.COLUMNS, rows)

    def write_casework(self, path: Path, progress: Progress | None = None) -> Path:
        """Write every case of the advice centre into one file, a row at a time."""
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = (row for index in self._counted(progress) for row in self.casework_rows(index))
        return _write(path, charity.COLUMNS, rows)

    def _counted(self, progress: Progress | None) -> Iterator[int]:
        for index in range(self.residents):
            yield index
            done = index + 1
            if progress and (done % _REPORT_EVERY == 0 or done == self.residents):
                progress(done, self.residents)

    def _contact(self, person: Person) -> dict[str, str]:
        """Whom to call: the carer, or for a child the first adult of the home."""
        index = person.cared_for_by
        if index is None and person.age() < 18:
            index = int(person.household.removeprefix("home-"))
        if index is None:
            return {}
        other = self.person(index)
        return {"name": other.name, "telephone": other.telephone}


def _write(path: Path, columns: Sequence[str], rows: Iterable[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path
