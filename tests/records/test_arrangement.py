"""The order in which a record is shown to whom: order alone, never more and never less."""

from __future__ import annotations

import pytest

from broker.records import arrangement
from broker.records.view import JoinedEntry, SectionView
from broker.vocabulary import Role, Section, Tier
from tests.records.cast import entry

READERS = (Role.CLINICIAN, Role.SOCIAL_WORKER, Role.CASE_WORKER, Role.LINK_WORKER, Role.CARE_COORDINATOR, Role.RESIDENT)
EVERYTHING = frozenset(Section)


def holding(section: Section, count: int, title: str = "Something was recorded") -> SectionView:
    things = (entry(f"{section.value}-{number}", title, section=section) for number in range(count))
    return SectionView(section, tuple(JoinedEntry(each) for each in things))


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("tier", [None, *Tier])
def test_nothing_is_hidden_and_nothing_is_said_twice_and_about_me_is_first(role: Role, tier: Tier | None) -> None:
    shown = arrangement.arranged(EVERYTHING, role=role, tier=tier)

    assert sorted(shown) == sorted(Section)
    assert shown[0] is Section.ABOUT_ME


@pytest.mark.parametrize("role", list(Role))
def test_only_what_is_there_is_arranged(role: Role) -> None:
    few = {Section.HOUSING, Section.ALLERGIES}

    assert set(arrangement.arranged(few, role=role, tier=Tier.ALIGNED)) == few
    assert arrangement.arranged((), role=role) == ()


def test_each_reader_has_an_order_of_their_own() -> None:
    orders = {arrangement.arranged(EVERYTHING, role=role) for role in READERS}
    tiers = {arrangement.arranged(EVERYTHING, role=Role.ADMINISTRATOR, tier=tier) for tier in Tier}

    assert len(orders) == len(READERS)
    assert len(tiers) == len(Tier)


def test_a_clinician_sees_what_could_harm_first_and_a_link_worker_what_matters_to_the_person() -> None:
    clinician = arrangement.arranged(EVERYTHING, role=Role.CLINICIAN)
    link_worker = arrangement.arranged(EVERYTHING, role=Role.LINK_WORKER)

    assert clinician[1:4] == (Section.ALERTS, Section.ALLERGIES, Section.MEDICATIONS)
    assert link_worker[1] is Section.WISHES
    assert link_worker.index(Section.LONELINESS) < link_worker.index(Section.ALLERGIES)


def test_what_the_role_needs_comes_before_what_the_tier_is_for() -> None:
    shown = arrangement.arranged(EVERYTHING, role=Role.CLINICIAN, tier=Tier.HYPER_LOCAL)

    assert shown.index(Section.ALLERGIES) < shown.index(Section.LONELINESS) < shown.index(Section.FAMILY_HISTORY)


def test_a_proxy_is_shown_things_as_the_resident_is() -> None:
    assert arrangement.arranged(EVERYTHING, role=Role.PROXY) == arrangement.arranged(EVERYTHING, role=Role.RESIDENT)


def test_one_page_has_what_is_needed_first_and_counts_the_rest() -> None:
    sections = [holding(Section.FAMILY_HISTORY, 7), holding(Section.ALLERGIES, 2), holding(Section.HOUSING, 3)]

    page = arrangement.one_page(sections, role=Role.CLINICIAN)

    assert [part.section for part in page.shown] == [Section.ALLERGIES, Section.FAMILY_HISTORY, Section.HOUSING]
    assert page.left_out == ((Section.FAMILY_HISTORY, 3),)


@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.LINK_WORKER, Role.RESIDENT])
def test_no_allergy_and_nothing_current_of_medicines_and_problems_is_left_out_where_there_is_room(role: Role) -> None:
    sections = [holding(S, 12, "Short name") for S in (Section.ALLERGIES, Section.MEDICATIONS, Section.PROBLEMS)]
    others = [holding(section, 9, "Another thing, that is said at some length, " * 2) for section in Section]
    others = [view for view in others if view.section not in [each.section for each in sections]]

    page = arrangement.one_page([*sections, *others], role=role)

    told = {part.section: len(part.things) + len(part.named) for part in page.shown}
    assert [told[view.section] for view in sections] == [12, 12, 12]
    assert any(part.named for part in page.shown), "some by name alone, for want of room"
    assert lines_of(page) <= arrangement.LINES_ON_A_PAGE


def test_what_is_past_of_them_is_counted_and_a_refuted_allergy_is_not() -> None:
    past = [entry(f"past-{n}", f"Old {n}", status="resolved") for n in range(9)]
    ruled_out = [entry(f"no-{n}", f"Nut {n}", section=Section.ALLERGIES, status="refuted") for n in range(9)]
    sections = [
        SectionView(Section.PROBLEMS, tuple(map(JoinedEntry, past))),
        SectionView(Section.ALLERGIES, tuple(map(JoinedEntry, ruled_out))),
    ]

    assert arrangement.one_page(sections, role=Role.CLINICIAN).left_out == ((Section.PROBLEMS, 5),)


def test_a_name_alone_still_says_how_it_stands_and_that_it_is_disputed() -> None:
    disputed = JoinedEntry(entry("1", "Penicillin", status="active"), contradictions=("One says no.",))

    assert arrangement.short(disputed) == "Penicillin (active; sources do not agree)"
    assert arrangement.short(JoinedEntry(entry("2", "Nuts"))) == "Nuts"


def test_one_page_is_never_longer_than_a_page_and_leaves_out_no_section_in_silence() -> None:
    sections = [holding(section, 30, "A thing that takes two lines to say, " * 3) for section in Section]

    page = arrangement.one_page(sections, role=Role.SOCIAL_WORKER)

    told = sum(len(part.things) + len(part.named) for part in page.shown)
    assert 0 < lines_of(page) <= arrangement.LINES_ON_A_PAGE
    assert sum(count for _, count in page.left_out) + told == 30 * len(Section)


def lines_of(page: arrangement.Page) -> int:
    """At least as many lines as are printed: two for a heading, and each thing's words at 92 characters a line."""
    lines = 0
    for part in page.shown:
        names = sum(len(arrangement.short(joined)) + 2 for joined in part.named)
        in_full = sum(1 + (len(joined.entry.title) + 40) // 92 for joined in part.things)
        lines += 2 + in_full + (1 + names // 92 if names else 0)
    return lines


def test_one_page_of_nothing_says_nothing_is_left_out() -> None:
    page = arrangement.one_page([SectionView(Section.HOUSING)], role=Role.CASE_WORKER)

    assert page.shown == page.left_out == ()
