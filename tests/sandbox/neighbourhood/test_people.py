"""Residents are pure functions of seed and index, live in homes that make sense, and number among them all sorts."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from broker.vocabulary import OrganisationKind, Role, Tier
from sandbox.neighbourhood import cast, named, staff, teams
from sandbox.neighbourhood.people import ANCHOR, Person, Population
from sandbox.neighbourhood.place import Place
from sandbox.neighbourhood.ties import choices, ties

FIVE_HUNDRED = Population(1, 500)


def everybody(population: Population = FIVE_HUNDRED) -> list[Person]:
    return [population.person(index) for index in range(population.residents)]


def test_the_same_seed_and_index_give_the_same_person_in_whatever_order_they_are_asked_for() -> None:
    forwards = everybody()
    backwards = [Population(1, 500).person(index) for index in reversed(range(500))]

    assert forwards == backwards[::-1]


def test_another_seed_gives_other_people() -> None:
    assert Population(1, 500).person(100) != Population(2, 500).person(100)
    assert FIVE_HUNDRED.person(named.ADA).nhs_number != Population(2, 500).person(named.ADA).nhs_number


def test_a_larger_place_has_the_same_people_in_it() -> None:
    assert Population(1, 1_000_000).person(300) == FIVE_HUNDRED.person(300)


@pytest.mark.parametrize("residents", [0, -1, 1_000_001])
def test_a_place_has_from_one_to_a_million_residents(residents: int) -> None:
    with pytest.raises(ValueError, match="from 1 to 1,000,000"):
        Population(1, residents)


@pytest.mark.parametrize("index", [-1, 500])
def test_nobody_lives_outside_the_place(index: int) -> None:
    with pytest.raises(IndexError):
        FIVE_HUNDRED.person(index)


def test_an_nhs_number_finds_its_resident_and_nobody_else() -> None:
    for person in everybody():
        if person.nhs_number is not None:
            assert FIVE_HUNDRED.index_of(person.nhs_number) == person.index


def test_a_number_of_somebody_beyond_the_place_finds_nobody() -> None:
    number = Population(1, 1000).nhs_number_of(700)

    assert number is not None
    assert FIVE_HUNDRED.index_of(number) is None


def test_somebody_not_traced_has_no_number_and_is_not_found_by_the_one_they_might_have_had() -> None:
    yusuf = FIVE_HUNDRED.person(named.YUSUF)
    would_be = FIVE_HUNDRED._numbers.of(named.YUSUF)

    assert yusuf.nhs_number is None
    assert would_be is not None
    assert FIVE_HUNDRED.index_of(would_be) is None


def test_in_a_million_the_last_have_no_number() -> None:
    million = Population(1, 1_000_000)

    assert million.person(999_999).nhs_number is None
    assert sum(million.nhs_number_of(i) is None for i in range(0, 1_000_000, 1000)) in range(80, 110)


def test_a_place_of_one_refers_to_nobody_else() -> None:
    ada = Population(1, 1).person(0)

    assert ada.name == "Ada Bright"
    assert (ada.cares_for, ada.cared_for_by, ada.proxy_for) == (None, None, ())


def test_people_of_one_home_share_its_address_and_nobody_else_does() -> None:
    homes = defaultdict(set)
    for person in everybody()[24:]:  # those with a story may live where it needs them to
        homes[person.household].add((person.line, person.postcode, person.neighbourhood.code))

    assert all(len(addresses) == 1 for addresses in homes.values())
    assert len(homes) > 150


def test_no_child_lives_alone_and_no_child_is_an_adult_s_carer_or_proxy() -> None:
    people = everybody(Population(3, 2400))
    grown_in = Counter(person.household for person in people if person.age() >= 18)

    for person in people:
        if person.age() < 18:
            assert grown_in[person.household]
            assert person.cares_for is None
            assert person.proxy_for == ()


def test_carers_and_the_cared_for_know_each_other() -> None:
    place = Population(5, 2400)
    carers = [person for person in everybody(place) if person.cares_for is not None]

    assert len(carers) > 20
    for carer in carers:
        assert carer.cares_for is not None
        assert place.person(carer.cares_for).cared_for_by == carer.index


def test_there_are_people_of_every_age() -> None:
    ages = {person.age() for person in everybody(Population(1, 5000))}

    assert min(ages) == 0
    assert max(ages) > 99
    assert len(ages) > 95


def test_postcodes_and_telephones_can_never_be_real() -> None:
    for person in everybody():
        assert person.postcode.startswith("QX")  # no real postcode begins with Q
        assert not set(person.postcode[-2:]) - set("CIKMOV")  # nor ends in one of these
        assert person.telephone.startswith("020 7946 0")  # kept for drama by Ofcom


def test_those_who_have_died_were_born_first_and_died_before_the_anchor() -> None:
    gone = [person for person in everybody(Population(1, 5000)) if person.died_on]

    assert gone
    assert all(person.died_on and person.born_on < person.died_on < ANCHOR for person in gone)


def test_a_council_and_a_charity_know_adults_only() -> None:
    for person in everybody(Population(2, 2400)):
        if person.known_to("council-adult-care") or person.known_to("lantern-casework"):
            assert person.age() >= 18


def test_ada_is_known_to_every_source_that_could_know_her() -> None:
    assert set(FIVE_HUNDRED.person(named.ADA).sources) == {
        source.id for source in cast.SOURCES if source not in (cast.HILLTOP_GP, cast.MARLOWE_DIRECTORY)
    }


def test_two_people_called_ada_bright_are_told_apart() -> None:
    ada, other = FIVE_HUNDRED.person(named.ADA), FIVE_HUNDRED.person(named.OTHER_ADA)

    assert ada.name == other.name
    assert (ada.nhs_number, ada.born_on) != (other.nhs_number, other.born_on)


def test_the_cast_has_every_kind_of_organisation_tier_and_role_a_neighbourhood_needs() -> None:
    kinds = Counter(organisation.kind for organisation in cast.ORGANISATIONS)

    assert set(kinds) == set(OrganisationKind)
    assert kinds[OrganisationKind.GP_PRACTICE] >= 3
    assert kinds[OrganisationKind.VCFSE] >= 4
    assert {each.role for each in staff.STAFF} >= set(Role) - {Role.RESIDENT, Role.PROXY, Role.OPERATOR}
    assert all({tier for _, _, tier in team.members} == set(Tier) for team in teams.TEAMS)


def test_every_name_in_the_cast_is_used_once_and_refers_to_something_there() -> None:
    codes = [organisation.code for organisation in cast.ORGANISATIONS]
    people = {each.id: each for each in staff.STAFF}

    assert len(set(codes)) == len(codes)
    assert len(people) == len(staff.STAFF)
    assert {each.organisation for each in (*staff.STAFF, *cast.SOURCES, *cast.CLIENTS)} <= set(codes)
    for team in teams.TEAMS:
        for organisation, person, _ in team.members:
            assert person is None or people[person].organisation == organisation


def test_ada_has_chosen_nothing_yet_and_denise_has_refused_everybody() -> None:
    place = Place(1, 500)
    ada, denise = place.person(named.ADA), place.person(named.DENISE)
    refused = choices(denise, ties(denise, seed=1), seed=1)

    assert choices(ada, ties(ada, seed=1), seed=1) == []
    assert [(c.type, c.organisation, c.purposes, c.sections, c.labels) for c in refused] == [
        ("deny", None, None, None, None)
    ]
