"""NHS numbers are valid, given to one resident each, and read back to them; local numbers likewise."""

from __future__ import annotations

import nhs_number
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.neighbourhood.numbers import VALID_NUMBERS, LocalNumbers, NhsNumbers, nhs_number_at, rank_of

STEMS_WITHOUT_A_CHECK_DIGIT = ("999000000", "999000014", "999000028")


def test_the_range_holds_fewer_numbers_than_a_million_residents_need() -> None:
    invalid = sum(1 for stem in range(0, 1_000_000, 101) if _check_digit(f"999{stem:06d}") == 10)

    assert VALID_NUMBERS == 909_091
    assert 0.08 < invalid / (1_000_000 / 101) < 0.1


def test_numbers_come_in_rising_order_from_the_first_valid_one() -> None:
    assert [nhs_number_at(rank) for rank in range(5)] == [
        "9990000018",
        "9990000026",
        "9990000034",
        "9990000042",
        "9990000050",
    ]


@given(st.integers(0, VALID_NUMBERS - 1))
def test_every_number_given_is_valid_and_in_the_range_that_is_never_issued(rank: int) -> None:
    number = nhs_number_at(rank)

    assert number.startswith("999")
    assert nhs_number.is_valid(number)
    assert rank_of(number) == rank


@pytest.mark.parametrize("rank", [-1, VALID_NUMBERS])
def test_there_is_no_number_outside_the_range(rank: int) -> None:
    with pytest.raises(IndexError):
        nhs_number_at(rank)


@pytest.mark.parametrize("stem", STEMS_WITHOUT_A_CHECK_DIGIT)
def test_a_stem_without_a_valid_check_digit_is_never_given_nor_read(stem: str) -> None:
    assert _check_digit(stem) == 10
    assert all(rank_of(f"{stem}{digit}") is None for digit in range(10))


@pytest.mark.parametrize(
    "text", ["", "999", "9990000019", "4505577104", "999000001X", "99900000180", "999 000 0018", "٩٩٩٠٠٠٠٠١٨"]
)
def test_what_is_not_a_number_of_the_range_has_no_rank(text: str) -> None:
    assert rank_of(text) is None


@given(seed=st.integers(0, 2**40), index=st.integers(0, VALID_NUMBERS - 1))
def test_a_resident_s_number_leads_back_to_them(seed: int, index: int) -> None:
    numbers = NhsNumbers(seed)
    number = numbers.of(index)

    assert number is not None
    assert numbers.index_of(number) == index


def test_when_the_range_has_run_out_a_resident_has_no_number() -> None:
    numbers = NhsNumbers(1)

    assert numbers.of(VALID_NUMBERS - 1) is not None
    assert numbers.of(VALID_NUMBERS) is None
    assert numbers.of(999_999) is None


def test_no_two_residents_share_a_number() -> None:
    numbers = NhsNumbers(7)
    sampled = [*range(20_000), *range(400_000, 410_000), *range(VALID_NUMBERS - 10_000, VALID_NUMBERS)]

    assert len({numbers.of(index) for index in sampled}) == len(sampled)


@given(index=st.integers(0, 999_999))
def test_a_local_number_leads_back_to_its_resident_at_its_own_source_only(index: int) -> None:
    here, there = LocalNumbers(1, "lock-keepers-gp", "LK"), LocalNumbers(1, "hilltop-gp", "HB")
    local = here.of(index)

    assert here.index_of(local) == index
    assert there.index_of(local) is None


@pytest.mark.parametrize("text", ["", "LK-", "LK-1", "LK-99999999", "00000001", "LK-0000000x", "HB-00000001"])
def test_what_is_not_a_local_number_belongs_to_nobody(text: str) -> None:
    assert LocalNumbers(1, "lock-keepers-gp", "LK").index_of(text) is None


def _check_digit(stem: str) -> int:
    """By the rule as it is published, without the tables."""
    found = 11 - sum(int(digit) * weight for digit, weight in zip(stem, range(10, 1, -1), strict=True)) % 11
    return 0 if found == 11 else found
