"""What every source system promises, whatever it speaks. Each adapter is tested through a real source of its kind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from adapters import KINDS, Egress, Http, Limits, build, check_configuration
from broker.errors import InvalidInput
from broker.vocabulary import GapCause, Section
from tests.adapters.conformance.asking import ask, ask_network, described, file_system, http, no_secret
from tests.adapters.conformance.worlds import ADA, EVERY, STRANGER, FileWorld, Holding, NetworkWorld
from tests.adapters.listener import Listener

World = NetworkWorld | FileWorld
every = pytest.mark.parametrize("world", EVERY, ids=lambda world: world.kind)
personal = pytest.mark.parametrize("world", [w for w in EVERY if w.personal], ids=lambda world: world.kind)


def test_every_kind_has_a_world() -> None:
    assert {world.kind for world in EVERY} == set(KINDS)


@every
def test_what_a_source_holds_arrives_whole(world: World, tmp_path: Path) -> None:
    answer = ask(world, Holding(items=3), tmp_path)
    assert len(answer.entries) == 3
    assert {entry.section for entry in answer.entries} == {world.section}
    assert not answer.gaps


@every
def test_each_entry_says_where_it_came_from(world: World, tmp_path: Path) -> None:
    for entry in ask(world, Holding(items=3), tmp_path).entries:
        assert entry.provenance.source == "the-source"
        assert entry.provenance.received_at.tzinfo is not None
        assert entry.title


@every
def test_ids_are_unique_and_the_same_next_time(world: World, tmp_path: Path) -> None:
    first, again = (ask(world, Holding(items=20), tmp_path) for _ in range(2))
    ids = [entry.id for entry in first.entries]
    assert len(set(ids)) == 20
    assert ids == [entry.id for entry in again.entries]


@every
def test_a_section_that_was_not_asked_for_is_not_given(world: World, tmp_path: Path) -> None:
    async def asked_for_another() -> None:
        if isinstance(world, FileWorld):
            world.write(Holding(), tmp_path)
            system = file_system(world, tmp_path)
            assert (await system.fetch(ADA, frozenset({Section.FORMULATION}))).entries == ()
            return
        source = Listener(lambda request: world.answer(Holding(), request, source.url))
        async with source, http(source.place) as client:
            system = build(described(world.kind, world.configuration(source.url)), http=client, secret=no_secret)
            assert (await system.fetch(ADA, frozenset())).entries == ()
            assert (await system.fetch(ADA, frozenset({Section.FORMULATION}))).entries == ()

    asyncio.run(asked_for_another())


@every
def test_a_record_of_250_items_arrives_to_the_last(world: World, tmp_path: Path) -> None:
    answer = ask(world, Holding(items=250, per_page=40), tmp_path)
    assert len(answer.entries) == 250
    assert not answer.gaps


@every
def test_what_is_not_understood_is_counted(world: World, tmp_path: Path) -> None:
    answer = ask(world, Holding(items=2, unknown=3), tmp_path)
    assert sum(answer.not_understood.values()) == 3
    assert len(answer.entries) == 2


@every
def test_more_than_the_broker_accepts_is_a_stated_gap(world: World, tmp_path: Path) -> None:
    answer = ask(world, Holding(items=250), tmp_path, limits=Limits(answer_bytes=2000))
    assert not answer.entries
    assert [gap.cause for gap in answer.gaps] == [GapCause.TOO_LARGE]


@personal
def test_somebody_elses_record_is_a_gap_and_never_an_entry(world: World, tmp_path: Path) -> None:
    answer = ask(world, Holding().about(STRANGER), tmp_path)
    assert not answer.entries
    assert {gap.cause for gap in answer.gaps} <= {GapCause.WRONG_PERSON, GapCause.NOT_LINKED}
    assert answer.gaps


@personal
def test_the_right_number_with_another_date_of_birth_is_the_wrong_person(world: World, tmp_path: Path) -> None:
    impostor = type(ADA)(ADA.nhs_number, STRANGER.born_on)
    answer = ask(world, Holding().about(impostor), tmp_path)
    assert not answer.entries
    assert [gap.cause for gap in answer.gaps] == [GapCause.WRONG_PERSON]


@personal
def test_a_resident_with_no_number_the_source_knows_is_not_asked_about(world: World, tmp_path: Path) -> None:
    nobody = type(ADA)(None, ADA.born_on)
    if isinstance(world, FileWorld):
        answer = ask(world, Holding(), tmp_path, resident=nobody)
    else:
        answer, source = ask_network(world, resident=nobody)
        assert source.connections == 0
    assert [gap.cause for gap in answer.gaps] == [GapCause.NOT_LINKED]


@every
def test_no_gap_names_the_resident(world: World, tmp_path: Path) -> None:
    for holding in (Holding().about(STRANGER), Holding(items=0)):
        shown = repr(ask(world, holding, tmp_path).gaps)
        assert (ADA.nhs_number or "") not in shown
        assert ADA.born_on.isoformat() not in shown


@every
def test_building_a_source_opens_nothing(world: World, tmp_path: Path) -> None:
    place = tmp_path / "not-there" if isinstance(world, FileWorld) else "https://not-there.example/base"
    system = build(
        described(world.kind, world.configuration(place)),  # type: ignore[arg-type]
        http=Http(egress=Egress(())),
        secret=no_secret,
    )
    assert (system.id, system.label, system.organisation) == ("the-source", "The source", "XX9T01")
    assert world.section in system.sections
    assert system.personal is world.personal


@every
def test_a_source_that_is_not_there_is_a_gap(world: World, tmp_path: Path) -> None:
    place = tmp_path / "not-there" if isinstance(world, FileWorld) else "http://127.0.0.1:9/base"

    async def asked() -> None:
        async with http("127.0.0.1:9") as client:
            configuration = world.configuration(place)  # type: ignore[arg-type]
            system = build(described(world.kind, configuration), http=client, secret=no_secret)
            answer = await system.fetch(ADA, frozenset({world.section}))
            assert [gap.cause for gap in answer.gaps] == [GapCause.UNREACHABLE]
            check = await system.check()
            assert (check.ok, check.cause) == (False, GapCause.UNREACHABLE)

    asyncio.run(asked())


@every
def test_a_working_source_passes_its_check(world: World, tmp_path: Path) -> None:
    async def checked() -> None:
        if isinstance(world, FileWorld):
            world.write(Holding(), tmp_path)
            check = await file_system(world, tmp_path).check()
        else:
            source = Listener(lambda request: world.answer(Holding(), request, source.url))
            async with source, http(source.place) as client:
                system = build(described(world.kind, world.configuration(source.url)), http=client, secret=no_secret)
                check = await system.check()
                assert "9990000018" not in repr(source.requests)
        assert check.ok, check
        assert check.facts

    asyncio.run(checked())


@every
def test_an_unknown_key_of_the_configuration_is_refused_by_name(world: World, tmp_path: Path) -> None:
    place = tmp_path if isinstance(world, FileWorld) else "https://source.example/base"
    right = world.configuration(place)  # type: ignore[arg-type]
    check_configuration(world.kind, right)
    with pytest.raises(InvalidInput) as refused:
        check_configuration(world.kind, {**right, "verify_tls": "no"})
    assert (refused.value.code, refused.value.field) == ("source-configuration-invalid", "verify_tls")


@every
def test_a_missing_key_of_the_configuration_is_refused_by_name(world: World) -> None:
    needed = [name for name, key in KINDS[world.kind].keys.items() if key.required]
    with pytest.raises(InvalidInput) as refused:
        check_configuration(world.kind, {})
    assert refused.value.field == needed[0]
