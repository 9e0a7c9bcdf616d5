"""The cast's own sources over their real doors: what the generator makes is what a partner serves."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import fhirkit
import pytest

from sandbox.neighbourhood import cast
from sandbox.neighbourhood.place import Place
from sandbox.partners import place
from sandbox.partners.faults import FaultBoard
from tests.sandbox.partners.partner import Partner, serving

RESIDENTS = 60
HERE = Place(1, RESIDENTS)


@pytest.fixture(params=[source.id for source in cast.FHIR_SOURCES])
def source(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def partner(source: str) -> Iterator[Partner]:
    listener = place.listener(HERE, cast.source(source), 0, board=FaultBoard(), token=None)
    with serving(listener.app) as partner:
        yield partner


def _known(source: str) -> list[int]:
    return [n for n in range(RESIDENTS) if HERE.person(n).known_to(source) and HERE.nhs_number_of(n)]


def test_a_resident_is_found_whole_by_nhs_number(partner: Partner, source: str) -> None:
    index = _known(source)[0]
    expected = HERE.fhir_resources(source, index)
    kinds = sorted({r["resourceType"] for r in expected} - {"Patient"})
    along = [("_revinclude", f"{kind}:patient") for kind in kinds]
    found = partner.find(HERE.nhs_number_of(index) or "", *along, Prefer="handling=strict")
    assert sorted(r["id"] for r in found.resources()) == sorted(r["id"] for r in expected)
    assert [str(problem) for problem in fhirkit.validate(found.json)] == []


def test_a_resident_the_source_does_not_know_is_not_found(partner: Partner, source: str) -> None:
    strangers = [n for n in range(RESIDENTS) if not HERE.person(n).known_to(source) and HERE.nhs_number_of(n)]
    assert partner.find(HERE.nhs_number_of(strangers[0]) or "").json["total"] == 0


def test_a_resident_is_found_by_the_sources_own_number(partner: Partner, source: str) -> None:
    local = HERE.local_id(source, _known(source)[0])
    assert partner.get("/Patient", {"_id": local}).ids() == [local]
    own = f"https://{source}.example/patient-number|{local}"
    assert partner.post_form("/Patient/_search", {"identifier": own}).ids() == [local]


def test_each_resource_is_read_by_its_id(partner: Partner, source: str) -> None:
    for resource in HERE.fhir_resources(source, _known(source)[0]):
        assert partner.get(f"/{resource['resourceType']}/{resource['id']}").json == resource


def test_the_files_are_dropped_once_and_again_for_another_place(tmp_path: Path) -> None:
    files = place.drop_files(HERE, tmp_path)
    assert set(files) == {cast.COUNCIL_ADULT_CARE.id, cast.LANTERN_CASEWORK.id}
    casework = Path(files[cast.LANTERN_CASEWORK.id])
    with casework.open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == sum(len(HERE.casework_rows(n)) for n in range(RESIDENTS))
    assert list(Path(files[cast.COUNCIL_ADULT_CARE.id]).glob("*.csv"))
    casework.write_text("changed by hand")
    place.drop_files(HERE, tmp_path)
    assert casework.read_text() == "changed by hand", "what is there is left alone"
    place.drop_files(Place(2, RESIDENTS), tmp_path)
    assert casework.read_text() != "changed by hand"


def test_each_source_that_answers_has_a_port_of_its_own() -> None:
    ports = [place.listener(HERE, s, 9000, board=FaultBoard(), token=None).port for s in place.served()]
    assert ports == [9000 + n for n in range(len(ports))]


def test_the_directory_of_the_place_is_served() -> None:
    listener = place.listener(HERE, cast.MARLOWE_DIRECTORY, 0, board=FaultBoard(), token="not asked for")
    with serving(listener.app, base="") as directory:
        assert directory.get("/services").json["total_items"] == len(HERE.directory()["services"])
