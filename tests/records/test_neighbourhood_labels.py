"""In a synthetic neighbourhood, whatever a sensitive thread of a life left in any record is labelled."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from adapters.answering import Answering
from adapters.fhir_r4.intake import Intake
from adapters.fhir_r4.person import names_of
from adapters.fhir_r4.search import Found
from broker.records.labels import label
from broker.records.sameness import same_things
from broker.records.source import RecordEntry
from broker.vocabulary import Section, Sensitivity
from sandbox.neighbourhood import cast
from sandbox.neighbourhood.facts import Fact, Life
from sandbox.neighbourhood.place import Place
from sandbox.neighbourhood.story import THREADS
from sandbox.neighbourhood.traits import Trait

S = Sensitivity
PLACE = Place(7, 600)
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
EXPECTED = {
    Trait.DEPRESSION: S.MENTAL_HEALTH,
    Trait.ANXIETY: S.MENTAL_HEALTH,
    Trait.BIPOLAR: S.MENTAL_HEALTH,
    Trait.SELF_HARM: S.SELF_HARM,
    Trait.ALCOHOL: S.ALCOHOL,
    Trait.DRUGS: S.DRUGS,
    Trait.HIV: S.HIV,
    Trait.SEXUAL_HEALTH: S.SEXUAL_HEALTH,
    Trait.FERTILITY: S.FERTILITY,
    Trait.ASSISTED_FERTILISATION: S.ASSISTED_FERTILISATION,
    Trait.TERMINATION: S.TERMINATION,
    Trait.GENDER_IDENTITY: S.GENDER,
    Trait.GENDER_RECOGNITION: S.GENDER_RECOGNITION,
    Trait.DOMESTIC_ABUSE: S.DOMESTIC_ABUSE,
    Trait.CHILD_PROTECTION: S.SAFEGUARDING,
    Trait.ADULT_SAFEGUARDING: S.SAFEGUARDING,
}


def entries_of(index: int) -> list[RecordEntry]:
    """Everything every FHIR source holds about a resident, as the adapter reads it."""
    return [entry for source in cast.FHIR_SOURCES for entry in read(source.id, PLACE.fhir_resources(source.id, index))]


def read(source: str, resources: list[dict[str, object]]) -> tuple[RecordEntry, ...]:
    if not resources:
        return ()
    answering = Answering(frozenset(Section))
    patient = resources[0]
    intake = Intake(answering, source, NOW, names_of(patient, "", "https://source.test"), None)
    intake.take(Found([(each, "", True) for each in resources]), patient, frozenset(Section))
    asyncio.run(intake.read())
    return answering.answer().entries


def sensitive_facts(index: int) -> Iterator[tuple[int, Fact, Sensitivity]]:
    """The facts of the sensitive threads of a life, with their number in the whole story."""
    person, story = PLACE.person(index), PLACE.story(index)
    for trait, expected in EXPECTED.items():
        if trait in person.traits:
            life = Life(person, PLACE.seed, PLACE.today)
            life.turn_to(trait)
            THREADS[trait](life)
            yield from ((story.index(fact) + 1, fact, expected) for fact in life.facts)


@pytest.fixture(scope="module")
def labelled() -> dict[int, tuple[RecordEntry, ...]]:
    found = {}
    for index in range(PLACE.residents):
        if PLACE.person(index).traits & EXPECTED.keys():
            entries = entries_of(index)
            found[index] = label(entries, together=same_things(entries))
    return found


def test_everything_a_sensitive_thread_left_is_labelled(labelled: dict[int, tuple[RecordEntry, ...]]) -> None:
    missed, seen = Counter[str](), Counter[Sensitivity]()
    for index, entries in labelled.items():
        for number, fact, expected in sensitive_facts(index):
            for entry in entries:
                if entry.id.partition("#")[0].endswith(f"-{number}"):
                    seen[expected] += 1
                    if not entry.labels:
                        missed[f"{expected}: {fact.kind} {fact.what.words}: {entry.title}"] += 1
    assert not missed, missed
    assert len(seen) >= 12, "a place of this size has somebody with nearly every thread"


def test_what_names_the_condition_has_its_own_label(labelled: dict[int, tuple[RecordEntry, ...]]) -> None:
    for index, entries in labelled.items():
        for number, fact, expected in sensitive_facts(index):
            if fact.key:
                own = [entry for entry in entries if entry.id.partition("#")[0].endswith(f"-{number}")]
                assert all(expected in entry.labels for entry in own), (fact, own)


def test_most_of_an_ordinary_life_is_not_labelled() -> None:
    ordinary = [i for i in range(120) if not PLACE.person(i).traits & EXPECTED.keys()]
    assert len(ordinary) > 20
    labelled = (entry for index in ordinary for entry in label(entries_of(index)))
    # What a note says of somebody else may rightly be of any kind.
    betrayed = Counter(
        f"{entry.provenance.source}: {entry.title} {sorted(entry.labels)}"
        for entry in labelled
        if entry.labels and S.THIRD_PARTY not in entry.labels
    )
    unexpected = {title: n for title, n in betrayed.items() if not title.startswith(cast.FAIRLIGHT_MH.id)}
    assert not unexpected, unexpected
