"""Every resource that is told is valid R4, by a validator that is not ours: a neighbourhood's, and every section's."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import fhirkit
import pytest

from adapters.reading_files import READERS
from broker.access.release import Release
from broker.access.request import AccessRequest, Decision
from broker.api import fhir, natural
from broker.api.naming import AtServer, InBundle, Naming
from broker.oauth import smart_scopes
from broker.records.source import Coding, Provenance, RecordEntry
from broker.records.view import JoinedEntry, RecordView, SectionGap, SectionView
from broker.vocabulary import OWN, SNOMED_CT, Disclosure, GapCause, Purpose, Section, Sensitivity, Silence
from sandbox.neighbourhood import cast
from sandbox.neighbourhood.place import Place
from tests.people import GP, NOON

HANDLE = "a" * 40
SERVER = AtServer("https://broker.example/fhir", HANDLE, b"k" * 32)
STATUSES = (
    "",
    "active",
    "closed",
    "Completed",
    "cancelled",
    "resolved",
    "suspended",
    "in force, unconfirmed",
    "booked",
)
PLACE = Place(1, 60)
RESIDENTS = range(0, 60, 2)


def released(entries: Iterable[RecordEntry], *, told: bool = False) -> Release:
    held: dict[Section, list[JoinedEntry]] = {}
    for entry in entries:
        held.setdefault(entry.section, []).append(JoinedEntry(entry))
    sections = tuple(
        SectionView(section, tuple(held[section]))
        if section in held
        else SectionView(section, silence=Silence.EMPTY, gaps=(SectionGap("s", "A source", GapCause.LATE),))
        for section in Section
    )
    request = AccessRequest("id", GP, "ada", Purpose.DIRECT_CARE, frozenset(Section), NOON)
    decision = Decision("d", (), (), (), Disclosure.TELL, False, "r", "e", NOON)
    return Release(request, decision, RecordView(sections, (), {}, told, NOON))


def problems(resources: Iterable[dict[str, Any]]) -> list[str]:
    return [f"{each['resourceType']}: {issue}" for each in resources for issue in fhirkit.validate(each)]


def documents(index: int) -> Iterator[RecordEntry]:
    """What every FHIR R4 source of the neighbourhood says of a resident, as its adapter reads it."""
    for source in cast.FHIR_SOURCES:
        if resources := PLACE.fhir_resources(source.id, index):
            bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]}
            yield from read("fhir-r4", json.dumps(bundle).encode(), source.id)


def care_rows(index: int) -> Iterator[RecordEntry]:
    if rows := list(PLACE.cld_rows(index)):
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        yield from read("cld", text.getvalue().encode(), "council-care")


def read(kind: str, data: bytes, source: str) -> Iterator[RecordEntry]:
    yield from READERS[kind](data, source=source, now=NOON).answer.entries


@pytest.mark.parametrize("naming", [InBundle(HANDLE), SERVER], ids=["in a bundle", "at the server"])
def test_every_resource_of_a_neighbourhood_is_valid_r4(naming: Naming) -> None:
    kinds, found = set(), []
    for index in RESIDENTS:
        view = released([*documents(index), *care_rows(index)])
        told = fhir.telling(view, naming)
        kinds |= {each.kind for each in told}
        found += problems([each.resource for each in told])
        found += problems(made for _, made in fhir.provenances(told))
    assert sorted(set(found)) == []
    assert kinds >= {"Patient", "Condition", "Observation", "MedicationRequest", "CareTeam", "Encounter"}


def test_a_document_of_a_whole_record_is_valid_r4() -> None:
    made = [fhir.bundle(released(documents(index)), kind="document", handle=HANDLE) for index in (0, 2, 4)]
    made += [fhir.bundle(released(documents(index), told=True), kind="searchset", handle=HANDLE) for index in (0, 2)]
    assert problems(made) == []
    assert {"Composition", "Provenance"} <= {each["resource"]["resourceType"] for each in made[0]["entry"]}


@pytest.mark.parametrize("section", list(Section))
def test_an_entry_of_every_section_is_told_as_its_natural_type_and_is_valid(section: Section) -> None:
    made = list(every_way(section))
    assert {each["resourceType"] for each in made} == {smart_scopes.NATURAL[section][0]}
    assert problems(made) == []


def every_way(section: Section) -> Iterator[dict[str, Any]]:
    bare = plain(section)
    codes = (Coding(SNOMED_CT, "1", "One"), Coding("", "2"), Coding(f"{OWN}:code", " "), Coding("not a uri", "3"))
    for entry in (
        bare,
        *(replace(bare, status=status) for status in STATUSES),
        replace(bare, at=date(2026, 5, 1), codes=codes, labels=frozenset({Sensitivity.HIV, Sensitivity.TERMINATION})),
        replace(
            bare, at=datetime(2026, 5, 1, 9, 30, tzinfo=UTC), details=(("Ward & bed", "<b>4</b> \x00"), ("é", " "))
        ),
        replace(bare, title="\x07"),
    ):
        told = fhir.telling(released([entry]), SERVER)
        yield (told.resident if section is Section.DEMOGRAPHICS else told.things[0]).resource


def plain(section: Section, **changes: Any) -> RecordEntry:
    return RecordEntry("x-1", section, "Something <said>", Provenance("told", NOON, "XX9T01", "Dr Vale"), **changes)


def test_what_a_source_says_in_words_is_never_turned_into_a_code_or_into_markup() -> None:
    entry = plain(Section.PROBLEMS, details=(("Note", "<script>x</script>"),))
    made = natural.resource_of(entry, "Patient/p")
    assert made["code"] == {"text": "Something <said>"}
    assert "clinicalStatus" not in made, "nobody said that it is active"
    assert "<script>" not in made["text"]["div"]
    assert "&lt;script&gt;" in made["text"]["div"]


def test_an_original_that_is_not_r4_is_never_passed_on() -> None:
    """A GP's structured record is STU3: alike in name, and not in what its elements mean."""
    original = {"resourceType": "AllergyIntolerance", "id": "a1", "assertedDate": "2020-01-01", "note": [{"text": "x"}]}
    older = plain(Section.ALLERGIES, original=original)
    (made,) = fhir.telling(released([older]), SERVER).things
    assert "assertedDate" not in json.dumps(made.resource)
    (ours,) = fhir.telling(released([replace(older, fhir_release="4.0")]), SERVER).things
    assert "assertedDate" in ours.resource


def test_labels_are_said_and_what_has_one_is_restricted() -> None:
    entry = plain(Section.PROBLEMS, labels=frozenset({Sensitivity.HIV}))
    (made,) = fhir.telling(released([entry]), SERVER).things
    assert [(each["code"]) for each in made.resource["meta"]["security"]] == ["HIV", "R"]
    (without,) = fhir.telling(released([plain(Section.PROBLEMS)]), SERVER).things
    assert "security" not in without.resource["meta"]


def test_where_a_thing_comes_from_is_told_and_no_id_of_its_sources_is() -> None:
    told = fhir.telling(released([plain(Section.PROBLEMS)]), SERVER)
    ((_, made),) = fhir.provenances(told.things)
    assert made["target"] == [{"reference": told.things[0].named.reference}]
    assert [each["who"]["display"] for each in made["agent"]] == ["Dr Vale", "XX9T01"]
    assert made["entity"][0]["what"]["identifier"]["value"] == "told"
    assert "x-1" not in json.dumps([made, told.things[0].resource])


def test_ids_are_good_for_one_organisation_and_one_resident_alone() -> None:
    other = AtServer(SERVER.base, "b" * 40, SERVER.key)
    entry = released([plain(Section.PROBLEMS)])
    ours, theirs = (fhir.telling(entry, each).things[0].named.id for each in (SERVER, other))
    assert ours.partition(".")[2] != theirs.partition(".")[2]
