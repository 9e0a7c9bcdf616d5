"""Entries are joined where they are surely one thing, and nowhere else: rules one by one, and a labelled set."""

from __future__ import annotations

from datetime import date

import pytest

from broker.records.medicine_names import medicine
from broker.records.sameness import same_things
from broker.vocabulary import Section
from tests.records import joining_quality
from tests.records.cast import CHARITY, GP, HOSPITAL, entry
from tests.records.joining_quality import read

MEDICINES = Section.MEDICATIONS


def test_joining_is_precise_and_finds_most_of_what_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    quality = joining_quality.measured()
    joining_quality.main()
    assert "precision" in capsys.readouterr().out
    assert quality.counts.total() >= 250
    assert quality.precision() >= 0.99, quality.wrong
    assert quality.recall() >= 0.9, quality.wrong


def test_the_set_has_as_much_that_is_apart_as_is_one_and_says_each_pair_once() -> None:
    pairs = list(joining_quality.pairs())
    apart = sum(not pair.same for pair in pairs)
    assert 0.4 <= apart / len(pairs) <= 0.6
    assert len({(pair.section, pair.one, pair.other) for pair in pairs}) == len(pairs)


@pytest.mark.parametrize("pair", list(joining_quality.pairs()), ids=lambda pair: f"{pair.one} / {pair.other}")
def test_which_of_the_two_comes_first_makes_no_difference(pair: joining_quality.Pair) -> None:
    turned = joining_quality.Pair(pair.section, pair.other, pair.one, pair.same)
    assert turned.joined() == pair.joined()


def groups(*told: tuple[str, str], section: Section = MEDICINES) -> list[set[str]]:
    """What is one thing, by title, of entries given as (source, line)."""
    entries = [entry(str(n), "x", source=source) for n, (source, _) in enumerate(told)]
    made = [read(line, section, source) for source, line in told]
    found = same_things([_with_id(each, entries[n].id) for n, each in enumerate(made)])
    return [{f"{told[position][0]}: {told[position][1]}" for position in positions} for positions in found]


def _with_id(each: object, id: str) -> object:
    from dataclasses import replace

    return replace(each, id=id)  # type: ignore[type-var]


def test_a_name_without_a_strength_is_nobodys_where_there_are_two_strengths() -> None:
    two = ((GP, "Warfarin 1mg tablets"), (GP, "Warfarin 3mg tablets"), (HOSPITAL, "Warfarin"))
    assert len(groups(*two)) == 3
    assert len(groups(two[0], two[2])) == 1


def test_a_vague_name_does_not_make_one_thing_of_two_strengths_in_two_sources() -> None:
    found = groups((GP, "Metformin 500mg tablets"), (HOSPITAL, "Metformin"), (CHARITY, "Metformin 850mg tablets"))
    assert not any(len(each) == 3 for each in found)
    strengths = [sum("mg" in line for line in each) for each in found]
    assert max(strengths) == 1


def test_a_chain_never_joins_two_things_that_one_source_tells_apart() -> None:
    """The hospital's code is one practice entry's, and its title the other's."""
    first = read("Sore knee | code=1", Section.PROBLEMS, GP)
    second = read("Painful joint | code=2", Section.PROBLEMS, GP)
    both = read("Painful joint | code=1", Section.PROBLEMS, HOSPITAL)
    found = same_things([_with_id(first, "a"), _with_id(second, "b"), _with_id(both, "c")])  # type: ignore[list-item]
    assert sorted(map(len, found)) == [1, 2]
    assert not any({0, 1} <= set(each) for each in found)


def test_a_coded_and_an_uncoded_entry_meet_through_a_third() -> None:
    found = groups(
        (GP, "Wheeze | code=195967001"),
        (HOSPITAL, "Reactive airways | code=195967001"),
        (CHARITY, "Reactive airways"),
        section=Section.PROBLEMS,
    )
    assert len(found) == 1


def test_what_a_source_tells_twice_is_left_as_it_tells_it() -> None:
    assert len(groups((GP, "Asthma"), (GP, "Asthma"), section=Section.PROBLEMS)) == 2
    found = groups((GP, "Asthma"), (GP, "Asthma"), (HOSPITAL, "Asthma"), section=Section.PROBLEMS)
    assert sorted(map(len, found)) == [1, 2]


def test_of_two_ends_the_nearest_in_time_are_joined() -> None:
    sent = "Referral to podiatry | at=2026-03-02"
    found = groups(
        (GP, sent),
        (HOSPITAL, "Podiatry referral received | at=2026-03-09"),
        (HOSPITAL, "Podiatry referral received | at=2026-03-03"),
        section=Section.REFERRALS,
    )
    assert {f"{GP}: {sent}", f"{HOSPITAL}: Podiatry referral received | at=2026-03-03"} in found


def test_a_booking_reference_in_the_item_as_received_joins_both_ends() -> None:
    identifier = {"identifier": [{"system": "https://fhir.nhs.uk/Id/UBRN", "value": "000049973321"}]}
    one = entry("1", "Podiatry", section=Section.REFERRALS, at=date(2026, 3, 2), original=identifier)
    other = entry(
        "2", "Foot care", section=Section.REFERRALS, at=date(2026, 4, 2), source=HOSPITAL, original=identifier
    )
    assert same_things([one, other]) == [(0, 1)]
    elsewhere = {"identifier": [{"system": "urn:local", "value": "000049973321"}]}
    assert (
        len(same_things([one, entry("2", "Foot care", section=Section.REFERRALS, source=HOSPITAL, original=elsewhere)]))
        == 2
    )


def test_many_of_one_name_are_matched_quickly_and_each_once() -> None:
    entries = [
        entry(f"{n}", "Asthma", source=source, code="1") for source in (GP, HOSPITAL, CHARITY) for n in range(300)
    ]
    found = same_things(entries)
    assert len(found) == 300
    assert sorted(position for each in found for position in each) == list(range(900))


@pytest.mark.parametrize(
    ("title", "names", "strength", "form", "release"),
    [
        ("Metformin 500mg tablets", {"metformin"}, ("500000mcg",), "tablet", ""),
        ("Glucophage SR (metformin) 500 mg tabs", {"glucophage", "metformin"}, ("500000mcg",), "tablet", "modified"),
        ("Paracetamol 250mg/5ml oral suspension", {"paracetamol"}, ("50000mcg/ml",), "oral suspension", ""),
        ("Sertraline", {"sertraline"}, (), "", ""),
    ],
)
def test_a_name_of_a_medicine_is_read(
    title: str, names: set[str], strength: tuple[str, ...], form: str, release: str
) -> None:
    assert medicine(title) == (frozenset(names), strength, form, release)
