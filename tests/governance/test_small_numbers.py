"""A count in a report never shows fewer than five people, nor lets them be reckoned from its neighbours."""

from __future__ import annotations

import pytest

from broker.governance.small_numbers import shown, shown_total


@pytest.mark.parametrize(("count", "said"), [(0, 0), (1, "<5"), (4, "<5"), (5, 5), (212, 212)])
def test_one_to_four_are_not_said_and_nobody_is(count: int, said: int | str) -> None:
    assert shown(count) == said


def test_a_total_of_counts_that_are_all_said_is_said() -> None:
    assert shown_total(25, [20, 5, 0]) == 25


@pytest.mark.parametrize(("total", "counts"), [(22, [20, 2]), (23, [20, 2, 1]), (21, [9, 8, 4])])
def test_a_total_does_not_give_away_a_count_that_is_not_said(total: int, counts: list[int]) -> None:
    said = shown_total(total, counts)
    assert said == f"{max(counts)} or more"
    # Whatever the hidden count is, the report reads the same.
    hidden = next(place for place, count in enumerate(counts) if 0 < count < 5)
    for other in range(1, 5):
        changed = [*counts[:hidden], other, *counts[hidden + 1 :]]
        assert shown_total(sum(changed), changed) == said


def test_a_total_of_small_counts_only_is_small_or_five_or_more() -> None:
    assert shown_total(3, [1, 2]) == "<5"
    assert shown_total(6, [2, 4]) == "5 or more"
